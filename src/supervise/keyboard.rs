//! The user's keyboard: a terminal that is read, in the mode that is wanted, only while bowline is in the foreground.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use tokio::io::Interest;
use tokio::time::Sleep;

use crate::process::async_fd::{Watched, readable, watch};
use crate::process::terminal::{KeyMode, Modified, in_foreground, prepare_for_a_kill};

/// How long a shell may take to read a key, or to give the terminal to a job.
const SHELL_PATIENCE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub struct Keyboard {
    terminal: Watched,
    mode: KeyMode,
    modified: Option<Modified>,
    /// Whether bowline has come to the foreground, which nobody has asked about yet.
    has_come: bool,
    /// Runs while a key is left to the shell.
    handing_over: Option<Pin<Box<Sleep>>>,
}

impl Keyboard {
    /// The keyboard of `terminal`. Needs a running tokio runtime.
    pub fn open(terminal: &OwnedFd, mode: KeyMode) -> io::Result<Self> {
        prepare_for_a_kill();
        let terminal = watch(reopen(terminal)?, Interest::READABLE)?;
        Ok(Self { terminal, mode, modified: None, has_come: false, handing_over: None })
    }

    /// Brings the terminal into the mode, if bowline is in the foreground.
    pub fn resume(&mut self) {
        if self.modified.is_none() && in_foreground(self.terminal.as_fd()) {
            self.modified = Modified::enter(self.terminal.as_fd(), self.mode).ok();
        }
    }

    /// Puts the terminal's settings back.
    pub fn suspend(&mut self) {
        self.modified = None;
    }

    pub fn change(&mut self, mode: KeyMode) {
        if self.mode != mode {
            self.mode = mode;
            self.suspend();
            self.resume();
        }
    }

    /// Whether bowline has come to the foreground since this was asked last.
    pub fn has_come(&mut self) -> bool {
        std::mem::take(&mut self.has_come)
    }

    /// The keys that were pressed; `None` once the terminal is gone.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        loop {
            if self.modified.is_none() && !ready!(self.poll_foreground(cx)) {
                return Poll::Ready(None);
            }
            let Ok(mut readiness) = ready!(self.terminal.poll_read_ready(cx)) else {
                return Poll::Ready(None);
            };
            let mut keys = [0; 4096];
            match nix::unistd::read(self.terminal.get_ref(), &mut keys) {
                Ok(count @ 1..) => return Poll::Ready(Some(keys[..count].to_vec())),
                Err(Errno::EINTR) => {}
                Ok(0) | Err(Errno::EAGAIN) if !readiness.ready().is_read_closed() => readiness.clear_ready(),
                // A terminal that is gone stays readable for ever, at its end. SIGHUP does the rest.
                Ok(0) | Err(_) => return Poll::Ready(None),
            }
        }
    }

    /// Waits for the foreground. No signal announces that the shell has brought a running job there, so the next
    /// key press is when to look. Until then the terminal must not be read: SIGTTIN would stop us. `false` once the
    /// terminal is gone.
    fn poll_foreground(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.modified.is_none() {
            if let Some(handing_over) = &mut self.handing_over {
                ready!(handing_over.as_mut().poll(cx));
                self.handing_over = None;
            }
            let Ok(mut readiness) = ready!(self.terminal.poll_read_ready(cx)) else {
                return Poll::Ready(false);
            };
            if readiness.ready().is_read_closed() {
                return Poll::Ready(false);
            } else if in_foreground(self.terminal.as_fd()) {
                drop(readiness);
                self.resume();
                self.has_come = true;
                if self.modified.is_none() {
                    return Poll::Ready(false);
                }
            } else if readable(self.terminal.as_fd()) {
                // The shell will read the key, or is about to give us the terminal.
                drop(readiness);
                self.handing_over = Some(Box::pin(tokio::time::sleep(SHELL_PATIENCE)));
            } else {
                readiness.clear_ready();
            }
        }
        Poll::Ready(true)
    }
}

/// Opens the terminal once more: the open file description is shared with other programs, and so would be our
/// `O_NONBLOCK`.
fn reopen(terminal: &OwnedFd) -> io::Result<OwnedFd> {
    let name = nix::unistd::ttyname(terminal)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    nix::fcntl::open(&name, flags, nix::sys::stat::Mode::empty()).or_else(|_| terminal.try_clone())
}
