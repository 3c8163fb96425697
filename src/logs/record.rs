//! Writing.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, IoSlice, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::SystemTime;

use super::{LIMIT, older};
use crate::event::{Stream, What, cursor};
use crate::supervise::Sink;

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
}

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
        Ok(Self { path, file, size, session: session.to_owned(), written: 0, marked: false })
    }

    /// Adds what was read from `stream` at `now`.
    ///
    /// # Errors
    /// A full disk, above all.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now: SystemTime) -> io::Result<()> {
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
        self.append(letter, bytes, now)?;
        self.written += u64::try_from(bytes.len()).unwrap_or(0);
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
}

impl<S> Recorded<S> {
    /// Records what goes to `inner`, with one recorder for each service that has one.
    pub fn new(inner: S, recorders: Vec<Option<Recorder>>) -> Self {
        Self { inner, recorders }
    }

    /// The sink behind it.
    pub fn into_inner(self) -> S {
        self.inner
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
            && let Err(error) = recorder.write(stream, bytes, SystemTime::now())
        {
            tracing::warn!("the output is no longer recorded in `{}`: {error}", recorder.path.display());
            *slot = None;
        }
        Ok(bytes)
    }

    fn tell(&mut self, service: usize, what: What) {
        self.inner.tell(service, what);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_drain(cx)
    }
}
