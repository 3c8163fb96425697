//! What the runner needs of the program around it.

use std::io;
use std::process::Command;

use super::command::Start;
use crate::event::Event;

#[derive(Clone, Copy)]
pub struct RunnerHost<'a> {
    /// The command that supervises a project's dev server. The runner sets its standard streams.
    pub supervise: &'a dyn Fn(&Start) -> io::Result<Command>,
    /// The recorded output of a project as log chunks, oldest first.
    pub recorded: &'a dyn Fn(&RecordedOutput<'_>) -> io::Result<Vec<Event>>,
    /// Whether ports cannot be remembered.
    pub is_degraded: bool,
}

/// The part of the recorded output that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct RecordedOutput<'a> {
    pub project: &'a str,
    /// The session where it begins.
    pub first_session: &'a str,
    /// Where the output continues, if this place is still kept.
    pub cursor: Option<&'a str>,
}
