//! Errors of a client that talks to a supervisor.

use std::io;

use thiserror::Error;

use crate::event::Refusal;

#[derive(Debug, Error)]
pub enum ControlError {
    #[error("Runner is not connected: the supervisor of `{project}` (pid {pid}) does not answer: {source}")]
    NotConnected { project: String, pid: u32, source: io::Error },
    #[error("Runner is not connected: the supervisor of `{project}` (pid {pid}) is suspended")]
    Suspended { project: String, pid: u32 },
    #[error(
        "the supervisor of `{project}` (pid {pid}) speaks version {theirs} of the protocol, and this bowline version {ours} (it is bowline {version})"
    )]
    Incompatible {
        project: String,
        pid: u32,
        /// Versions of the protocol.
        theirs: u32,
        ours: u32,
        version: String,
    },
    #[error("{0}")]
    Refused(String),
    /// A request that the supervisor could not carry out.
    #[error("{0}")]
    Failed(String, Refusal),
}

impl ControlError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotConnected { .. } => {
                Some("end it and its service with `bowline stop --force`".to_owned())
            }
            Self::Suspended { pid, .. } => Some(format!(
                "continue it with `kill -CONT {pid}`, or with `fg` in its terminal; or end it and its service with \
                 `bowline stop --force`"
            )),
            Self::Incompatible { version, .. } => {
                Some(format!("use bowline {version}, or stop the service where it was started"))
            }
            Self::Refused(_) => None,
            Self::Failed(_, refusal) => refusal.hint.clone(),
        }
    }

    /// Whether the deadline has passed.
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::NotConnected { source, .. } if source.kind() == io::ErrorKind::TimedOut)
    }
}
