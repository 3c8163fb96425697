//! Services that listen on another port than the reserved one: the evidence, and what to try next (ADR 12).
//!
//! A node program is started once more with its listener moved by a preload; otherwise the reservation follows the
//! listener. The decisions are pure: [`super::flow`] asks the kernel, and [`super::backend`] writes the preload.

mod conflict_hints;
mod place;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use super::prepared::Prepared;
use crate::detect::catalog::Role;
use crate::launch::{Delivery, MovedListener, Preload};
use crate::logs;
use crate::paths::StateDir;
use crate::port::{FOLLOWS, PortRequest, Remembered, is_ephemeral};
use crate::process::Exit;
use crate::supervise::Observation;
use conflict_hints::{is_refused, names};
pub use place::{Place, list};

/// The note in the store with the ports whose listener is moved.
const MOVES: &str = "moves";
/// Port of node's inspector.
const INSPECTOR: u16 = 9229;
/// How many moved ports are remembered per project.
const REMEMBERED: usize = 4;

/// A note for the store: its key, and its value or `None` to remove it.
pub type Note = (&'static str, Option<String>);

/// The reason for starting a service once more.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Diagnosis {
    /// It listens on these places.
    Elsewhere(Vec<Place>),
    /// The port that it asks for, not the reserved one, is taken.
    Refused,
    /// It ran without the preload, and fails with it.
    Broken,
    /// The listener that was moved to the reserved port blocks another one, which obeys `PORT`.
    InTheWay,
}

/// Facts about a service that tell its own port from the others that it opens.
#[derive(Debug)]
struct Facts {
    /// Ports that its framework opens beside its own.
    auxiliary: Vec<u16>,
    /// Ports that any framework opens beside its own.
    suspect: Vec<u16>,
    /// The framework's default port.
    conventional: u16,
    /// Whether the script runs several programs side by side.
    is_concurrent: bool,
    role: Role,
    is_ephemeral: fn(u16) -> bool,
}

#[derive(Debug)]
pub struct PortOverride {
    facts: Facts,
    /// The file of the preload.
    path: PathBuf,
    /// The preload of the next start.
    pub preload: Option<Preload>,
    /// Whether the preload was remembered from an earlier session.
    is_remembered: bool,
    /// The present value of the note [`MOVES`] in the store.
    noted: Option<String>,
    /// Whether the preload failed, so that none is tried again.
    gave_up: bool,
    diagnosis: Option<Diagnosis>,
    follows: Option<u16>,
    delivery: Delivery,
    /// See [`LaunchSpec::is_apart`](crate::launch::LaunchSpec).
    pub is_apart: bool,
}

impl PortOverride {
    /// Reads the notes of earlier sessions from `previous`.
    pub fn new(prepared: &Prepared<'_>, previous: Option<&Remembered>, state: &StateDir) -> Self {
        let (detected, request) = (prepared.detected(), &prepared.request);
        let detection = &detected.detection;
        let tool = detection.tool.map(|tool| tool.framework);
        let frameworks = [Some(detection.framework), tool].into_iter().flatten();
        let auxiliary = frameworks.flat_map(|framework| framework.extra_ports.iter()).copied();
        let every = detected.configured.config.catalog.frameworks().iter();
        let facts = Facts {
            auxiliary: auxiliary.chain([INSPECTOR]).collect(),
            suspect: every.flat_map(|framework| framework.extra_ports.iter()).copied().collect(),
            conventional: detection.framework.default_port,
            is_concurrent: detected.reading.is_concurrent(),
            role: detection.framework.role,
            is_ephemeral,
        };
        let path = logs::file(&state.root().join("preload"), &request.project, &request.name);
        let (moved, follows) = (note(previous, request, MOVES), note(previous, request, FOLLOWS));
        Self::remembering(facts, moved, follows, path.with_extension("cjs"))
    }

    fn remembering(facts: Facts, moved: Option<MovedListener>, follows: Option<u16>, path: PathBuf) -> Self {
        let noted = moved.as_ref().map(MovedListener::to_string);
        let auxiliary = facts.auxiliary.clone();
        let preload = moved.map(|moved| Preload { path: path.clone(), moved, auxiliary });
        Self {
            facts,
            is_remembered: preload.is_some(),
            noted,
            preload,
            path,
            gave_up: false,
            diagnosis: None,
            follows,
            delivery: Delivery::Unverified,
            is_apart: false,
        }
    }

    /// A run begins. `delivery` is how it is told its port.
    pub fn begin(&mut self, delivery: Delivery) {
        self.delivery = delivery;
        self.diagnosis = None;
    }

    /// Where the service listens instead of on `reserved`. `listeners` are those of its tree.
    pub fn observe(
        &mut self,
        listeners: Vec<Place>,
        reserved: u16,
        output: &str,
        is_taken: &dyn Fn(u16) -> bool,
    ) -> Option<Observation> {
        let mut places = self.places(listeners, reserved);
        // A listener beside a server that was refused its port is hardly the server.
        let is_conventional = places.first().is_some_and(|place| place.port == self.facts.conventional);
        let refused =
            !is_conventional && self.may_be_refused() && is_refused(output, false, reserved, is_taken);
        if refused {
            places.clear();
        } else if places.is_empty() {
            self.diagnosis = None;
            return None;
        }
        let ports: Vec<u16> = places.iter().map(|place| place.port).collect();
        let known = self.follows.is_some_and(|port| ports.contains(&port));
        let redirectable = refused || self.next_move(&places).is_some();
        let patience = if known && !redirectable { Duration::ZERO } else { self.patience(&places) };
        self.diagnosis = Some(if refused { Diagnosis::Refused } else { Diagnosis::Elsewhere(places) });
        Some(Observation { ports, redirectable, patience })
    }

    /// Whether a run that exited without listening on `reserved` is worth another start.
    pub fn is_redirectable(
        &mut self,
        exit: Exit,
        reserved: u16,
        output: &str,
        is_taken: &dyn Fn(u16) -> bool,
    ) -> bool {
        let conflict = output.lines().any(|line| line.contains("EADDRINUSE") && names(line, reserved));
        if let (true, Some(Preload { moved: MovedListener::Exactly(ports), .. })) = (conflict, &self.preload)
        {
            self.facts.auxiliary.extend(ports);
        }
        self.diagnosis = match &self.preload {
            Some(_) if conflict => Some(Diagnosis::InTheWay),
            Some(_) if self.is_remembered => None,
            Some(Preload { moved: MovedListener::Refused, .. }) => None,
            // Without the preload it did run, on another port.
            Some(_) => Some(Diagnosis::Broken),
            None => {
                let refused = self.may_be_refused() && is_refused(output, exit.success(), reserved, is_taken);
                refused.then_some(Diagnosis::Refused)
            }
        };
        self.diagnosis.is_some()
    }

    /// Sets the preload of the next start, and returns the message for the user.
    pub fn redirect(&mut self, reserved: u16) -> String {
        let next = match &self.diagnosis {
            Some(Diagnosis::Elsewhere(places)) => self.next_move(places),
            Some(Diagnosis::Refused) => Some(MovedListener::Refused),
            Some(Diagnosis::Broken | Diagnosis::InTheWay) | None => None,
        };
        let message = match (&self.diagnosis, &next) {
            (Some(Diagnosis::Elsewhere(places)), Some(moved)) => {
                let which = if let MovedListener::FirstOf(_) = moved { "its HTTP server" } else { "that" };
                format!(
                    "it listens on {}, not on its reserved port {reserved}; starting it once more with {which} moved to port {reserved}, its files unchanged",
                    list(places)
                )
            }
            (Some(Diagnosis::Refused), Some(_)) => format!(
                "the port that it asks for is taken by another program; starting it once more so that it gets its reserved port {reserved}"
            ),
            (_, _) => {
                "it does not run with its listener moved; starting it once more without that".to_owned()
            }
        };
        self.gave_up |= self.diagnosis == Some(Diagnosis::Broken);
        self.is_remembered = false;
        let (path, auxiliary) = (self.path.clone(), self.facts.auxiliary.clone());
        self.preload = next.map(|moved| Preload { path, moved, auxiliary });
        message
    }

    /// The service listens on `reserved`; `claimed` is the port that the moved listener had asked for. Returns the
    /// notes that have changed.
    pub fn succeed(&mut self, reserved: u16, claimed: Option<u16>) -> Vec<Note> {
        let mut notes = Vec::new();
        let follows = self.follows == Some(reserved);
        if self.follows.is_some() && !follows {
            self.follows = None;
            notes.push((FOLLOWS, None));
        }
        if let Some(preload) = &mut self.preload {
            match (&preload.moved, claimed) {
                (MovedListener::FirstOf(_) | MovedListener::Refused, Some(0)) => {
                    preload.moved = MovedListener::FirstOf(vec![0]);
                }
                (MovedListener::FirstOf(_) | MovedListener::Refused, Some(port)) => {
                    preload.moved = MovedListener::Exactly(vec![port]);
                }
                // Nothing was refused, and so nothing was moved.
                (MovedListener::Refused, None) => return notes,
                (MovedListener::FirstOf(_), None) | (MovedListener::Exactly(_), _) => {}
            }
            self.is_remembered = true;
        }
        let moved = self.preload.as_ref().map(|preload| preload.moved.to_string());
        if moved != self.noted {
            self.noted.clone_from(&moved);
            notes.push((MOVES, moved));
        }
        notes
    }

    /// The reservation followed the service to `port`.
    pub fn follow(&mut self, port: u16) -> Option<Note> {
        self.diagnosis = None;
        (self.follows.replace(port) != Some(port)).then(|| (FOLLOWS, Some(port.to_string())))
    }

    /// Whether the reservation has followed the service to this port.
    pub fn has_followed_to(&self, port: u16) -> bool {
        self.follows == Some(port)
    }

    /// The listeners on other ports, the likeliest first.
    pub fn elsewhere(&self) -> Option<&[Place]> {
        if let Some(Diagnosis::Elsewhere(places)) = &self.diagnosis { Some(places) } else { None }
    }

    fn may_be_refused(&self) -> bool {
        self.delivery != Delivery::Flag && !self.gave_up && self.preload.is_none()
    }

    /// The candidates for the service's own listener, the likeliest first. Doubtful ones are left out unless all
    /// are.
    fn places(&self, listeners: Vec<Place>, reserved: u16) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for place in listeners {
            let is_known = places.iter().any(|known| known.port == place.port);
            if place.port != reserved && !is_known && !self.facts.auxiliary.contains(&place.port) {
                places.push(place);
            }
        }
        if self.delivery == Delivery::Flag || !places.iter().all(|place| self.doubts(place)) {
            places.retain(|place| !self.doubts(place));
        }
        places.sort_by_key(|place| (place.port != self.facts.conventional, place.port));
        places
    }

    fn doubts(&self, place: &Place) -> bool {
        self.facts.suspect.contains(&place.port) || (self.facts.is_ephemeral)(place.port)
    }

    /// How long the listeners must stay as they are: a service that knows its port may open others first.
    fn patience(&self, places: &[Place]) -> Duration {
        let millis = match (self.delivery, self.facts.role) {
            (Delivery::Flag, _) => 15_000,
            // Another program of the script has its own port, and listens before a framework has compiled.
            _ if self.is_apart
                && places.first().is_none_or(|place| place.port != self.facts.conventional) =>
            {
                60_000
            }
            _ if self.facts.is_concurrent || places.iter().any(|place| self.doubts(place)) => 5_000,
            (Delivery::Variable, Role::Main | Role::Side) => 5_000,
            (Delivery::Inner, _) => 3_000,
            (Delivery::Unverified, _) | (Delivery::Variable, Role::Runtime | Role::Last) => 1_500,
        };
        Duration::from_millis(millis)
    }

    /// The listener to move next; `None` if there is none that has not been tried.
    fn next_move(&self, places: &[Place]) -> Option<MovedListener> {
        if self.gave_up {
            return None;
        }
        let tried = match self.preload.as_ref().map(|preload| &preload.moved) {
            Some(MovedListener::Exactly(ports)) => &ports[..],
            Some(MovedListener::FirstOf(_) | MovedListener::Refused) | None => &[],
        };
        let in_turn = matches!(&self.preload, Some(Preload { moved: MovedListener::FirstOf(_), .. }));
        let nodes = places.iter().filter(|place| place.is_node()).map(|place| place.port);
        let ports: Vec<u16> = nodes.filter(|port| !tried.contains(port)).collect();
        let (&first, rest) = ports.split_first()?;
        let is_ephemeral = (self.facts.is_ephemeral)(first);
        if first == self.facts.conventional || in_turn || (rest.is_empty() && !is_ephemeral) {
            let known = tried.iter().copied().take(REMEMBERED - 1);
            return Some(MovedListener::Exactly([first].into_iter().chain(known).collect()));
        }
        let any = is_ephemeral.then_some(0);
        Some(MovedListener::FirstOf(ports.iter().copied().chain(any).collect()))
    }
}

/// A note of an earlier session whose evidence still holds.
fn note<T: std::str::FromStr>(previous: Option<&Remembered>, request: &PortRequest, key: &str) -> Option<T> {
    previous.filter(|row| request.agrees_with(row))?.notes.get(key)?.parse().ok()
}
