//! News of the sessions beneath a service that starts the scripts of others.

use std::time::Duration;

use tokio::time::Instant;

use super::readiness::ReadinessWatch;
use super::run::Instance;
use super::service::Input;
use super::substitute::LateServer;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::{Event, News, ReadyBy, State, Told, What};

/// How long a service with a port of its own may take to listen there after the first of the others is ready.
const OWN_SERVER_PATIENCE: Duration = Duration::from_secs(2);
/// How often, and for how long, it is looked whether it does so after all.
const LATE_INTERVAL: Duration = Duration::from_secs(1);
const LATE_PATIENCE: Duration = Duration::from_secs(300);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Passes it on. The service that starts others is ready with the first of them; if it has a port of its own, only
    /// if nothing listens there soon. One that starts nothing but watches is ready with the first of those.
    pub(super) fn told(&mut self, told: &Told) {
        let is_forward = matches!(&told.news, News::Event(Event { what: What::PortForwarded { .. }, .. }));
        if is_forward {
            return self.sink.relay(told);
        }
        if !(0..self.instances.len()).any(|index| self.backend.orchestrates(index)) {
            return self.told_beside(told);
        }
        self.sink.relay(told);
        let News::Event(Event { what, .. }) = &told.news else { return };
        let url = if let What::PortDetected { url, .. } = what { Some(url) } else { None };
        if url.is_none() && !matches!(what, What::Ready { .. }) {
            return;
        }
        for index in self.alive().collect::<Vec<_>>() {
            if !self.backend.orchestrates(index) || !self.instances[index].service.is_starting() {
                continue;
            }
            let patience = match (url.is_some(), self.backend.port(index)) {
                (true, 0) => Duration::ZERO,
                (true, _) | (false, 0) => OWN_SERVER_PATIENCE,
                (false, _) => continue,
            };
            let due = Instant::now() + patience;
            let substitute = &mut self.instances[index].substitute;
            substitute.due = Some(substitute.due.map_or(due, |at| at.min(due)));
            substitute.url = substitute.url.take().or_else(|| url.cloned());
            self.stand_in(index);
        }
    }

    /// Counts the service as ready once it is time.
    pub(super) fn stand_in(&mut self, index: usize) {
        let now = Instant::now();
        let Instance { substitute, service, .. } = &mut self.instances[index];
        if substitute.due.take_if(|at| *at <= now).is_none() || !service.is_starting() {
            return;
        }
        if substitute.url.is_none() && self.backend.has_server_beneath() {
            substitute.due = Some(now + LATE_INTERVAL);
            return;
        }
        let url = substitute.url.take();
        let framework = self.backend.framework(index);
        self.inputs.control.notify(index, &What::Ready { framework, by: ReadyBy::Start, after: None });
        self.sink.stood_in(index);
        if let Some(what) = self.backend.stand_in(index, url.as_deref()) {
            self.sink.notify(index, what);
        }
        self.feed(index, Input::Listening);
        let watch = ReadinessWatch::new(now);
        self.instances[index].substitute.late = Some(LateServer { since: now, watch });
        self.instances[index].review_at = Some(now + LATE_INTERVAL);
    }

    /// Looks whether a service listens itself by now for which others stand in. True if they do not.
    pub(super) fn is_itself(&mut self, index: usize) -> bool {
        let Some(mut late) = self.instances[index].substitute.late.take() else { return true };
        let listener = self.verify(index);
        if self.listens(index) && self.knows_scheme(index, listener) {
            self.announce_ready(index, None);
            return true;
        }
        let now = Instant::now();
        let (root, output) = (self.root(index), self.instances[index].tail.text());
        let observation = self.backend.observe(index, root, &output);
        let is_elsewhere = matches!(late.watch.observe(observation, now), Some(Input::Elsewhere { .. }));
        if is_elsewhere && self.instances[index].service.follows() {
            // Another start would be one of everything beneath it.
            let followed = self.backend.follow(index, root);
            let input = followed.is_ok().then_some(Input::Followed);
            self.announce(index, followed.unwrap_or_else(|what| what));
            if let Some(input) = input {
                self.feed(index, input);
            }
            return false;
        }
        let goes_on = self.instances[index].service.state() == State::Running
            && now.saturating_duration_since(late.since) < LATE_PATIENCE;
        self.instances[index].review_at = goes_on.then(|| now + LATE_INTERVAL);
        self.instances[index].substitute.late = goes_on.then_some(late);
        false
    }
}
