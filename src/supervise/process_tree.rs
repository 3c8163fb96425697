//! The processes of one run of a service.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use crate::process::guardian::{Guardian, GuardianSpec, Order, Report};
use crate::process::tree::{self, Mark};
use crate::process::{Process, Signal, children, signal};

/// The processes of one run of a service, below their guardian. Dropping it ends them.
pub trait ProcessTree {
    /// The guardian's pid; none once it is reaped.
    fn guardian(&self) -> Option<i32>;
    /// Sends the order to the guardian, or carries it out on the orphans of a guardian that was reaped.
    /// `guardians` are all living ones: their trees are spared.
    fn order(&self, order: Order, guardians: &[i32]);
    /// Starts what runs once no process is left. Returns false if there is nothing of the kind, or it ran already.
    fn conclude(&mut self) -> bool {
        false
    }
    /// What the probe writes, once.
    fn take_probe_output(&mut self) -> Option<OwnedFd> {
        None
    }
    /// The next report, or an error if the guardian has ended.
    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Report>>;
    /// Waits for the guardian, which has nothing left to guard or has died.
    fn reap(&mut self);
    /// Whether no process is left of a tree whose guardian was reaped.
    fn is_empty(&self, guardians: &[i32]) -> bool;
}

/// Processes below a real guardian.
#[derive(Debug)]
pub struct GuardedTree {
    guardian: Option<Guardian>,
    /// The session that the guardian leads or led.
    session: i32,
    mark: Mark,
    has_conclusion: bool,
    probe_output: Option<OwnedFd>,
}

impl GuardedTree {
    /// Needs a running tokio runtime.
    pub fn start(spec: GuardianSpec, probe_output: Option<OwnedFd>) -> io::Result<Self> {
        let (mark, has_conclusion) = (spec.mark.clone(), spec.after.is_some());
        let guardian = Guardian::start(spec)?;
        let session = guardian.identity.pid;
        Ok(Self { session, guardian: Some(guardian), mark, has_conclusion, probe_output })
    }

    /// The tree of a guardian that was killed, which this process has adopted: the processes of its session, those
    /// with the service's mark, and the descendants of both. A child that is neither is the service's only if no
    /// other can be there. `guardians` are those of other services, whose trees are spared.
    fn orphans(&self, guardians: &[i32]) -> Vec<Process> {
        let mut found = tree::marked_or_of_session(&self.mark, self.session);
        if !children::may_be_strangers() {
            found.extend(children::besides(guardians).into_iter().filter_map(tree::living));
        }
        let below = found.iter().flat_map(|process| tree::descendants(process.identity.pid));
        let all: BTreeSet<Process> = below.chain(found.iter().copied()).collect();
        all.into_iter().collect()
    }
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
            Order::Run(_) | Order::Probe | Order::EndProbe | Order::Conclude => return,
        };
        for process in self.orphans(guardians) {
            // A process that cannot be signalled has ended, or has become another user's.
            let _gone = signal::send(process.identity, signal);
        }
    }

    fn conclude(&mut self) -> bool {
        let guardian = self.guardian.as_ref().filter(|_| std::mem::take(&mut self.has_conclusion));
        guardian.inspect(|guardian| guardian.order(Order::Conclude)).is_some()
    }

    fn take_probe_output(&mut self) -> Option<OwnedFd> {
        self.probe_output.take()
    }

    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Report>> {
        self.guardian.as_ref().map_or(Poll::Pending, |guardian| guardian.poll_report(cx))
    }

    fn reap(&mut self) {
        if let Some(guardian) = self.guardian.take() {
            guardian.reap();
        }
    }

    fn is_empty(&self, guardians: &[i32]) -> bool {
        self.orphans(guardians).is_empty()
    }
}
