//! The writing end of a service's standard input, written without blocking.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::Interest;

use crate::process::async_fd::{Watched, watch};

/// While more bytes than this wait for a service that does not read, it is given no more.
const TYPED_MAX: usize = 64 * 1024;

/// A pipe, or a pseudo-terminal's other end. Most services read nothing, so it is watched only once it has to be
/// written to; it is held open all the same, as many programs end with their input.
#[derive(Debug)]
pub(super) struct InputEnd {
    end: End,
    pending: Vec<u8>,
}

#[derive(Debug)]
enum End {
    Idle(OwnedFd),
    Watched(Watched),
}

impl InputEnd {
    pub fn new(end: OwnedFd) -> Self {
        Self { end: End::Idle(end), pending: Vec::new() }
    }

    pub fn has_room(&self) -> bool {
        self.pending.len() < TYPED_MAX
    }

    /// Adds bytes if there is room for them. Returns whether there was.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.pending.extend_from_slice(bytes);
        }
        has_room
    }

    /// Writes what can be written; the rest once it can. Needs a running tokio runtime.
    pub fn write_some(&mut self, cx: &mut Context<'_>) {
        while !self.pending.is_empty() {
            let Ok(watched) = self.end.watched() else { return self.pending.clear() };
            let Poll::Ready(Ok(mut readiness)) = watched.poll_write_ready(cx) else { return };
            match nix::unistd::write(watched.get_ref(), &self.pending) {
                Ok(count) => drop(self.pending.drain(..count)),
                Err(Errno::EAGAIN) => readiness.clear_ready(),
                Err(Errno::EINTR) => {}
                // The service has closed its input.
                Err(_) => return self.pending.clear(),
            }
        }
    }
}

impl End {
    fn watched(&mut self) -> io::Result<&Watched> {
        if let Self::Idle(end) = &self {
            let end = end.try_clone()?;
            fcntl(&end, FcntlArg::F_SETFL(OFlag::O_RDWR | OFlag::O_NONBLOCK))?;
            *self = Self::Watched(watch(end, Interest::WRITABLE)?);
        }
        match self {
            Self::Watched(watched) => Ok(watched),
            Self::Idle(_) => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
