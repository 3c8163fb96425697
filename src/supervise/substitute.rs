//! The services beneath another one, while they count in its place.

use tokio::time::Instant;

use super::readiness::ReadinessWatch;

/// Others that are ready beneath a service.
#[derive(Debug, Default)]
pub(super) struct Substitute {
    /// When they make the service ready.
    pub due: Option<Instant>,
    /// The URL of the first one that is a server.
    pub url: Option<String>,
    /// Set when they have made it ready, until it has a server itself.
    pub late: Option<LateServer>,
}

/// The watch for a server of the service itself, which no session beneath it has started.
#[derive(Debug)]
pub(super) struct LateServer {
    pub since: Instant,
    pub watch: ReadinessWatch,
}
