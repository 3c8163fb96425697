//! A failure for people and scripts: message, hint, exit code.

use std::error::Error;
use std::fmt::Display;
use std::io;
use std::str::FromStr;

use crate::event::State;
use crate::exit_code::{
    FAILURE, NO_PORT, NO_PROJECT, NOT_CONNECTED, NOT_EXECUTABLE, NOT_FOUND, NOT_READY, USAGE,
};
use crate::process::{Exit, Signal, descriptors};
use crate::ui::{self, Style};
use crate::{config, control, detect, launch, paths, port, project, visible, workspace};

#[derive(Debug)]
pub struct Failure {
    pub message: String,
    pub hint: Option<String>,
    /// How bowline ends.
    pub exit: Exit,
}

/// How bowline ends after a service of another supervisor ended with this code or signal and in this state.
pub fn exit_of_service(code: Option<u8>, signal: Option<&str>, state: State) -> Exit {
    match code {
        // A server that exits before it listens has failed, even with code 0.
        Some(0) if state == State::Failed => Exit::Code(NOT_READY),
        Some(code) => Exit::Code(code),
        None => signal.and_then(|name| Signal::from_str(name).ok()).map_or(Exit::Code(FAILURE), Exit::Signal),
    }
}

impl Failure {
    pub fn new(code: u8, message: impl Display, hint: Option<String>) -> Self {
        let hint = hint.map(|hint| visible::line(&hint).into_owned());
        Self { message: message.to_string(), hint, exit: Exit::Code(code) }
    }

    /// If too many open files are the cause of the error, the hint is about that.
    fn of(code: u8, error: &(impl Error + 'static), hint: Option<String>) -> Self {
        Self::new(code, error, descriptors::hint(error).or(hint))
    }

    pub fn print(&self, style: Style) {
        ui::eprint_line(&format!("{} {}", style.error("error:"), self.message));
        if let Some(hint) = &self.hint {
            ui::eprint_line(&format!("{} {hint}", style.strong("hint:")));
        }
    }

    /// The exit code, to be compared with those of other failures; a signal counts as [`FAILURE`].
    pub fn code(&self) -> u8 {
        self.exit.code().unwrap_or(FAILURE)
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
            E::Unreadable { .. } => FAILURE,
        };
        Self::of(code, &error, error.hint())
    }
}

impl From<config::ConfigError> for Failure {
    fn from(error: config::ConfigError) -> Self {
        let code = match &error {
            config::ConfigError::File(project::ProjectError::Unreadable { .. }) => FAILURE,
            config::ConfigError::File(_)
            | config::ConfigError::Invalid { .. }
            | config::ConfigError::Catalog(_) => USAGE,
        };
        Self::of(code, &error, error.hint())
    }
}

impl From<workspace::FilterError> for Failure {
    fn from(error: workspace::FilterError) -> Self {
        let code = match &error {
            workspace::FilterError::NoMatch { .. } => NO_PROJECT,
            workspace::FilterError::Empty { .. } => USAGE,
            workspace::FilterError::Git { .. } => FAILURE,
        };
        Self::of(code, &error, error.hint())
    }
}

impl From<detect::catalog::CatalogError> for Failure {
    fn from(error: detect::catalog::CatalogError) -> Self {
        Self::of(USAGE, &error, error.hint())
    }
}

impl From<launch::LaunchError> for Failure {
    fn from(error: launch::LaunchError) -> Self {
        let code = match &error {
            launch::LaunchError::Recursive { .. }
            | launch::LaunchError::RecursiveCommand { .. }
            | launch::LaunchError::NoCommand => USAGE,
            launch::LaunchError::NotFound { .. } => NOT_FOUND,
            launch::LaunchError::NotExecutable { .. } => NOT_EXECUTABLE,
        };
        Self::of(code, &error, error.hint())
    }
}

impl From<port::PortError> for Failure {
    fn from(error: port::PortError) -> Self {
        let code = if error.is_no_port() { NO_PORT } else { FAILURE };
        Self::of(code, &error, Some(error.hint().into_owned()))
    }
}

impl From<paths::PathsError> for Failure {
    fn from(error: paths::PathsError) -> Self {
        Self::of(FAILURE, &error, error.hint())
    }
}

impl From<&control::ControlError> for Failure {
    fn from(error: &control::ControlError) -> Self {
        let code = match error {
            control::ControlError::NotConnected { .. } | control::ControlError::Suspended { .. } => {
                NOT_CONNECTED
            }
            control::ControlError::Incompatible { .. } | control::ControlError::Refused(_) => FAILURE,
            control::ControlError::Failed(_, refusal) => refusal.exit_code,
        };
        Self::of(code, error, error.hint())
    }
}

impl From<control::ControlError> for Failure {
    fn from(error: control::ControlError) -> Self {
        Self::from(&error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::of(FAILURE, &error, None)
    }
}
