//! The pipes of a loop under test, with both ends of each.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

#[derive(Debug)]
pub struct Pipes {
    pub lifeline: Option<PipeWriter>,
    pub lifeline_reader: PipeReader,
    /// The reader of bowline's output.
    pub caller: Option<PipeReader>,
    pub output: PipeWriter,
}

impl Pipes {
    pub fn new() -> io::Result<Self> {
        let (lifeline_reader, lifeline) = io::pipe()?;
        let (caller, output) = io::pipe()?;
        Ok(Self { lifeline: Some(lifeline), lifeline_reader, caller: Some(caller), output })
    }

    /// Closes the lifeline, and waits until the kernel sees it: another test may just have forked, and hold a copy
    /// until its child executes. The clock of the loop does not wait for that.
    pub fn end_lifeline(&mut self) {
        self.lifeline = None;
        await_hangup(self.lifeline_reader.as_fd());
    }

    /// Closes the only reader of the output, see [`Pipes::end_lifeline`].
    pub fn lose_caller(&mut self) {
        self.caller = None;
        await_hangup(self.output.as_fd());
    }
}

/// Waits until the pipe has lost its other side, which is reported without being asked for.
fn await_hangup(pipe: BorrowedFd<'_>) {
    poll(&mut [PollFd::new(pipe, PollFlags::empty())], PollTimeout::NONE).unwrap();
}
