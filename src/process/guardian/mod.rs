//! The guardian: a process between the supervisor and the service, whose only work is that no process of the service
//! outlives the supervisor.
//!
//! It is forked, never executed, from the single-threaded supervisor: that costs a fraction of a millisecond and a few
//! hundred KiB. It is the leader of its own session, adopts every orphan of the service (child subreaper, Linux), and
//! holds one end of a socket pair whose other end only the supervisor has. End-of-file there means that the
//! supervisor is gone, however it went: then the tree gets SIGTERM, the grace period, and SIGKILL. While nothing happens
//! it sleeps in one system call without a time-out.
//!
//! Since every orphan becomes the guardian's child, "the tree is empty" is the kernel's own answer (`ECHILD`),
//! not a guess from a process list.
//!
//! macOS has no subreaper: orphans go to launchd and are found by their mark alone, which the kernel shows for
//! processes of the same user only and which a program may overwrite.

mod setup;
mod watch;
mod wire;

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use super::tree::Mark;
use super::{Identity, Program, Signal, Stdio, signal};
pub use wire::{Order, Report};

/// Something that shows others that a guardian lives: a lock. Its descriptor stays open in the guardian.
pub trait Token: AsFd + std::fmt::Debug {
    /// Called first of all in the guardian.
    fn begin(&mut self);
    /// Called last of all in a guardian whose tree is empty.
    fn finish(self: Box<Self>);
}

/// All that a guardian needs to know of its service.
#[derive(Debug)]
pub struct Charge {
    /// What to run, one after the other as the supervisor orders: the script's `pre`, itself, its `post`.
    pub steps: Vec<Program>,
    /// The standard streams of every step.
    pub stdio: Stdio,
    /// What the service's processes carry.
    pub mark: Mark,
    /// What the guardian holds as long as it lives.
    pub token: Option<Box<dyn Token>>,
    /// How long the tree may take to end after the supervisor is gone.
    pub grace: Duration,
}

/// Nothing in the supervisor starts a thread; a library that the environment has loaded into it might.
const SECOND_THREAD: &str = "bowline has a thread that is not its own, and cannot start a service safely: \
     run it without the agent or profiler that `LD_PRELOAD` brings in";

/// The supervisor's side of a guardian. Dropping it ends whatever of the service still lives, as the
/// supervisor's death would.
#[derive(Debug)]
pub struct Guardian {
    pid: Pid,
    identity: Identity,
    socket: UnixStream,
}

impl Guardian {
    /// Forks the guardian, which makes itself ready and waits for the order to run the first step.
    ///
    /// # Errors
    /// No more processes or descriptors; a second thread in the calling process, whose locks a fork would copy and
    /// nobody unlock.
    pub fn start(charge: Charge) -> io::Result<Self> {
        if !single_threaded() {
            return Err(io::Error::other(SECOND_THREAD));
        }
        adopt_orphans();
        let (ours, theirs) = UnixStream::pair()?;
        // Until the guardian has handlers and a session of its own, a Ctrl-C would reach the supervisor's twice.
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
                Ok(Self { pid: child, identity, socket: ours })
            }
        }
    }

    /// Tells it what to do. An order to a guardian that is gone has no effect: its end is reported by
    /// [`Guardian::report`].
    pub fn order(&self, order: Order) {
        // Twelve bytes always fit the buffer of a socket whose other side reads.
        let _gone = (&self.socket).write_all(&order.encode());
        // One that somebody has stopped would never do it.
        let _gone = signal::send(self.identity, Signal::SIGCONT);
    }

    /// What it has seen, `None` if there is nothing new.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] if the guardian itself has ended.
    pub fn report(&self) -> io::Result<Option<Report>> {
        let mut frame = wire::Frame::default();
        match (&self.socket).read_exact(&mut frame) {
            Ok(()) => Report::decode(frame).map(Some).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Err(error) => Err(error),
        }
    }

    /// The guardian process.
    pub fn identity(&self) -> Identity {
        self.identity
    }

    /// Waits until the guardian has ended, which it does once the tree is empty or when it is dropped.
    pub fn reap(self) {
        let Self { pid, socket, .. } = self;
        drop(socket);
        while waitpid(pid, None) == Err(nix::errno::Errno::EINTR) {}
    }
}

impl AsFd for Guardian {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Makes the supervisor the next adopter after its guardians: should one be killed, its service becomes the
/// supervisor's child, and can be ended.
#[cfg(target_os = "linux")]
fn adopt_orphans() {
    // It cannot fail on a kernel since 3.4, and without it the session mark still finds orphans.
    let _old_kernel = nix::sys::prctl::set_child_subreaper(true);
}

#[cfg(not(target_os = "linux"))]
fn adopt_orphans() {}

#[cfg(target_os = "linux")]
fn single_threaded() -> bool {
    // `.`, `..` and one directory a thread: the link count is 2 + threads.
    let is_alone = || {
        std::fs::metadata("/proc/self/task")
            .map_or(true, |tasks| std::os::unix::fs::MetadataExt::nlink(&tasks) <= 3)
    };
    // A thread that was joined has nothing left to do, and may be seen for a moment longer.
    (0..JOINED_LOOKS).any(|_| {
        let alone = is_alone();
        if !alone {
            std::thread::sleep(JOINED_LOOK);
        }
        alone
    })
}

/// How often and after which pauses it is looked whether threads that were joined are gone.
#[cfg(target_os = "linux")]
const JOINED_LOOKS: u32 = 1_000;
#[cfg(target_os = "linux")]
const JOINED_LOOK: Duration = Duration::from_millis(1);

/// Mach could be asked; nothing in the supervisor starts a thread on either system.
#[cfg(not(target_os = "linux"))]
fn single_threaded() -> bool {
    true
}
