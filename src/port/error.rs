//! Errors and warnings.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::reservation::Reservation;
use crate::range::Range;
use crate::visible::Visible;

/// How many occupants of a range a message names.
const OCCUPANTS_SHOWN: usize = 8;

#[derive(Debug, Error)]
pub enum PortError {
    #[error("already running: {}", running(.0))]
    AlreadyRunning(Vec<Reservation>),
    #[error("port {port} is taken{}", by(.occupants))]
    Taken { port: u16, occupants: Vec<Occupant> },
    #[error("{}{}", exhausted(*.range), held_by(.occupants))]
    Exhausted { range: Range, occupants: Vec<Occupant> },
    #[error("port {port} may only be bound by a privileged user")]
    Privileged { port: u16 },
    #[error("cannot find out whether port {port} is free: {source}")]
    Probe { port: u16, source: io::Error },
    #[error("cannot lock `{path}`: {source}", path = path.visible())]
    Lock { path: PathBuf, source: io::Error },
    #[error("cannot lock `{path}`: another bowline has held it for too long", path = path.visible())]
    Busy { path: PathBuf },
    #[error("cannot record a reservation in `{path}`: {source}", path = path.visible())]
    Record { path: PathBuf, source: io::Error },
    #[error("cannot use the store of remembered ports: {reason}")]
    Store { fault: StoreFault, reason: String },
    #[error("`{}` is running on port {}", .0.name, .0.port)]
    StillRunning(Box<Reservation>),
}

/// The faults of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFault {
    /// The content of the file is invalid.
    Damaged,
    /// Another version of bowline wrote it, in a layout that this one does not know.
    Foreign,
    /// The file cannot be read or written at all.
    Unusable,
}

impl PortError {
    pub(super) fn store(fault: StoreFault, reason: String) -> Self {
        Self::Store { fault, reason }
    }

    pub fn hint(&self) -> Cow<'static, str> {
        let hint = match self {
            Self::AlreadyRunning(_) => "follow it with `bowline attach`, or stop it with `bowline stop`",
            Self::Taken { port, occupants } if occupants.first().is_some_and(|who| who.is_service) => {
                return format!("stop it with `bowline stop {port}`, or choose another port").into();
            }
            Self::Taken { .. } => "stop what holds it, or choose another port",
            Self::Exhausted { .. } => "see what is running with `bowline ls`, or choose a port with `--port`",
            Self::Privileged { .. } => "choose a port above 1023",
            Self::Probe { .. } => "run `bowline doctor`",
            Self::Busy { .. } => {
                "find the bowline that was stopped or hangs with `bowline doctor`, and end it"
            }
            Self::Lock { .. } | Self::Record { .. } => {
                "free some space, or choose another directory with `--state-dir`"
            }
            Self::Store { .. } => "look into it with `bowline doctor`",
            Self::StillRunning(held) => {
                return format!("stop it with `bowline stop {}` first", held.port).into();
            }
        };
        hint.into()
    }

    /// Whether there is no port: exit code 3.
    pub fn is_no_port(&self) -> bool {
        matches!(self, Self::Taken { .. } | Self::Exhausted { .. } | Self::Privileged { .. })
    }
}

/// Kept word for word, because users recognise this sentence.
fn exhausted(range: Range) -> String {
    format!("All ports ({range}) are currently in use. Please stop other dev servers to free up ports.")
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The ports in question that it has, ascending.
    pub ports: Vec<u16>,
    pub name: String,
    pub is_service: bool,
}

fn by(occupants: &[Occupant]) -> String {
    let names: Vec<&str> = occupants.iter().map(|who| who.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
}

/// A line for each, up to [`OCCUPANTS_SHOWN`].
fn held_by(occupants: &[Occupant]) -> String {
    let lines =
        occupants.iter().take(OCCUPANTS_SHOWN).map(|who| format!("\n  {}: {}", spans(&who.ports), who.name));
    let more = occupants.len().checked_sub(OCCUPANTS_SHOWN).filter(|&more| more > 0);
    lines.chain(more.map(|more| format!("\n  and {more} more"))).collect()
}

/// Ascending ports, adjacent ones as ranges: `3101, 3103-3110`.
fn spans(ports: &[u16]) -> String {
    let runs = ports.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let span = |run: &[u16]| match run {
        [first, .., last] => format!("{first}-{last}"),
        run => run.iter().map(u16::to_string).collect(),
    };
    runs.map(span).collect::<Vec<_>>().join(", ")
}

fn running(reservations: &[Reservation]) -> String {
    let service = |held: &Reservation| format!("`{}` on port {}", held.name, held.port);
    reservations.iter().map(service).collect::<Vec<_>>().join(", ")
}

/// A failure that does not keep a server from starting.
#[derive(Debug, Error)]
pub enum Warning {
    #[error("the store was damaged ({reason}) and is kept as `{kept}`: remembered ports start afresh", kept = kept.visible())]
    StoreDamaged { kept: PathBuf, reason: String },
    /// Another version of bowline wrote the store. It is left as it is.
    #[error("the store `{path}` belongs to another version of bowline ({reason}): nothing is remembered", path = path.visible())]
    StoreForeign { path: PathBuf, reason: String },
    #[error("cannot use the store `{path}` ({reason}): nothing is remembered", path = path.visible())]
    StoreUnusable { path: PathBuf, reason: String },
    #[error("cannot write to `{path}` ({reason}): the reservation is recorded in `{instead}`", path = path.visible(), instead = instead.visible())]
    Elsewhere { path: PathBuf, reason: String, instead: PathBuf },
    #[error("browsers refuse to open port {port}")]
    Blocked { port: u16 },
}

impl Warning {
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::StoreDamaged { .. } => None,
            Self::StoreForeign { .. } => Some("use one version of bowline, or a `--state-dir` for each"),
            Self::StoreUnusable { .. } | Self::Elsewhere { .. } => {
                Some("make room and make it writable, or choose another directory with `--state-dir`")
            }
            Self::Blocked { .. } => Some("choose another port to open it in a browser"),
        }
    }
}
