//! Which port a project gets, and for how long.
//!
//! [`Ports::allocate`] does it in one transaction: the project's own port again if that is free,
//! else the first free one of its range, reserved atomically and durably. What it returns, a
//! [`Lease`], holds the reservation for as long as the process lives.
//!
//! - `candidates`: the order of the scan, pure; `blocked`: what is never handed out.
//! - `probe`: is it free? · [`listeners`]: who listens?
//! - `session`: what is alive, told by file locks · `store`: what is remembered, in redb.
//! - `world`: all that others have reserved, under the lock of one transaction.
//! - `choice`: the three steps · `allocation`: one transaction · `lease`: what is held.

mod allocation;
mod blocked;
mod candidates;
mod choice;
mod ephemeral;
mod error;
mod inspect;
mod lease;
pub mod listeners;
mod probe;
mod session;
mod store;

mod world;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

pub use allocation::Ports;
pub use blocked::{BLOCKED, is_blocked};
pub use choice::{Declined, Grant, Reason};
pub use ephemeral::is_ephemeral;
pub use error::{Error, Occupant, Warning, exhausted};
pub use inspect::{Forgotten, Lookup, Pruned, Usage, Why};
pub use lease::Lease;
pub use probe::{Probe, Verdict};
pub use session::{Guard, Life, SessionId};
pub use store::{Former, Remembered};

use crate::fingerprint::Fingerprint;
use crate::range::Range;

/// Remembered ports are forgotten after this long without use.
pub const MEMORY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Whether a port last used then is to be forgotten. A time that lies ahead is as good as now: the
/// clock was set back.
fn is_stale(last_used: u64, now: u64) -> bool {
    now.saturating_sub(last_used) >= MEMORY.as_secs()
}

/// What a project asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The project's id.
    pub project: String,
    /// Its name, for messages.
    pub name: String,
    /// Its directory; once that is gone, its port is forgotten.
    pub dir: PathBuf,
    /// The key of its framework.
    pub framework: String,
    /// What the framework was detected by.
    pub evidence: Fingerprint,
    /// Where to look for a port.
    pub range: Range,
    /// What the user said about the port.
    pub choice: Choice,
    /// Ports not to be given, as they have just been lost to a stranger.
    pub exclude: Vec<u16>,
}

impl Request {
    /// Whether the evidence is still what it was when `row` was remembered.
    pub fn agrees_with(&self, row: &Remembered) -> bool {
        row.evidence.parse::<Fingerprint>().is_ok_and(|evidence| evidence.agrees(&self.evidence))
    }
}

/// What the user said about the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// Nothing: the remembered one, or any.
    #[default]
    Any,
    /// This one if it is free (`PORT`, or a runner's preferred port), in the range or not.
    Wish(u16),
    /// This one or none (`--port`).
    Order(u16),
    /// This one, which our own service listens on already.
    Adopt(u16),
}

/// What an allocation needs to know besides the requests.
pub struct Terms<'a> {
    /// The time.
    pub now: SystemTime,
    /// How long to wait for the guardian of the project's last server to end it, so that the same
    /// port can be had again.
    pub patience: Duration,
    /// Ends what is left of a session whose supervisor and guardian were both killed. It is called
    /// without any lock held, and the session counts as over when it returns.
    pub end_leftovers: &'a mut dyn FnMut(&SessionId),
}

/// A port that is somebody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    /// The port.
    pub port: u16,
    /// The project's id.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Its directory.
    #[serde(serialize_with = "lossy")]
    pub dir: PathBuf,
    /// Its framework's key.
    pub framework: String,
    /// The supervisor's session.
    pub session: SessionId,
    /// The supervisor's process id, for messages; whether it lives is told by its lock.
    pub pid: u32,
    /// When it was reserved, in seconds since 1970.
    pub started_at: u64,
    /// Whether it still holds.
    #[serde(skip, default = "over")]
    pub life: Life,
    /// The run directory with the session's lock and socket.
    #[serde(skip)]
    pub run: PathBuf,
}

impl Reservation {
    /// The supervisor's control socket.
    pub fn socket(&self) -> PathBuf {
        crate::paths::socket(&self.run, self.session.as_str())
    }

    /// Whether the supervisor lives at this moment.
    pub fn is_live(&self) -> bool {
        session::is_live(&self.run, &self.session)
    }

    /// Whether the supervisor has given it back, or another bowline has done so after its end.
    pub fn is_returned(&self) -> bool {
        session::is_cleared(&self.run, &self.session)
    }

    /// How much of its session is left once its guardians are done, which is waited for, at most for `patience` beyond
    /// the grace period of their services.
    pub fn await_guardian(&self, patience: Duration) -> Life {
        session::await_guardian(&self.run, &self.session, patience);
        session::life(&self.run, &self.session)
    }
}

fn over() -> Life {
    Life::Over
}

/// Paths that are no UTF-8 are kept as far as they can be shown.
fn lossy<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// Seconds since 1970; 0 before.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
