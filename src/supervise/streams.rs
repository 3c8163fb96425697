//! A service's standard streams, its ends and ours; and the lifeline from whoever started this supervisor.

use std::fs::File;
use std::io::{self, IsTerminal, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::Interest;

use crate::event::Stream;
use crate::process::async_fd::{Watched, watch};
use crate::process::terminal::Pty;
use crate::process::{Stdio, nonblocking_writer};

/// The pseudo-terminal of a service.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub pty: &'a Pty,
    /// Whether the service reads it, too.
    pub has_keyboard: bool,
}

/// Makes a service's streams: pipes, or its pseudo-terminal wherever our own stream is a terminal. `stdin` is what the
/// service reads unless its terminal has a keyboard. Without one it gets a pipe whose writing end is returned, and
/// into which nothing is written unless somebody gives it input: many programs end with their input, so it stays open
/// for as long as the supervisor lives.
pub(super) fn open(
    stdin: Option<OwnedFd>,
    place: Option<Place<'_>>,
) -> io::Result<(Stdio, Vec<Source>, Option<PipeWriter>)> {
    let (input, writer) = match stdin {
        Some(input) => (input, None),
        // One for each run: node makes the end that it reads non-blocking for all who share it.
        None => io::pipe().map(|(reader, writer)| (reader.into(), Some(writer)))?,
    };
    with_outputs(input, place).map(|(stdio, sources)| (stdio, sources, writer))
}

fn with_outputs(stdin: OwnedFd, place: Option<Place<'_>>) -> io::Result<(Stdio, Vec<Source>)> {
    let Some(Place { pty, has_keyboard }) = place else {
        let (stdout, source) = pipe(Stream::Stdout)?;
        let (stderr, other) = pipe(Stream::Stderr)?;
        return Ok((Stdio { stdin, stdout, stderr, terminal: false }, vec![source, other]));
    };
    let slave = || pty.slave.try_clone();
    let mut sources = vec![Source::new(Stream::Stdout, pty.master.try_clone()?)?];
    let stderr = if io::stderr().is_terminal() {
        slave()?
    } else {
        let (stderr, source) = pipe(Stream::Stderr)?;
        sources.push(source);
        stderr
    };
    let stdin = if has_keyboard { slave()? } else { stdin };
    Ok((Stdio { stdin, stdout: slave()?, stderr, terminal: true }, sources))
}

fn pipe(stream: Stream) -> io::Result<(OwnedFd, Source)> {
    let (ours, theirs) = io::pipe()?;
    let ours = OwnedFd::from(ours);
    nonblocking_writer::enlarge(&ours);
    Ok((theirs.into(), Source::new(stream, ours)?))
}

/// Our end of one stream of output, read without blocking.
#[derive(Debug)]
pub(super) struct Source {
    pub stream: Stream,
    watched: Watched,
}

impl Source {
    pub fn new(stream: Stream, reader: OwnedFd) -> io::Result<Self> {
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { stream, watched: watch(reader, Interest::READABLE)? })
    }

    /// Calls `read` once if there is something to read. Ready with whether there may be more; `false` at the end.
    pub fn poll_read(
        &self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut &File) -> io::Result<usize>,
    ) -> Poll<bool> {
        let Ok(mut readiness) = ready!(self.watched.poll_read_ready(cx)) else { return Poll::Ready(false) };
        match read(&mut self.reader()) {
            Ok(count) => Poll::Ready(count > 0),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                readiness.clear_ready();
                // Polled once more, so that the next readiness wakes us.
                drop(readiness);
                self.watched.poll_read_ready(cx).map(|_| true)
            }
            Err(error) => Poll::Ready(error.kind() == io::ErrorKind::Interrupted),
        }
    }

    pub fn reader(&self) -> &File {
        self.watched.get_ref()
    }
}

/// The reading end of a pipe that only the process which started this supervisor holds open: end-of-file means
/// that it is gone. What is written into the pipe is ignored.
#[derive(Debug)]
pub struct Lifeline(Source);

impl Lifeline {
    /// Watches a copy of `pipe`, which must not be a regular file. Needs a running tokio runtime.
    pub fn new(pipe: impl AsFd) -> io::Result<Self> {
        Source::new(Stream::Stdout, pipe.as_fd().try_clone_to_owned()?).map(Self)
    }

    /// Is ready at the end of the pipe.
    pub(super) fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        while ready!(self.0.poll_read(cx, |source| source.read(&mut [0; 512]))) {}
        Poll::Ready(())
    }
}
