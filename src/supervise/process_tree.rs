//! The processes of one run of a service.

use std::io;
use std::task::{Context, Poll};

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::process::guardian::{Guardian, GuardianSpec, Order, Report};
use crate::process::tree::{self, Mark};
use crate::process::{Process, Signal, signal};

/// The processes of one run of a service, below their guardian. Dropping it ends them.
pub trait ProcessTree {
    /// The guardian's pid; none once it is reaped.
    fn guardian(&self) -> Option<i32>;
    /// Sends the order to the guardian, or carries it out on the orphans of a guardian that was reaped.
    /// `guardians` are all living ones: their trees are spared.
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
    guardian: Option<Guardian>,
    mark: Mark,
}

impl GuardedTree {
    /// Needs a running tokio runtime.
    pub fn start(spec: GuardianSpec) -> io::Result<Self> {
        let mark = spec.mark.clone();
        Ok(Self { guardian: Some(Guardian::start(spec)?), mark })
    }

    /// The tree of a guardian that was killed, which this process has adopted: its descendants, except living
    /// guardians and their trees, and every process with the service's mark.
    fn orphans(&self, guardians: &[i32]) -> Vec<Process> {
        let mut found = Vec::new();
        for child in adopted(guardians) {
            found.extend(tree::living(child));
            found.extend(tree::descendants(child));
        }
        tree::with_marked(found, &self.mark)
    }
}

/// Our children, except `guardians`.
fn adopted(guardians: &[i32]) -> impl Iterator<Item = i32> {
    let own = std::process::id().cast_signed();
    tree::children(own).into_iter().filter(|child| !guardians.contains(child))
}

impl ProcessTree for GuardedTree {
    fn guardian(&self) -> Option<i32> {
        self.guardian.as_ref().map(|guardian| guardian.identity.pid)
    }

    fn order(&self, order: Order, guardians: &[i32]) {
        if let Some(guardian) = &self.guardian {
            return guardian.order(order);
        }
        let signal = match order {
            Order::Signal(signal) | Order::SignalRest(signal) => signal,
            Order::Kill => Signal::SIGKILL,
            Order::Run(_) => return,
        };
        for process in self.orphans(guardians) {
            // A process that cannot be signalled has ended, or has become another user's.
            let _gone = signal::send(process.identity, signal);
        }
    }

    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Report>> {
        self.guardian.as_ref().map_or(Poll::Pending, |guardian| guardian.poll_report(cx))
    }

    fn reap(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            guardian.reap();
        }
    }

    fn reap_orphans(&self, guardians: &[i32]) -> bool {
        let mut is_alive = false;
        for child in adopted(guardians) {
            is_alive |=
                waitpid(Pid::from_raw(child), Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
        }
        !is_alive && self.orphans(guardians).is_empty()
    }
}
