//! The tree of a guardian that was killed: the supervisor has adopted it, and ends it.

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::process::guardian::Order;
use crate::process::tree::{self, Mark};
use crate::process::{Process, Signal, signal};

/// Our children but for `guardians`.
fn adopted(guardians: &[i32]) -> impl Iterator<Item = i32> {
    let own = std::process::id().cast_signed();
    tree::children(own).into_iter().filter(|child| !guardians.contains(child))
}

/// Every process that descends from this one, but for living guardians and what is in their care, and every
/// process that carries the mark of the service.
fn processes(guardians: &[i32], mark: &Mark) -> Vec<Process> {
    let mut found = Vec::new();
    for child in adopted(guardians) {
        found.extend(Process::read(child).filter(|process| !process.zombie));
        found.extend(tree::descendants(child));
    }
    for marked in tree::marked(mark) {
        if !found.contains(&marked) {
            found.push(marked);
        }
    }
    found
}

/// Does with the orphans what a guardian would do on this order.
pub(super) fn end(guardians: &[i32], mark: &Mark, order: Order) {
    let signal = match order {
        Order::Signal(signal) | Order::SignalRest(signal) => signal,
        Order::Kill => Signal::SIGKILL,
        Order::Run(_) => return,
    };
    for process in processes(guardians, mark) {
        // A process that cannot be signalled has ended, or has become another user's.
        let _gone = signal::send(process.identity, signal);
    }
}

/// Reaps the orphans that have ended, and returns whether none is left.
pub(super) fn gone(guardians: &[i32], mark: &Mark) -> bool {
    let mut left = false;
    for child in adopted(guardians) {
        let status = waitpid(Pid::from_raw(child), Some(WaitPidFlag::WNOHANG));
        left |= matches!(status, Ok(WaitStatus::StillAlive));
    }
    !left && processes(guardians, mark).is_empty()
}
