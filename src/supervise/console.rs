//! The user's terminal in front of one service: keys go in, output comes out, sizes and job control are passed on.
//!
//! The user's terminal is raw meanwhile: the service's own pseudo-terminal decides what a key means, as if the
//! service sat at the user's. bowline passes every key on, and only notices those that the pseudo-terminal turns
//! into a request to end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::input_end::InputEnd;
use super::keyboard::Keyboard;
use crate::process::Signal;
use crate::process::terminal::{KeyMode, Pty};

/// Ctrl-C.
const INTERRUPT: u8 = 3;
/// A service that reads single keys may swallow Ctrl-C: pressed this often in a row, it ends the service all the
/// same.
const INSISTENT_PRESSES: usize = 3;
/// The time within which presses are in a row.
const PRESSES_WINDOW: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Console {
    pub(super) pty: Pty,
    screen: OwnedFd,
    /// `None` if the standard input is not a terminal.
    keyboard: Option<Keyboard>,
    master: InputEnd,
    interrupts: Vec<Instant>,
}

impl Console {
    /// A console at the terminal that is the standard output, with the keyboard if the standard input is a
    /// terminal too.
    pub fn open(screen: OwnedFd, keyboard: Option<OwnedFd>) -> io::Result<Self> {
        let pty = Pty::like(screen.as_fd())?;
        let keyboard = keyboard.map(|terminal| Keyboard::open(&terminal, KeyMode::Raw)).transpose()?;
        let master = InputEnd::new(pty.master.try_clone()?);
        let mut console = Self { pty, screen, keyboard, master, interrupts: Vec::new() };
        console.resume();
        Ok(console)
    }

    pub fn has_keyboard(&self) -> bool {
        self.keyboard.is_some()
    }

    /// Makes the user's terminal raw, if bowline is in the foreground.
    pub fn resume(&mut self) {
        self.resized();
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.resume();
        }
    }

    pub fn suspend(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.suspend();
        }
    }

    pub fn resized(&self) {
        self.pty.resize_like(self.screen.as_fd());
    }

    /// Passes keys on, and is ready with the signal that the service's terminal has made of one.
    pub fn poll_keys(&mut self, cx: &mut Context<'_>) -> Poll<Signal> {
        loop {
            let Some(keyboard) = &mut self.keyboard else { return Poll::Pending };
            self.master.write_some(cx);
            if !self.master.has_room() {
                return Poll::Pending;
            }
            let keys = ready!(keyboard.poll_read(cx));
            if keyboard.has_come() {
                self.resized();
            }
            let Some(keys) = keys else {
                self.keyboard = None;
                return Poll::Pending;
            };
            let signal = self.signal_of(&keys);
            self.master.push(&keys);
            self.master.write_some(cx);
            if let Some(signal) = signal {
                return Poll::Ready(signal);
            }
        }
    }

    /// The request to end among `keys`.
    fn signal_of(&mut self, keys: &[u8]) -> Option<Signal> {
        if let Some(signal) = keys.iter().find_map(|&key| self.pty.signal_of(key)) {
            return Some(signal);
        }
        let now = Instant::now();
        self.interrupts.retain(|&when| now.saturating_duration_since(when) < PRESSES_WINDOW);
        self.interrupts.extend(keys.iter().filter(|&&key| key == INTERRUPT).map(|_| now));
        (self.interrupts.len() >= INSISTENT_PRESSES).then_some(Signal::SIGINT)
    }
}
