//! Our own standard output and error, written without blocking.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use nix::sys::stat::fstat;

use crate::event::Stream;
use crate::process::nonblocking_writer::NonblockingWriter;

#[derive(Debug)]
pub(super) struct Streams {
    /// One for both streams if they lead to the same place, to keep everything in order.
    writers: Vec<NonblockingWriter>,
    /// With a carriage return on a terminal, which may be in raw mode.
    pub line_end: &'static str,
}

impl Streams {
    /// Needs a running tokio runtime.
    pub fn new() -> io::Result<Self> {
        let (out, err) = (io::stdout(), io::stderr());
        let mut writers = vec![NonblockingWriter::new(out.as_fd())?];
        let place = |of: nix::Result<nix::sys::stat::FileStat>| of.ok().map(|s| (s.st_dev, s.st_ino));
        let are_terminals = out.is_terminal() && err.is_terminal();
        let is_same_place = place(fstat(&out)).is_some_and(|out| place(fstat(&err)) == Some(out));
        if !(are_terminals || is_same_place) {
            writers.push(NonblockingWriter::new(err.as_fd())?);
        }
        Ok(Self { writers, line_end: if err.is_terminal() { "\r\n" } else { "\n" } })
    }

    /// Which of the places that the streams lead to is this one's.
    pub fn index(&self, stream: Stream) -> usize {
        (stream as usize).min(self.writers.len() - 1)
    }

    pub fn of(&mut self, stream: Stream) -> &mut NonblockingWriter {
        let index = self.index(stream);
        &mut self.writers[index]
    }

    pub fn has_room(&self, stream: Stream) -> bool {
        self.writers[self.index(stream)].has_room()
    }

    /// How many bytes wait.
    pub fn pending(&self) -> usize {
        self.writers.iter().map(NonblockingWriter::pending).sum()
    }

    /// Whether `stream` goes to the same place as bowline's lines.
    pub fn is_ours(&self, stream: Stream) -> bool {
        self.index(stream) == self.index(Stream::Stderr)
    }

    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Every writer is polled, so that each one's readiness wakes the loop.
        let waiting = self.writers.iter_mut().filter_map(|it| it.poll_drain(cx).is_pending().then_some(()));
        if waiting.count() == 0 { Poll::Ready(()) } else { Poll::Pending }
    }
}
