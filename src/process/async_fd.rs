//! Descriptors that the runtime waits for.

use std::fs::File;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// The descriptor is a `File` because that has `Read` and `Write`.
pub type Watched = AsyncFd<File>;

/// Registers `descriptor` with the running tokio runtime, which refuses a regular file: that is always ready.
pub fn watch(descriptor: OwnedFd, interest: Interest) -> io::Result<Watched> {
    #[expect(unsafe_code, reason = "tokio asks for a promise that an owned descriptor keeps by its type")]
    // SAFETY: a `File` is open for as long as it lives and always names the same descriptor.
    let watched = unsafe { AsyncFd::register_with_interest(File::from(descriptor), interest) };
    watched.map_err(Into::into)
}

pub fn readable(descriptor: BorrowedFd<'_>) -> bool {
    is_ready(descriptor, PollFlags::POLLIN)
}

pub(super) fn is_ready(descriptor: BorrowedFd<'_>, events: PollFlags) -> bool {
    poll(&mut [PollFd::new(descriptor, events)], PollTimeout::ZERO).is_ok_and(|count| count > 0)
}
