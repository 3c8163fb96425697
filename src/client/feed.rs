//! A followed service: its recorded output, then the events of its supervisor.

use std::io;
use std::path::Path;

use crate::client::connection::Connection;
use crate::control::{ControlRequest, Status, Verb};
use crate::event::{LineReader, parse_cursor};
use crate::invocation::failure::Failure;
use crate::logs;
use crate::port::Reservation;
use crate::process::Exit;

pub struct Feed {
    pub reservation: Reservation,
    pub status: Status,
    pub lines: LineReader,
    /// Bytes of the session's output that have been shown.
    pub seen: u64,
    /// The service's exit, once it has ended.
    pub exit: Option<Exit>,
}

impl Feed {
    /// Attaches to the service. Needs a running tokio runtime.
    pub fn open(reservation: &Reservation) -> Result<Self, Failure> {
        let mut connection = Connection::open(reservation, None)?;
        let request = ControlRequest::new(Verb::Attach, Some(&reservation.project));
        let status = connection.status(&request, None)?.into_iter().next();
        let status = status.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        let lines = connection.into_reader()?;
        Ok(Self { reservation: reservation.clone(), status, lines, seen: 0, exit: None })
    }

    /// How many bytes of the session's output precede the first event in `lines`.
    pub fn start(&self) -> u64 {
        parse_cursor(&self.status.cursor).map_or(0, |(_, bytes)| bytes)
    }

    /// The recorded output of all sessions, up to byte `end` of this one; all of it counts as shown from now on.
    pub fn recorded(&mut self, end: u64) -> Vec<logs::Record> {
        let session = &self.status.session;
        let mut records = logs::read(Path::new(&self.status.log)).unwrap_or_default();
        for record in records.iter_mut().filter(|record| record.session == *session) {
            let left = usize::try_from(end.saturating_sub(record.start)).unwrap_or(usize::MAX);
            record.bytes.truncate(left);
        }
        records.retain(|record| !record.bytes.is_empty());
        self.seen = end;
        records
    }

    /// The recorded output of this session up to byte `end` that has not been shown.
    pub fn missed(&mut self, end: u64) -> Vec<logs::Record> {
        let seen = self.seen;
        let mut missed = logs::from(self.recorded(end), &self.status.session, seen);
        missed.retain(|record| record.session == self.status.session);
        missed
    }
}

/// The selected lines of the recorded output of all feeds, by time, each with the index of its feed.
pub fn by_time(
    feeds: &mut [Feed],
    select: &dyn Fn(Vec<logs::Record>) -> Vec<logs::Record>,
) -> Vec<(usize, logs::Record)> {
    let mut records = Vec::new();
    for (at, feed) in feeds.iter_mut().enumerate() {
        records.extend(select(feed.recorded(feed.start())).into_iter().map(|record| (at, record)));
    }
    records.sort_by_key(|(_, record)| record.time);
    records
}
