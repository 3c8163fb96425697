//! The user's terminal in front of one service: keys go in, output comes out, sizes and job control are passed on.
//!
//! While it is in use, the user's terminal is raw: what a key means is decided by the service's own
//! pseudo-terminal, as if the service sat at the user's. bowline itself reads no key; it only notices
//! those that the service's terminal turns into a request to end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use tokio::io::Interest;
use tokio::time::Sleep;

use crate::process::Signal;
use crate::process::async_fd::{Watched, readable, watch};
use crate::process::terminal::{Pty, Raw, in_foreground};

/// How long a shell may take to read a key, or to give the terminal to a job.
const HANDING_OVER: Duration = Duration::from_millis(50);
/// Ctrl-C as a byte.
const INTERRUPT: u8 = 3;
/// How many Ctrl-C in a row a service that reads single keys may keep to itself.
const PATIENCE: usize = 3;
/// How close together those are.
const IN_A_ROW: Duration = Duration::from_secs(1);
/// How much typing is kept for a service that does not read.
const TYPED: usize = 64 * 1024;

/// The user's terminal and the service's.
#[derive(Debug)]
pub struct Console {
    pty: Pty,
    screen: OwnedFd,
    /// Where keys come from; nothing if the standard input is not the terminal.
    keyboard: Option<Keyboard>,
    raw: Option<Raw>,
    /// Until when a key is left to the shell.
    patience: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Keyboard {
    terminal: OwnedFd,
    watched: Watched,
    master: Watched,
    typed: Vec<u8>,
    interrupts: Vec<Instant>,
}

impl Console {
    /// A console at the terminal that is the standard output, with the keyboard if the standard input is a terminal too.
    ///
    /// # Errors
    /// No more pseudo-terminals or descriptors.
    pub fn open(screen: OwnedFd, keyboard: Option<OwnedFd>) -> io::Result<Self> {
        let pty = Pty::like(screen.as_fd())?;
        let keyboard = match keyboard {
            Some(terminal) => Some(Keyboard {
                watched: watch(reopen(&terminal)?, Interest::READABLE)?,
                master: watch(pty.master().try_clone_to_owned()?, Interest::WRITABLE)?,
                terminal,
                typed: Vec::new(),
                interrupts: Vec::new(),
            }),
            None => None,
        };
        let mut console = Self { pty, screen, keyboard, raw: None, patience: None };
        console.resume();
        Ok(console)
    }

    /// The service's terminal.
    pub fn pty(&self) -> &Pty {
        &self.pty
    }

    /// Whether keys reach the service through this console.
    pub fn has_keyboard(&self) -> bool {
        self.keyboard.is_some()
    }

    /// Takes the user's terminal, if it is ours to take now.
    pub fn resume(&mut self) {
        self.resized();
        if let Some(keyboard) = &self.keyboard
            && self.raw.is_none()
            && in_foreground(keyboard.terminal.as_fd())
        {
            self.raw = Raw::enter(keyboard.terminal.as_fd()).ok();
        }
    }

    /// Gives the user's terminal back as it was.
    pub fn suspend(&mut self) {
        self.raw = None;
    }

    /// Passes on the size of the user's terminal.
    pub fn resized(&self) {
        self.pty.resize_like(self.screen.as_fd());
    }

    /// Passes keys on, and is ready with the signal that the service's terminal has made of one.
    pub fn poll_keys(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        if self.raw.is_none() {
            ready!(self.poll_foreground(cx));
        }
        let Some(keyboard) = &mut self.keyboard else { return Poll::Pending };
        loop {
            keyboard.write_typed(cx);
            if keyboard.typed.len() >= TYPED {
                return Poll::Pending;
            }
            let Ok(mut readiness) = ready!(keyboard.watched.poll_read_ready(cx)) else {
                return Poll::Pending;
            };
            let mut keys = [0; 4096];
            match nix::unistd::read(keyboard.watched.get_ref(), &mut keys) {
                // A terminal that is gone stays readable for ever, at its end; SIGHUP tells the rest.
                Ok(0) if readiness.ready().is_read_closed() => {
                    self.keyboard = None;
                    return Poll::Pending;
                }
                Ok(0) | Err(nix::errno::Errno::EAGAIN) => readiness.clear_ready(),
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => {
                    self.keyboard = None;
                    return Poll::Pending;
                }
                Ok(count) => {
                    let meant = keyboard.meaning(&self.pty, &keys[..count]);
                    keyboard.typed.extend_from_slice(&keys[..count]);
                    keyboard.write_typed(cx);
                    if let Some(signal) = meant {
                        return Poll::Ready(signal);
                    }
                }
            }
        }
    }
}

impl Console {
    /// Takes the user's terminal once it is ours. A shell does not tell a job that runs in the background when it brings it to
    /// the front; but then a key is pressed. Until then the terminal must not be read: that would stop us.
    fn poll_foreground(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.raw.is_none() {
            if let Some(patience) = &mut self.patience {
                ready!(patience.as_mut().poll(cx));
                self.patience = None;
            }
            let Some(keyboard) = &self.keyboard else { return Poll::Pending };
            let Ok(mut readiness) = ready!(keyboard.watched.poll_read_ready(cx)) else {
                return Poll::Pending;
            };
            if readiness.ready().is_read_closed() {
                drop(readiness);
                self.keyboard = None;
            } else if in_foreground(keyboard.terminal.as_fd()) {
                drop(readiness);
                self.resume();
            } else if readable(keyboard.terminal.as_fd()) {
                // A key that the shell will read, or that was pressed while the shell was still giving the terminal to us.
                drop(readiness);
                self.patience = Some(Box::pin(tokio::time::sleep(HANDING_OVER)));
            } else {
                readiness.clear_ready();
            }
        }
        Poll::Ready(())
    }
}

impl Keyboard {
    /// The request to end that is among `keys`, if one is.
    fn meaning(&mut self, pty: &Pty, keys: &[u8]) -> Option<Signal> {
        if let Some(signal) = keys.iter().find_map(|&key| pty.signal_of(key)) {
            return Some(signal);
        }
        let now = Instant::now();
        self.interrupts.retain(|&when| now.saturating_duration_since(when) < IN_A_ROW);
        self.interrupts.extend(keys.iter().filter(|&&key| key == INTERRUPT).map(|_| now));
        (self.interrupts.len() >= PATIENCE).then_some(Signal::SIGINT)
    }

    fn write_typed(&mut self, cx: &mut Context<'_>) {
        while !self.typed.is_empty() {
            let Poll::Ready(Ok(mut readiness)) = self.master.poll_write_ready(cx) else { return };
            match nix::unistd::write(self.master.get_ref(), &self.typed) {
                Ok(count) => drop(self.typed.drain(..count)),
                Err(nix::errno::Errno::EAGAIN) => readiness.clear_ready(),
                Err(_) => return,
            }
        }
    }
}

/// The terminal with a mode of our own, so that reading it never blocks, however many programs share it.
fn reopen(terminal: &OwnedFd) -> io::Result<OwnedFd> {
    let name = nix::unistd::ttyname(terminal)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    nix::fcntl::open(&name, flags, nix::sys::stat::Mode::empty()).or_else(|_| terminal.try_clone())
}
