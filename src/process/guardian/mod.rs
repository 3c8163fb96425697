//! The guardian: a process between the supervisor and the service that lets no process of the service outlive the
//! supervisor.
//!
//! It is forked, never executed, from the single-threaded supervisor: that costs a fraction of a millisecond and a
//! few hundred KiB. It leads a session of its own, adopts every orphan of the service (child subreaper, Linux),
//! and holds one end of a socket pair whose other end only the supervisor has. End-of-file there means that the
//! supervisor is gone, however it went: then the tree gets SIGTERM, the grace period, and SIGKILL. While nothing
//! happens, the guardian sleeps in one system call without a time-out.
//!
//! Since every orphan becomes the guardian's child, "the tree is empty" is the kernel's own answer (`ECHILD`), not
//! a guess from a process list. macOS has no subreaper: there, orphans are found by their session and their mark
//! (ADR 2).

mod charge;
mod setup;
mod watch;
mod wire;

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use super::{Identity, Signal, signal};
pub use charge::{GuardianSpec, HeldLock};
pub use wire::{Order, Report};

/// The supervisor starts no thread itself, but a library from `LD_PRELOAD` may.
const SECOND_THREAD: &str = "bowline has a thread that is not its own, and cannot start a service safely: \
     run it without the agent or profiler that `LD_PRELOAD` brings in";

/// The supervisor's side of a guardian. Dropping it ends the service, as the supervisor's death would.
#[derive(Debug)]
pub struct Guardian {
    identity: Identity,
    socket: UnixStream,
}

impl Guardian {
    /// Forks a guardian, which then waits for the order to run the first step.
    ///
    /// # Errors
    /// No more processes or descriptors; a second thread in the calling process, whose locks a fork would copy and
    /// nobody unlock.
    pub fn start(charge: GuardianSpec) -> io::Result<Self> {
        if !is_single_threaded() {
            return Err(io::Error::other(SECOND_THREAD));
        }
        // Should a guardian be killed, its service becomes the supervisor's child, and can be ended.
        setup::adopt_orphans();
        let (ours, theirs) = UnixStream::pair()?;
        // Until the guardian has handlers and a session of its own, the supervisor's handler would run in it too.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        #[expect(unsafe_code, reason = "a guardian is a fork by design")]
        // SAFETY: the process has one thread, so the child may do all that the parent may.
        let forked = unsafe { fork() };
        if !matches!(forked, Ok(ForkResult::Child)) {
            before.thread_set_mask()?;
        }
        match forked? {
            ForkResult::Child => {
                drop(ours);
                watch::run(charge, theirs)
            }
            ForkResult::Parent { child } => {
                ours.set_nonblocking(true)?;
                let pid = child.as_raw();
                let identity = Identity::of(pid).unwrap_or(Identity { pid, started: 0 });
                Ok(Self { identity, socket: ours })
            }
        }
    }

    /// Sends an order. It has no effect on a guardian that is gone, whose end [`Guardian::report`] reports.
    pub fn order(&self, order: Order) {
        // Twelve bytes always fit the buffer of a socket whose other side reads.
        let _gone = (&self.socket).write_all(&order.encode());
        // Somebody may have stopped the guardian.
        let _gone = signal::send(self.identity, Signal::SIGCONT);
    }

    /// The next report, `None` if there is none yet.
    ///
    /// # Errors
    /// The guardian itself has ended.
    pub fn report(&self) -> io::Result<Option<Report>> {
        let mut frame = wire::Frame::default();
        match (&self.socket).read_exact(&mut frame) {
            Ok(()) => Report::decode(frame).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Identity of the guardian process.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Hangs up, and waits until the guardian has ended, which it does once the tree is empty.
    pub fn reap(self) {
        let Self { identity, socket } = self;
        drop(socket);
        while waitpid(Pid::from_raw(identity.pid), None) == Err(nix::errno::Errno::EINTR) {}
    }
}

impl AsFd for Guardian {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(target_os = "linux")]
fn is_single_threaded() -> bool {
    use std::os::unix::fs::MetadataExt;
    // A thread that was joined may be counted for a moment longer.
    const ATTEMPTS: u32 = 1_000;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(1);
    (0..ATTEMPTS).any(|_| {
        // `.`, `..` and a directory for each thread.
        let is_alone = std::fs::metadata("/proc/self/task").map_or(true, |tasks| tasks.nlink() <= 3);
        if !is_alone {
            std::thread::sleep(PAUSE);
        }
        is_alone
    })
}

/// Not asked for on other systems: Mach has its own calls for it.
#[cfg(not(target_os = "linux"))]
fn is_single_threaded() -> bool {
    true
}
