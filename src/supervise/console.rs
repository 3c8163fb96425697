//! The user's terminal in front of one service: keys go in, output comes out, sizes and job control are passed on.
//!
//! The user's terminal is raw meanwhile: the service's own pseudo-terminal decides what a key means, as if the
//! service sat at the user's. bowline passes every key on, and only notices those that the pseudo-terminal turns
//! into a request to end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use tokio::io::Interest;
use tokio::time::{Instant, Sleep};

use crate::process::Signal;
use crate::process::async_fd::{Watched, readable, watch};
use crate::process::terminal::{Pty, Raw, in_foreground};

/// How long a shell may take to read a key, or to give the terminal to a job.
const SHELL_PATIENCE: Duration = Duration::from_millis(50);
/// Ctrl-C.
const INTERRUPT: u8 = 3;
/// A service that reads single keys may swallow Ctrl-C: pressed this often in a row, it ends the service all the
/// same.
const INSISTENT_PRESSES: usize = 3;
/// The time within which presses are in a row.
const PRESSES_WINDOW: Duration = Duration::from_secs(1);
/// How much input is kept for a service that does not read, in bytes.
const TYPED_MAX: usize = 64 * 1024;

#[derive(Debug)]
pub struct Console {
    pub(super) pty: Pty,
    screen: OwnedFd,
    /// `None` if the standard input is not a terminal.
    keyboard: Option<Keyboard>,
    raw: Option<Raw>,
    /// Runs while a key is left to the shell.
    handing_over: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Keyboard {
    terminal: Watched,
    master: Watched,
    typed: Vec<u8>,
    interrupts: Vec<Instant>,
}

impl Console {
    /// A console at the terminal that is the standard output, with the keyboard if the standard input is a
    /// terminal too.
    pub fn open(screen: OwnedFd, keyboard: Option<OwnedFd>) -> io::Result<Self> {
        let pty = Pty::like(screen.as_fd())?;
        let keyboard = keyboard.map(|terminal| Keyboard::open(&terminal, &pty)).transpose()?;
        let mut console = Self { pty, screen, keyboard, raw: None, handing_over: None };
        console.resume();
        Ok(console)
    }

    pub fn has_keyboard(&self) -> bool {
        self.keyboard.is_some()
    }

    /// Makes the user's terminal raw, if bowline is in the foreground.
    pub fn resume(&mut self) {
        self.resized();
        if let Some(keyboard) = &self.keyboard
            && self.raw.is_none()
            && in_foreground(keyboard.terminal.as_fd())
        {
            self.raw = Raw::enter(keyboard.terminal.as_fd()).ok();
        }
    }

    pub fn suspend(&mut self) {
        self.raw = None;
    }

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
            if keyboard.typed.len() >= TYPED_MAX {
                return Poll::Pending;
            }
            let Ok(mut readiness) = ready!(keyboard.terminal.poll_read_ready(cx)) else {
                return Poll::Pending;
            };
            let mut keys = [0; 4096];
            match nix::unistd::read(keyboard.terminal.get_ref(), &mut keys) {
                Ok(count @ 1..) => {
                    let signal = keyboard.signal_of(&self.pty, &keys[..count]);
                    keyboard.typed.extend_from_slice(&keys[..count]);
                    keyboard.write_typed(cx);
                    if let Some(signal) = signal {
                        return Poll::Ready(signal);
                    }
                }
                Err(Errno::EINTR) => {}
                Ok(0) | Err(Errno::EAGAIN) if !readiness.ready().is_read_closed() => readiness.clear_ready(),
                // A terminal that is gone stays readable for ever, at its end. SIGHUP does the rest.
                Ok(0) | Err(_) => {
                    self.keyboard = None;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Waits for the foreground. No signal announces that the shell has brought a running job there, so the next
    /// key press is when to look. Until then the terminal must not be read: SIGTTIN would stop us.
    fn poll_foreground(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.raw.is_none() {
            if let Some(handing_over) = &mut self.handing_over {
                ready!(handing_over.as_mut().poll(cx));
                self.handing_over = None;
            }
            let Some(keyboard) = &self.keyboard else { return Poll::Pending };
            let Ok(mut readiness) = ready!(keyboard.terminal.poll_read_ready(cx)) else {
                return Poll::Pending;
            };
            if readiness.ready().is_read_closed() {
                drop(readiness);
                self.keyboard = None;
            } else if in_foreground(keyboard.terminal.as_fd()) {
                drop(readiness);
                self.resume();
            } else if readable(keyboard.terminal.as_fd()) {
                // The shell will read the key, or is about to give us the terminal.
                drop(readiness);
                self.handing_over = Some(Box::pin(tokio::time::sleep(SHELL_PATIENCE)));
            } else {
                readiness.clear_ready();
            }
        }
        Poll::Ready(())
    }
}

impl Keyboard {
    fn open(terminal: &OwnedFd, pty: &Pty) -> io::Result<Self> {
        let terminal = watch(reopen(terminal)?, Interest::READABLE)?;
        let master = watch(pty.master.try_clone()?, Interest::WRITABLE)?;
        Ok(Self { terminal, master, typed: Vec::new(), interrupts: Vec::new() })
    }

    /// The request to end among `keys`.
    fn signal_of(&mut self, pty: &Pty, keys: &[u8]) -> Option<Signal> {
        if let Some(signal) = keys.iter().find_map(|&key| pty.signal_of(key)) {
            return Some(signal);
        }
        let now = Instant::now();
        self.interrupts.retain(|&when| now.saturating_duration_since(when) < PRESSES_WINDOW);
        self.interrupts.extend(keys.iter().filter(|&&key| key == INTERRUPT).map(|_| now));
        (self.interrupts.len() >= INSISTENT_PRESSES).then_some(Signal::SIGINT)
    }

    fn write_typed(&mut self, cx: &mut Context<'_>) {
        while !self.typed.is_empty() {
            let Poll::Ready(Ok(mut readiness)) = self.master.poll_write_ready(cx) else { return };
            match nix::unistd::write(self.master.get_ref(), &self.typed) {
                Ok(count) => drop(self.typed.drain(..count)),
                Err(Errno::EAGAIN) => readiness.clear_ready(),
                Err(_) => return,
            }
        }
    }
}

/// Opens the terminal once more: the open file description is shared with other programs, and so would be our
/// `O_NONBLOCK`.
fn reopen(terminal: &OwnedFd) -> io::Result<OwnedFd> {
    let name = nix::unistd::ttyname(terminal)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    nix::fcntl::open(&name, flags, nix::sys::stat::Mode::empty()).or_else(|_| terminal.try_clone())
}
