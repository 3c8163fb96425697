//! The user's terminal in front of several services. Each has a pseudo-terminal of its own, with the columns that are
//! left beside its name; single keys are bowline's, unless one service has the keyboard.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::sys::termios::{Termios, tcgetattr};

use super::input_end::InputEnd;
use super::keyboard::Keyboard;
use super::streams::{self, Place, Source};
use super::{Backend, Control, Sink, Supervisor};
use crate::process::Stdio;
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
    fn poll_keys(&mut self, cx: &mut Context<'_>) -> Poll<(Vec<u8>, bool)> {
        let Some(keyboard) = &mut self.keyboard else { return Poll::Pending };
        let Some(keys) = ready!(keyboard.poll_read(cx)) else {
            self.keyboard = None;
            return Poll::Pending;
        };
        Poll::Ready((keys, keyboard.has_come()))
    }

    /// The size for a service with a margin of this many columns.
    fn size_beside(&self, margin: usize) -> Option<Size> {
        let Size { rows, columns } = terminal::size(self.screen.as_fd())?;
        let margin = u16::try_from(margin).unwrap_or(u16::MAX);
        Some(Size { rows, columns: columns.saturating_sub(margin).max(FEWEST_COLUMNS.min(columns)) })
    }

    fn new_pty(&self, margin: usize) -> io::Result<Pty> {
        let pty = Pty::new(self.settings.as_ref())?;
        if let Some(size) = self.size_beside(margin) {
            pty.resize(size);
        }
        Ok(pty)
    }
}

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn poll_keyboard(&mut self, cx: &mut Context<'_>) -> Poll<Vec<u8>> {
        let Some(terminal) = &mut self.inputs.terminal else { return Poll::Pending };
        // A service that does not read what it is given is not given more.
        let lent_to = terminal.lent_to.and_then(|service| self.instances[service].input.as_ref());
        if lent_to.is_some_and(|input| !input.has_room()) {
            return Poll::Pending;
        }
        let (keys, has_come) = ready!(terminal.poll_keys(cx));
        if has_come {
            self.fit_terminals();
        }
        Poll::Ready(keys)
    }

    /// Makes the streams of a service, for its next run, and the end of its input that bowline holds.
    pub(super) fn open_streams(
        &mut self,
        index: usize,
    ) -> io::Result<(Stdio, Vec<Source>, Option<InputEnd>)> {
        let instance = &mut self.instances[index];
        let place = if let Some(console) = &self.inputs.console {
            Some(Place { pty: &console.pty, has_keyboard: console.has_keyboard() })
        } else if let Some(terminal) = &self.inputs.terminal {
            if instance.pty.is_none() {
                instance.pty = Some(terminal.new_pty(self.sink.margin())?);
            }
            instance.pty.as_ref().map(|pty| Place { pty, has_keyboard: terminal.has_keyboard() })
        } else {
            None
        };
        let (stdio, sources, writer) = streams::open(self.backend.stdin(), place)?;
        let input = match (&instance.pty, place) {
            (Some(pty), Some(Place { has_keyboard: true, .. })) => Some(pty.master.try_clone()?),
            _ => writer.map(OwnedFd::from),
        };
        Ok((stdio, sources, input.map(InputEnd::new)))
    }

    /// Gives every service the size that the user's terminal has now.
    pub(super) fn fit_terminals(&mut self) {
        let Some(terminal) = &self.inputs.terminal else { return };
        self.sink.resized();
        for (index, instance) in self.instances.iter().enumerate() {
            let margin = if terminal.lent_to == Some(index) { 0 } else { self.sink.margin() };
            if let (Some(pty), Some(size)) = (&instance.pty, terminal.size_beside(margin)) {
                pty.resize(size);
            }
        }
    }
}
