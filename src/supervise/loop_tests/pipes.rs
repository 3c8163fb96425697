//! The pipes of a loop under test, and their ends.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::fake::World;

/// The other ends of the lifeline and of the caller's output.
#[derive(Debug)]
pub struct Ends {
    pub lifeline: PipeReader,
    pub caller: PipeWriter,
}

impl World {
    /// Closes the lifeline, and waits until the kernel sees it: another test may just have forked, and hold a copy
    /// until its child executes. The clock of the loop does not wait for that.
    pub fn end_lifeline(&mut self) {
        self.lifeline = None;
        let ends = self.ends.as_ref().unwrap();
        await_hangup(ends.lifeline.as_fd());
    }

    /// Closes the only reader of the output, see [`World::end_lifeline`].
    pub fn lose_caller(&mut self) {
        self.caller = None;
        let ends = self.ends.as_ref().unwrap();
        await_hangup(ends.caller.as_fd());
    }
}

/// Waits until the pipe has lost its other side, which is reported without being asked for.
fn await_hangup(pipe: BorrowedFd<'_>) {
    poll(&mut [PollFd::new(pipe, PollFlags::empty())], PollTimeout::NONE).unwrap();
}
