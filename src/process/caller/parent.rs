//! The process that started this one, and its end.

use std::io;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpid, getppid, getsid};
use tokio::io::Interest;
use tokio::time::{Sleep, sleep};

use crate::process::async_fd::{Watched, watch};
use crate::process::identity::{Identity, Process};
use crate::process::system::watch_end;

/// How often to look for a process whose end the kernel does not tell.
const INTERVAL: Duration = Duration::from_millis(200);

/// A process to end with.
#[derive(Debug)]
pub struct Parent {
    pub identity: Identity,
    /// Is readable once the process has ended; `None` if the kernel has no such descriptor.
    end: Option<OwnedFd>,
}

impl Parent {
    /// The process that started this one, or `None` if it is gone.
    ///
    /// # Errors
    /// The process cannot be seen from here.
    pub fn find() -> io::Result<Option<Self>> {
        let pid = getppid();
        if pid.as_raw() == 0 {
            return Err(io::Error::other("it is outside of this pid namespace"));
        }
        let identity = Identity::of(pid.as_raw()).unwrap_or(Identity { pid: pid.as_raw(), started: 0 });
        let parent = Self::of(identity);
        // In this order: a process that is still our parent once the descriptor is open is the one that it names.
        Ok(parent.filter(|_| getppid() == pid && !is_foster(pid)))
    }

    /// The process with this identity, or `None` if it is gone.
    pub fn of(identity: Identity) -> Option<Self> {
        let end = match watch_end(identity.pid) {
            Ok(end) => Some(end),
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => return None,
            // A sandbox may lack the call, or refuse it.
            Err(_) => None,
        };
        Some(Self { identity, end }).filter(|_| !has_ended(identity))
    }

    /// Needs a running tokio runtime.
    pub(super) fn watch(&self) -> io::Result<ParentEnd> {
        Ok(match &self.end {
            Some(end) => ParentEnd::Readable(watch(end.try_clone()?, Interest::READABLE)?),
            None => ParentEnd::Polled(self.identity, Box::pin(sleep(INTERVAL))),
        })
    }
}

/// Whether `parent` has adopted this process. A child has the session of the process that started it, unless it
/// leads one itself: then this cannot be known.
fn is_foster(parent: Pid) -> bool {
    let (Ok(ours), Ok(theirs)) = (getsid(None), getsid(Some(parent))) else { return false };
    ours != getpid() && ours != theirs
}

/// The start time is 0 if it is unknown: another user's process may be hidden.
fn has_ended(Identity { pid, started }: Identity) -> bool {
    match Process::read(pid) {
        Some(process) => process.zombie || started != 0 && process.identity.started != started,
        None => kill(Pid::from_raw(pid), None) == Err(Errno::ESRCH),
    }
}

/// The end of a process that is watched.
#[derive(Debug)]
pub(super) enum ParentEnd {
    /// The kernel makes this readable.
    Readable(Watched),
    Polled(Identity, Pin<Box<Sleep>>),
}

impl ParentEnd {
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // Only the end makes it readable.
            Self::Readable(end) => end.poll_read_ready(cx).map(|_| ()),
            Self::Polled(identity, pause) => loop {
                ready!(pause.as_mut().poll(cx));
                if has_ended(*identity) {
                    return Poll::Ready(());
                }
                pause.set(sleep(INTERVAL));
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::process::{Command, Stdio};

    use super::*;

    /// Waits for the end of a `cat`, with or without the kernel's word for it.
    fn the_end_is_seen(told: bool) {
        let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let identity = Identity::of(child.id().cast_signed()).unwrap();
        let mut parent = Parent::of(identity).unwrap();
        assert!(parent.end.is_some());
        parent.end = parent.end.filter(|_| told);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut end = parent.watch().unwrap();
            assert!(poll_fn(|cx| Poll::Ready(end.poll_end(cx))).await.is_pending());
            drop(child.stdin.take());
            // Its parent has not waited for it yet.
            poll_fn(|cx| end.poll_end(cx)).await;
        });
        assert!(Parent::of(identity).is_none(), "a process that nobody has waited for has ended");
        child.wait().unwrap();
        assert!(Parent::of(identity).is_none());
    }

    #[test]
    fn the_end_of_a_process_is_seen() {
        the_end_is_seen(true);
    }

    #[test]
    fn the_end_of_a_process_is_seen_where_the_kernel_does_not_tell_it() {
        the_end_is_seen(false);
    }

    #[test]
    fn the_parent_is_the_process_that_started_this_one() {
        let parent = Parent::find().unwrap().unwrap();
        assert_eq!(parent.identity.pid, std::os::unix::process::parent_id().cast_signed());
        let later = Identity { started: parent.identity.started + 1, ..parent.identity };
        assert!(Parent::of(later).is_none(), "another process has had the pid");
    }
}
