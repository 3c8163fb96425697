//! A service that has another address than others were told: those are started again.

use super::service::Input;
use super::{Backend, Control, Misled, Sink, Supervisor};
use crate::event::{Event, Level, News, State, Told, What};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Starts those services again that name this one, which is ready, and were told another address of it. They are told
    /// the present one then, so each is started again once. One that is not running is told at its next start.
    pub(super) fn restart_misled(&mut self, index: usize) {
        let Some((misled, why)) = self.backend.told_another_address(index) else { return };
        for other in misled {
            self.restart_because(other, &why);
        }
    }

    /// Does the same for a service of another session, which has told that it is ready.
    pub(super) fn told_beside(&mut self, told: &Told) {
        let News::Event(Event { project_id: Some(project), .. }) = &told.news else { return };
        for index in self.alive().collect::<Vec<_>>() {
            match self.backend.misled_by(index, project) {
                Some(Misled::Restart(why)) => self.restart_because(index, &why),
                Some(Misled::Warn(warnings)) => {
                    for warning in warnings {
                        self.warn(index, warning);
                    }
                }
                None => {}
            }
        }
    }

    fn restart_because(&mut self, index: usize, why: &str) {
        let one = &self.instances[index];
        let is_up = matches!(one.service.state(), State::Starting | State::Running) && one.tree.is_some();
        if is_up && one.leaving.is_none() && !self.is_ending {
            tracing::info!("{} is restarted: {why}", self.backend.description(index).name);
            let message = format!("restarted by bowline: {why}");
            self.announce(index, What::Noted { level: Level::Plain, message });
            self.feed(index, Input::Restart);
        }
    }
}
