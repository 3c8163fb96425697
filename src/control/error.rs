//! Why a supervisor cannot be spoken to.

use std::io;

use thiserror::Error;

/// Why a supervisor cannot be spoken to.
#[derive(Debug, Error)]
pub enum Error {
    /// Nobody answers at the socket.
    #[error("Runner is not connected: the supervisor of `{project}` (pid {pid}) does not answer: {source}")]
    NotConnected {
        /// The project's name.
        project: String,
        /// The supervisor's process.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// It speaks another protocol.
    #[error(
        "the supervisor of `{project}` (pid {pid}) speaks version {theirs} of the protocol, and this bowline version {ours} (it is bowline {version})"
    )]
    Incompatible {
        /// The project's name.
        project: String,
        /// The supervisor's process.
        pid: u32,
        /// Its version of the protocol.
        theirs: u32,
        /// Ours.
        ours: u32,
        /// Its version.
        version: String,
    },
    /// It refused.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotConnected { pid, .. } => Some(format!(
                "if it was stopped, as by Ctrl-Z, continue it with `kill -CONT {pid}`; otherwise end it and its service with \
                 `bowline stop --force`"
            )),
            Self::Incompatible { version, .. } => {
                Some(format!("use bowline {version}, or stop the service where it was started"))
            }
            Self::Refused(_) => None,
        }
    }

    /// Whether nothing has come before the deadline.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::NotConnected { source, .. } if source.kind() == io::ErrorKind::TimedOut)
    }
}
