//! How a run of a service ended.

use std::time::Duration;
use std::{fmt, io};

use crate::event::FailureReason;
use crate::process::Exit;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The last step that was started, or was to be.
    pub step: usize,
    /// How that step's leader ended, if it was started at all.
    pub exit: Option<Exit>,
    pub failure: Option<FailureReason>,
    /// The error number of a start that failed.
    pub errno: Option<i32>,
    pub after: Duration,
    /// Whether a signal or command asked for the end.
    pub requested: bool,
    pub was_ready: bool,
    /// Whether there were too many crashes in a row.
    pub gave_up: bool,
}

impl Ending {
    /// Whether it ended as a program does that has done its work, and never listened.
    pub fn ended_unready(&self) -> bool {
        self.exit == Some(Exit::Code(0)) && !self.was_ready
    }
}

/// The predicate of a sentence whose subject is the service.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit, self.errno) {
            (Some(exit), _) => write!(f, "ended with {exit}"),
            (None, Some(errno)) => {
                write!(f, "could not be started: {}", io::Error::from_raw_os_error(errno))
            }
            (None, None) => f.write_str("was ended, as its guardian was killed"),
        }
    }
}
