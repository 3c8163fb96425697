//! Requests for ports, and the options of a transaction.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::remembered::Remembered;
use super::reservation::SessionId;
use crate::fingerprint::Fingerprint;
use crate::process::leftovers;
use crate::range::Range;

/// How long a guardian may take to end, beyond the grace period of its services.
pub const GUARDIAN_PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub struct PortRequest {
    pub project: String,
    pub name: String,
    /// The project's directory. Without that, its port is forgotten.
    pub dir: PathBuf,
    pub framework: String,
    /// What the framework was detected by.
    pub evidence: Fingerprint,
    pub range: Range,
    pub choice: PortChoice,
    /// Ports to leave out, as strangers have just taken them.
    pub exclude: Vec<u16>,
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
    /// This port or none (`--port`).
    Exact(u16),
    /// This port, which our own service listens on already.
    Observed(u16),
}

/// The options of a transaction.
#[derive(Clone, Copy)]
pub struct AllocateOptions<'a> {
    pub now: SystemTime,
    /// How long to wait, beyond the grace period of its services, for the guardian of a project's last server, so
    /// that the project gets the same port again.
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
