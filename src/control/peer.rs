//! One client of the server: its requests, and the queue of lines for it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::net::UnixStream;

use super::protocol::LONGEST_REQUEST;
use crate::event::{Lines, TooLong};

/// The most bytes that wait for a client. A client for which more would wait is dropped.
const BACKLOG: usize = 2 * 1024 * 1024;
/// While more bytes than this wait for a client, its requests are not read.
const ENOUGH: usize = 64 * 1024;
/// Bytes read from a client at once.
const READ: usize = 4096;
/// Lines written in one system call.
const BATCH: usize = 16;

/// A request whose outcome is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub service: usize,
    pub id: Option<String>,
    /// Whether the client waits for the end of the service; otherwise for its being ready.
    pub end: bool,
}

/// What a client follows of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Follows {
    pub events: bool,
    /// Beside the other events.
    pub output: bool,
}

#[derive(Debug)]
pub(super) struct Peer {
    stream: UnixStream,
    /// The pid of the client, where the system says it.
    process: Option<i32>,
    lines: Lines,
    /// Lines that wait to be sent. Clients that follow the same service share them.
    waiting: VecDeque<Rc<[u8]>>,
    /// Bytes of the first line that have been sent.
    sent: usize,
    /// Bytes that wait in all.
    size: usize,
    state: Connection,
    pub pending: Vec<Pending>,
    /// For each service.
    pub follows: Vec<Follows>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Open,
    /// Its requests are ignored, and it gets what waits.
    Closing,
    Lost,
}

impl Peer {
    pub fn new(stream: UnixStream, process: Option<i32>, services: usize) -> Self {
        Self {
            stream,
            process,
            lines: Lines::new(LONGEST_REQUEST),
            waiting: VecDeque::new(),
            sent: 0,
            size: 0,
            state: Connection::Open,
            pending: Vec::new(),
            follows: vec![Follows::default(); services],
        }
    }

    /// Whether the connection can be dropped.
    pub fn is_gone(&self) -> bool {
        match self.state {
            Connection::Open => false,
            Connection::Closing => self.waiting.is_empty(),
            Connection::Lost => true,
        }
    }

    pub fn process(&self) -> Option<i32> {
        self.process
    }

    /// Whether its requests are ignored.
    pub fn is_closing(&self) -> bool {
        self.state != Connection::Open
    }

    /// Whether it waits for nothing.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.waiting.is_empty()
            && !self.follows.iter().any(|follows| follows.events)
    }

    /// Appends `line` to the queue. Drops the client if too much waits.
    pub fn send(&mut self, line: &Rc<[u8]>) {
        if self.size + line.len() > BACKLOG {
            return self.drop_connection();
        }
        if self.state != Connection::Lost {
            self.size += line.len();
            self.waiting.push_back(Rc::clone(line));
        }
    }

    /// Ends the connection once everything that waits has been sent.
    pub fn close(&mut self) {
        if self.state == Connection::Open {
            self.state = Connection::Closing;
        }
    }

    fn drop_connection(&mut self) {
        self.state = Connection::Lost;
        self.waiting.clear();
        self.size = 0;
    }

    /// Reads once. Ready if there may be more to read; [`Peer::next_line`] has the lines.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state != Connection::Open || self.size > ENOUGH {
            return Poll::Pending;
        }
        while let Poll::Ready(readiness) = self.stream.poll_read_ready(cx) {
            let mut bytes = [0; READ];
            match readiness.and_then(|()| self.stream.try_read(&mut bytes)) {
                Ok(0) => {
                    self.close();
                    return Poll::Ready(());
                }
                Ok(count) => {
                    self.lines.push(&bytes[..count]);
                    return Poll::Ready(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    self.drop_connection();
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }

    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        self.lines.next_line()
    }

    /// Sends as much as possible. Ready when nothing waits any more.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.waiting.is_empty() {
            let Poll::Ready(readiness) = self.stream.poll_write_ready(cx) else { return Poll::Pending };
            let mut slices: Vec<IoSlice<'_>> =
                self.waiting.iter().take(BATCH).map(|line| IoSlice::new(line)).collect();
            if let Some(first) = slices.first_mut() {
                first.advance(self.sent);
            }
            match readiness.and_then(|()| self.stream.try_write_vectored(&slices)) {
                Ok(count) => self.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => self.drop_connection(),
            }
        }
        Poll::Ready(())
    }

    fn advance(&mut self, count: usize) {
        self.size -= count;
        self.sent += count;
        while let Some(first) = self.waiting.front()
            && self.sent >= first.len()
        {
            self.sent -= first.len();
            self.waiting.pop_front();
        }
    }
}
