//! How far a process has come, to tell one that is at rest from one that had no processor.

use std::time::Duration;

/// The scheduler's account of a process's first thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Whether it runs, or would if it had a processor.
    pub runnable: bool,
    /// Time on a processor since it was started.
    pub ran: Duration,
}
