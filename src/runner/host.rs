//! What the runner needs of the program around it.

use std::io;
use std::process::Command;

use super::command::Start;
use crate::event::Event;

#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Makes the command that supervises a project's dev server. Its standard streams are set by the runner.
    pub supervise: &'a dyn Fn(&str, &Start) -> io::Result<Command>,
    /// Reads what a project's servers have written.
    pub recorded: &'a dyn Fn(&Recorded<'_>) -> io::Result<Vec<Event>>,
    /// Whether the runner can do less than it should: it says so in its status.
    pub is_degraded: bool,
}

/// Which output is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub project: &'a str,
    /// The session where it begins.
    pub first_session: &'a str,
    /// Where it is to go on; unless that place is kept no more.
    pub cursor: Option<&'a str>,
}
