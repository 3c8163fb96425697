//! Our own standard output and error, written without ever blocking the supervisor and without changing the mode of a
//! descriptor that other programs share.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::sys::socket::{MsgFlags, send};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::write;
use tokio::io::Interest;

use super::readiness::{Watched, watch};

/// How much may wait to be written before its source is no longer read: then the service waits, as it would with a
/// terminal or a pipe that is not read.
const ROOM: usize = 256 * 1024;

/// The room of a pipe, in bytes.
#[cfg(target_os = "linux")]
const PIPE_ROOM: i32 = 256 * 1024;

/// How much is read at once.
const CHUNK: usize = 128 * 1024;

/// The most that one write to a pipe takes without blocking once it is writable (`PIPE_BUF`, pipe(7)).
const ATOMIC: usize = 4096;

/// A stream of output.
#[derive(Debug)]
pub struct Outlet {
    way: Way,
    /// What waits lies between `written` and `filled`; the rest is room that is not cleared for every read.
    buffer: Vec<u8>,
    written: usize,
    filled: usize,
}

#[derive(Debug)]
enum Way {
    /// A description of our own with `O_NONBLOCK`.
    Reopened(Watched),
    /// A socket, for which each call can say that it must not block.
    Socket(Watched),
    /// Somebody else's blocking description: asked first, and given little at a time.
    Shared(Watched),
    /// A file or device that is always writable.
    Plain(OwnedFd),
    /// The reader has gone. What comes is thrown away, as the service must neither stall nor die of it.
    Closed,
}

impl Outlet {
    /// A stream that goes where `target` goes, usually the standard output. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new(target: BorrowedFd<'_>) -> io::Result<Self> {
        let kind = SFlag::from_bits_truncate(fstat(target)?.st_mode) & SFlag::S_IFMT;
        let copy = target.try_clone_to_owned()?;
        let way = if kind == SFlag::S_IFSOCK {
            Way::Socket(watch(copy, Interest::WRITABLE)?)
        } else if kind == SFlag::S_IFIFO || nix::unistd::isatty(target).unwrap_or(false) {
            match reopen(target) {
                Some(file) => {
                    enlarge(&file);
                    Way::Reopened(watch(file, Interest::WRITABLE)?)
                }
                None => Way::Shared(watch(copy, Interest::WRITABLE)?),
            }
        } else {
            Way::Plain(copy)
        };
        Ok(Self { way, buffer: Vec::new(), written: 0, filled: 0 })
    }

    /// Whether the source may be read on.
    pub fn has_room(&self) -> bool {
        self.pending() < ROOM
    }

    /// How many bytes wait to be written.
    pub fn pending(&self) -> usize {
        self.filled - self.written
    }

    /// Appends `bytes`, whatever the room.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.buffer[self.filled..][..bytes.len()].copy_from_slice(bytes);
        self.filled += bytes.len();
    }

    /// Reads once from `source` straight into what waits to be written, and answers what was read: nothing at the end.
    ///
    /// # Errors
    /// Those of the read, [`io::ErrorKind::WouldBlock`] among them.
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
            let outcome = match &self.way {
                Way::Reopened(file) => write(file.get_ref(), bytes).map_err(Into::into),
                Way::Socket(socket) => send_now(socket.get_ref(), bytes),
                Way::Shared(file) => write_if_writable(file.get_ref(), bytes),
                Way::Plain(file) => write(file, bytes).map_err(Into::into),
                Way::Closed => Ok(bytes.len()),
            };
            match outcome {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.way = Way::Closed,
            }
        }
        self.written = 0;
        self.filled = 0;
    }

    /// Writes what can be written, and is ready when nothing waits any more.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.write_some();
            if self.pending() == 0 {
                return Poll::Ready(());
            }
            let (Way::Reopened(target) | Way::Shared(target) | Way::Socket(target)) = &self.way else {
                continue;
            };
            match ready!(target.poll_write_ready(cx)) {
                Ok(mut readiness) if !writable(target.get_ref().as_fd()) => readiness.clear_ready(),
                Ok(_) => {}
                Err(_) => self.way = Way::Closed,
            }
        }
    }

    fn make_room(&mut self, length: usize) {
        if self.written > 0 && self.filled + length > self.buffer.len() {
            self.buffer.copy_within(self.written..self.filled, 0);
            self.filled -= self.written;
            self.written = 0;
        }
        if self.filled + length > self.buffer.len() {
            self.buffer.resize(self.filled + length, 0);
        }
    }
}

fn writable(target: BorrowedFd<'_>) -> bool {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut question = [PollFd::new(target, PollFlags::POLLOUT)];
    poll(&mut question, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

fn write_if_writable(file: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    if !writable(file.as_fd()) {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    write(file, &bytes[..bytes.len().min(ATOMIC)]).map_err(Into::into)
}

fn send_now(socket: &OwnedFd, bytes: &[u8]) -> io::Result<usize> {
    // Apple has no MSG_NOSIGNAL. Nothing is lost: SIGPIPE is ignored, so a reader that is gone is an error here.
    send(socket.as_raw_fd(), bytes, MsgFlags::MSG_DONTWAIT).map_err(Into::into)
}

/// Gives a pipe as much room as one from a service has, so that the two ends take turns less often. A terminal has no such
/// room, and the kernel may refuse.
#[cfg(target_os = "linux")]
pub fn enlarge(pipe: &OwnedFd) {
    let _refused = nix::fcntl::fcntl(pipe, nix::fcntl::FcntlArg::F_SETPIPE_SZ(PIPE_ROOM));
}

/// Pipes have one size here.
#[cfg(not(target_os = "linux"))]
pub fn enlarge(_pipe: &OwnedFd) {}

/// Opens what `target` refers to once more: a pipe or a terminal gets a description of our own this way, whose mode nobody
/// shares. A terminal that belongs to another user cannot be opened again.
#[cfg(target_os = "linux")]
fn reopen(target: BorrowedFd<'_>) -> Option<OwnedFd> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::File::options()
        .write(true)
        .custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", target.as_raw_fd()))
        .map(Into::into)
        .ok()
}

/// Opening `/dev/fd/N` only duplicates the descriptor here.
#[cfg(not(target_os = "linux"))]
fn reopen(_target: BorrowedFd<'_>) -> Option<OwnedFd> {
    None
}

#[cfg(test)]
mod tests {
    use std::io::{PipeReader, PipeWriter, pipe};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn in_runtime<T>(body: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(body)
    }

    fn outlet_with_reader() -> (Outlet, PipeReader, PipeWriter) {
        let (reader, writer) = pipe().unwrap();
        (Outlet::new(writer.as_fd()).unwrap(), reader, writer)
    }

    #[test]
    fn a_reader_that_stalls_never_blocks_the_writer() {
        in_runtime(async {
            let (mut outlet, mut reader, writer) = outlet_with_reader();
            let sent: Vec<u8> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
            outlet.push(&sent);
            outlet.write_some();
            assert!(outlet.pending() > 0 && !outlet.has_room());
            drop(writer);
            let reading = std::thread::spawn(move || {
                let mut received = Vec::new();
                reader.read_to_end(&mut received).map(|_| received)
            });
            std::future::poll_fn(|cx| outlet.poll_drain(cx)).await;
            drop(outlet);
            assert_eq!(reading.join().unwrap().unwrap(), sent);
        });
    }

    #[test]
    fn a_shared_pipe_keeps_its_mode() {
        in_runtime(async {
            let (outlet, _reader, writer) = outlet_with_reader();
            let flags = nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_GETFL).unwrap();
            assert_eq!(flags & nix::libc::O_NONBLOCK, 0);
            drop(outlet);
        });
    }

    #[test]
    fn a_reader_that_is_gone_takes_everything_silently() {
        in_runtime(async {
            let (mut outlet, reader, _writer) = outlet_with_reader();
            drop(reader);
            outlet.push(b"lost");
            std::future::poll_fn(|cx| outlet.poll_drain(cx)).await;
            assert_eq!(outlet.pending(), 0);
        });
    }

    #[test]
    fn a_socket_is_written_without_blocking() {
        in_runtime(async {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let mut outlet = Outlet::new(ours.as_fd()).unwrap();
            outlet.push(&vec![7; 1_000_000]);
            outlet.write_some();
            assert!(outlet.pending() > 0);
            drop(ours);
            let reading = std::thread::spawn(move || {
                let mut received = Vec::new();
                theirs.read_to_end(&mut received).map(|_| received.len())
            });
            std::future::poll_fn(|cx| outlet.poll_drain(cx)).await;
            drop(outlet);
            assert_eq!(reading.join().unwrap().unwrap(), 1_000_000);
        });
    }

    #[test]
    fn what_is_read_is_what_waits() {
        in_runtime(async {
            let (mut outlet, _reader, _writer) = outlet_with_reader();
            outlet.push(b"a");
            assert_eq!(outlet.fill_from(&b"bc"[..]).unwrap(), b"bc");
            assert_eq!(outlet.fill_from(&b""[..]).unwrap(), b"");
            assert_eq!(outlet.pending(), 3);
        });
    }
}
