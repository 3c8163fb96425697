//! The user's keys on their way to a service of another supervisor.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use crate::client::connection::Connection;
use crate::control::{ControlRequest, Verb};
use crate::exit_code::{FAILURE, USAGE};
use crate::invocation::Failure;
use crate::port::Reservation;
use crate::process::nonblocking_writer::NonblockingWriter;
use crate::process::terminal::{KeyMode, LEAVE, size};
use crate::supervise::{Keyboard, KeyboardKind};

/// Ctrl-Z, which suspends this bowline and not the service: no shell could continue that.
const SUSPEND: u8 = 0x1a;

pub struct Typing {
    keyboard: Keyboard,
    requests: NonblockingWriter,
    project: String,
    mode: KeyMode,
    /// The beginning of a character whose rest has not been read yet.
    unfinished: Vec<u8>,
}

/// A key that is for bowline itself, not for the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    Leave,
    Suspend,
}

/// The hint where the keyboard is not to be had.
const READ_ALONG: &str = "see its output with `bowline attach`, without `-i`";

impl Typing {
    /// Takes the keyboard of a service. Needs a running tokio runtime.
    ///
    /// # Errors
    /// The service takes no keys, or somebody else has its keyboard.
    pub fn begin(reservation: &Reservation) -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            let hint = "leave out `-i`, or run it in a terminal".to_owned();
            return Err(Failure::new(
                USAGE,
                "there is no keyboard: standard input is no terminal",
                Some(hint),
            ));
        }
        let mut connection = Connection::open(reservation, None)?;
        let project = reservation.project.clone();
        let by = Some("bowline attach -i".to_owned());
        connection.send(&ControlRequest { by, ..ControlRequest::new(Verb::Input, Some(&project)) })?;
        let status = connection.status(&ControlRequest::new(Verb::Status, Some(&project)), None);
        let status = status.map_err(Failure::from).map_err(|failure| Failure {
            hint: failure.hint.or_else(|| Some(READ_ALONG.to_owned())),
            ..failure
        })?;
        let mode = match status.first().map(|status| status.keyboard) {
            Some(KeyboardKind::Keys) => KeyMode::Raw,
            Some(KeyboardKind::Lines) => KeyMode::Lines,
            Some(KeyboardKind::None | KeyboardKind::Taken) | None => {
                return Err(Failure::new(FAILURE, "the service takes no keys", Some(READ_ALONG.to_owned())));
            }
        };
        let terminal: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let mut typing = Self {
            keyboard: Keyboard::open(&terminal, mode)?,
            requests: connection.into_writer()?,
            project,
            mode,
            unfinished: Vec::new(),
        };
        typing.resume();
        Ok(typing)
    }

    pub fn mode(&self) -> KeyMode {
        self.mode
    }

    /// Takes the terminal, after a stop too.
    pub fn resume(&mut self) {
        self.keyboard.resume();
        self.resized();
    }

    pub fn suspend(&mut self) {
        self.keyboard.suspend();
    }

    /// Tells the service the size of this terminal.
    pub fn resized(&mut self) {
        if let Some(size) = size(io::stdout().as_fd()) {
            let request = ControlRequest::new(Verb::Input, Some(&self.project));
            self.send(&ControlRequest { rows: Some(size.rows), columns: Some(size.columns), ..request });
        }
    }

    /// Passes keys on. Ready if the user wants something else.
    pub fn poll_keys(&mut self, cx: &mut Context<'_>) -> Poll<Wish> {
        loop {
            let _waiting = self.requests.poll_drain(cx);
            if !self.requests.has_room() {
                return Poll::Pending;
            }
            let Some(keys) = ready!(self.keyboard.poll_read(cx)) else { return Poll::Ready(Wish::Leave) };
            let is_wish = |key: &u8| *key == LEAVE || self.mode == KeyMode::Raw && *key == SUSPEND;
            let wish = keys.iter().position(is_wish);
            self.type_keys(&keys[..wish.unwrap_or(keys.len())]);
            let _waiting = self.requests.poll_drain(cx);
            if let Some(at) = wish {
                return Poll::Ready(if keys[at] == LEAVE { Wish::Leave } else { Wish::Suspend });
            }
        }
    }

    fn type_keys(&mut self, keys: &[u8]) {
        self.unfinished.extend_from_slice(keys);
        let whole = match std::str::from_utf8(&self.unfinished) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Ok(_) | Err(_) => self.unfinished.len(),
        };
        let data = String::from_utf8_lossy(&self.unfinished[..whole]).into_owned();
        self.unfinished.drain(..whole);
        if !data.is_empty() {
            self.send(&ControlRequest { data, ..ControlRequest::new(Verb::Input, Some(&self.project)) });
        }
    }

    fn send(&mut self, request: &ControlRequest) {
        // Strings and numbers always serialize.
        let line = serde_json::to_string(request).unwrap_or_default();
        self.requests.push(format!("{line}\n").as_bytes());
        self.requests.write_some();
    }
}
