//! The services beneath another one, while they count in its place.

use tokio::time::Instant;

/// Others that are ready beneath a service.
#[derive(Debug, Default)]
pub(super) struct Substitute {
    /// When they make the service ready.
    pub due: Option<Instant>,
    /// Since when they have.
    pub since: Option<Instant>,
}
