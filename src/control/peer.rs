//! One client as the server sees it: what it said, and what waits to be sent to it.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::net::UnixStream;

use super::protocol::LONGEST_REQUEST;
use crate::event::{Lines, TooLong};

/// How much may wait for a client that does not read. More, and it is dropped.
const BACKLOG: usize = 2 * 1024 * 1024;
/// While more than this waits, the client is not listened to.
const ENOUGH: usize = 64 * 1024;
/// How much is read from a client at once.
const READ: usize = 4096;
/// How many lines go into one system call.
const BATCH: usize = 16;

/// What a client asked for and has not been told yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    /// The service in question.
    pub service: usize,
    /// The request's id.
    pub id: Option<String>,
    /// Whether the end of the service is awaited; otherwise that it is ready.
    pub end: bool,
}

/// What a client follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Follows {
    /// What happens.
    pub events: bool,
    /// What is written, too.
    pub output: bool,
}

/// One client.
#[derive(Debug)]
pub(super) struct Peer {
    stream: UnixStream,
    /// Who connected, where the system says it.
    process: Option<i32>,
    lines: Lines,
    /// Lines are shared, as many clients may be sent the same ones.
    waiting: VecDeque<Rc<[u8]>>,
    /// How much of the first of them has been sent.
    sent: usize,
    /// How much waits in all.
    size: usize,
    state: Connection,
    pub pending: Vec<Pending>,
    /// For each service.
    pub follows: Vec<Follows>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Connection {
    Open,
    /// It says nothing more, and gets what waits.
    Leaving,
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

    /// Whether there is nothing left to do for it.
    pub fn is_gone(&self) -> bool {
        match self.state {
            Connection::Open => false,
            Connection::Leaving => self.waiting.is_empty(),
            Connection::Lost => true,
        }
    }

    /// The process that connected, where the system says it.
    pub fn process(&self) -> Option<i32> {
        self.process
    }

    /// Whether nothing that it says counts any more.
    pub fn is_dismissed(&self) -> bool {
        self.state != Connection::Open
    }

    /// Whether it merely stays connected.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
            && self.waiting.is_empty()
            && !self.follows.iter().any(|follows| follows.events)
    }

    /// Has `line` sent. A client that lets too much wait is dropped.
    pub fn send(&mut self, line: &Rc<[u8]>) {
        if self.size + line.len() > BACKLOG {
            return self.drop_connection();
        }
        if self.state != Connection::Lost {
            self.size += line.len();
            self.waiting.push_back(Rc::clone(line));
        }
    }

    /// Sends what waits and then ends the connection.
    pub fn dismiss(&mut self) {
        if self.state == Connection::Open {
            self.state = Connection::Leaving;
        }
    }

    fn drop_connection(&mut self) {
        self.state = Connection::Lost;
        self.waiting.clear();
        self.size = 0;
    }

    /// Reads once, and is ready with whether something may be left to read. What came is told by [`Peer::next_line`].
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state != Connection::Open || self.size > ENOUGH {
            return Poll::Pending;
        }
        while let Poll::Ready(readiness) = self.stream.poll_read_ready(cx) {
            let mut bytes = [0; READ];
            match readiness.and_then(|()| self.stream.try_read(&mut bytes)) {
                Ok(0) => {
                    self.dismiss();
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

    /// The next line that has come.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        self.lines.next_line()
    }

    /// Sends what can be sent, and is ready when nothing waits any more.
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
