//! Services that ask for another port than the one reserved for them: what is known, and what is to be tried.

mod conflict_hints;

use std::path::PathBuf;
use std::time::Duration;

use crate::detect::catalog::Role;
use crate::launch::{Delivery, LaunchSpec, Moved, Preload};
use crate::port::listeners::{Held, Listeners};
use crate::port::{Remembered, Request, is_ephemeral};
use crate::process::{self, Exit};
use crate::session::port_override::conflict_hints::{is_refused, names};
use crate::session::prepared::Candidate;
use crate::supervise::Sighting;

/// The note with the ports whose listener is moved.
pub const MOVES: &str = "moves";
/// The note with the port that the reservation had to follow the service to.
pub const FOLLOWS: &str = "follows";
/// Where node opens its inspector.
const INSPECTOR: u16 = 9229;
/// How many ports of one project are remembered as its own.
const REMEMBERED: usize = 4;

/// A listener of the service on another port than the reserved one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub port: u16,
    pub pid: i32,
    /// The name of its program.
    pub program: String,
}

impl Place {
    fn of(held: Held) -> Self {
        let path = process::executable(held.pid).unwrap_or_default();
        let program = path.file_name().unwrap_or_default().to_string_lossy();
        // The kernel says so when the file was replaced since.
        let program = program.trim_end_matches(" (deleted)").to_owned();
        Self { port: held.listener.address.port(), pid: held.pid, program }
    }

    /// Whether its program reads `NODE_OPTIONS`.
    fn is_node(&self) -> bool {
        self.program.starts_with("node")
    }
}

/// Why the service has to be started once more.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Finding {
    /// It listens there.
    Elsewhere(Vec<Place>),
    /// The port that it asks for is taken.
    Refused,
    /// It does not run with its listener moved.
    Broken,
    /// What was moved is in the way of a program that obeys.
    InTheWay,
}

/// What is known of one service's own idea of its port.
#[derive(Debug)]
pub struct Redirect {
    /// Where its preload lies.
    path: PathBuf,
    /// What its node programs load.
    preload: Option<Preload>,
    /// Whether the preload is the one of an earlier life.
    is_remembered: bool,
    /// What later starts would move.
    noted: Option<String>,
    /// Whether no preload is to be tried any more.
    given_up: bool,
    finding: Option<Finding>,
    follows: Option<u16>,
    /// Ports that it opens beside its own.
    auxiliary: Vec<u16>,
    /// Ports that some framework opens beside its own.
    suspect: Vec<u16>,
    /// Where its framework listens by convention.
    conventional: Vec<u16>,
    /// Whether it is one of several programs that are started side by side.
    has_company: bool,
    delivery: Delivery,
    role: Role,
}

impl Redirect {
    /// What earlier starts have taught. `previous` is what is remembered of the project.
    pub fn new(candidate: &Candidate<'_>, previous: Option<&Remembered>, path: PathBuf) -> Self {
        let Candidate { detection, reading, request, subject, .. } = candidate;
        let tool = detection.tool.map(|tool| tool.framework);
        let frameworks = [Some(detection.framework), tool].into_iter().flatten();
        let auxiliary = frameworks.flat_map(|framework| &framework.extra_ports).copied();
        let auxiliary: Vec<u16> = auxiliary.chain([INSPECTOR]).collect();
        let every = subject.config.catalog.frameworks().iter();
        let suspect = every.flat_map(|framework| &framework.extra_ports).copied().collect();
        let moved = note(previous, request, MOVES);
        let preload = moved.map(|moved| Preload { path: path.clone(), moved, auxiliary: auxiliary.clone() });
        Self {
            is_remembered: preload.is_some(),
            noted: preload.as_ref().map(|preload| preload.moved.to_string()),
            preload,
            path,
            given_up: false,
            finding: None,
            follows: note(previous, request, FOLLOWS),
            auxiliary,
            suspect,
            conventional: detection.framework.conventional.clone(),
            has_company: reading.is_concurrent(),
            delivery: Delivery::Hope,
            role: detection.framework.rules.role,
        }
    }

    /// What its node programs load.
    pub fn preload(&self) -> Option<&Preload> {
        self.preload.as_ref()
    }

    /// Takes in how it is started now.
    pub fn starts(&mut self, spec: &LaunchSpec) {
        self.delivery = spec.delivery;
        self.finding = None;
    }

    /// What it does instead of listening on `reserved`. `held` are the listeners of its tree.
    pub fn sighting(&mut self, held: Vec<Held>, reserved: u16, output: &str) -> Option<Sighting> {
        let places = self.places(held, reserved);
        // What listens beside a server that was refused its port is hardly what is waited for.
        let is_conventional = places.first().is_some_and(|place| self.conventional.contains(&place.port));
        let waits =
            !is_conventional && self.may_be_refused() && is_refused(output, false, reserved, is_taken);
        if places.is_empty() || waits {
            self.finding = waits.then_some(Finding::Refused);
            return waits.then(|| Sighting {
                ports: Vec::new(),
                movable: true,
                patience: self.patience(&[]),
            });
        }
        let ports: Vec<u16> = places.iter().map(|place| place.port).collect();
        let known = self.follows.is_some_and(|port| ports.contains(&port));
        let movable = self.next(&places).is_some();
        let patience = if known && !movable { Duration::ZERO } else { self.patience(&places) };
        self.finding = Some(Finding::Elsewhere(places));
        Some(Sighting { ports, movable, patience })
    }

    /// Whether a run that ended so without having listened on `reserved` can be helped.
    pub fn is_redirectable(&mut self, exit: Exit, reserved: u16, output: &str) -> bool {
        let conflict = output.lines().any(|line| line.contains("EADDRINUSE") && names(line, reserved));
        if let (true, Some(Preload { moved: Moved::Exactly(ports), .. })) = (conflict, &self.preload) {
            self.auxiliary.extend(ports);
        }
        let finding = match &self.preload {
            Some(_) if conflict => Some(Finding::InTheWay),
            Some(_) if self.is_remembered => None,
            Some(Preload { moved: Moved::Refused, .. }) => None,
            // It had run before, if only on another port.
            Some(_) => Some(Finding::Broken),
            None => {
                let refused = self.may_be_refused() && is_refused(output, exit.success(), reserved, is_taken);
                refused.then_some(Finding::Refused)
            }
        };
        self.finding = finding;
        self.finding.is_some()
    }

    /// Decides how the next start differs, and says so.
    pub fn redirect(&mut self, reserved: u16) -> String {
        let next = match &self.finding {
            Some(Finding::Elsewhere(places)) => self.next(places),
            Some(Finding::Refused) => Some(Moved::Refused),
            Some(Finding::Broken | Finding::InTheWay) | None => None,
        };
        let message = match (&self.finding, &next) {
            (Some(Finding::Elsewhere(places)), Some(moved)) => {
                let which = if let Moved::FirstOf(_) = moved { "its HTTP server" } else { "that" };
                format!(
                    "it listens on {}, not on its reserved port {reserved}; starting it once more with {which} moved to port {reserved}, its files unchanged",
                    listed(places)
                )
            }
            (Some(Finding::Refused), Some(_)) => format!(
                "the port that it asks for is taken by another program; starting it once more so that it gets its reserved port {reserved}"
            ),
            (_, _) => {
                "it does not run with its listener moved; starting it once more without that".to_owned()
            }
        };
        self.given_up |= self.finding == Some(Finding::Broken);
        self.is_remembered = false;
        let (path, auxiliary) = (&self.path, &self.auxiliary);
        self.preload = next.map(|moved| Preload { path: path.clone(), moved, auxiliary: auxiliary.clone() });
        message
    }

    /// It listens on its port: the notes that later starts need, if they are other ones than before.
    pub fn succeeded(&mut self, reserved: u16) -> Vec<(&'static str, Option<String>)> {
        let mut notes = Vec::new();
        let follows = self.follows == Some(reserved);
        if self.follows.is_some() && !follows {
            self.follows = None;
            notes.push((FOLLOWS, None));
        }
        if let Some(preload) = &mut self.preload {
            match (&preload.moved, preload.claimed()) {
                (Moved::FirstOf(_) | Moved::Refused, Some(0)) => preload.moved = Moved::FirstOf(vec![0]),
                (Moved::FirstOf(_) | Moved::Refused, Some(port)) => {
                    preload.moved = Moved::Exactly(vec![port]);
                }
                // Nothing had to be moved after all.
                (Moved::Refused, None) => return notes,
                (Moved::FirstOf(_), None) | (Moved::Exactly(_), _) => {}
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

    /// The reservation is on this port of the service's own now.
    pub fn followed(&mut self, port: u16) -> Option<(&'static str, Option<String>)> {
        self.finding = None;
        (self.follows.replace(port) != Some(port)).then(|| (FOLLOWS, Some(port.to_string())))
    }

    /// Where it listens instead, the likeliest first.
    pub fn elsewhere(&self) -> Option<&[Place]> {
        match &self.finding {
            Some(Finding::Elsewhere(places)) => Some(places),
            Some(Finding::Refused | Finding::Broken | Finding::InTheWay) | None => None,
        }
    }

    fn may_be_refused(&self) -> bool {
        self.delivery != Delivery::Flag && !self.given_up && self.preload.is_none()
    }

    /// The listeners that may be the service's own, the likeliest first: what some framework opens beside its own
    /// port or what the system has chosen counts only where there is nothing else.
    fn places(&self, held: Vec<Held>, reserved: u16) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for held in held {
            let port = held.listener.address.port();
            let is_known = places.iter().any(|place| place.port == port);
            if port != reserved && !is_known && !self.auxiliary.contains(&port) {
                places.push(Place::of(held));
            }
        }
        if self.delivery == Delivery::Flag || !places.iter().all(|place| self.doubts(place)) {
            places.retain(|place| !self.doubts(place));
        }
        places.sort_by_key(|place| (!self.conventional.contains(&place.port), place.port));
        places
    }

    fn doubts(&self, place: &Place) -> bool {
        self.suspect.contains(&place.port) || is_ephemeral(place.port)
    }

    /// How long it must have been so: the surer the service was told its port, the likelier it is that it only opens
    /// others first.
    fn patience(&self, places: &[Place]) -> Duration {
        let millis = match (self.delivery, self.role) {
            (Delivery::Flag, _) => 15_000,
            _ if self.has_company || places.iter().any(|place| self.doubts(place)) => 5_000,
            (Delivery::Variable, Role::Main | Role::Side) => 5_000,
            (Delivery::Inner, _) => 3_000,
            (Delivery::Hope, _) | (Delivery::Variable, Role::Runtime | Role::Last) => 1_500,
        };
        Duration::from_millis(millis)
    }

    /// What to move, if that was not tried before.
    fn next(&self, places: &[Place]) -> Option<Moved> {
        if self.given_up {
            return None;
        }
        let tried = match self.preload.as_ref().map(|preload| &preload.moved) {
            Some(Moved::Exactly(ports)) => &ports[..],
            Some(Moved::FirstOf(_) | Moved::Refused) | None => &[],
        };
        let in_turn = matches!(&self.preload, Some(Preload { moved: Moved::FirstOf(_), .. }));
        let nodes = places.iter().filter(|place| place.is_node()).map(|place| place.port);
        let ports: Vec<u16> = nodes.filter(|port| !tried.contains(port)).collect();
        let (&first, rest) = ports.split_first()?;
        if self.conventional.contains(&first) || in_turn || (rest.is_empty() && !is_ephemeral(first)) {
            let known = tried.iter().copied().take(REMEMBERED - 1);
            return Some(Moved::Exactly([first].into_iter().chain(known).collect()));
        }
        let any = is_ephemeral(first).then_some(0);
        Some(Moved::FirstOf(ports.iter().copied().chain(any).collect()))
    }
}

/// A note that still holds.
fn note<T: std::str::FromStr>(previous: Option<&Remembered>, request: &Request, key: &str) -> Option<T> {
    let previous = previous.filter(|row| request.agrees_with(row))?;
    previous.notes.get(key)?.parse().ok()
}

fn is_taken(port: u16) -> bool {
    Listeners::new().on(port).is_ok_and(|listeners| !listeners.is_empty())
}

/// `port 4000 (node, pid 42)`.
pub fn listed(places: &[Place]) -> String {
    let places =
        places.iter().map(|Place { port, pid, program }| format!("port {port} ({program}, pid {pid})"));
    places.collect::<Vec<_>>().join(" and ")
}
