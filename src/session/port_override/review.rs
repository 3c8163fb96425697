//! A second look at a service that is ready: what was learned wrongly is unlearned.

use super::decisions::{Diagnosis, FOLLOWS, MOVED, Note, PortOverride};
use super::evidence::Evidence;
use super::place::Place;
use crate::launch::{MovedListener, Preload, Remark};
use crate::port::Greeting;

/// What a second look shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing that was not known.
    Fine,
    /// The program has asked for the reserved port itself, and got it. This note has changed.
    Obeys(Note),
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

    /// Looks again. `here` is what the listener on the reserved port answers, if that is known.
    pub fn review(&mut self, evidence: &Evidence<'_>, here: Option<Greeting>) -> Finding {
        if self.preload.is_some() {
            if evidence.remark == Some(Remark::Obeyed) {
                self.preload = None;
                self.noted = None;
                return Finding::Obeys((MOVED, None));
            }
            if evidence.is_in_the_way() {
                self.disown_moved(evidence.claimed);
                self.diagnosis = Some(Diagnosis::InTheWay);
                return Finding::Misplaced;
            }
        }
        if let Some(verdict) = self.better(evidence, here) {
            return verdict;
        }
        let contested = evidence.remark == Some(Remark::Twice) || evidence.is_conflict();
        if contested && !std::mem::replace(&mut self.is_contested, true) {
            return Finding::Contested;
        }
        Finding::Fine
    }

    /// Whether to ask what the listener on the reserved port is: there is a page elsewhere, and this may be none.
    pub fn asks_itself(&self, listeners: &[Place], reserved: u16) -> bool {
        self.is_in_effect() && self.pages(listeners, reserved).next().is_some()
    }

    /// A page elsewhere, while the listener that was taken for the server has none.
    fn better(&mut self, evidence: &Evidence<'_>, here: Option<Greeting>) -> Option<Finding> {
        if !self.is_in_effect() || here? == Greeting::Page {
            return None;
        }
        let pages: Vec<Place> = self.pages(&evidence.listeners, evidence.reserved).cloned().collect();
        if pages.is_empty() {
            return None;
        }
        if self.preload.is_some() {
            self.next_move(&pages)?;
            self.disown_moved(evidence.claimed);
        } else {
            self.disown(self.follows);
        }
        self.diagnosis = Some(Diagnosis::Elsewhere(pages));
        Some(if self.preload.is_some() { Finding::Misplaced } else { Finding::Follow })
    }

    fn pages<'a>(&'a self, listeners: &'a [Place], reserved: u16) -> impl Iterator<Item = &'a Place> {
        let is_beside = |port| self.facts.auxiliary.contains(&port) || self.facts.is_unlikely(port);
        listeners
            .iter()
            .filter(move |place| place.is_page() && place.port != reserved && !is_beside(place.port))
    }

    /// The ports whose listener was moved are not the server's. `claimed` is the one of several that was.
    pub(super) fn disown_moved(&mut self, claimed: Option<u16>) {
        if let Some(Preload { moved: MovedListener::Exactly(ports), .. }) = &self.preload {
            self.disown(ports.clone());
        }
        self.disown(claimed);
    }

    fn disown(&mut self, ports: impl IntoIterator<Item = u16>) {
        let ports: Vec<u16> = ports.into_iter().filter(|&port| port > 0).collect();
        self.facts.auxiliary.extend(&ports);
        self.disowned.extend(ports);
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
