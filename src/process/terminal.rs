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
use rustix::termios::{Winsize, tcgetwinsize, tcsetwinsize};

use super::left_terminal;

/// How many characters a line of the terminal has; `None` if `out` is no terminal, or one that does not say.
pub fn width(out: &impl AsFd) -> Option<usize> {
    tcgetwinsize(out).ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub rows: u16,
    pub columns: u16,
}

/// The size of `terminal`; `None` if it is none, or one that does not say.
pub fn size(terminal: BorrowedFd<'_>) -> Option<Size> {
    let Winsize { ws_row: rows, ws_col: columns, .. } = tcgetwinsize(terminal).ok()?;
    (rows > 0 && columns > 0).then_some(Size { rows, columns })
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
        let pty = Self::new(tcgetattr(terminal).ok().as_ref())?;
        pty.resize_like(terminal);
        Ok(pty)
    }

    /// A pseudo-terminal with these settings, and no size yet.
    pub fn new(settings: Option<&Termios>) -> io::Result<Self> {
        let OpenptyResult { master, slave } = openpty(None, settings)?;
        for end in [&master, &slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&master, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK))?;
        Ok(Self { master, slave })
    }

    /// Takes over the size of `terminal`. The kernel sends the service SIGWINCH.
    pub fn resize_like(&self, terminal: BorrowedFd<'_>) {
        if let Ok(size) = tcgetwinsize(terminal) {
            // A terminal that is gone needs no size.
            let _gone = tcsetwinsize(&self.master, size);
        }
    }

    /// Sets the size. The kernel sends the service SIGWINCH.
    pub fn resize(&self, Size { rows, columns }: Size) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        // A terminal that is gone needs no size.
        let _gone = tcsetwinsize(&self.master, size);
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

/// How the user's terminal treats keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMode {
    /// Every key goes to whoever reads, and none means anything to the terminal.
    Raw,
    /// The same, but for those that send a signal: Ctrl-C, Ctrl-\\, Ctrl-Z.
    Single,
    /// Whole lines, which the terminal edits and shows. Ctrl-] ends one as well.
    Lines,
}

/// Ctrl-].
pub const LEAVE: u8 = 0x1d;

/// Has a guardian restore the settings if bowline is killed while it has changed them. To be called before the first
/// guardian starts.
pub fn prepare_for_a_kill() {
    left_terminal::prepare();
}

/// Has a guardian write these sequences too, which undo the modes that a service has set.
pub fn undo_after_a_kill(sequences: &str) {
    left_terminal::undone_by(sequences);
}

/// The user's terminal in another mode. Dropping it restores the settings.
#[derive(Debug)]
pub struct Modified {
    terminal: OwnedFd,
    before: Termios,
}

impl Modified {
    pub fn enter(terminal: BorrowedFd<'_>, mode: KeyMode) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut wanted = before.clone();
        match mode {
            KeyMode::Raw => cfmakeraw(&mut wanted),
            KeyMode::Single => {
                wanted.local_flags.remove(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::IEXTEN);
                wanted.control_chars[SpecialCharacterIndices::VMIN as usize] = 1;
                wanted.control_chars[SpecialCharacterIndices::VTIME as usize] = 0;
            }
            KeyMode::Lines => wanted.control_chars[SpecialCharacterIndices::VEOL as usize] = LEAVE,
        }
        left_terminal::changed(terminal, &before, &wanted);
        if let Err(error) = tcsetattr(terminal, SetArg::TCSADRAIN, &wanted) {
            left_terminal::put_back();
            return Err(error.into());
        }
        if let Ok(now) = tcgetattr(terminal) {
            left_terminal::changed(terminal, &before, &now);
        }
        Ok(Self { terminal: terminal.try_clone_to_owned()?, before })
    }
}

impl Drop for Modified {
    fn drop(&mut self) {
        // Works from the background too, as the supervisor ignores SIGTTOU.
        let _gone = tcsetattr(&self.terminal, SetArg::TCSADRAIN, &self.before);
        left_terminal::put_back();
    }
}
