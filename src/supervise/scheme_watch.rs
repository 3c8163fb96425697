//! What is known of a server's scheme.

use std::time::Duration;

use tokio::time::Instant;

use super::backend::SchemeQuestion;

/// How long after output of a server that is ready to look whether another one listens in its place: a watcher that
/// restarts it says so.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Default)]
pub(super) struct SchemeWatch {
    /// The listener whose scheme is known, or asked for.
    pub socket: Option<u64>,
    /// The answer that is waited for, and until when readiness waits for it.
    pub question: Option<(SchemeQuestion, Instant)>,
    /// When to look whether another server listens.
    pub look_at: Option<Instant>,
}

impl SchemeWatch {
    /// The service has written something. Whether there is a new deadline.
    pub fn heard(&mut self) -> bool {
        let is_new = self.look_at.is_none();
        if is_new {
            self.look_at = Some(Instant::now() + LOOK_INTERVAL);
        }
        is_new
    }
}
