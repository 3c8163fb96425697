//! One service with its processes, its output, and its readiness.

use tokio::time::Instant;

use super::process_tree::ProcessTree;
use super::readiness::ReadinessWatch;
use super::service::{Ending, Service};
use super::streams::Source;
use super::tail::Tail;
use crate::process::guardian::Order;

/// How and when a service ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub ending: Ending,
    pub at: Instant,
}

/// What is left to do about a tree whose guardian has died.
#[derive(Debug)]
pub(super) struct Orphans {
    pub last_order: Order,
    /// When to look again whether the tree is gone.
    pub check_at: Instant,
}

pub(super) struct Instance {
    pub service: Service,
    pub tree: Option<Box<dyn ProcessTree>>,
    pub orphans: Option<Orphans>,
    pub sources: Vec<Source>,
    pub tail: Tail,
    pub readiness: Option<ReadinessWatch>,
    pub outcome: Option<Outcome>,
}

impl Instance {
    pub fn new(service: Service) -> Self {
        Self {
            service,
            tree: None,
            orphans: None,
            sources: Vec::new(),
            tail: Tail::default(),
            readiness: None,
            outcome: None,
        }
    }

    pub fn guardian(&self) -> Option<i32> {
        self.tree.as_ref().and_then(|tree| tree.guardian())
    }

    /// When the loop has to do something about it, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        let orphans = self.orphans.as_ref().map(|orphans| orphans.check_at);
        let readiness = self.readiness.as_ref().map(|readiness| readiness.check_at);
        [self.service.deadline(), orphans, readiness].into_iter().flatten().min()
    }
}
