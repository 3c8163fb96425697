//! One client of the server: its requests, and the queue of lines for it.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;

use super::protocol::LONGEST_REQUEST;
use crate::event::{Event, Lines, What};

/// The most bytes that are queued for a client. One that falls further behind is dropped.
const BACKLOG: usize = 2 * 1024 * 1024;
/// While more bytes than this are queued for a client, its requests are not read.
const ENOUGH: usize = 64 * 1024;
/// Bytes read from a client at once.
const READ: usize = 4096;
/// Lines written in one system call.
const BATCH: usize = 16;

/// A request whose outcome is not known yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub service: usize,
    pub id: Option<String>,
    pub awaits: Awaited,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    Ready,
    End,
    /// That its restart is carried out or refused, and then [`Awaited::Ready`].
    Restart,
}

/// The parts of one service that a client follows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Follows {
    pub events: bool,
    /// Whether the events include output.
    pub output: bool,
}

#[derive(Debug)]
pub(super) struct Peer {
    stream: UnixStream,
    /// The number of the connection.
    pub number: u64,
    /// The pid of the client, where the system tells it.
    pub process: Option<i32>,
    pub lines: Lines,
    /// Lines to be sent. Clients that follow the same service share them.
    queue: VecDeque<Rc<[u8]>>,
    /// How many bytes of the first of these lines have been sent, and how many of all of them have not.
    sent: usize,
    unsent: usize,
    /// If false, its requests are ignored, and the connection ends once the queue has been sent.
    pub is_open: bool,
    pub pending: Vec<Pending>,
    /// For each service.
    pub follows: Vec<Follows>,
}

impl Peer {
    pub fn new(stream: UnixStream, number: u64, process: Option<i32>, services: usize) -> Self {
        Self {
            stream,
            number,
            process,
            lines: Lines::new(LONGEST_REQUEST),
            queue: VecDeque::new(),
            sent: 0,
            unsent: 0,
            is_open: true,
            pending: Vec::new(),
            follows: vec![Follows::default(); services],
        }
    }

    /// Whether the connection can be dropped.
    pub fn is_gone(&self) -> bool {
        !self.is_open && self.queue.is_empty()
    }

    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.queue.is_empty() && !self.follows.iter().any(|follows| follows.events)
    }

    pub fn send(&mut self, value: &impl Serialize) {
        self.send_line(&line(value));
    }

    /// Appends `line` to the queue. Drops the client if too much waits.
    pub fn send_line(&mut self, line: &Rc<[u8]>) {
        if self.unsent + line.len() > BACKLOG {
            self.drop_connection();
        } else if self.is_open {
            self.unsent += line.len();
            self.queue.push_back(Rc::clone(line));
        }
    }

    /// Answers a request with an error.
    pub fn refuse(&mut self, id: Option<&str>, error: impl Into<String>) {
        self.send(&Event::without_project(What::Error { error: error.into() }).answering(id));
    }

    fn drop_connection(&mut self) {
        self.is_open = false;
        self.queue.clear();
        self.unsent = 0;
    }

    /// Reads once. Ready if there may be more to read; `lines` has what was read.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_open || self.unsent > ENOUGH {
            return Poll::Pending;
        }
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
            Ok(()) if buffer.filled().is_empty() => self.is_open = false,
            Ok(()) => self.lines.push(buffer.filled()),
            Err(_) => self.drop_connection(),
        }
        Poll::Ready(())
    }

    /// Sends as much as possible. Ready when nothing waits any more.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.queue.is_empty() {
            let mut slices: Vec<IoSlice<'_>> =
                self.queue.iter().take(BATCH).map(|line| IoSlice::new(line)).collect();
            slices[0].advance(self.sent);
            match ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &slices)) {
                Ok(count) => self.advance(count),
                Err(_) => self.drop_connection(),
            }
        }
        Poll::Ready(())
    }

    fn advance(&mut self, count: usize) {
        self.unsent -= count;
        self.sent += count;
        while let Some(first) = self.queue.front()
            && self.sent >= first.len()
        {
            self.sent -= first.len();
            self.queue.pop_front();
        }
    }
}

pub(super) fn line(value: &impl Serialize) -> Rc<[u8]> {
    // Strings, numbers and times always serialize.
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
