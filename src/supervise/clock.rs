//! The clock of the loop.

use std::time::Instant;

/// The time by the runtime's clock, which a test can pause.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
