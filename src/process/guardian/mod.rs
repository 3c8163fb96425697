//! The guardian: a process between the supervisor and the service that lets no process of the service outlive the
//! supervisor.
//!
//! It is forked, never executed, from the single-threaded supervisor: that costs a fraction of a millisecond and a
//! few hundred KiB. It leads a session of its own, adopts every orphan of the service (child subreaper, Linux),
//! and holds one end of a socket pair whose other end only the supervisor has. End-of-file there means that the
//! supervisor is gone, however it went: then the tree gets SIGTERM, at most a second of grace, and SIGKILL. While
//! nothing happens, the guardian sleeps in one system call without a time-out.
//!
//! Since every orphan becomes the guardian's child, "the tree is empty" is the kernel's own answer (`ECHILD`), not
//! a guess from a process list. macOS has no subreaper: there, orphans are found by their session and their mark
//! (ADR 2).

mod conclusion;
mod probe;
mod setup;
mod watch;
mod wire;

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};

use nix::sys::signal::{SigSet, SigmaskHow};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork};

use super::{Identity, Signal, signal};
pub use conclusion::patience;
pub use setup::{ExecProbe, GuardianSpec, HeldLock};
pub use wire::{Order, Report};

/// The supervisor starts no thread itself, but a library from `LD_PRELOAD` may.
const SECOND_THREAD: &str = "bowline has a thread that is not its own, and cannot start a service safely: \
     run it without the agent or profiler that `LD_PRELOAD` brings in";

/// The supervisor's side of a guardian. Dropping it ends the service, as the supervisor's death would.
#[derive(Debug)]
pub struct Guardian {
    pub identity: Identity,
    socket: tokio::net::UnixStream,
}

impl Guardian {
    /// Forks a guardian, which then waits for the order to run the first step. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more processes or descriptors; a second thread in the calling process, whose locks a fork would copy and
    /// nobody unlock.
    pub fn start(spec: GuardianSpec) -> io::Result<Self> {
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
        let child = match forked {
            Ok(ForkResult::Child) => {
                drop(ours);
                watch::run(spec, theirs)
            }
            Ok(ForkResult::Parent { child }) => Ok(child),
            Err(error) => Err(error),
        };
        before.thread_set_mask()?;
        let pid = child?.as_raw();
        ours.set_nonblocking(true)?;
        let identity = Identity::of(pid).unwrap_or(Identity { pid, started: 0 });
        Ok(Self { identity, socket: tokio::net::UnixStream::from_std(ours)? })
    }

    /// Sends an order. It has no effect on a guardian that is gone, whose end [`Guardian::poll_report`] reports.
    pub fn order(&self, order: Order) {
        // A frame always fits the buffer of a socket whose other side reads.
        let _gone = nix::unistd::write(&self.socket, &order.encode());
        // Somebody may have stopped the guardian.
        let _gone = signal::send(self.identity, Signal::SIGCONT);
    }

    /// The next report; an error when the guardian itself has ended.
    pub fn poll_report(&self, cx: &mut Context<'_>) -> Poll<io::Result<Report>> {
        let mut frame = wire::Frame::default();
        loop {
            match self.socket.try_read(&mut frame) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => {
                    return Poll::Ready(
                        Report::decode(frame).ok_or_else(|| io::ErrorKind::InvalidData.into()),
                    );
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    ready!(self.socket.poll_read_ready(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Hangs up, and waits until the guardian has ended, which it does once the tree is empty.
    pub fn reap(self) {
        let Self { identity, socket } = self;
        drop(socket);
        while waitpid(Pid::from_raw(identity.pid), None) == Err(nix::errno::Errno::EINTR) {}
    }
}

/// True on macOS, which has no such directory.
fn is_single_threaded() -> bool {
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
