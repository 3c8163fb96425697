//! Terminals: the one that the user sits at, and the pseudo-terminal that a service gets in its place.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::pty::openpty;
use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, cfmakeraw, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, tcgetpgrp};
use rustix::termios::{tcgetwinsize, tcsetwinsize};

/// A pseudo-terminal for a service. The service's end is kept open here as well, so that the terminal outlives a
/// service that is started again.
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

    /// Our end, which does not block.
    pub fn master(&self) -> BorrowedFd<'_> {
        self.master.as_fd()
    }

    /// The service's end.
    pub fn slave(&self) -> BorrowedFd<'_> {
        self.slave.as_fd()
    }

    /// Takes over the size of `terminal`; the kernel tells the service of it.
    pub fn resize_like(&self, terminal: BorrowedFd<'_>) {
        if let Ok(size) = tcgetwinsize(terminal) {
            // A terminal that is gone needs no size.
            let _gone = tcsetwinsize(&self.master, size);
        }
    }

    /// The signal that the service's terminal would make of this key now, if it makes any: a program that reads single keys
    /// has turned that off.
    pub fn signal_of(&self, key: u8) -> Option<super::Signal> {
        let settings = tcgetattr(&self.slave).ok()?;
        if !settings.local_flags.contains(LocalFlags::ISIG) {
            return None;
        }
        let is = |index: SpecialCharacterIndices| settings.control_chars[index as usize] == key;
        if is(SpecialCharacterIndices::VINTR) {
            Some(super::Signal::SIGINT)
        } else if is(SpecialCharacterIndices::VQUIT) {
            Some(super::Signal::SIGQUIT)
        } else {
            None
        }
    }
}

/// Whether our process group is the one that `terminal` belongs to: only then may it be read or changed.
pub fn in_foreground(terminal: BorrowedFd<'_>) -> bool {
    tcgetpgrp(terminal).is_ok_and(|group| group == getpgrp())
}

/// The user's terminal while every key goes to the service as it is. Dropping it puts the settings back.
#[derive(Debug)]
pub struct Raw {
    terminal: OwnedFd,
    before: Termios,
}

impl Raw {
    /// Turns off all that the terminal does with keys.
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
        // SIGTTOU is ignored by the supervisor, so this works from the background too; a terminal that is gone needs nothing.
        let _gone = tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.before);
    }
}
