//! The user's terminal, and the pseudo-terminal that a service gets in its place.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::signal::Signal;
use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, cfmakeraw, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, tcgetpgrp};
use rustix::termios::{tcgetwinsize, tcsetwinsize};

/// A pseudo-terminal for a service. The supervisor keeps the service's end open too, so that it survives restarts.
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    slave: OwnedFd,
}

impl Pty {
    /// A pseudo-terminal with the size and the settings of `terminal`.
    ///
    /// # Errors
    /// No more pseudo-terminals or descriptors.
    pub fn like(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        let pair = openpty(None, tcgetattr(terminal).ok().as_ref())?;
        for end in [&pair.master, &pair.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&pair.master, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK))?;
        let pty = Self { master: pair.master, slave: pair.slave };
        pty.resize_like(terminal);
        Ok(pty)
    }

    /// The supervisor's end, which does not block.
    pub fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// The service's end.
    pub fn slave(&self) -> BorrowedFd<'_> {
        self.slave.as_fd()
    }

    /// Takes over the size of `terminal`. The kernel sends the service SIGWINCH.
    pub fn resize_like(&self, terminal: BorrowedFd<'_>) {
        if let Ok(size) = tcgetwinsize(terminal) {
            // A terminal that is gone needs no size.
            let _gone = tcsetwinsize(&self.master, size);
        }
    }

    /// The signal that the service's terminal would send for this key now. A program that reads single keys has
    /// turned that off.
    pub fn signal_of(&self, key: u8) -> Option<Signal> {
        let settings = tcgetattr(&self.slave).ok()?;
        if !settings.local_flags.contains(LocalFlags::ISIG) {
            return None;
        }
        let keys = [
            (SpecialCharacterIndices::VINTR, Signal::SIGINT),
            (SpecialCharacterIndices::VQUIT, Signal::SIGQUIT),
        ];
        let mut sends = keys.into_iter().filter(|(index, _)| settings.control_chars[*index as usize] == key);
        sends.next().map(|(_, signal)| signal)
    }
}

/// Whether this process group is in the foreground of `terminal`: only then may it be read or changed.
pub fn in_foreground(terminal: BorrowedFd<'_>) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

/// The user's terminal in raw mode, in which every key goes to the service. Dropping it restores the settings.
#[derive(Debug)]
pub struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    /// Puts `terminal` into raw mode.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn enter(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(terminal, SetArg::TCSADRAIN, &raw)?;
        Ok(Self { terminal: terminal.try_clone_to_owned()?, before })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // Works from the background too, as the supervisor ignores SIGTTOU.
        let _gone = tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.before);
    }
}
