//! Writing.

use std::fs::{File, OpenOptions, rename};
use std::io::{self, IoSlice, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::SystemTime;

use super::{LIMIT, older};
use crate::event::{Stream, What};
use crate::supervise::Sink;

/// The log file of one service.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    file: File,
    size: u64,
}

impl Recorder {
    /// Appends to `path`, which is made if there is none. Only its owner may read it: output may hold secrets.
    ///
    /// # Errors
    /// The file cannot be opened for writing.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size })
    }

    /// Adds what was read from `stream` at `now`.
    ///
    /// # Errors
    /// A full disk, above all.
    pub fn write(&mut self, stream: Stream, bytes: &[u8], now: SystemTime) -> io::Result<()> {
        if self.size >= LIMIT {
            rename(&self.path, older(&self.path))?;
            *self = Self::open(std::mem::take(&mut self.path))?;
        }
        let millis = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        let letter = match stream {
            Stream::Stdout => 'o',
            Stream::Stderr => 'e',
        };
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
