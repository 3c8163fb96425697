//! A followed service: its recorded output, then the lines of its supervisor.

use std::io;
use std::path::Path;
use std::task::{Context, Poll};

use tokio::net::UnixStream;

use crate::client::connection::Connection;
use crate::control::{ControlRequest, Status, Verb};
use crate::event::{Lines, parse_cursor};
use crate::invocation::failure::Failure;
use crate::logs;
use crate::port::Reservation;
use crate::process::Exit;

/// A followed service.
pub struct Feed {
    pub reservation: Reservation,
    pub status: Status,
    stream: UnixStream,
    lines: Lines,
    /// Bytes of the session's output that have been shown.
    pub seen: u64,
    /// The exit once it has ended.
    pub exit: Option<Exit>,
}

impl Feed {
    /// Attaches to the service. Needs a running tokio runtime.
    pub fn open(reservation: &Reservation) -> Result<Self, Failure> {
        let mut connection = Connection::open(reservation, None)?;
        connection.send(&ControlRequest::new(Verb::Attach, Some(&reservation.project)))?;
        let told = connection.told_status(None)?;
        let status = told.into_iter().next().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let (stream, lines) = connection.into_parts();
        stream.set_nonblocking(true)?;
        let stream = UnixStream::from_std(stream)?;
        Ok(Self { reservation: reservation.clone(), status, stream, lines, seen: 0, exit: None })
    }

    /// The recorded output up to the attach, which counts as shown from now on.
    pub fn recorded(&mut self) -> Vec<logs::Record> {
        let now = parse_cursor(&self.status.cursor).map_or(0, |(_, bytes)| bytes);
        self.recorded_to(now)
    }

    fn recorded_to(&mut self, now: u64) -> Vec<logs::Record> {
        let session = &self.status.session;
        let mut records = logs::read(Path::new(&self.status.log)).unwrap_or_default();
        for record in records.iter_mut().filter(|record| record.session == *session) {
            let left = usize::try_from(now.saturating_sub(record.start)).unwrap_or(usize::MAX);
            record.bytes.truncate(left);
        }
        records.retain(|record| !record.bytes.is_empty());
        self.seen = now;
        records
    }

    /// The recorded output of this session that has not been shown.
    pub fn missed(&mut self) -> Vec<logs::Record> {
        let seen = self.seen;
        let recorded = self.recorded();
        self.unseen(recorded, seen)
    }

    /// The rest of a session whose supervisor is gone.
    pub fn rest(&mut self) -> Vec<logs::Record> {
        let seen = self.seen;
        let recorded = self.recorded_to(u64::MAX);
        self.unseen(recorded, seen)
    }

    fn unseen(&self, recorded: Vec<logs::Record>, seen: u64) -> Vec<logs::Record> {
        let mut missed = logs::from(recorded, &self.status.session, seen);
        missed.retain(|record| record.session == self.status.session);
        missed
    }

    /// The next line; `None` when the supervisor has closed the connection.
    pub fn poll_line(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Vec<u8>>>> {
        loop {
            if let Some(line) = self.lines.next_line()? {
                return Poll::Ready(Ok(Some(line)));
            }
            std::task::ready!(self.stream.poll_read_ready(cx))?;
            let mut bytes = [0; 16 * 1024];
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return Poll::Ready(Ok(None)),
                Ok(count) => self.lines.push(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Poll::Ready(Ok(None)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
