//! Writing the files.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, IoSlice, Write};
use std::mem;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file::{LIMIT, older};
use crate::event::{Stream, cursor};

#[derive(Debug)]
pub struct Recorder {
    pub(super) path: PathBuf,
    file: File,
    size: u64,
    session: String,
    /// The length of the session's output, in bytes.
    written: u64,
    /// The position in the output at which a reader of the file expects the next record; `None` if a cursor has to
    /// come first.
    expected: Option<u64>,
    /// When the present second began, and how many bytes were written in it.
    second: (SystemTime, u64),
    /// The stream of the end of a flood, and its position in the output, until the flood has passed.
    pending: Option<(Stream, u64)>,
    /// The end of a flood. Its memory is kept: musl asks the kernel for so much each time, which would halve the
    /// throughput.
    flood_end: Vec<u8>,
}

/// More bytes than this in one second are a flood. The files hold half of it, so most of a flood would be rotated
/// away before anybody could read it, and writing it would halve the throughput.
const FLOOD: u64 = 4 * LIMIT;
/// How much of the end of a flood is written, in bytes.
const FLOOD_END: usize = 64 * 1024;

impl Recorder {
    /// Appends the output of `session` to `path`. Only the owner can read a new file: output may hold secrets.
    pub fn open(path: PathBuf, session: &str) -> io::Result<Self> {
        let file = append(&path)?;
        let mut recorder = Self {
            size: file.metadata()?.len(),
            path,
            file,
            session: session.to_owned(),
            written: 0,
            expected: None,
            second: (SystemTime::UNIX_EPOCH, 0),
            pending: None,
            flood_end: Vec::new(),
        };
        if !recorder.ends_whole() {
            recorder.rotate()?;
        }
        Ok(recorder)
    }

    /// Whether the end of a flood waits to be written.
    pub(super) fn is_behind(&self) -> bool {
        self.pending.is_some()
    }

    /// Adds `bytes`, which were read from `stream` at `now`.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        let start = self.written;
        self.written += length(bytes);
        if self.is_flood(length(bytes), now) {
            let end = &bytes[bytes.len().saturating_sub(FLOOD_END)..];
            self.pending = Some((stream, self.written - length(end)));
            self.flood_end.clear();
            self.flood_end.extend_from_slice(end);
            return Ok(());
        }
        self.flush(now)?;
        self.record(stream, start, bytes, now)
    }

    fn is_flood(&mut self, length: u64, now: SystemTime) -> bool {
        let (began, written) = self.second;
        // A clock that was set back starts a new second, too.
        let goes_on = now.duration_since(began).is_ok_and(|passed| passed < Duration::from_secs(1));
        self.second = if goes_on { (began, written + length) } else { (now, length) };
        self.second.1 > FLOOD
    }

    /// Writes the end of a flood.
    pub fn flush(&mut self, now: SystemTime) -> io::Result<()> {
        let Some((stream, start)) = self.pending.take() else { return Ok(()) };
        let end = mem::take(&mut self.flood_end);
        let outcome = self.record(stream, start, &end, now);
        self.flood_end = end;
        outcome
    }

    fn record(&mut self, stream: Stream, start: u64, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        if self.size >= LIMIT {
            self.rotate()?;
        }
        if self.expected != Some(start) {
            self.append('s', cursor(&self.session, start).as_bytes(), now)?;
        }
        let letter = match stream {
            Stream::Stdout => 'o',
            Stream::Stderr => 'e',
        };
        self.append(letter, bytes, now)?;
        self.expected = Some(start + length(bytes));
        Ok(())
    }

    /// Whether the last record is complete. A record after one that a crash cut short could not be read.
    fn ends_whole(&self) -> bool {
        let mut last = [0];
        self.size == 0 || self.file.read_exact_at(&mut last, self.size - 1).is_ok() && last == *b"\n"
    }

    fn rotate(&mut self) -> io::Result<()> {
        rename(&self.path, older(&self.path))?;
        self.file = append(&self.path)?;
        (self.size, self.expected) = (0, None);
        Ok(())
    }

    fn append(&mut self, letter: char, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        let millis = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let head = format!("{millis} {letter} {}\n", bytes.len());
        let mut parts = [IoSlice::new(head.as_bytes()), IoSlice::new(bytes), IoSlice::new(b"\n")];
        let mut rest = &mut parts[..];
        while !rest.is_empty() {
            let written = self.file.write_vectored(rest)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut rest, written);
        }
        self.size += length(head.as_bytes()) + length(bytes) + 1;
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(0)
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}
