//! A pipe that only whoever started this supervisor holds open: its end means that the starter is gone.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::task::{Context, Poll, ready};

use super::streams::Source;
use crate::event::Stream;

/// The reading end of that pipe. What is written into it means nothing.
#[derive(Debug)]
pub struct Lifeline(Source);

impl Lifeline {
    /// Watches a copy of `pipe`. Needs a running tokio runtime.
    ///
    /// # Errors
    /// A regular file, which cannot be watched; no more descriptors.
    pub fn new(pipe: impl AsFd) -> io::Result<Self> {
        Source::new(Stream::Stdout, pipe.as_fd().try_clone_to_owned()?).map(Self)
    }

    /// Is ready at the end of the pipe.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.0.poll_read(cx, |source| source.read(&mut [0; 512]))) {}
        Poll::Ready(())
    }
}
