//! What is known of a service that does not listen on its port, and what to try next.

use std::path::PathBuf;
use std::time::Duration;

use super::conflict_hints::{RefusedPort, refusal};
use super::evidence::Evidence;
use super::facts::Facts;
use super::place::{Place, Standing, names};
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
/// Deno's error for an address on which a program may not listen.
const DENY_NET: &str = "NotCapable: Requires net access";
/// How many moved ports, and ports beside, are remembered per project.
pub(super) const REMEMBERED: usize = 4;
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
    Refused(RefusedPort),
    /// It ran without the preload, and fails with it.
    Broken,
    /// The first server of its program was moved, and is not its own.
    AnotherMoved,
    /// The listener that was moved to the reserved port blocks another one, which obeys `PORT`.
    InTheWay,
}

#[derive(Debug)]
pub struct PortOverride {
    pub(super) facts: Facts,
    /// The file of the preload.
    pub(super) path: PathBuf,
    /// The preload of the next start.
    pub preload: Option<Preload>,
    /// Whether the preload was remembered from an earlier session.
    pub(super) is_remembered: bool,
    /// The present value of the note [`MOVED`] in the store.
    pub(super) noted: Option<String>,
    /// Whether the preload failed, so that none is tried again.
    pub(super) gave_up: bool,
    /// The port that the present run was refused, as far as is known.
    refused: Option<u16>,
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
            refused: None,
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
        self.refused = None;
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
        // A service without a reserved port cannot obey one later.
        let unread = Sources::default();
        let sources = if evidence.reserved == 0 { Some(&unread) } else { evidence.sources };
        // A listener beside a server that was refused its port is hardly the server.
        let is_conventional = places.first().is_some_and(|place| place.port == self.facts.conventional);
        let refusal = if is_conventional { None } else { self.refusal(evidence, false) };
        if let Some(refusal) = refusal.filter(|_| self.may_be_refused()) {
            let patience = self.facts.patience_when_refused(self.delivery, sources);
            self.diagnosis = Some(Diagnosis::Refused(refusal));
            return Some(Observation { ports: Vec::new(), redirectable: true, patience });
        }
        self.diagnosis = None;
        let ports: Vec<u16> = places.iter().map(|place| place.port).collect();
        let listening: Vec<u16> = evidence.listeners.iter().map(|place| place.port).collect();
        let patience = |place: &Place| {
            let patience = self.facts.patience(self.delivery, place, sources, &listening)?;
            Some(patience.max(self.patience_beside_moved(place)))
        };
        let mut patience: Vec<_> = places.iter().map(patience).collect();
        let mut known = patience.iter().map(Option::is_some);
        places.retain(|_| known.next().unwrap_or_default());
        patience.retain(Option::is_some);
        let redirectable = self.next_move(&places).is_some();
        let has_followed = self.follows.is_some_and(|port| places.iter().any(|place| place.port == port));
        let obeys = sources.is_some_and(|sources| {
            let have_opened_all = self.facts.runs_own_program()
                && sources.have_opened_all(self.follows.unwrap_or_default(), &listening);
            sources.reads_port && !have_opened_all
        });
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
        let is_in_the_way = self.is_in_the_way(evidence);
        let refusal = self.refusal(evidence, run.exit.success());
        if is_in_the_way {
            self.disown_moved(evidence.claimed);
        }
        self.diagnosis = match &self.preload {
            Some(_) if is_in_the_way => Some(Diagnosis::InTheWay),
            _ if run.settled => None,
            // A Deno program that may listen on its own port alone.
            Some(_) if self.moves_deno() && evidence.output.contains(DENY_NET) => Some(Diagnosis::Broken),
            Some(_) if self.is_remembered => None,
            Some(Preload { moved: MovedListener::Refused, .. }) => None,
            // Without the preload it did run, on another port.
            Some(_) => Some(Diagnosis::Broken),
            None => refusal.filter(|_| self.may_be_refused()).map(Diagnosis::Refused),
        };
        self.diagnosis.is_some()
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
                (MovedListener::FirstOf(_), None)
                | (MovedListener::Exactly(_) | MovedListener::Deno(_), _) => {}
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

    pub(super) fn moves_deno(&self) -> bool {
        matches!(self.preload, Some(Preload { moved: MovedListener::Deno(_), .. }))
    }

    fn may_be_refused(&self) -> bool {
        self.delivery != Delivery::Flag && !self.gave_up && self.preload.is_none()
    }

    fn refusal(&mut self, evidence: &Evidence<'_>, ended_well: bool) -> Option<RefusedPort> {
        // A server that got its port by a flag asks for no other.
        if self.delivery == Delivery::Flag {
            return None;
        }
        let never = self.facts.never_moved();
        let is_taken = |port| !never.contains(&port) && (evidence.is_taken)(port);
        let found = refusal(evidence.output, ended_well, evidence.reserved, is_taken);
        self.refused = found.and_then(|found| found.port);
        found
    }

    /// Whether the program may be no server: it runs any code, and has never been seen to listen.
    pub fn may_be_no_server(&self) -> bool {
        let is_known = self.preload.is_some() || self.follows.is_some();
        self.facts.runs_own_program() && !is_known && self.others.is_empty()
    }

    /// The port that the run was refused, if its server cannot be moved from it.
    pub fn refused(&self) -> Option<u16> {
        self.refused.filter(|_| !self.may_be_refused())
    }

    /// How long the listener must stay because another one is known to be the server, and may be slow.
    fn patience_beside_moved(&self, place: &Place) -> Duration {
        let is_moved = |moved: &MovedListener| match moved {
            MovedListener::Exactly(ports) => ports.contains(&place.port),
            MovedListener::Deno(port) => [place.port, 0].contains(port),
            MovedListener::FirstOf(_) | MovedListener::Refused => true,
        };
        let moved = self.preload.as_ref().map(|preload| &preload.moved);
        if place.port == self.facts.conventional || moved.is_none_or(is_moved) {
            return Duration::ZERO;
        }
        let is_likely = place.is_page() && !self.facts.doubts(place.port);
        if is_likely { AWAITED.0 } else { AWAITED.1 }
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
}

/// A note of an earlier session whose evidence still holds.
fn note<T: std::str::FromStr>(previous: Option<&Remembered>, request: &PortRequest, key: &str) -> Option<T> {
    previous.filter(|row| request.agrees_with(row))?.notes.get(key)?.parse().ok()
}
