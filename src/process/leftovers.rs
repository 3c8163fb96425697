//! What is left of a session whose supervisor and guardian were both killed.

use std::time::{Duration, Instant};

use super::tree::{self, Mark};
use super::{Identity, Process, Signal, signal};

/// How long leftovers may take to end before they are killed.
const GRACE: Duration = Duration::from_secs(2);
/// How long a killed process may take to be gone.
const GONE: Duration = Duration::from_secs(5);

/// Ends every process with the session's mark, and what descends from them, and returns when they are gone.
pub fn end(session: &str) {
    let found = processes(session);
    if found.is_empty() {
        return;
    }
    tracing::info!("ending {} processes that session {session} has left behind", found.len());
    send_all(&found, Signal::SIGTERM);
    send_all(&found, Signal::SIGCONT);
    wait_until_gone(&found, GRACE);
    // Whoever was started meanwhile carries the mark as well.
    let stubborn = processes(session);
    send_all(&stubborn, Signal::SIGKILL);
    wait_until_gone(&stubborn, GONE);
}

fn processes(session: &str) -> Vec<Identity> {
    let marked = tree::marked(&Mark::of_session(session));
    let me = std::process::id().cast_signed();
    let descendants = marked.iter().flat_map(|process| tree::descendants(process.identity.pid));
    let mut found: Vec<Identity> = marked
        .iter()
        .copied()
        .chain(descendants)
        .filter(|process: &Process| process.identity.pid != me)
        .map(|process| process.identity)
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn send_all(targets: &[Identity], signal: Signal) {
    for &target in targets {
        // One that has changed its user cannot be signalled, and keeps its port: the probe finds that out.
        let _refused = signal::send(target, signal);
    }
}

fn wait_until_gone(targets: &[Identity], limit: Duration) {
    let deadline = Instant::now() + limit;
    for &target in targets {
        wait_for(target, deadline.saturating_duration_since(Instant::now()));
    }
}

/// Waits for the end of a process that is not our child.
#[cfg(target_os = "linux")]
fn wait_for(target: Identity, limit: Duration) {
    use std::os::fd::AsFd;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    let Some(pid) = Pid::from_raw(target.pid) else { return };
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if target.exists() {
        let timeout = PollTimeout::try_from(limit).unwrap_or(PollTimeout::MAX);
        // A signal to us ends the wait early, which then merely is less patient.
        let _ended = poll(&mut [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)], timeout);
    }
}

/// Waits for the end of a process that is not our child. Written from the manual; not run here.
#[cfg(target_os = "macos")]
fn wait_for(target: Identity, limit: Duration) {
    use nix::sys::event::{EvFlags, EventFilter, FilterFlag, KEvent, Kqueue};

    let (Ok(queue), Ok(ident)) = (Kqueue::new(), usize::try_from(target.pid)) else { return };
    let exit = KEvent::new(ident, EventFilter::EVFILT_PROC, EvFlags::EV_ADD, FilterFlag::NOTE_EXIT, 0, 0);
    let now = nix::libc::timespec { tv_sec: 0, tv_nsec: 0 };
    if queue.kevent(&[exit], &mut [], Some(now)).is_err() || !target.exists() {
        return;
    }
    let limit = nix::libc::timespec {
        tv_sec: nix::libc::time_t::try_from(limit.as_secs()).unwrap_or(nix::libc::time_t::MAX),
        tv_nsec: limit.subsec_nanos().into(),
    };
    let _ended = queue.kevent(&[], &mut [exit], Some(limit));
}
