//! The processes of one run of a service.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use tokio::io::Interest;

use super::orphans;
use crate::process::async_fd::{Watched, watch};
use crate::process::guardian::{Guardian, GuardianSpec, Order, Report};
use crate::process::tree::Mark;

/// The processes of one run of a service, below their guardian. Dropping it ends them.
pub trait ProcessTree {
    /// The guardian's pid; none once it is reaped.
    fn guardian(&self) -> Option<i32>;
    /// Tells the guardian what to do, or does it to the orphans of a guardian that was reaped. `guardians` are all
    /// that live: their trees are spared.
    fn order(&self, order: Order, guardians: &[i32]);
    /// The next report, or an error if the guardian has ended.
    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Report>>;
    /// Waits for the guardian, which has nothing left to guard or has died.
    fn reap(&mut self);
    /// Reaps the orphans that have ended, and returns whether none is left.
    fn reap_orphans(&self, guardians: &[i32]) -> bool;
}

/// Processes below a real guardian.
#[derive(Debug)]
pub struct GuardedTree {
    guardian: Option<(Guardian, Watched)>,
    mark: Mark,
}

impl GuardedTree {
    /// Starts the guardian. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more processes or descriptors.
    pub fn start(charge: GuardianSpec) -> io::Result<Self> {
        let mark = charge.mark.clone();
        let guardian = Guardian::start(charge)?;
        let watched = watch(guardian.as_fd().try_clone_to_owned()?, Interest::READABLE)?;
        Ok(Self { guardian: Some((guardian, watched)), mark })
    }
}

impl ProcessTree for GuardedTree {
    fn guardian(&self) -> Option<i32> {
        self.guardian.as_ref().map(|(guardian, _)| guardian.identity().pid)
    }

    fn order(&self, order: Order, guardians: &[i32]) {
        match &self.guardian {
            Some((guardian, _)) => guardian.order(order),
            None => orphans::end(guardians, &self.mark, order),
        }
    }

    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Report>> {
        let Some((guardian, watched)) = &self.guardian else { return Poll::Pending };
        loop {
            match guardian.report() {
                Ok(Some(report)) => return Poll::Ready(Ok(report)),
                Ok(None) => ready!(watched.poll_read_ready(cx))?.clear_ready(),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn reap(&mut self) {
        if let Some((guardian, watched)) = self.guardian.take() {
            drop(watched);
            guardian.reap();
        }
    }

    fn reap_orphans(&self, guardians: &[i32]) -> bool {
        orphans::gone(guardians, &self.mark)
    }
}
