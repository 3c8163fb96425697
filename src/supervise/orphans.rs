//! The processes of a guardian that was killed: they are the supervisor's to end.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Orphans;
use super::service::Input;
use super::{Backend, Control, Sink, Supervisor};
use crate::process::Signal;
use crate::process::guardian::Order;

/// How often to look whether orphans are gone whose end sends no SIGCHLD.
const ORPHANS_INTERVAL: Duration = Duration::from_millis(50);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn guardian_lost(&mut self, index: usize) {
        let instance = &mut self.instances[index];
        let mut lost = "";
        if let Some(tree) = &mut instance.tree {
            // Nobody is left to carry this out.
            if tree.conclude() {
                lost = ", and its `after` does not run";
            }
            tree.reap();
        }
        instance.orphans =
            Some(Orphans { last_order: Order::Signal(Signal::SIGTERM), check_at: Instant::now() });
        self.warn(index, format!("the guardian of the service was killed; ending the service{lost}"));
        self.feed(index, Input::GuardianLost);
        self.check_orphans(index);
    }

    /// Looks whether anything is left of what became ours when a guardian died.
    pub(super) fn check_orphans(&mut self, index: usize) {
        let guardians = self.guardians();
        let instance = &mut self.instances[index];
        let (Some(orphans), Some(tree)) = (&mut instance.orphans, &instance.tree) else { return };
        orphans.check_at = Instant::now() + ORPHANS_INTERVAL;
        if tree.is_empty(&guardians) {
            instance.orphans = None;
            self.emptied(index);
        } else if orphans.last_order == Order::Kill {
            // Orphans that were forked since the last kill.
            tree.order(Order::Kill, &guardians);
        }
    }
}
