//! The children of this process. A supervisor has guardians, and the tree that a killed guardian leaves. It may have
//! strangers: what a shell had started before it became bowline by `exec`, a browser, and every orphan there is if
//! bowline is the first process of a container.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::tree;

/// Whether there may be strangers among the children. A global, as the children are the whole process's.
static STRANGERS: AtomicBool = AtomicBool::new(false);

/// Reaps the children that have ended by now, and notes whether there are others. To be called before a guardian is
/// started.
pub fn begin() {
    let living = reap_besides(&[]);
    // The first process gets new ones unasked.
    if std::process::id() == 1 || !living.is_empty() {
        expect_strangers();
    }
}

/// Notes that a child was started which belongs to no service.
pub fn expect_strangers() {
    STRANGERS.store(true, Ordering::Relaxed);
}

pub fn may_be_strangers() -> bool {
    STRANGERS.load(Ordering::Relaxed)
}

/// The children but for `kept`, zombies included.
pub fn besides(kept: &[i32]) -> Vec<i32> {
    let mut children = tree::children(std::process::id().cast_signed());
    children.retain(|child| !kept.contains(child));
    children
}

/// Reaps the children that have ended, but for `kept`: somebody waits for those. Returns the children that live.
pub fn reap_besides(kept: &[i32]) -> Vec<i32> {
    let mut children = besides(kept);
    let is_living =
        |child| waitpid(Pid::from_raw(child), Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
    children.retain(|&child| is_living(child));
    children
}
