//! What is known of a service that does not listen on its port, and what to try next.

use std::path::PathBuf;
use std::time::Duration;

use super::conflict_hints::is_refused;
use super::evidence::Evidence;
use super::facts::Facts;
use super::place::{Place, Standing, list, names};
use super::sources::Sources;
use crate::launch::{Delivery, MovedListener, Preload, Remark};
use crate::logs;
use crate::paths::StateDir;
use crate::port::{FOLLOWS, Greeting, PortRequest, Remembered};
use crate::session::prepared::Prepared;
use crate::supervise::Observation;
use crate::supervise::service::FailedRun;

/// The note in the store with the ports whose listener is moved. Earlier versions wrote `moves`, without evidence
/// that a server was there.
pub(super) const MOVED: &str = "moved";
/// The note in the store with the ports that were open beside the server's.
pub(super) const BESIDE: &str = "beside";
/// How many moved ports, and ports beside, are remembered per project.
const REMEMBERED: usize = 4;
const REMEMBERED_BESIDE: usize = 16;
/// How long another listener must stay while the one that is moved is awaited: a page, and one that hardly is the server.
const AWAITED: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(20));
/// How long before it could be believed a listener is asked what it is.
const ASKED_BEFORE: Duration = Duration::from_millis(700);

/// A note for the store: its key, and its value or `None` to remove it.
pub type Note = (&'static str, Option<String>);

/// The reason for starting a service once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Diagnosis {
    /// It listens on these places.
    Elsewhere(Vec<Place>),
    /// The port that it asks for, not the reserved one, is taken.
    Refused,
    /// It ran without the preload, and fails with it.
    Broken,
    /// The listener that was moved to the reserved port blocks another one, which obeys `PORT`.
    InTheWay,
}

#[derive(Debug)]
pub struct PortOverride {
    pub(super) facts: Facts,
    /// The file of the preload.
    path: PathBuf,
    /// The preload of the next start.
    pub preload: Option<Preload>,
    /// Whether the preload was remembered from an earlier session.
    is_remembered: bool,
    /// The present value of the note [`MOVED`] in the store.
    pub(super) noted: Option<String>,
    /// Whether the preload failed, so that none is tried again.
    gave_up: bool,
    pub(super) diagnosis: Option<Diagnosis>,
    pub(super) follows: Option<u16>,
    /// The port that was reserved before the reservation followed the service.
    pub(super) original: Option<u16>,
    /// The listeners on other ports that were seen last, whatever they are.
    pub(super) others: Vec<Place>,
    /// Ports that were moved or followed, and were not the server's.
    pub(super) disowned: Vec<u16>,
    /// Whether another program of the tree was refused the reserved port.
    pub is_contested: bool,
    delivery: Delivery,
}

impl PortOverride {
    /// Reads the notes of earlier sessions from `previous`.
    pub fn new(prepared: &Prepared<'_>, previous: Option<&Remembered>, state: &StateDir) -> Self {
        let request = &prepared.request;
        let path = logs::file(&state.preload(), &request.project, &request.name);
        let (moved, follows) = (note(previous, request, MOVED), note(previous, request, FOLLOWS));
        let mut facts = Facts::of(prepared);
        let beside: Option<String> = note(previous, request, BESIDE);
        facts.beside = beside.iter().flat_map(|ports| ports.split(',')).flat_map(str::parse).collect();
        Self::remembering(facts, moved, follows, path.with_extension("cjs"))
    }

    pub(super) fn remembering(
        facts: Facts,
        moved: Option<MovedListener>,
        follows: Option<u16>,
        path: PathBuf,
    ) -> Self {
        let noted = moved.as_ref().map(MovedListener::to_string);
        let auxiliary = facts.never_moved();
        // Earlier versions followed any listener.
        let follows = follows.filter(|&port| !facts.auxiliary.contains(&port) && !facts.doubts(port));
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
            original: None,
            others: Vec::new(),
            disowned: Vec::new(),
            is_contested: false,
            delivery: Delivery::Unverified,
        }
    }

    /// A run begins. `delivery` is how it is told its port; see [`LaunchSpec`](crate::launch::LaunchSpec) for both.
    pub fn begin(&mut self, delivery: Delivery, is_one_of_several: bool) {
        self.delivery = delivery;
        self.facts.is_one_of_several = is_one_of_several;
        self.diagnosis = None;
        self.others.clear();
        self.is_contested = false;
    }

    /// How old a listener on another port is when it is asked what it is; `None` if that does not matter.
    pub fn ask_after(&self, port: u16, reserved: u16) -> Option<Duration> {
        let matters = port != reserved && !self.facts.auxiliary.contains(&port);
        let is_known = self.follows == Some(port);
        let least = self.facts.least_patience(self.delivery).saturating_sub(ASKED_BEFORE);
        matters.then_some(if is_known { Duration::ZERO } else { least })
    }

    /// Where the service listens instead of on the reserved port.
    pub fn observe(&mut self, evidence: &Evidence<'_>) -> Option<Observation> {
        let mut places = self.places(evidence);
        // What was given no port has none to obey.
        let unread = Sources::default();
        let sources = if evidence.reserved == 0 { Some(&unread) } else { evidence.sources };
        // A listener beside a server that was refused its port is hardly the server.
        let is_conventional = places.first().is_some_and(|place| place.port == self.facts.conventional);
        let refused = !is_conventional && self.may_be_refused() && self.is_refused(evidence, false);
        if refused {
            let patience = self.facts.patience_when_refused(self.delivery, sources);
            self.diagnosis = Some(Diagnosis::Refused);
            return Some(Observation { ports: Vec::new(), redirectable: true, patience });
        }
        self.diagnosis = None;
        let ports: Vec<u16> = places.iter().map(|place| place.port).collect();
        let patience = |place: &Place| {
            let patience = self.facts.patience(self.delivery, place, sources)?;
            Some(patience.max(self.patience_beside_moved(place)))
        };
        let mut patience: Vec<_> = places.iter().map(patience).collect();
        let mut known = patience.iter().map(Option::is_some);
        places.retain(|_| known.next().unwrap_or_default());
        patience.retain(Option::is_some);
        let redirectable = self.next_move(&places).is_some();
        let has_followed = self.follows.is_some_and(|port| places.iter().any(|place| place.port == port));
        let obeys = sources.is_some_and(|sources| sources.reads_port);
        let patience = if has_followed && !redirectable && !obeys {
            Some(Duration::ZERO)
        } else {
            patience.first().copied().flatten()
        };
        if !places.is_empty() {
            self.diagnosis = Some(Diagnosis::Elsewhere(places));
        }
        (!ports.is_empty()).then_some(Observation { ports, redirectable, patience })
    }

    /// Whether a run that exited without listening on its port for long is worth another start.
    pub fn is_redirectable(&mut self, run: FailedRun, evidence: &Evidence<'_>) -> bool {
        self.is_contested |= self.preload.is_none() && evidence.is_conflict();
        let is_in_the_way = self.preload.is_some() && evidence.is_in_the_way();
        if is_in_the_way {
            self.disown_moved(evidence.claimed);
        }
        self.diagnosis = match &self.preload {
            Some(_) if is_in_the_way => Some(Diagnosis::InTheWay),
            _ if run.settled => None,
            Some(_) if self.is_remembered => None,
            Some(Preload { moved: MovedListener::Refused, .. }) => None,
            // Without the preload it did run, on another port.
            Some(_) => Some(Diagnosis::Broken),
            None => {
                let refused = self.may_be_refused() && self.is_refused(evidence, run.exit.success());
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
            (Some(Diagnosis::InTheWay), _) => format!(
                "it asks for its reserved port {reserved} itself, where another listener of it was moved; starting it once more without that"
            ),
            (_, _) => {
                "it does not run with its listener moved; starting it once more without that".to_owned()
            }
        };
        self.gave_up |= self.diagnosis == Some(Diagnosis::Broken);
        self.is_remembered = false;
        let (path, auxiliary) = (self.path.clone(), self.facts.never_moved());
        self.preload = next.map(|moved| Preload { path, moved, auxiliary });
        message
    }

    /// The service listens on `reserved`; `claimed` is the port that the moved listener had asked for. Returns the
    /// notes that have changed.
    pub fn succeed(&mut self, reserved: u16, claimed: Option<u16>, remark: Option<Remark>) -> Vec<Note> {
        let mut notes = Vec::new();
        if remark == Some(Remark::Obeyed) {
            self.preload = None;
            self.disown(claimed);
        }
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
            notes.push((MOVED, moved));
        }
        notes.extend(self.learn_beside(reserved));
        notes
    }

    /// The listeners that were seen beside the server's, which listens on `reserved`, are not the server.
    pub(super) fn learn_beside(&mut self, reserved: u16) -> Option<Note> {
        let seen = self.others.iter().map(|place| place.port).chain(self.disowned.drain(..));
        let beside = &self.facts.beside;
        let mut new: Vec<u16> = seen.filter(|port| *port != reserved && !beside.contains(port)).collect();
        new.retain(|port| !self.facts.doubts(*port));
        if new.is_empty() {
            return None;
        }
        new.extend(beside);
        new.truncate(REMEMBERED_BESIDE);
        let list: Vec<String> = new.iter().map(u16::to_string).collect();
        self.facts.beside = new;
        Some((BESIDE, Some(list.join(","))))
    }

    /// The reservation followed the service to `port`, from `original`.
    pub fn follow(&mut self, port: u16, original: u16) -> Option<Note> {
        self.diagnosis = None;
        if original != 0 {
            self.original.get_or_insert(original);
        }
        (self.follows.replace(port) != Some(port)).then(|| (FOLLOWS, Some(port.to_string())))
    }

    /// Whether the reservation has followed the service to this port.
    pub fn has_followed_to(&self, port: u16) -> bool {
        self.follows == Some(port)
    }

    /// The listeners on other ports of which one is the service's own, the likeliest first.
    pub fn elsewhere(&self) -> Option<&[Place]> {
        if let Some(Diagnosis::Elsewhere(places)) = &self.diagnosis { Some(places) } else { None }
    }

    /// The listeners on other ports, whatever they are.
    pub fn others(&self) -> &[Place] {
        &self.others
    }

    fn may_be_refused(&self) -> bool {
        self.delivery != Delivery::Flag && !self.gave_up && self.preload.is_none()
    }

    fn is_refused(&self, evidence: &Evidence<'_>, ended_well: bool) -> bool {
        let never = self.facts.never_moved();
        let is_taken = |port| !never.contains(&port) && (evidence.is_taken)(port);
        is_refused(evidence.output, ended_well, evidence.reserved, is_taken)
    }

    /// How long the listener must stay because another one is known to be the server, and may be slow.
    fn patience_beside_moved(&self, place: &Place) -> Duration {
        match self.preload.as_ref().map(|preload| &preload.moved) {
            Some(MovedListener::Exactly(ports))
                if !ports.contains(&place.port) && place.port != self.facts.conventional =>
            {
                let is_likely = place.is_page() && !self.facts.doubts(place.port);
                if is_likely { AWAITED.0 } else { AWAITED.1 }
            }
            Some(_) | None => Duration::ZERO,
        }
    }

    /// What speaks for a listener with this answer, which the program asked for as `port`.
    pub(super) fn standing(&self, greeting: Option<Greeting>, port: u16, output: &str) -> Standing {
        let is_conventional = port == self.facts.conventional;
        Standing { greeting, is_conventional, is_named: names(output, port) }
    }

    /// The candidates for the service's own listener, the likeliest first. Doubtful ones are left out unless all
    /// are, and others unless there is no page.
    fn places(&mut self, evidence: &Evidence<'_>) -> Vec<Place> {
        let mut places: Vec<Place> = Vec::new();
        for place in &evidence.listeners {
            let is_known = places.iter().any(|known| known.port == place.port);
            if place.port != evidence.reserved && !is_known && !self.facts.auxiliary.contains(&place.port) {
                places.push(place.clone());
            }
        }
        self.others.clone_from(&places);
        places.retain(|place| self.facts.can_be(place));
        let is_unlikely = |place: &Place| self.facts.is_unlikely(place.port);
        if self.delivery == Delivery::Flag || !places.iter().all(is_unlikely) {
            places.retain(|place| !is_unlikely(place));
        }
        if places.iter().any(Place::is_page) {
            places.retain(Place::is_page);
        }
        let has_data = |place: &Place| place.greeting == Some(Greeting::Data);
        if places.iter().any(has_data) {
            places.retain(|place| {
                place.greeting != Some(Greeting::Empty) || place.port == self.facts.conventional
            });
        }
        places.sort_by_key(|place| (place.port != self.facts.conventional, place.port));
        let is_named = |place: &&Place| names(evidence.output, place.port);
        let mut named = places.iter().filter(is_named);
        if let (Some(only), None) = (named.next().cloned(), named.next())
            && places[0].port != self.facts.conventional
        {
            return vec![only];
        }
        places
    }

    /// The listener to move next; `None` if there is none that has not been tried.
    pub(super) fn next_move(&self, places: &[Place]) -> Option<MovedListener> {
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
            let known = tried.iter().copied().filter(|port| !self.facts.auxiliary.contains(port));
            let known = known.take(REMEMBERED - 1);
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
