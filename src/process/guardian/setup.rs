//! How a forked process becomes a guardian: what it is given, what it catches, and what it closes.

use std::fmt::Debug;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::sys::signal::{SigHandler, SigSet, Signal};

use super::wire::Report;
use crate::process::signals::{set_action, set_unless_nohup, simple_action};
use crate::process::tree::Mark;
use crate::process::{Program, Stdio, descriptors, left_terminal};

/// A lock by which others see that a guardian lives. Its descriptor stays open in the guardian.
pub trait HeldLock: AsFd + Debug {
    /// Called first in the guardian.
    fn begin(&mut self);
    /// Called last in a guardian whose tree is empty.
    fn finish(self: Box<Self>);
}

#[derive(Debug)]
pub struct GuardianSpec {
    /// The script's `pre`, itself, its `post`: each is run when the supervisor orders it.
    pub steps: Vec<Program>,
    pub stdio: Stdio,
    /// Runs beside the steps whenever the supervisor asks, to see whether the service is ready.
    pub probe: Option<ExecProbe>,
    /// Runs once when the last process of the steps has ended, however it ended.
    pub after: Option<Program>,
    pub mark: Mark,
    pub lock: Box<dyn HeldLock>,
    /// How long the tree may take to end after SIGTERM to the guardian; once the supervisor is gone, at most
    /// [`ABANDONED_GRACE`](crate::process::ABANDONED_GRACE).
    pub grace: Duration,
}

/// A program that answers by its exit, and what its output goes into.
#[derive(Debug)]
pub struct ExecProbe {
    pub program: Program,
    pub output: OwnedFd,
}

/// Whether somebody has sent SIGTERM to the guardian itself, which ends the service.
pub(super) static TERMINATED: AtomicBool = AtomicBool::new(false);

extern "C" fn note_signal(number: nix::libc::c_int) {
    if number == nix::libc::SIGTERM {
        TERMINATED.store(true, Ordering::Relaxed);
    }
}

/// Makes this process the parent of every orphan among its descendants.
pub(super) fn adopt_orphans() {
    // Fails on kernels before 3.4 only; the mark finds orphans there.
    #[cfg(target_os = "linux")]
    let _old_kernel = nix::sys::prctl::set_child_subreaper(true);
}

/// Has SIGCHLD and SIGTERM interrupt the wait. Signals that a terminal or a careless `kill` sends have no effect:
/// they are caught, as ignored ones would stay ignored in the programs executed here.
pub(super) fn catch_signals() -> nix::Result<()> {
    let noted = simple_action(SigHandler::Handler(note_signal));
    for signal in [
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGTSTP,
        Signal::SIGTTIN,
        Signal::SIGTTOU,
        Signal::SIGPIPE,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGHUP,
    ] {
        set_unless_nohup(signal, &noted)?;
    }
    // The supervisor's handler would write to a descriptor that is closed here.
    for signal in [Signal::SIGCONT, Signal::SIGWINCH] {
        set_action(signal, &simple_action(SigHandler::SigDfl))?;
    }
    // Unblocked inside pselect(2) only, so that none can arrive between a check and the wait.
    SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM]).thread_set_mask()
}

/// Closes every descriptor from 3 on but `keep`: above all the lifelines of other services, which must not stay
/// open here when the supervisor is gone.
pub(super) fn close_all_but(keep: &[RawFd]) {
    let mut open = descriptors::open_numbers();
    open.retain(|&number| Some(number) != left_terminal::descriptor());
    // Newest first: a file that was opened under a lock is closed before the lock's descriptor.
    open.sort_unstable_by(|a, b| b.cmp(a));
    for number in open.into_iter().filter(|number| !keep.contains(number)) {
        // The listing's own descriptor is closed already.
        let _closed = nix::unistd::close(number);
    }
}

/// The descriptors of bowline's caller, which every step of a service inherits.
pub(super) fn callers_descriptors() -> impl Iterator<Item = RawFd> {
    descriptors::open_numbers().into_iter().filter(|&number| descriptors::is_inherited(number))
}

/// Points the guardian's own standard streams at `/dev/null`, so that no reader of bowline's output waits for the
/// guardian.
pub(super) fn detach_stdio(kept: &[RawFd]) -> io::Result<()> {
    debug_assert!(kept.iter().all(|&number| number > 2), "the service's streams are copies");
    let null = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(())
}

/// Reports that the guardian could not become one, and that it has left nothing.
pub(super) fn report_failure(mut lifeline: &UnixStream, error: &io::Error) {
    for report in
        [Report::Failed { step: 0, errno: errno(error), no_directory: false }, Report::Empty { step: 0 }]
    {
        // Nobody is left to report to if this fails.
        let _gone = lifeline.write_all(&report.encode());
    }
}

pub(super) fn errno(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(nix::libc::EIO)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::process::guardian::wire::Frame;

    #[test]
    fn a_guardian_that_cannot_begin_reports_why_and_an_empty_tree() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        report_failure(&ours, &io::Error::from_raw_os_error(nix::libc::EPERM));
        drop(ours);
        let mut frame = Frame::default();
        for report in [
            Report::Failed { step: 0, errno: nix::libc::EPERM, no_directory: false },
            Report::Empty { step: 0 },
        ] {
            theirs.read_exact(&mut frame).unwrap();
            assert_eq!(Report::decode(frame), Some(report));
        }
        assert!(theirs.read_exact(&mut frame).is_err(), "nothing follows");
    }
}
