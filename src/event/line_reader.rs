//! Lines read from a descriptor that never blocks, although its blocking mode is left as it is: other programs may
//! share it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::sys::stat::{SFlag, fstat};
use tokio::io::Interest;

use super::lines::{Lines, TooLong};
use crate::process::async_fd::{Watched, readable, watch};

const CHUNK: usize = 16 * 1024;

#[derive(Debug)]
pub struct LineReader {
    source: Source,
    lines: Lines,
    has_ended: bool,
}

#[derive(Debug)]
enum Source {
    Watched(Watched),
    /// A file, or a device such as `/dev/null`: it never blocks, and epoll and kqueue refuse it.
    Plain(OwnedFd),
}

impl LineReader {
    /// Reads from `input`. What `lines` holds already comes first. Needs a running tokio runtime.
    pub fn new(input: OwnedFd, lines: Lines) -> io::Result<Self> {
        let kind = SFlag::from_bits_truncate(fstat(&input)?.st_mode) & SFlag::S_IFMT;
        let can_wait =
            [SFlag::S_IFIFO, SFlag::S_IFSOCK].contains(&kind) || nix::unistd::isatty(&input).unwrap_or(false);
        let source =
            if can_wait { Source::Watched(watch(input, Interest::READABLE)?) } else { Source::Plain(input) };
        Ok(Self { source, lines, has_ended: false })
    }

    /// The next line, or `None` at the end. The last line may lack its line end.
    pub fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, TooLong>>> {
        loop {
            if let Some(line) = self.lines.next_line().transpose() {
                return Poll::Ready(Some(line));
            }
            if self.has_ended {
                return Poll::Ready(None);
            }
            ready!(self.poll_read(cx));
        }
    }

    /// Ready when the input has ended, even if lines are left. About `most` bytes are read ahead and kept.
    pub fn poll_end(&mut self, cx: &mut Context<'_>, most: usize) -> Poll<()> {
        while !self.has_ended {
            if self.lines.pending() > most {
                return self.poll_hangup(cx);
            }
            ready!(self.poll_read(cx));
        }
        Poll::Ready(())
    }

    /// Ready when nobody can write to the pipe or socket any more, even if it holds something.
    fn poll_hangup(&self, cx: &mut Context<'_>) -> Poll<()> {
        let Source::Watched(watched) = &self.source else { return Poll::Pending };
        while let Ok(mut readiness) = ready!(watched.poll_read_ready(cx)) {
            if readiness.ready().is_read_closed() {
                break;
            }
            readiness.clear_ready();
        }
        Poll::Ready(())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let source = match &self.source {
            Source::Plain(file) => file.as_fd(),
            Source::Watched(watched) => {
                // The descriptor may be in blocking mode, and the readiness may have been cleared too early.
                while !readable(watched.get_ref().as_fd())
                    && let Ok(mut readiness) = ready!(watched.poll_read_ready(cx))
                {
                    readiness.clear_ready();
                }
                watched.get_ref().as_fd()
            }
        };
        let mut bytes = [0; CHUNK];
        match nix::unistd::read(source, &mut bytes) {
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Ok(count @ 1..) => self.lines.push(&bytes[..count]),
            Ok(0) | Err(_) => {
                self.has_ended = true;
                if self.lines.pending() > 0 {
                    self.lines.push(b"\n");
                }
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Seek, Write, pipe};

    use super::*;

    fn in_runtime<T>(body: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(body)
    }

    async fn lines_of(mut reader: LineReader) -> Vec<Result<Vec<u8>, TooLong>> {
        let mut lines = Vec::new();
        while let Some(line) = poll_fn(|cx| reader.poll_line(cx)).await {
            lines.push(line);
        }
        lines
    }

    fn expected() -> Vec<Result<Vec<u8>, TooLong>> {
        vec![Ok(b"one".to_vec()), Err(TooLong), Ok(b"two".to_vec())]
    }

    const TEXT: &[u8] = b"one\nthis is too long\ntwo";

    #[test]
    fn a_pipe_and_a_file_are_read_to_their_end() {
        in_runtime(async {
            let (reader, mut writer) = pipe().unwrap();
            let mut piped = LineReader::new(reader.into(), Lines::new(5)).unwrap();
            assert!(poll_fn(|cx| Poll::Ready(piped.poll_line(cx))).await.is_pending());
            writer.write_all(TEXT).unwrap();
            drop(writer);
            assert_eq!(lines_of(piped).await, expected());
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(TEXT).unwrap();
            file.rewind().unwrap();
            assert_eq!(lines_of(LineReader::new(file.into(), Lines::new(5)).unwrap()).await, expected());
            let null = std::fs::File::open("/dev/null").unwrap();
            assert_eq!(lines_of(LineReader::new(null.into(), Lines::new(5)).unwrap()).await, []);
        });
    }

    #[test]
    fn the_end_is_seen_before_the_lines_are_taken() {
        in_runtime(async {
            let (reader, mut writer) = pipe().unwrap();
            let mut reader = LineReader::new(reader.into(), Lines::new(5)).unwrap();
            writer.write_all(TEXT).unwrap();
            let is_over =
                |reader: &mut LineReader, cx: &mut Context<'_>, most| reader.poll_end(cx, most).is_ready();
            for most in [9, 99] {
                assert!(!poll_fn(|cx| Poll::Ready(is_over(&mut reader, cx, most))).await, "it may go on");
            }
            drop(writer);
            poll_fn(|cx| reader.poll_end(cx, 99)).await;
            assert_eq!(lines_of(reader).await, expected());
        });
    }

    #[test]
    fn the_end_is_seen_behind_more_than_is_read_ahead() {
        in_runtime(async {
            let (reader, mut writer) = pipe().unwrap();
            let mut reader = LineReader::new(reader.into(), Lines::new(5)).unwrap();
            writer.write_all(&TEXT.repeat(1000)).unwrap();
            assert!(poll_fn(|cx| Poll::Ready(reader.poll_end(cx, 9))).await.is_pending(), "it may go on");
            drop(writer);
            poll_fn(|cx| reader.poll_end(cx, 9)).await;
            assert!(!reader.has_ended, "the rest has not been read");
            assert_eq!(lines_of(reader).await.len(), 2001);
        });
    }
}
