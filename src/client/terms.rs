//! The terms of an allocation.

use std::time::{Duration, SystemTime};

use crate::port::{AllocateOptions, SessionId};
use crate::process::leftovers;

/// Time to wait for the guardian of a project's last server, beyond that server's own grace period.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// Allocates now, and ends what killed supervisors left behind.
pub fn with_options<T>(body: impl FnOnce(&mut AllocateOptions<'_>) -> T) -> T {
    let mut end_leftovers = |session: &SessionId| leftovers::end(session.as_str());
    body(&mut AllocateOptions {
        now: SystemTime::now(),
        patience: PATIENCE,
        end_leftovers: &mut end_leftovers,
    })
}
