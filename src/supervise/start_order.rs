//! What the loop knows of the order of its services.

use tokio::time::Instant;

use crate::graph::Graph;
use crate::process::Signal;

/// The order in which services start and end.
#[derive(Clone, Debug)]
pub struct StartOrder {
    pub graph: Graph,
    /// Whether the first failure ends all services.
    pub fail_fast: bool,
}

/// A service that is to end as soon as those have ended that need it.
#[derive(Clone, Copy, Debug)]
pub struct Leaving {
    pub signal: Signal,
    /// When it has to begin at the latest, so that all are gone within twice the grace period.
    pub until: Instant,
}
