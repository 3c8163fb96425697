//! What the next start of a service tries, so that it listens on its reserved port.

use super::decisions::{Diagnosis, PortOverride, REMEMBERED};
use super::place::{Place, list};
use crate::launch::{MovedListener, Preload};

impl PortOverride {
    /// Sets the preload of the next start, and returns the message for the user.
    pub fn redirect(&mut self, reserved: u16) -> String {
        let next = match &self.diagnosis {
            Some(Diagnosis::Elsewhere(places)) => self.next_move(places),
            Some(Diagnosis::Refused(refusal)) => Some(refusal.next_move()),
            Some(Diagnosis::Broken | Diagnosis::AnotherMoved | Diagnosis::InTheWay) | None => None,
        };
        let message = match (&self.diagnosis, &next) {
            (Some(Diagnosis::Elsewhere(places)), Some(moved)) => {
                let which = if let MovedListener::FirstOf(_) = moved { "its HTTP server" } else { "that" };
                format!(
                    "it listens on {}, not on its reserved port {reserved}; starting it once more with {which} moved to port {reserved}, its files unchanged",
                    list(places)
                )
            }
            (Some(Diagnosis::Refused(_)), Some(_)) => format!(
                "the port that it asks for is taken by another program; starting it once more so that it gets its reserved port {reserved}"
            ),
            (Some(Diagnosis::InTheWay), _) => format!(
                "it asks for its reserved port {reserved} itself, where another listener of it was moved; starting it once more without that"
            ),
            (Some(Diagnosis::AnotherMoved), _) => format!(
                "what was moved to its reserved port {reserved} is another server of it; starting it once more without that"
            ),
            (_, _) => {
                "it does not run with its listener moved; starting it once more without that".to_owned()
            }
        };
        self.gave_up |= match self.diagnosis {
            Some(Diagnosis::Broken | Diagnosis::AnotherMoved) => true,
            Some(Diagnosis::InTheWay) => self.moves_deno(),
            Some(Diagnosis::Elsewhere(_) | Diagnosis::Refused(_)) | None => false,
        };
        self.is_remembered = false;
        let (path, auxiliary) = (self.path.clone(), self.facts.never_moved());
        self.preload = next.map(|moved| Preload { path, moved, auxiliary });
        message
    }

    /// The listener to move next; `None` if there is none that has not been tried.
    pub(super) fn next_move(&self, places: &[Place]) -> Option<MovedListener> {
        if self.gave_up {
            return None;
        }
        let tried = match self.preload.as_ref().map(|preload| &preload.moved) {
            Some(MovedListener::Exactly(ports)) => &ports[..],
            Some(MovedListener::FirstOf(_) | MovedListener::Refused | MovedListener::Deno(_)) | None => &[],
        };
        let in_turn = matches!(&self.preload, Some(Preload { moved: MovedListener::FirstOf(_), .. }));
        // Deno moves the server that a program opens first, so it must have only one.
        if let ([only], [_]) = (places, &self.others[..])
            && only.is_deno()
        {
            return (!self.moves_deno()).then_some(MovedListener::Deno(only.port));
        }
        let loading = places.iter().filter(|place| place.loads_files()).map(|place| place.port);
        let ports: Vec<u16> = loading.filter(|port| !tried.contains(port)).collect();
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
