//! The user's terminal in front of several services. Each has a pseudo-terminal of its own, with the columns that are
//! left beside its name; single keys are bowline's, unless one service has the keyboard.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::sys::termios::{Termios, tcgetattr};

use super::keyboard::Keyboard;
use crate::process::terminal::{self, KeyMode, Pty, Size};

/// The fewest columns that a service is given: in fewer, most programs break their lines at every word.
const FEWEST_COLUMNS: u16 = 20;

#[derive(Debug)]
pub struct SharedTerminal {
    screen: OwnedFd,
    /// `None` if the standard input is not a terminal.
    keyboard: Option<Keyboard>,
    /// The settings of the user's terminal, which those of the services begin with.
    settings: Option<Termios>,
    /// The service that has the keyboard.
    pub(super) lent_to: Option<usize>,
}

impl SharedTerminal {
    /// The terminal that is the standard output, with the keyboard if the standard input is a terminal too.
    pub fn open(screen: OwnedFd, keyboard: Option<OwnedFd>) -> io::Result<Self> {
        let settings = tcgetattr(&screen).ok();
        let keyboard = keyboard.map(|terminal| Keyboard::open(&terminal, KeyMode::Single)).transpose()?;
        let mut terminal = Self { screen, keyboard, settings, lent_to: None };
        terminal.resume();
        Ok(terminal)
    }

    pub fn has_keyboard(&self) -> bool {
        self.keyboard.is_some()
    }

    pub(super) fn resume(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.resume();
        }
    }

    pub(super) fn suspend(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.suspend();
        }
    }

    /// Lends the keyboard to a service, or takes it back.
    pub(super) fn lend(&mut self, service: Option<usize>) {
        self.lent_to = service;
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.change(if service.is_some() { KeyMode::Raw } else { KeyMode::Single });
        }
    }

    /// The keys that were pressed, and whether bowline has come to the foreground only now.
    pub(super) fn poll_keys(&mut self, cx: &mut Context<'_>) -> Poll<(Vec<u8>, bool)> {
        let Some(keyboard) = &mut self.keyboard else { return Poll::Pending };
        let Some(keys) = ready!(keyboard.poll_read(cx)) else {
            self.keyboard = None;
            return Poll::Pending;
        };
        Poll::Ready((keys, keyboard.has_come()))
    }

    /// The size for a service with a margin of this many columns.
    pub(super) fn size_beside(&self, margin: usize) -> Option<Size> {
        let Size { rows, columns } = terminal::size(self.screen.as_fd())?;
        let margin = u16::try_from(margin).unwrap_or(u16::MAX);
        Some(Size { rows, columns: columns.saturating_sub(margin).max(FEWEST_COLUMNS.min(columns)) })
    }

    pub(super) fn new_pty(&self, margin: usize) -> io::Result<Pty> {
        let pty = Pty::new(self.settings.as_ref())?;
        if let Some(size) = self.size_beside(margin) {
            pty.resize(size);
        }
        Ok(pty)
    }
}
