//! The port that a project gets, and what is remembered of that.

use std::fmt;

use super::blocked::is_blocked;
use super::remembered::{Former, Remembered};
use super::request::PortRequest;
use crate::range::Range;

#[derive(Clone, Debug)]
pub struct Grant {
    pub request: PortRequest,
    pub port: u16,
    /// The port that it was to have, and why it got another.
    pub declined: Option<Declined>,
    /// What was remembered of the project until now.
    pub previous: Option<Remembered>,
    /// Whether this is the port that it had last.
    pub reused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    pub port: u16,
    pub reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Another process has it; [`holders`](super::listeners::holders) finds out which.
    InUse,
    /// It is reserved for the service of this name.
    Reserved(String),
    /// The last service there, of this name, is still being ended.
    Ending(String),
    OutOfRange(Range),
    /// It was remembered for another framework.
    OtherFramework(String),
    Blocked,
    Privileged,
    /// A stranger took it a moment ago.
    Lost,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port;
        match &self.reason {
            Reason::InUse => write!(f, "port {port} is in use"),
            Reason::Reserved(name) => write!(f, "port {port} is reserved for `{name}`"),
            Reason::Ending(name) => write!(f, "port {port} is still held by `{name}`, which is ending"),
            Reason::OutOfRange(range) => write!(f, "port {port} is not in the range {range}"),
            Reason::OtherFramework(framework) => write!(f, "port {port} was used as a {framework} project"),
            Reason::Blocked => write!(f, "browsers refuse to open port {port}"),
            Reason::Privileged => write!(f, "port {port} may only be bound by a privileged user"),
            Reason::Lost => write!(f, "port {port} was taken by another process"),
        }
    }
}

impl Grant {
    /// What is to be remembered of the project: of a port outside of the range, which is no use to a later start,
    /// nothing.
    pub(super) fn remembered(&self, now: u64) -> Remembered {
        let Self { request, previous, .. } = self;
        let previous = previous.as_ref();
        let mut former = previous.map(|row| row.former.clone()).unwrap_or_default();
        if let Some(row) = previous
            && let Some(port) = row.port
        {
            former.insert(row.framework.clone(), Former { port, last_used: row.last_used });
        }
        let before = former.remove(&request.framework).map(|former| former.port);
        let is_ours = request.range.contains(self.port) && !is_blocked(self.port);
        let port = if is_ours { Some(self.port) } else { before };
        // Where ranges overlap, a port may have become that of another framework.
        former.retain(|_, former| Some(former.port) != port);
        Remembered {
            port,
            framework: request.framework.clone(),
            evidence: request.evidence.to_string(),
            name: request.name.clone(),
            dir: request.dir.clone(),
            last_used: now,
            notes: previous
                .filter(|row| request.agrees_with(row))
                .map(|row| row.notes.clone())
                .unwrap_or_default(),
            former,
        }
    }
}
