//! How a forked process becomes a guardian: what it catches, what it keeps open, and what it lets go.

use std::fs::File;
use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::process::Stdio;

/// A SIGTERM to the guardian itself is a wish to end the service.
pub(super) static TERMINATED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(number: nix::libc::c_int) {
    if number == nix::libc::SIGTERM {
        TERMINATED.store(true, Ordering::Relaxed);
    }
}

#[cfg(target_os = "linux")]
pub(super) fn adopt_orphans() {
    let _old_kernel = nix::sys::prctl::set_child_subreaper(true);
    let _cosmetic = nix::sys::prctl::set_name(c"bowline-guard");
}

#[cfg(not(target_os = "linux"))]
pub(super) fn adopt_orphans() {}

/// SIGCHLD and SIGTERM interrupt the wait and nothing else; what a terminal or a careless `kill` might send has no effect.
/// It is caught rather than ignored, as only what is caught is back at its default in the programs executed here.
pub(super) fn catch_signals() -> io::Result<()> {
    let noted = SigAction::new(SigHandler::Handler(note), SaFlags::empty(), SigSet::empty());
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    let set = |which: Signal, action: &SigAction| -> io::Result<SigAction> {
        #[expect(unsafe_code, reason = "handlers are unsafe by nature")]
        // SAFETY: the handler stores to an atomic and does nothing else.
        unsafe { sigaction(which, action) }.map_err(Into::into)
    };
    for which in [
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
    ] {
        set(which, &noted)?;
    }
    // The supervisor's handler writes to a descriptor that is closed here.
    set(Signal::SIGCONT, &default)?;
    set(Signal::SIGWINCH, &default)?;
    let hangup = set(Signal::SIGHUP, &noted)?;
    if matches!(hangup.handler(), SigHandler::SigIgn) {
        set(Signal::SIGHUP, &hangup)?;
    }
    let mut waited_for = SigSet::empty();
    waited_for.add(Signal::SIGCHLD);
    waited_for.add(Signal::SIGTERM);
    // Blocked everywhere but inside pselect(2), so that none can slip in between a look and the wait.
    waited_for.thread_set_mask().map_err(Into::into)
}

/// Makes the service's terminal the controlling one of the guardian's session. The guardian, not the script's shell, leads
/// that session: a script that ends while its server goes on would take the terminal with it.
pub(super) fn take_terminal(stdio: &Stdio) -> io::Result<()> {
    rustix::process::ioctl_tiocsctty(&stdio.stdout).map_err(Into::into)
}

/// Closes every descriptor but `keep`: another service's lifeline above all, which must not stay open here when the
/// supervisor is gone.
pub(super) fn close_all_but(keep: &[RawFd]) {
    let listing = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    let Ok(entries) = std::fs::read_dir(listing) else { return };
    let mut open: Vec<RawFd> =
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    // What was opened last, under the lock of what was opened before, is let go first.
    open.sort_unstable_by(|a, b| b.cmp(a));
    for number in open.into_iter().filter(|number| *number > 2 && !keep.contains(number)) {
        // The listing's own descriptor is closed already.
        let _closed = nix::unistd::close(number);
    }
}

/// Points the guardian's own standard streams at `/dev/null`, so that whoever reads bowline's output is not kept
/// waiting by it. Streams of the service that are among them were copied before.
pub(super) fn detach_stdio(keep: &[RawFd]) -> io::Result<()> {
    debug_assert!(keep.iter().all(|&number| number > 2), "the service's streams are copies");
    let null = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(())
}
