//! A second look at a service that is ready: what was learned wrongly is unlearned.

use super::conflict_hints::DENOS;
use super::decisions::{Diagnosis, MOVED, Note, PortOverride};
use super::evidence::Evidence;
use super::place::{Place, names};
use crate::launch::{MovedListener, Preload, Remark};
use crate::port::FOLLOWS;
use crate::port::Greeting;

/// What a second look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// Nothing that was not known.
    Fine,
    /// The program has asked for the reserved port itself, and got it. These notes have changed.
    Obeys(Vec<Note>),
    /// Another start makes it right: [`PortOverride::redirect`].
    Misplaced,
    /// The reservation has to follow the service to another listener.
    Follow,
    /// Two programs of the tree want the reserved port.
    Contested,
}

impl PortOverride {
    /// Whether something was learned about the service that may turn out to be wrong.
    pub fn is_in_effect(&self) -> bool {
        self.preload.is_some() || self.follows.is_some()
    }

    /// The listeners that can be servers: those of which one is the service's own, the likeliest first, then the others that
    /// answer as one.
    pub fn servers(&self) -> Vec<Place> {
        let mut all = self.elsewhere().unwrap_or_default().to_vec();
        for other in self.others() {
            let answers = matches!(other.greeting, Some(Greeting::Page | Greeting::Data));
            if answers && self.facts.can_be(other) && all.iter().all(|known| known.port != other.port) {
                all.push(other.clone());
            }
        }
        all
    }

    /// Looks again. `here` is what the listener on the reserved port answers, if that is known.
    pub fn review(&mut self, evidence: &Evidence<'_>, here: Option<Greeting>) -> Judgement {
        if self.preload.is_some() {
            if evidence.remark == Some(Remark::Obeyed) {
                self.preload = None;
                self.noted = None;
                self.disown(evidence.claimed);
                let moved = [(MOVED, None)].into_iter();
                return Judgement::Obeys(moved.chain(self.learn_beside(evidence.reserved)).collect());
            }
            if self.is_in_the_way(evidence) {
                self.disown_moved(evidence.claimed);
                self.diagnosis = Some(Diagnosis::InTheWay);
                return Judgement::Misplaced;
            }
        }
        // The server itself is where it was, so that another one of its program has been moved.
        if let Some(MovedListener::Deno(port)) = self.preload.as_ref().map(|preload| &preload.moved)
            && evidence.listeners.iter().any(|place| place.port == *port)
        {
            self.diagnosis = Some(Diagnosis::AnotherMoved);
            return Judgement::Misplaced;
        }
        if let Some(verdict) = self.better(evidence, here) {
            return verdict;
        }
        let contested = evidence.remark == Some(Remark::Twice) || evidence.is_conflict();
        if contested && !std::mem::replace(&mut self.is_contested, true) {
            return Judgement::Contested;
        }
        Judgement::Fine
    }

    /// Whether what was moved keeps another program of the service from the port that it asks for. Each Deno program is
    /// moved, and does not name the port that it is refused.
    pub(super) fn is_in_the_way(&self, evidence: &Evidence<'_>) -> bool {
        let is_deno_refused = self.moves_deno() && evidence.output.contains(DENOS);
        is_deno_refused || (self.preload.is_some() && evidence.is_in_the_way())
    }

    /// Whether to ask what the listener on the reserved port is: there is another one that may be the server.
    pub fn asks_itself(&self, listeners: &[Place], reserved: u16) -> bool {
        self.is_in_effect() && self.rivals(listeners, reserved).next().is_some()
    }

    /// A listener elsewhere for which more speaks than for the one that was taken for the server.
    fn better(&mut self, evidence: &Evidence<'_>, here: Option<Greeting>) -> Option<Judgement> {
        if !self.is_in_effect() {
            return None;
        }
        let taken = match self.preload.as_ref().map(|preload| &preload.moved) {
            Some(MovedListener::Deno(port)) => *port,
            // Without a claim, nothing was moved.
            Some(_) => evidence.claimed?,
            None => self.follows?,
        };
        let mut own = self.standing(Some(here?), taken, evidence.output);
        own.is_named |= names(evidence.output, evidence.reserved);
        let standing = |place: &Place| self.standing(place.greeting, place.port, evidence.output);
        let rivals = self.rivals(&evidence.listeners, evidence.reserved);
        let mut better: Vec<Place> = rivals.filter(|place| standing(place) > own).cloned().collect();
        better.sort_by_key(|place| std::cmp::Reverse(standing(place)));
        better.truncate(1);
        if better.is_empty() {
            return None;
        }
        if self.moves_deno() {
            self.diagnosis = Some(Diagnosis::AnotherMoved);
            return Some(Judgement::Misplaced);
        }
        if let Some(preload) = &mut self.preload {
            let before = preload.moved.clone();
            if let MovedListener::Exactly(ports) = &mut preload.moved {
                ports.retain(|&port| port != taken && better.iter().all(|place| place.port != port));
            }
            if self.next_move(&better).is_none() {
                self.preload.iter_mut().for_each(|preload| preload.moved.clone_from(&before));
                return None;
            }
        }
        self.disown(Some(taken));
        self.diagnosis = Some(Diagnosis::Elsewhere(better));
        Some(if self.preload.is_some() { Judgement::Misplaced } else { Judgement::Follow })
    }

    /// The listeners elsewhere that may be the server.
    fn rivals<'a>(&'a self, listeners: &'a [Place], reserved: u16) -> impl Iterator<Item = &'a Place> {
        let is_beside = |port| self.facts.auxiliary.contains(&port) || self.facts.is_unlikely(port);
        let may_be = |place: &Place| place.greeting > Some(Greeting::Empty);
        listeners
            .iter()
            .filter(move |place| may_be(place) && place.port != reserved && !is_beside(place.port))
    }

    /// Learns that the listeners on other ports are not the server while the moved one serves. Returns the note that has
    /// changed.
    pub fn learn(&mut self, listeners: &[Place], here: Option<Greeting>, reserved: u16) -> Option<Note> {
        let moved = self.preload.as_ref().map(|preload| &preload.moved);
        let is_moved = |port| matches!(moved, Some(MovedListener::Exactly(ports)) if ports.contains(&port));
        // What may turn out to be the server is not noted.
        let is_rival = |place: &Place| {
            place.greeting.is_none_or(|greeting| greeting > Greeting::Empty && Some(greeting) >= here)
        };
        let others = listeners.iter().filter(|place| !is_moved(place.port) && !is_rival(place));
        let others: Vec<Place> = others.cloned().collect();
        self.others = others;
        self.learn_beside(reserved)
    }

    /// The port whose listener was moved is not the server's: the one that was claimed, if that is known.
    pub(super) fn disown_moved(&mut self, claimed: Option<u16>) {
        match &self.preload {
            Some(Preload { moved: MovedListener::Exactly(ports), .. }) if claimed.is_none() => {
                self.disown(ports.clone());
            }
            Some(_) | None => self.disown(claimed),
        }
    }

    pub(super) fn disown(&mut self, ports: impl IntoIterator<Item = u16>) {
        let ports: Vec<u16> = ports.into_iter().filter(|&port| port > 0).collect();
        self.facts.auxiliary.extend(&ports);
        self.disowned.extend(ports);
    }

    /// Forgets a move that was in the way, before the next run: that may be stopped before it is ready. Returns the
    /// note that has changed.
    pub fn forget(&mut self) -> Option<Note> {
        let is_wrong = self.diagnosis == Some(Diagnosis::InTheWay);
        self.noted.take_if(|_| is_wrong).map(|_| (MOVED, None))
    }

    /// The port that was reserved before the reservation followed the service.
    pub fn original(&self) -> Option<u16> {
        self.original
    }

    /// The service listens on its original port after all. Returns the note that has changed.
    pub fn unfollow(&mut self) -> Note {
        let followed = self.follows.take();
        self.disown(followed);
        self.original = None;
        (FOLLOWS, None)
    }
}
