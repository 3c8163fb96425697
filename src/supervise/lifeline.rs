//! A pipe that only whoever started this supervisor holds open: its end means that the starter is gone.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::Interest;

use crate::process::async_fd::{Watched, watch};

/// The reading end of that pipe. What is written into it means nothing.
#[derive(Debug)]
pub struct Lifeline(Watched);

impl Lifeline {
    /// Watches a copy of `pipe`. Needs a running tokio runtime.
    ///
    /// # Errors
    /// A regular file, which cannot be watched; no more descriptors.
    pub fn new(pipe: impl AsFd) -> io::Result<Self> {
        let copy = pipe.as_fd().try_clone_to_owned()?;
        fcntl(&copy, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        watch(copy, Interest::READABLE).map(Self)
    }

    /// Is ready at the end of the pipe.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let Ok(mut readiness) = ready!(self.0.poll_read_ready(cx)) else { return Poll::Ready(()) };
            match nix::unistd::read(self.0.get_ref(), &mut [0; 512]) {
                Ok(0) => return Poll::Ready(()),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => readiness.clear_ready(),
                Err(_) => return Poll::Ready(()),
            }
        }
    }
}
