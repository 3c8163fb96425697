//! What went wrong, for people and scripts: a message, a hint, an exit code.

use std::fmt::Display;
use std::io;
use std::str::FromStr;

use crate::event::State;
use crate::process::{Exit, Signal, descriptors};
use crate::ui::{self, Style};
use crate::{config, control, detect, launch, paths, port, project, visible};

/// Exit codes beside the service's own.
pub const OTHER: u8 = 1;
/// Usage or configuration.
pub const USAGE: u8 = 2;
/// No port: the range is exhausted, or the one ordered is taken.
pub const NO_PORT: u8 = 3;
/// It never became ready.
pub const NOT_READY: u8 = 4;
/// No such project, or no such script.
pub const NO_PROJECT: u8 = 5;
/// A supervisor does not answer.
pub const NOT_CONNECTED: u8 = 6;
/// Not executable.
pub const NOT_EXECUTABLE: u8 = 126;
/// Not found.
pub const NOT_FOUND: u8 = 127;

/// A failure as it is shown.
#[derive(Debug)]
pub struct Failure {
    /// What failed, with the value.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// How bowline ends.
    pub end: End,
}

/// How bowline ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(u8),
    /// By this signal.
    Signal(Signal),
}

impl End {
    /// As a service of another supervisor has ended: with this code or by this signal, in this state.
    pub fn of_exit(code: Option<u8>, signal: Option<&str>, state: State) -> Self {
        let by_signal = signal.and_then(|name| Signal::from_str(name).ok()).map(Self::Signal);
        let failed = if state == State::Failed { NOT_READY } else { 0 };
        match code {
            // A server that ends before it listens has failed, whatever its code says.
            Some(0) => Self::Code(failed),
            Some(code) => Self::Code(code),
            None => by_signal.unwrap_or(Self::Code(OTHER)),
        }
    }
}

impl From<Exit> for End {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
        }
    }
}

impl Failure {
    /// A failure with this exit code. That no more files can be opened is what it is about, wherever that was noticed.
    pub fn new(code: u8, message: impl Display, hint: Option<String>) -> Self {
        let message = message.to_string();
        let hint = descriptors::hint(&message).or(hint).map(|hint| visible::line(&hint).into_owned());
        Self { message, hint, end: End::Code(code) }
    }

    /// Shows it to people: the message, then the hint.
    pub fn complain(&self, style: Style) {
        ui::complain(&format!("{} {}", style.error("error:"), self.message));
        if let Some(hint) = &self.hint {
            ui::complain(&format!("{} {hint}", style.strong("hint:")));
        }
    }

    /// Its exit code, where several failures are one end.
    pub fn code(&self) -> u8 {
        match self.end {
            End::Code(code) => code,
            End::Signal(_) => OTHER,
        }
    }
}

impl From<project::ProjectError> for Failure {
    fn from(error: project::ProjectError) -> Self {
        use project::ProjectError as E;
        let code = match &error {
            E::NotFound { .. }
            | E::NoManifest { .. }
            | E::Gone { .. }
            | E::NotADirectory { .. }
            | E::Unknown { .. }
            | E::Ambiguous { .. }
            | E::NoScript { .. }
            | E::EmptyScript { .. } => NO_PROJECT,
            E::NotAFile { .. } | E::Invalid { .. } => USAGE,
            E::Unreadable { .. } => OTHER,
        };
        Self::new(code, &error, error.hint())
    }
}

impl From<config::Error> for Failure {
    fn from(error: config::Error) -> Self {
        let code = match &error {
            config::Error::File(project::ProjectError::Unreadable { .. }) => OTHER,
            config::Error::File(_) | config::Error::Invalid { .. } | config::Error::Catalog(_) => USAGE,
        };
        Self::new(code, &error, error.hint())
    }
}

impl From<detect::catalog::CatalogError> for Failure {
    fn from(error: detect::catalog::CatalogError) -> Self {
        Self::new(USAGE, &error, error.hint())
    }
}

impl From<launch::Error> for Failure {
    fn from(error: launch::Error) -> Self {
        let code = match &error {
            launch::Error::Recursive { .. } | launch::Error::NoCommand => USAGE,
            launch::Error::NotFound { .. } => NOT_FOUND,
            launch::Error::NotExecutable { .. } => NOT_EXECUTABLE,
        };
        Self::new(code, &error, error.hint())
    }
}

impl From<port::Error> for Failure {
    fn from(error: port::Error) -> Self {
        let code = if error.is_no_port() { NO_PORT } else { OTHER };
        Self::new(code, &error, error.hint())
    }
}

impl From<paths::Error> for Failure {
    fn from(error: paths::Error) -> Self {
        Self::new(OTHER, &error, error.hint())
    }
}

impl From<&control::Error> for Failure {
    fn from(error: &control::Error) -> Self {
        let code = match error {
            control::Error::NotConnected { .. } => NOT_CONNECTED,
            control::Error::Incompatible { .. } | control::Error::Refused(_) => OTHER,
        };
        Self::new(code, error, error.hint())
    }
}

impl From<control::Error> for Failure {
    fn from(error: control::Error) -> Self {
        Self::from(&error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(OTHER, error, None)
    }
}
