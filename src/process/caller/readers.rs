//! Streams of output, watched for the loss of their last reader.

use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, SockType, getsockopt, send, sockopt};
use rustix::fs::{FileType, Stat, fstat, stat};
use tokio::io::Interest;

use crate::process::async_fd::{Watched, watch};

/// Those streams that still have a reader; `None` if the readers can never be lost.
#[derive(Debug)]
pub(super) struct Readers(Option<Vec<Watched>>);

impl Readers {
    /// `/dev/null` does not count, as it never had a reader. A file keeps what it was given for later readers, so
    /// with one among the streams the readers are never lost. Needs a running tokio runtime.
    pub fn of(streams: &[BorrowedFd<'_>]) -> io::Result<Self> {
        let null = stat("/dev/null").ok();
        let mut watched = Vec::new();
        for stream in streams {
            let status = fstat(stream)?;
            if null.as_ref().is_some_and(|null| is_same_device(null, &status)) {
                continue;
            }
            // Writability is asked for because the hangup of a terminal wakes only who waits for input or output.
            match watch(stream.try_clone_to_owned()?, Interest::WRITABLE) {
                Ok(stream) => watched.push(stream),
                // A file, which epoll refuses. A terminal that has hung up is no terminal any more to isatty(3).
                Err(_) => return Ok(Self(None)),
            }
        }
        Ok(Self(Some(watched).filter(|watched| !watched.is_empty())))
    }

    pub fn keep_terminals(&mut self) {
        let terminals = self.0.take().into_iter().flatten().filter(|stream| stream.as_fd().is_terminal());
        self.0 = Some(terminals.collect::<Vec<_>>()).filter(|terminals| !terminals.is_empty());
    }

    /// Is ready once no stream has a reader any more.
    pub fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(streams) = &mut self.0 else { return Poll::Pending };
        streams.retain(|stream| has_reader(stream, cx));
        if streams.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn is_same_device(one: &Stat, other: &Stat) -> bool {
    FileType::from_raw_mode(other.st_mode) == FileType::CharacterDevice && one.st_rdev == other.st_rdev
}

/// Whether the stream has a reader. Wakes the task when that may have changed.
fn has_reader(stream: &Watched, cx: &mut Context<'_>) -> bool {
    while let Poll::Ready(Ok(mut readiness)) = stream.poll_write_ready(cx) {
        // A socket whose other side writes no more, but reads, is not closed in this sense.
        if readiness.ready().is_write_closed() || is_shut(stream.as_fd()) {
            return false;
        }
        readiness.clear_ready();
    }
    true
}

/// Whether the other side of a stream socket reads no more, though it has not closed: an empty message is refused
/// then, and otherwise has no effect.
fn is_shut(stream: BorrowedFd<'_>) -> bool {
    getsockopt(&stream, sockopt::SockType) == Ok(SockType::Stream)
        && send(stream.as_raw_fd(), &[], MsgFlags::MSG_DONTWAIT) == Err(Errno::EPIPE)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::future::poll_fn;
    use std::io::{Read, Write, pipe};
    use std::net::Shutdown;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;

    use nix::pty::openpty;

    use super::*;

    /// A stream of output, and what its reader has.
    fn stream_and_reader(kind: &str) -> (OwnedFd, OwnedFd) {
        match kind {
            "pipe" => {
                let (reader, writer) = pipe().unwrap();
                (writer.into(), reader.into())
            }
            "socket" => {
                let (ours, theirs) = UnixStream::pair().unwrap();
                (ours.into(), theirs.into())
            }
            _ => {
                let pty = openpty(None, None).unwrap();
                (pty.slave, pty.master)
            }
        }
    }

    const KINDS: [&str; 3] = ["pipe", "socket", "terminal"];

    fn is_lost(readers: &mut Readers, cx: &mut Context<'_>) -> bool {
        readers.poll_lost(cx).is_ready()
    }

    fn in_runtime<T>(body: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(body)
    }

    /// Lets the runtime see what has happened.
    async fn looks_lost(readers: &mut Readers) -> bool {
        tokio::task::yield_now().await;
        poll_fn(|cx| Poll::Ready(is_lost(readers, cx))).await
    }

    #[test]
    fn the_readers_are_lost_once_both_streams_have_lost_theirs() {
        for (one, other) in KINDS.iter().flat_map(|one| KINDS.map(|other| (*one, other))) {
            in_runtime(async {
                let (out, out_reader) = stream_and_reader(one);
                let (err, err_reader) = stream_and_reader(other);
                let mut readers = Readers::of(&[out.as_fd(), err.as_fd()]).unwrap();
                assert!(!looks_lost(&mut readers).await, "{one} and {other}");
                drop(out_reader);
                assert!(!looks_lost(&mut readers).await, "{one} and {other}");
                let lost = tokio::spawn(async move { poll_fn(|cx| readers.poll_lost(cx)).await });
                tokio::task::yield_now().await;
                drop(err_reader);
                lost.await.unwrap();
            });
        }
    }

    #[test]
    fn a_reader_that_was_lost_before_is_lost() {
        for kind in KINDS {
            in_runtime(async {
                let (out, reader) = stream_and_reader(kind);
                drop(reader);
                let mut readers = Readers::of(&[out.as_fd(), out.as_fd()]).unwrap();
                poll_fn(|cx| readers.poll_lost(cx)).await;
            });
        }
    }

    #[test]
    fn a_full_pipe_loses_its_reader_too() {
        in_runtime(async {
            let (reader, writer) = pipe().unwrap();
            rustix::io::ioctl_fionbio(&writer, true).unwrap();
            while (&writer).write(&[0; 4096]).is_ok() {}
            let mut readers = Readers::of(&[writer.as_fd()]).unwrap();
            assert!(!looks_lost(&mut readers).await);
            drop(reader);
            poll_fn(|cx| readers.poll_lost(cx)).await;
        });
    }

    #[test]
    fn the_null_device_has_no_reader_to_lose_and_a_file_keeps_its_own() {
        in_runtime(async {
            let null = File::options().write(true).open("/dev/null").unwrap();
            let file = tempfile::tempfile().unwrap();
            for (other, expected) in [(&null, true), (&file, false)] {
                let (out, reader) = stream_and_reader("pipe");
                let mut readers = Readers::of(&[out.as_fd(), other.as_fd()]).unwrap();
                drop(reader);
                assert_eq!(looks_lost(&mut readers).await, expected);
            }
            let mut readers = Readers::of(&[null.as_fd(), null.as_fd()]).unwrap();
            assert!(!looks_lost(&mut readers).await, "nobody was there");
        });
    }

    #[test]
    fn a_socket_is_read_until_its_other_side_reads_no_more() {
        in_runtime(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let mut readers = Readers::of(&[ours.as_fd()]).unwrap();
            theirs.shutdown(Shutdown::Write).unwrap();
            assert!(!looks_lost(&mut readers).await);
            (&ours).write_all(b"x").unwrap();
            theirs.read_exact(&mut [0]).unwrap();
            assert!(!looks_lost(&mut readers).await);
            theirs.shutdown(Shutdown::Read).unwrap();
            poll_fn(|cx| readers.poll_lost(cx)).await;
        });
    }
}
