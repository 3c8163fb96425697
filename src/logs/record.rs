//! Writing.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, IoSlice, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use tokio::time::Sleep;

use super::{LIMIT, older};
use crate::event::{Stream, What, cursor};
use crate::supervise::Sink;
use crate::visible::Visible;

/// The log file of one service.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: File,
    size: u64,
    session: String,
    /// How many bytes of output the session has written.
    written: u64,
    /// Whether the file says whose output follows.
    marked: bool,
    /// When the present second began, and how much was written in it.
    second: (SystemTime, u64),
    /// The end of a flood, which is written once that has passed.
    held: Option<Held>,
}

/// The end of what was left out.
#[derive(Debug)]
struct Held {
    stream: Stream,
    /// Its place in the session's output.
    start: u64,
    bytes: Vec<u8>,
}

/// More than this in one second is a flood, in bytes. The files hold half of it, so most of a flood would be rotated away
/// before anybody could read it, at the price of half of the throughput.
const FLOOD: u64 = 4 * LIMIT;
/// How much of the end of a flood is kept, in bytes.
const KEPT: usize = 64 * 1024;
/// How long a flood may pause before its end is written.
const CALM: Duration = Duration::from_millis(200);

impl Recorder {
    /// Appends what `session` writes to `path`, which is made if there is none. Only its owner may read it: output may hold
    /// secrets.
    ///
    /// # Errors
    /// The file cannot be opened for writing.
    pub fn open(path: PathBuf, session: &str) -> io::Result<Self> {
        let mut file = append(&path)?;
        let mut size = file.metadata()?.len();
        if size > 0 && !ends_whole(&file, size) {
            rename(&path, older(&path))?;
            file = append(&path)?;
            size = 0;
        }
        Ok(Self {
            path,
            file,
            size,
            session: session.to_owned(),
            written: 0,
            marked: false,
            second: (SystemTime::UNIX_EPOCH, 0),
            held: None,
        })
    }

    /// Adds what was read from `stream` at `now`.
    ///
    /// # Errors
    /// A full disk, above all.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        if self.is_flood(bytes.len(), now) {
            let kept = &bytes[bytes.len().saturating_sub(KEPT)..];
            self.written += u64::try_from(bytes.len()).unwrap_or(0);
            let start = self.written - u64::try_from(kept.len()).unwrap_or(0);
            let mut held = self.held.take().map_or_else(Vec::new, |held| held.bytes);
            held.clear();
            held.extend_from_slice(kept);
            self.held = Some(Held { stream, start, bytes: held });
            return Ok(());
        }
        self.settle(now)?;
        self.record(stream, bytes, now)?;
        self.written += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }

    fn is_flood(&mut self, length: usize, now: SystemTime) -> bool {
        let (began, written) = &mut self.second;
        // A clock that was set back begins a new second as well.
        if now.duration_since(*began).is_ok_and(|passed| passed < Duration::from_secs(1)) {
            *written += u64::try_from(length).unwrap_or(0);
        } else {
            self.second = (now, 0);
        }
        self.second.1 > FLOOD
    }

    /// Writes the end of a flood.
    ///
    /// # Errors
    /// As for [`Recorder::write`].
    pub fn settle(&mut self, now: SystemTime) -> io::Result<()> {
        let Some(Held { stream, start, bytes }) = self.held.take() else { return Ok(()) };
        let written = std::mem::replace(&mut self.written, start);
        self.marked = false;
        let outcome = self.record(stream, &bytes, now);
        self.written = written;
        outcome
    }

    fn record(&mut self, stream: Stream, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        if self.size >= LIMIT {
            rename(&self.path, older(&self.path))?;
            self.file = append(&self.path)?;
            self.size = 0;
            self.marked = false;
        }
        if !self.marked {
            self.append('s', cursor(&self.session, self.written).as_bytes(), now)?;
            self.marked = true;
        }
        let letter = match stream {
            Stream::Stdout => 'o',
            Stream::Stderr => 'e',
        };
        self.append(letter, bytes, now)
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
        self.size += u64::try_from(head.len() + bytes.len() + 1).unwrap_or(0);
        Ok(())
    }
}

fn append(path: &std::path::Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// Whether the last record is complete. What came behind one that a crash cut short could not be read.
fn ends_whole(file: &File, size: u64) -> bool {
    let mut last = [0];
    file.read_exact_at(&mut last, size - 1).is_ok() && last == *b"\n"
}

/// A sink whose output is recorded as well. A recorder that fails is given up, as a full disk must not stop a service.
#[derive(Debug)]
pub struct Recorded<S> {
    inner: S,
    recorders: Vec<Option<Recorder>>,
    /// When the ends of floods are written.
    calm: Option<Pin<Box<Sleep>>>,
}

impl<S> Recorded<S> {
    /// Records what goes to `inner`, with one recorder for each service that has one.
    pub fn new(inner: S, recorders: Vec<Option<Recorder>>) -> Self {
        Self { inner, recorders, calm: None }
    }
}

impl<S> Recorded<S> {
    /// Writes the ends of floods that have passed.
    fn settle(&mut self) {
        self.calm = None;
        for slot in &mut self.recorders {
            if let Some(Err(error)) = slot.as_mut().map(|recorder| recorder.settle(SystemTime::now())) {
                give_up(slot, &error);
            }
        }
    }
}

fn give_up(slot: &mut Option<Recorder>, error: &io::Error) {
    if let Some(recorder) = slot.take() {
        tracing::warn!("the output is no longer recorded in `{}`: {error}", recorder.path.visible());
    }
}

impl<S: Sink> Sink for Recorded<S> {
    fn has_room(&self, service: usize, stream: Stream) -> bool {
        self.inner.has_room(service, stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let bytes = self.inner.pass(service, stream, source)?;
        if let Some(slot) = self.recorders.get_mut(service)
            && let Some(recorder) = slot
            && !bytes.is_empty()
        {
            if let Err(error) = recorder.write(stream, bytes, SystemTime::now()) {
                give_up(slot, &error);
            } else if recorder.held.is_some() {
                let until = tokio::time::Instant::now() + CALM;
                self.calm.get_or_insert_with(|| Box::pin(tokio::time::sleep(CALM))).as_mut().reset(until);
            }
        }
        Ok(bytes)
    }

    fn tell(&mut self, service: usize, what: What) {
        if let What::ProcessExited { .. } = what {
            self.settle();
        }
        self.inner.tell(service, what);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.calm.as_mut().is_some_and(|calm| calm.as_mut().poll(cx).is_ready()) {
            self.settle();
        }
        self.inner.poll_drain(cx)
    }
}
