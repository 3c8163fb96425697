//! The user's terminal, and the pseudo-terminal that a service gets in its place.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::pty::{OpenptyResult, openpty};
use nix::sys::signal::Signal;
use nix::sys::termios::{
    LocalFlags, SetArg, SpecialCharacterIndices, Termios, cfmakeraw, tcgetattr, tcsetattr,
};
use nix::unistd::{getpgrp, tcgetpgrp};
use rustix::termios::{tcgetwinsize, tcsetwinsize};

/// How many characters a line of the terminal has; `None` if `out` is no terminal, or one that does not say.
pub fn width(out: &impl AsFd) -> Option<usize> {
    tcgetwinsize(out).ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// A pseudo-terminal for a service. The supervisor keeps the service's end open too, so that it survives restarts.
#[derive(Debug)]
pub struct Pty {
    /// The supervisor's end, which does not block.
    pub master: OwnedFd,
    /// The service's end.
    pub slave: OwnedFd,
}

impl Pty {
    /// A pseudo-terminal with the size and the settings of `terminal`.
    pub fn like(terminal: BorrowedFd<'_>) -> io::Result<Self> {
        let OpenptyResult { master, slave } = openpty(None, tcgetattr(terminal).ok().as_ref())?;
        for end in [&master, &slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&master, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK))?;
        let pty = Self { master, slave };
        pty.resize_like(terminal);
        Ok(pty)
    }

    /// Takes over the size of `terminal`. The kernel sends the service SIGWINCH.
    pub fn resize_like(&self, terminal: BorrowedFd<'_>) {
        if let Ok(size) = tcgetwinsize(terminal) {
            // A terminal that is gone needs no size.
            let _gone = tcsetwinsize(&self.master, size);
        }
    }

    /// The signal that the service's terminal would send for this key now; `None` if the program has turned that
    /// off to read single keys.
    pub fn signal_of(&self, key: u8) -> Option<Signal> {
        let settings = tcgetattr(&self.slave).ok()?;
        if !settings.local_flags.contains(LocalFlags::ISIG) {
            return None;
        }
        let keys = [
            (SpecialCharacterIndices::VINTR, Signal::SIGINT),
            (SpecialCharacterIndices::VQUIT, Signal::SIGQUIT),
        ];
        let sends =
            |(index, _): &(SpecialCharacterIndices, _)| settings.control_chars[*index as usize] == key;
        keys.into_iter().find(sends).map(|(_, signal)| signal)
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
