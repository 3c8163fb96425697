//! Where the lines of several services go, so that none is torn and what has no end yet can still be seen.
//!
//! A line is written once it is whole. On a terminal, one that waits for its rest (a question, a progress bar) is
//! shown as the last row meanwhile, and taken away again for the lines of others. While a line that is too long to
//! be kept is written in parts, the other services are not read.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use super::columns::width;
use super::line_cutter::Piece;
use super::prefixes::Prefixes;
use super::streams::Streams;
use super::{line, modes};
use crate::event::Stream;
use crate::process::terminal;

/// How long a line without an end must be silent before it is shown; one that is drawn again and again is not, and
/// waits this long at most.
const SILENCE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_millis(500);
/// For how long it must be silent though it could be read.
const READING_PAUSE: Duration = Duration::from_millis(10);
/// How soon the user's own typing is shown again below lines that came meanwhile.
const TYPING_PAUSE: Duration = Duration::from_millis(50);
/// Erases the row of the cursor.
const ERASE: &[u8] = b"\r\x1b[K";

/// What stands in the row of the cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Row {
    #[default]
    Empty,
    /// A line of a service that waits for its rest; whether it can be erased.
    Waiting { service: usize, stream: Stream, erasable: bool },
    /// The first parts of a line that is too long to wait.
    Long { service: usize, stream: Stream, since: Instant },
    /// What the user types.
    Typed,
}

/// When a line without an end is to be shown.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: Instant,
    /// When at the latest, for a line that is drawn again and again.
    latest: Option<Instant>,
    /// Whether the time has come before, and nothing was read since.
    is_second: bool,
}

#[derive(Debug)]
pub(super) struct Screen {
    pub streams: Streams,
    pub prefixes: Prefixes,
    /// For each place that the streams lead to.
    rows: [Row; 2],
    /// Whether the standard output is a terminal.
    pub is_terminal: bool,
    pub can_erase: bool,
    /// Whether a service has the terminal for itself for a while, and moves the cursor as it likes.
    is_lent: bool,
    /// Lines of bowline's own that wait until that service has left the alternate screen.
    held: Vec<Vec<u8>>,
    columns: usize,
    /// For each service and stream.
    due: Vec<[Option<Due>; 2]>,
    /// The text of the line that waits, while it is shown.
    waiting: Vec<u8>,
    typed: Option<String>,
    typed_at: Option<Instant>,
    timer: Pin<Box<Sleep>>,
    text: Vec<u8>,
}

impl Screen {
    /// Needs a running tokio runtime.
    pub fn new(prefixes: Prefixes) -> io::Result<Self> {
        let is_dumb = std::env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
        let mut screen = Self {
            streams: Streams::new()?,
            rows: [Row::Empty; 2],
            is_terminal: io::stdout().is_terminal(),
            can_erase: !is_dumb,
            is_lent: false,
            held: Vec::new(),
            columns: 0,
            due: vec![[None; 2]; prefixes.labels().len()],
            waiting: Vec::new(),
            typed: None,
            typed_at: None,
            timer: Box::pin(sleep_until(Instant::now())),
            text: Vec::new(),
            prefixes,
        };
        screen.resized();
        Ok(screen)
    }

    pub fn resized(&mut self) {
        let columns = if self.is_terminal { terminal::width(&io::stdout()) } else { None };
        self.columns = columns.unwrap_or_default();
        self.prefixes.fit(columns);
    }

    /// How many rows the terminal has, if it says so.
    pub fn height(&self) -> Option<usize> {
        let size = terminal::size(io::stdout().as_fd()).filter(|_| self.is_terminal);
        size.map(|size| usize::from(size.rows))
    }

    /// Whether the service may be read: not while the line of another one is being written.
    pub fn has_room(&self, service: usize, stream: Stream) -> bool {
        let is_free = match self.rows[self.streams.index(stream)] {
            Row::Long { service: writer, stream: its, .. } => (writer, its) == (service, stream),
            Row::Empty | Row::Waiting { .. } | Row::Typed => true,
        };
        is_free && self.streams.has_room(stream)
    }

    /// Writes a line of a service, or a part of one.
    pub fn write(&mut self, service: usize, stream: Stream, piece: &Piece<'_>, is_alone: bool) {
        let place = self.streams.index(stream);
        let shown = match self.rows[place] {
            Row::Long { service: writer, stream: its, .. } if (writer, its) == (service, stream) => Some(0),
            // What is shown already and cannot be taken away is not shown twice.
            Row::Waiting { service: writer, stream: its, erasable: false }
                if (writer, its) == (service, stream) && piece.text.starts_with(&self.waiting) =>
            {
                Some(self.waiting.len())
            }
            Row::Empty | Row::Waiting { .. } | Row::Long { .. } | Row::Typed => None,
        };
        let mut text = std::mem::take(&mut self.text);
        if shown.is_none() {
            self.leave(place, &mut text);
            if !is_alone {
                self.prefixes.begin(service, &mut text);
            }
        }
        text.extend_from_slice(&piece.text[shown.unwrap_or_default()..]);
        self.rows[place] = if piece.is_end {
            text.push(b'\n');
            Row::Empty
        } else {
            Row::Long { service, stream, since: Instant::now() }
        };
        self.push(place, stream, &mut text);
    }

    /// Writes a line of bowline's own, which ends with its line's end.
    pub fn write_own(&mut self, line: &[u8]) {
        if self.is_lent && modes::on_alternate_screen() {
            return self.held.push(line.to_vec());
        }
        let place = self.streams.index(Stream::Stderr);
        let mut text = std::mem::take(&mut self.text);
        self.leave(place, &mut text);
        text.extend_from_slice(line);
        text.extend_from_slice(self.streams.line_end.as_bytes());
        self.rows[place] = Row::Empty;
        self.push(place, Stream::Stderr, &mut text);
    }

    /// Writes bytes for the terminal itself, behind all lines.
    pub fn write_raw(&mut self, bytes: &[u8]) {
        let place = self.streams.index(Stream::Stdout);
        let mut text = std::mem::take(&mut self.text);
        self.leave(place, &mut text);
        text.extend_from_slice(bytes);
        self.rows[place] = Row::Empty;
        self.push(place, Stream::Stdout, &mut text);
    }

    /// Gives a service the terminal for itself, or takes it back.
    pub fn lend(&mut self, is_lent: bool) {
        self.write_raw(b"");
        if !is_lent {
            self.write_raw(modes::undo().as_bytes());
        }
        self.is_lent = is_lent;
        self.release();
    }

    /// Writes the lines that waited for the end of the alternate screen.
    fn release(&mut self) {
        for line in std::mem::take(&mut self.held) {
            self.write_own(&line);
        }
    }

    /// Passes on the output of the service that has the terminal for itself.
    pub fn pass(&mut self, stream: Stream, bytes: &[u8]) {
        modes::passed(bytes);
        if self.streams.is_ours(stream) {
            line::passed(bytes);
        }
        self.streams.of(stream).push(bytes);
        if !modes::on_alternate_screen() {
            self.release();
        }
    }

    fn push(&mut self, place: usize, stream: Stream, text: &mut Vec<u8>) {
        self.streams.of(stream).push(text);
        if place == self.streams.index(Stream::Stderr) && !self.is_lent {
            // The last message of bowline begins a row of its own.
            line::set_unfinished(self.rows[place] != Row::Empty);
        }
        text.clear();
        self.text = std::mem::take(text);
    }

    /// Appends what frees the row for another line.
    fn leave(&mut self, place: usize, text: &mut Vec<u8>) {
        match self.rows[place] {
            Row::Empty => {
                if self.is_lent && line::begin() {
                    text.extend_from_slice(self.streams.line_end.as_bytes());
                }
            }
            Row::Waiting { service, stream, erasable: true } => {
                text.extend_from_slice(ERASE);
                self.wait(service, stream, Some(false));
            }
            Row::Waiting { erasable: false, .. } | Row::Long { .. } => {
                text.extend_from_slice(self.streams.line_end.as_bytes());
            }
            Row::Typed => {
                let left = if self.can_erase { ERASE } else { self.streams.line_end.as_bytes() };
                text.extend_from_slice(left);
                self.typed_at = Some(Instant::now() + TYPING_PAUSE);
            }
        }
    }

    /// Notes that a line has no end yet, and whether it is drawn again and again; `None` if there is no such line.
    pub fn wait(&mut self, service: usize, stream: Stream, unfinished: Option<bool>) {
        let due = &mut self.due[service][stream as usize];
        let Some(is_redrawn) = unfinished.filter(|_| self.is_terminal) else {
            *due = None;
            return;
        };
        let now = Instant::now();
        let latest = due.and_then(|due| due.latest).or(Some(now + PATIENCE)).filter(|_| is_redrawn);
        let at = latest.map_or(now + SILENCE, |latest| latest.min(now + SILENCE));
        *due = Some(Due { at, latest, is_second: false });
    }

    /// Shows what the user types, or no longer.
    pub fn show_typed(&mut self, typed: Option<String>) {
        self.typed = typed;
        self.typed_at = None;
        let place = self.streams.index(Stream::Stderr);
        let was_shown = self.rows[place] == Row::Typed;
        if self.typed.is_none() && !was_shown {
            return;
        }
        let mut text = std::mem::take(&mut self.text);
        if was_shown {
            text.extend_from_slice(if self.can_erase { ERASE } else { b"\r" });
        } else {
            self.leave(place, &mut text);
        }
        self.rows[place] = Row::Empty;
        if let Some(typed) = &self.typed {
            text.extend_from_slice(typed.as_bytes());
            self.rows[place] = Row::Typed;
        } else if !self.can_erase {
            text.extend_from_slice(self.streams.line_end.as_bytes());
        }
        self.push(place, Stream::Stderr, &mut text);
    }

    /// Shows a line that has no end yet.
    pub fn show_waiting(&mut self, service: usize, stream: Stream, line: &[u8], is_alone: bool) {
        let place = self.streams.index(stream);
        let is_mine = matches!(self.rows[place], Row::Waiting { service: shown, stream: its, .. }
            if (shown, its) == (service, stream));
        let margin = if is_alone { 0 } else { self.prefixes.columns() };
        let erasable = self.can_erase && margin + width(line) < self.columns;
        // What is typed is the last row, and a part that cannot be erased is not shown twice.
        if !self.streams.has_room(stream) || matches!(self.rows[place], Row::Typed | Row::Long { .. }) {
            return self.wait(service, stream, Some(false));
        }
        let mut text = std::mem::take(&mut self.text);
        self.leave(place, &mut text);
        if is_mine && erasable {
            self.due[service][stream as usize] = None;
        }
        if !is_alone {
            self.prefixes.begin(service, &mut text);
        }
        text.extend_from_slice(line);
        self.rows[place] = Row::Waiting { service, stream, erasable };
        self.waiting = line.to_vec();
        self.push(place, stream, &mut text);
    }

    /// The next line that is to be shown though it has no end. Ends the row of one that was written in parts and
    /// has come to a stop.
    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Stream)> {
        loop {
            let now = Instant::now();
            for place in 0..self.rows.len() {
                if let Row::Long { stream, since, .. } = self.rows[place]
                    && since + SILENCE <= now
                {
                    let mut text = self.streams.line_end.as_bytes().to_vec();
                    self.rows[place] = Row::Empty;
                    self.push(place, stream, &mut text);
                    // The others may be read again.
                    cx.waker().wake_by_ref();
                }
            }
            if self.typed_at.is_some_and(|at| at <= now) {
                let typed = self.typed.take();
                self.show_typed(typed);
            }
            for (service, streams) in self.due.iter_mut().enumerate() {
                for stream in [Stream::Stdout, Stream::Stderr] {
                    let slot = &mut streams[stream as usize];
                    let Some(due) = slot.as_mut().filter(|due| due.at <= now) else { continue };
                    // The rest may be waiting to be read, while a slow terminal has yet to show other lines.
                    let is_calm = self.streams.pending() == 0;
                    if is_calm && (due.is_second || due.latest.is_some()) {
                        *slot = None;
                        return Poll::Ready((service, stream));
                    }
                    (due.at, due.is_second) = (now + READING_PAUSE, is_calm);
                }
            }
            let Some(next) = self.next_due() else { return Poll::Pending };
            if self.timer.deadline() != next {
                self.timer.as_mut().reset(next);
            }
            std::task::ready!(self.timer.as_mut().poll(cx));
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let lines = self.due.iter().flatten().flatten().map(|due| due.at);
        let long = self.rows.iter().filter_map(|row| match row {
            Row::Long { since, .. } => Some(*since + SILENCE),
            Row::Empty | Row::Waiting { .. } | Row::Typed => None,
        });
        lines.chain(long).chain(self.typed_at).min()
    }
}
