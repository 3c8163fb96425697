//! Errors and warnings.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::reservation::Reservation;
use crate::range::Range;
use crate::visible::Visible;

/// How many occupants of a range a message names.
const NAMED: usize = 8;

/// Why there is no port.
#[derive(Debug, Error)]
pub enum PortError {
    /// Live supervisors have these reservations of the projects.
    #[error("already running: {}", running(.0))]
    AlreadyRunning(Vec<Reservation>),
    /// The port that was ordered is taken.
    #[error("port {port} is taken{}", by(.occupants))]
    Taken {
        /// The port.
        port: u16,
        /// Its occupants, as far as they can be seen.
        occupants: Vec<Occupant>,
    },
    /// No port of the range is left.
    #[error("{}{}", exhausted(*.range), held_by(.occupants))]
    Exhausted {
        /// The range.
        range: Range,
        /// The occupants of its ports, as far as they can be seen.
        occupants: Vec<Occupant>,
    },
    /// This user may not bind the port that was ordered.
    #[error("port {port} may only be bound by a privileged user")]
    Privileged {
        /// The port.
        port: u16,
    },
    /// The probe itself failed.
    #[error("cannot find out whether port {port} is free: {source}")]
    Probe {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The lock of a transaction cannot be taken.
    #[error("cannot lock `{path}`: {source}", path = path.visible())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The lock of a transaction was not had in time.
    #[error("cannot lock `{path}`: another bowline has held it for too long", path = path.visible())]
    Busy {
        /// The lock file.
        path: PathBuf,
    },
    /// A reservation cannot be written down anywhere.
    #[error("cannot record a reservation in `{path}`: {source}", path = path.visible())]
    Record {
        /// The run directory that was tried last.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store cannot be used, and without it there is nothing to do.
    #[error("cannot use the store of remembered ports: {reason}")]
    Store {
        /// What is wrong with it.
        reason: String,
    },
    /// A running project's port cannot be forgotten.
    #[error("`{}` is running on port {}", .0.name, .0.port)]
    StillRunning(Box<Reservation>),
}

impl PortError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::AlreadyRunning(_) => {
                "follow it with `bowline attach`, or stop it with `bowline stop`".to_owned()
            }
            Self::Taken { occupants, .. } if occupants.first().is_some_and(|who| who.is_service) => {
                "stop it with `bowline stop`, or choose another port".to_owned()
            }
            Self::Taken { .. } => "stop what holds it, or choose another port".to_owned(),
            Self::Exhausted { .. } => {
                "see what is running with `bowline ls`, or choose a port with `--port`".to_owned()
            }
            Self::Privileged { .. } => "choose a port above 1023".to_owned(),
            Self::Probe { .. } => "run `bowline doctor`".to_owned(),
            Self::Busy { .. } => {
                "find the bowline that was stopped or hangs with `bowline doctor`, and end it".to_owned()
            }
            Self::Lock { .. } | Self::Record { .. } => {
                "free some space, or choose another directory with `--state-dir`".to_owned()
            }
            Self::Store { .. } => "look into it with `bowline doctor`".to_owned(),
            Self::StillRunning(_) => "stop it with `bowline stop` first".to_owned(),
        })
    }

    /// Whether there is no port: exit code 3.
    pub fn is_no_port(&self) -> bool {
        match self {
            Self::Taken { .. } | Self::Exhausted { .. } | Self::Privileged { .. } => true,
            Self::AlreadyRunning(_)
            | Self::Probe { .. }
            | Self::Lock { .. }
            | Self::Busy { .. }
            | Self::Record { .. }
            | Self::Store { .. }
            | Self::StillRunning(_) => false,
        }
    }
}

/// Users know this sentence word for word.
fn exhausted(range: Range) -> String {
    format!("All ports ({range}) are currently in use. Please stop other dev servers to free up ports.")
}

/// A service or another process that has ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// The ports in question that it has, ascending.
    pub ports: Vec<u16>,
    /// What it is, for a message.
    pub name: String,
    /// Whether bowline can stop it.
    pub is_service: bool,
}

fn by(occupants: &[Occupant]) -> String {
    let names: Vec<&str> = occupants.iter().map(|who| who.name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(", ")) }
}

/// A line for each, up to [`NAMED`].
fn held_by(occupants: &[Occupant]) -> String {
    let lines = occupants.iter().take(NAMED).map(|who| format!("\n  {}: {}", spans(&who.ports), who.name));
    let more = occupants.len().checked_sub(NAMED).filter(|&more| more > 0);
    lines.chain(more.map(|more| format!("\n  and {more} more"))).collect()
}

/// Ascending ports with neighbours drawn together: `3101, 3103-3110`.
fn spans(ports: &[u16]) -> String {
    let runs = ports.chunk_by(|a, b| a.checked_add(1) == Some(*b));
    let texts: Vec<String> = runs
        .filter_map(|run| match run {
            [] => None,
            [port] => Some(port.to_string()),
            [first, .., last] => Some(format!("{first}-{last}")),
        })
        .collect();
    texts.join(", ")
}

fn running(reservations: &[Reservation]) -> String {
    let texts: Vec<String> =
        reservations.iter().map(|r| format!("`{}` on port {}", r.name, r.port)).collect();
    texts.join(", ")
}

/// A failure that does not keep a server from starting.
#[derive(Debug, Error)]
pub enum Warning {
    /// The store was damaged; a new one has been begun.
    #[error("the store was damaged ({reason}) and is kept as `{kept}`: remembered ports start afresh", kept = kept.visible())]
    StoreDamaged {
        /// Where the damaged one lies now.
        kept: PathBuf,
        /// What was wrong with it.
        reason: String,
    },
    /// Another version of bowline wrote the store. It is left as it is.
    #[error("the store `{path}` belongs to another version of bowline ({reason}): nothing is remembered", path = path.visible())]
    StoreForeign {
        /// The store.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
    /// The store cannot be read or written.
    #[error("cannot use the store `{path}` ({reason}): nothing is remembered", path = path.visible())]
    StoreUnusable {
        /// The store.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The reservation is recorded outside the state directory.
    #[error("cannot write to `{path}` ({reason}): the reservation is recorded in `{instead}`", path = path.visible(), instead = instead.visible())]
    Elsewhere {
        /// The run directory that cannot be written.
        path: PathBuf,
        /// What the system said.
        reason: String,
        /// The run directory used instead.
        instead: PathBuf,
    },
    /// The port that was ordered is one that browsers refuse to open.
    #[error("browsers refuse to open port {port}")]
    Blocked {
        /// The port.
        port: u16,
    },
}

impl Warning {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::StoreDamaged { .. } => None,
            Self::StoreForeign { .. } => {
                Some("use one version of bowline, or a `--state-dir` for each".to_owned())
            }
            Self::StoreUnusable { .. } | Self::Elsewhere { .. } => Some(
                "make room and make it writable, or choose another directory with `--state-dir`".to_owned(),
            ),
            Self::Blocked { .. } => Some("choose another port to open it in a browser".to_owned()),
        }
    }
}
