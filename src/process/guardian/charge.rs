//! What a guardian is given.

use std::os::fd::AsFd;
use std::time::Duration;

use crate::process::tree::Mark;
use crate::process::{Program, Stdio};

/// A lock by which others see that a guardian lives. Its descriptor stays open in the guardian.
pub trait HeldLock: AsFd + std::fmt::Debug {
    /// Called first of all in the guardian.
    fn begin(&mut self);
    /// Called last of all in a guardian whose tree is empty.
    fn finish(self: Box<Self>);
}

/// All that a guardian needs to know of its service.
#[derive(Debug)]
pub struct GuardianSpec {
    /// The script's `pre`, itself, its `post`: each is run when the supervisor orders it.
    pub steps: Vec<Program>,
    /// Standard streams of every step.
    pub stdio: Stdio,
    /// Mark of the service's processes.
    pub mark: Mark,
    /// Held for the guardian's life.
    pub token: Option<Box<dyn HeldLock>>,
    /// How long the tree may take to end after the supervisor is gone.
    pub grace: Duration,
}
