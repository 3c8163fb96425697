//! Requests for ports, the options of a transaction, and the ports that it grants.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::blocked::is_blocked;
use super::remembered::{Former, Remembered};
use super::reservation::SessionId;
use crate::fingerprint::Fingerprint;
use crate::process::leftovers;
use crate::range::Range;

/// How long a start waits for a guardian to end, beyond the grace period of its service.
pub const GUARDIAN_PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub struct PortRequest {
    pub project: String,
    pub name: String,
    /// The project's directory. Once that is gone, the port is forgotten.
    pub dir: PathBuf,
    pub framework: String,
    /// The evidence for the framework.
    pub evidence: Fingerprint,
    pub range: Range,
    pub choice: PortChoice,
    /// Ports to leave out, as strangers have just taken them.
    pub exclude: Vec<u16>,
    /// Ports on which programs listen beside their server: none of them is reserved because one was listened on
    /// before.
    pub beside: Vec<u16>,
    /// See [`Reservation::part_of`](super::Reservation::part_of).
    pub part_of: Option<SessionId>,
}

impl PortRequest {
    /// Whether the evidence is unchanged since `row` was remembered.
    pub(crate) fn agrees_with(&self, row: &Remembered) -> bool {
        row.evidence.parse::<Fingerprint>().is_ok_and(|evidence| evidence.agrees(&self.evidence))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PortChoice {
    /// Nothing: the remembered port, or any.
    #[default]
    Any,
    /// This port if it is free (`PORT`, or a runner's preferred port), in the range or not.
    Preferred(u16),
    /// The port that the service was found to listen on in an earlier session, if it is free, in the range or not.
    /// A request for [`PortChoice::Any`] becomes this one if there is such a port.
    Followed(u16),
    /// This port or none (`--port`).
    Exact(u16),
    /// This port, which our own service listens on already.
    Observed(u16),
    /// No port: the service is in the session's list, and has none.
    None,
}

/// The options of a transaction.
#[derive(Clone, Copy)]
pub struct AllocateOptions<'a> {
    pub now: SystemTime,
    /// How long to wait, beyond the grace period, for the guardian of a project's previous session to end.
    pub patience: Duration,
    /// Ends the processes of a session whose supervisor and guardian were both killed. Called without any lock
    /// held; the session counts as over when it returns.
    pub end_leftovers: &'a dyn Fn(&SessionId),
}

impl Default for AllocateOptions<'_> {
    fn default() -> Self {
        let end_leftovers = &|session: &SessionId| leftovers::end(session.as_str());
        Self { now: SystemTime::now(), patience: GUARDIAN_PATIENCE, end_leftovers }
    }
}

#[derive(Clone, Debug)]
pub struct Grant {
    pub request: PortRequest,
    /// 0 for [`PortChoice::None`].
    pub port: u16,
    /// The port that the project was to get, and why it got another.
    pub declined: Option<Declined>,
    /// The memory of the project until now.
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
    /// The guardian of a service of this name is still ending it.
    Ending(String),
    OutOfRange(Range),
    /// It was remembered for another framework.
    OtherFramework(String),
    Blocked,
    Privileged,
    /// A stranger took it a moment ago.
    Lost,
}

impl Declined {
    /// Whether the user would miss the port. Not if the project has become another one, with another range.
    pub fn is_missed(&self) -> bool {
        !matches!(self.reason, Reason::OutOfRange(_) | Reason::OtherFramework(_))
    }
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
    pub fn has_port(&self) -> bool {
        self.port != 0
    }

    /// The row to be stored. A port that a later start cannot use, out of range or blocked, is not remembered.
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
