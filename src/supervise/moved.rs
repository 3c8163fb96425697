//! A service that is on another port than others were told: those are started again.

use super::service::Input;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::{Level, State, What};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Starts those services again that name this one, which is ready, and were told another port of it. They are told
    /// the present one then, so each is started again once. One that is not running is told at its next start.
    pub(super) fn restart_misled(&mut self, index: usize) {
        let Some((misled, why)) = self.backend.told_another_port(index) else { return };
        for other in misled {
            let one = &self.instances[other];
            let is_up = matches!(one.service.state(), State::Starting | State::Running) && one.tree.is_some();
            if is_up && one.leaving.is_none() && !self.is_ending {
                tracing::info!("{} is restarted: {why}", self.backend.description(other).name);
                let message = format!("restarted by bowline: {why}");
                self.announce(other, What::Noted { level: Level::Plain, message });
                self.feed(other, Input::Restart);
            }
        }
    }
}
