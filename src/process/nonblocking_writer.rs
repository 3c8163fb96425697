//! Our own standard output and error, written without ever blocking the supervisor and without changing the mode
//! of a descriptor that other programs share.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::task::{Context, Poll, ready};

use nix::libc::{O_NOCTTY, O_NONBLOCK, PIPE_BUF};
use nix::poll::PollFlags;
use nix::sys::socket::{MsgFlags, send};
use rustix::fs::{FileType, fstat};
use tokio::io::Interest;

use super::async_fd::{Watched, is_ready, watch};

/// The capacity asked for a pipe, and how many bytes may be pending before the source is no longer read. The
/// service then blocks in its write, as with any pipe or terminal that nobody reads.
const ROOM: usize = 256 * 1024;

/// How many bytes are read at once.
const CHUNK: usize = 128 * 1024;

#[derive(Debug)]
pub struct NonblockingWriter {
    destination: Destination,
    /// The bytes from `written` to `filled` wait; the rest is spare room, not cleared for every read.
    buffer: Vec<u8>,
    written: usize,
    filled: usize,
}

#[derive(Debug)]
enum Destination {
    /// A pipe, socket or terminal, with the function that writes to it without blocking.
    Watched(Watched, fn(&File, &[u8]) -> io::Result<usize>),
    /// A file or device that is always writable.
    Plain(File),
    /// The reader has gone, or the disk is full. Output is discarded: the service must neither stall nor die.
    Closed(io::Error),
}

impl NonblockingWriter {
    /// A stream that goes where `target` goes, usually the standard output. Needs a running tokio runtime.
    pub fn new(target: BorrowedFd<'_>) -> io::Result<Self> {
        let kind = FileType::from_raw_mode(fstat(target)?.st_mode);
        let copy = target.try_clone_to_owned()?;
        let watched =
            |file, write| Ok::<_, io::Error>(Destination::Watched(watch(file, Interest::WRITABLE)?, write));
        let destination = if kind == FileType::Socket {
            watched(copy, send_now)?
        } else if kind != FileType::Fifo && !target.is_terminal() {
            Destination::Plain(copy.into())
        } else if let Some(file) = reopen(target) {
            enlarge(&file);
            watched(file, write_once)?
        } else {
            watched(copy, write_if_writable)?
        };
        Ok(Self { destination, buffer: Vec::new(), written: 0, filled: 0 })
    }

    pub fn has_room(&self) -> bool {
        self.pending() < ROOM
    }

    pub fn pending(&self) -> usize {
        self.filled - self.written
    }

    /// The error that closed it, if any.
    pub fn error(&self) -> Option<&io::Error> {
        if let Destination::Closed(error) = &self.destination { Some(error) } else { None }
    }

    /// Appends `bytes`, even beyond the limit of [`NonblockingWriter::has_room`].
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.buffer[self.filled..][..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Reads once from `source` into the buffer. Returns the bytes read, none at the end of the source.
    pub fn fill_from(&mut self, mut source: impl Read) -> io::Result<&[u8]> {
        self.make_room(CHUNK);
        let before = self.filled;
        self.filled += source.read(&mut self.buffer[before..][..CHUNK])?;
        Ok(&self.buffer[before..self.filled])
    }

    /// Writes what can be written at once.
    pub fn write_some(&mut self) {
        while self.pending() > 0 {
            let bytes = &self.buffer[self.written..self.filled];
            let outcome = match &self.destination {
                Destination::Watched(target, write) => write(target.get_ref(), bytes),
                Destination::Plain(file) => write_once(file, bytes),
                Destination::Closed(_) => Ok(bytes.len()),
            };
            match outcome {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.destination = Destination::Closed(error),
            }
        }
        (self.written, self.filled) = (0, 0);
    }

    /// Writes what can be written. Ready when nothing is pending.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.write_some();
            if self.pending() == 0 {
                return Poll::Ready(());
            }
            let Destination::Watched(target, _) = &self.destination else { continue };
            match ready!(target.poll_write_ready(cx)) {
                Ok(mut readiness) if !is_writable(target.get_ref()) => readiness.clear_ready(),
                Ok(_) => {}
                Err(error) => self.destination = Destination::Closed(error),
            }
        }
    }

    fn make_room(&mut self, length: usize) {
        if self.written > 0 && self.filled + length > self.buffer.len() {
            self.buffer.copy_within(self.written..self.filled, 0);
            (self.written, self.filled) = (0, self.pending());
        }
        if self.buffer.is_empty() {
            // The kernel's zeros: their pages are not there until they are needed.
            self.buffer = vec![0; length];
        } else if self.filled + length > self.buffer.len() {
            self.buffer.resize(self.filled + length, 0);
        }
    }
}

fn is_writable(file: &File) -> bool {
    is_ready(file.as_fd(), PollFlags::POLLOUT)
}

/// For an open file description of our own, which has `O_NONBLOCK`.
fn write_once(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    file.write(bytes)
}

/// For a blocking open file description that other programs share: a writable pipe takes `PIPE_BUF` bytes without
/// blocking (pipe(7)), 4096 on Linux and 512 on macOS (`bsd/sys/syslimits.h` of xnu).
fn write_if_writable(file: &File, bytes: &[u8]) -> io::Result<usize> {
    if !is_writable(file) {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    write_once(file, &bytes[..bytes.len().min(PIPE_BUF)])
}

/// For a socket. SIGPIPE is ignored, so a reader that is gone is an error; Apple has no MSG_NOSIGNAL.
fn send_now(socket: &File, bytes: &[u8]) -> io::Result<usize> {
    send(socket.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT).map_err(Into::into)
}

/// Enlarges a pipe, so that its ends take turns less often. The kernel may refuse, a terminal has no such size,
/// and pipes have one size on macOS.
pub fn enlarge(pipe: &OwnedFd) {
    #[cfg(target_os = "linux")]
    let _refused = rustix::pipe::fcntl_setpipe_size(pipe, ROOM);
    #[cfg(not(target_os = "linux"))]
    let _ = pipe;
}

/// Opens the pipe or terminal of `target` once more, for an open file description whose mode nobody shares.
/// Another user's terminal cannot be opened, and only Linux has such a path.
fn reopen(target: BorrowedFd<'_>) -> Option<OwnedFd> {
    let path = format!("/proc/self/fd/{}", target.as_raw_fd());
    File::options().write(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path).map(Into::into).ok()
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, PipeWriter, pipe};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn in_runtime<T>(body: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(body)
    }

    fn writer_with_reader() -> (NonblockingWriter, PipeReader, PipeWriter) {
        let (reader, writer) = pipe().unwrap();
        (NonblockingWriter::new(writer.as_fd()).unwrap(), reader, writer)
    }

    #[test]
    fn a_reader_that_stalls_never_blocks_the_writer() {
        in_runtime(async {
            let (mut nonblocking_writer, mut reader, writer) = writer_with_reader();
            let sent: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
            nonblocking_writer.push(&sent);
            nonblocking_writer.write_some();
            assert!(nonblocking_writer.pending() > 0 && !nonblocking_writer.has_room());
            drop(writer);
            let reading = std::thread::spawn(move || {
                let mut received = Vec::new();
                reader.read_to_end(&mut received).map(|_| received)
            });
            std::future::poll_fn(|cx| nonblocking_writer.poll_drain(cx)).await;
            drop(nonblocking_writer);
            assert_eq!(reading.join().unwrap().unwrap(), sent);
        });
    }

    #[test]
    fn a_shared_pipe_keeps_its_mode() {
        in_runtime(async {
            let (nonblocking_writer, _reader, writer) = writer_with_reader();
            let flags = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_GETFL).unwrap();
            assert_eq!(flags & O_NONBLOCK, 0);
            drop(nonblocking_writer);
        });
    }

    #[test]
    fn output_is_discarded_once_the_reader_is_gone() {
        in_runtime(async {
            let (mut nonblocking_writer, reader, _writer) = writer_with_reader();
            drop(reader);
            nonblocking_writer.push(b"lost");
            std::future::poll_fn(|cx| nonblocking_writer.poll_drain(cx)).await;
            assert_eq!(nonblocking_writer.pending(), 0);
        });
    }

    #[test]
    fn a_socket_is_written_without_blocking() {
        in_runtime(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let mut nonblocking_writer = NonblockingWriter::new(ours.as_fd()).unwrap();
            nonblocking_writer.push(&vec![7; 1_000_000]);
            nonblocking_writer.write_some();
            assert!(nonblocking_writer.pending() > 0);
            drop(ours);
            let reading = std::thread::spawn(move || {
                let mut received = Vec::new();
                theirs.read_to_end(&mut received).map(|_| received.len())
            });
            std::future::poll_fn(|cx| nonblocking_writer.poll_drain(cx)).await;
            drop(nonblocking_writer);
            assert_eq!(reading.join().unwrap().unwrap(), 1_000_000);
        });
    }

    #[test]
    fn bytes_read_from_a_source_are_pending() {
        in_runtime(async {
            let (mut nonblocking_writer, _reader, _writer) = writer_with_reader();
            nonblocking_writer.push(b"a");
            assert_eq!(nonblocking_writer.fill_from(&b"bc"[..]).unwrap(), b"bc");
            assert_eq!(nonblocking_writer.fill_from(&b""[..]).unwrap(), b"");
            assert_eq!(nonblocking_writer.pending(), 3);
        });
    }

    #[test]
    fn a_blocking_pipe_is_written_until_it_is_full() {
        let (_reader, writer) = pipe().unwrap();
        let writer = File::from(OwnedFd::from(writer));
        let bytes = vec![7; 3 * PIPE_BUF];
        while let Ok(count) = write_if_writable(&writer, &bytes) {
            assert!((1..=PIPE_BUF).contains(&count), "{count}");
        }
        assert!(!is_writable(&writer));
    }
}
