//! News of the sessions beneath a service that starts the scripts of others.

use super::service::Input;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::{Event, News, Told, What};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Passes it on. The service that starts others is ready with the first of them.
    pub(super) fn told(&mut self, told: &Told) {
        self.sink.relay(told);
        let News::Event(Event { what: what @ What::PortDetected { .. }, .. }) = &told.news else { return };
        for index in self.alive().collect::<Vec<_>>() {
            if self.backend.orchestrates(index) && self.instances[index].service.is_starting() {
                self.inputs.control.notify(index, what);
                self.backend.stand_in(index);
                self.feed(index, Input::Listening);
            }
        }
    }
}
