//! News of the sessions beneath a service that starts the scripts of others.

use std::time::Duration;

use tokio::time::Instant;

use super::service::Input;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::{Event, News, ReadyBy, State, Told, What};

/// How long a service with a port of its own may take to listen there after the first of the others is ready.
const OWN_SERVER_PATIENCE: Duration = Duration::from_secs(2);
/// How often, and for how long, it is looked whether it does so after all.
const LATE_INTERVAL: Duration = Duration::from_secs(1);
const LATE_PATIENCE: Duration = Duration::from_secs(300);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Passes it on. The service that starts others is ready with the first of them; if it has a port of its own, only
    /// if nothing listens there soon.
    pub(super) fn told(&mut self, told: &Told) {
        self.sink.relay(told);
        let News::Event(Event { what: What::PortDetected { .. }, .. }) = &told.news else { return };
        for index in self.alive().collect::<Vec<_>>() {
            if !self.backend.orchestrates(index) || !self.instances[index].service.is_starting() {
                continue;
            }
            let patience = if self.backend.port(index) == 0 { Duration::ZERO } else { OWN_SERVER_PATIENCE };
            let due = || Instant::now() + patience;
            self.instances[index].substitute.due.get_or_insert_with(due);
            self.stand_in(index);
        }
    }

    /// Counts the service as ready once it is time.
    pub(super) fn stand_in(&mut self, index: usize) {
        let now = Instant::now();
        let due = &mut self.instances[index].substitute.due;
        if due.take_if(|at| *at <= now).is_none() || !self.instances[index].service.is_starting() {
            return;
        }
        let framework = self.backend.framework(index);
        self.inputs.control.notify(index, &What::Ready { framework, by: ReadyBy::Start, after: None });
        self.sink.stood_in(index);
        self.backend.stand_in(index);
        self.feed(index, Input::Listening);
        if self.backend.port(index) != 0 {
            self.instances[index].substitute.since = Some(now);
            self.instances[index].review_at = Some(now + LATE_INTERVAL);
        }
    }

    /// Looks whether a service listens itself by now for which others stand in. True if they do not.
    pub(super) fn is_itself(&mut self, index: usize) -> bool {
        let Some(since) = self.instances[index].substitute.since else { return true };
        let listener = self.verify(index);
        if self.listens(index) && self.knows_scheme(index, listener) {
            self.instances[index].substitute.since = None;
            self.announce_ready(index, None);
            return true;
        }
        let goes_on =
            self.instances[index].service.state() == State::Running && since.elapsed() < LATE_PATIENCE;
        self.instances[index].review_at = goes_on.then(|| Instant::now() + LATE_INTERVAL);
        false
    }
}
