//! Ending the processes of a session whose supervisor and guardian were both killed.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::identity::Identity;
use super::system::wait_for_end;
use super::tree::{self, Mark};
use super::{ABANDONED_GRACE, signal};

/// How long a killed process may take to be gone.
const KILL_PATIENCE: Duration = Duration::from_secs(5);

/// Ends every process with the session's mark, and their descendants. Returns when they are gone, or some seconds
/// after SIGKILL.
pub fn end(session: &str) {
    let found = processes(session);
    if found.is_empty() {
        return;
    }
    tracing::info!("ending {} processes that session {session} has left behind", found.len());
    end_all(&found, &[Signal::SIGTERM, Signal::SIGCONT], ABANDONED_GRACE);
    // Searched again, as processes may have been started meanwhile.
    end_all(&processes(session), &[Signal::SIGKILL], KILL_PATIENCE);
}

fn processes(session: &str) -> BTreeSet<Identity> {
    let marked = tree::marked(&Mark::of_session(session));
    let me = std::process::id().cast_signed();
    let descendants = marked.iter().flat_map(|process| tree::descendants(process.identity.pid));
    let all = marked.iter().copied().chain(descendants).map(|process| process.identity);
    all.filter(|process| process.pid != me).collect()
}

fn end_all(targets: &BTreeSet<Identity>, signals: &[Signal], limit: Duration) {
    for &signal in signals {
        for &target in targets {
            // A process that has changed its user cannot be signalled, and keeps its port: the probe notices that.
            let _refused = signal::send(target, signal);
        }
    }
    let deadline = Instant::now() + limit;
    for &target in targets {
        let left = deadline.saturating_duration_since(Instant::now());
        let _gone = wait_for_end(target.pid, left, || target.exists());
    }
}
