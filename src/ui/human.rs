//! Output for people.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::style::rendered;
use super::{Style, line};
use crate::event::{Level, Stream, What};
use crate::launch;
use crate::process::outlet::Outlet;
use crate::supervise::Sink;

/// Passes output on byte for byte, and adds lines on stderr.
#[derive(Debug)]
pub struct Human {
    out: Outlet,
    err: Outlet,
    style: Style,
    quiet: bool,
    /// A raw terminal does not return the carriage by itself.
    line_end: &'static str,
    /// A line for a terminal that is being drawn on: servers clear the screen when they listen, and it would be lost.
    held: Option<Held>,
    terminal: bool,
    /// Whether both outlets lead to the same place. Then all goes into one of them, and comes in order.
    together: bool,
}

/// A line that waits until the service has been silent for a moment.
#[derive(Debug)]
struct Held {
    line: String,
    latest: Instant,
    silence: Pin<Box<Sleep>>,
}

/// How long a service must be silent for a line of ours to stay on the screen.
const SILENCE: Duration = Duration::from_millis(150);
/// How long such a line waits at the most.
const PATIENCE: Duration = Duration::from_secs(1);

impl Human {
    /// Writes to this process's standard output and error. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new(style: Style, quiet: bool) -> io::Result<Self> {
        let line_end = if io::stderr().is_terminal() { "\r\n" } else { "\n" };
        Ok(Self {
            out: Outlet::new(io::stdout().as_fd())?,
            err: Outlet::new(io::stderr().as_fd())?,
            style,
            quiet,
            line_end,
            held: None,
            terminal: io::stdout().is_terminal(),
            together: line::are_together(),
        })
    }

    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.add(&held.line);
        }
    }

    /// Adds a line of our own where it begins one.
    fn add(&mut self, line: &str) {
        let finished = if line::begin() { self.line_end } else { "" };
        let text = [finished, line].concat();
        self.outlet(Stream::Stderr).push(text.as_bytes());
    }

    fn outlet(&mut self, stream: Stream) -> &mut Outlet {
        match stream {
            Stream::Stderr if !self.together => &mut self.err,
            Stream::Stdout | Stream::Stderr => &mut self.out,
        }
    }
}

impl Sink for Human {
    fn has_room(&self, _service: usize, stream: Stream) -> bool {
        match stream {
            Stream::Stderr if !self.together => self.err.has_room(),
            Stream::Stdout | Stream::Stderr => self.out.has_room(),
        }
    }

    fn pass(&mut self, _service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        if let Some(held) = &mut self.held {
            let until = Instant::now() + SILENCE;
            held.silence.as_mut().reset(until.min(held.latest).into());
        }
        let together = self.together;
        let bytes = self.outlet(stream).fill_from(source)?;
        if line::is_ours(stream, together) {
            line::passed(bytes);
        }
        Ok(bytes)
    }

    fn tell(&mut self, _service: usize, what: What) {
        let Some(line) = line_of(self.style, &what).filter(|_| !self.quiet) else {
            // Nothing comes after an end.
            if matches!(what, What::ProcessExited { .. }) {
                self.release();
            }
            return;
        };
        let line = rendered(&format!("{}  {line}", self.style.name())) + self.line_end;
        if matches!(what, What::PortDetected { .. }) && self.terminal {
            let now = Instant::now();
            let silence = Box::pin(tokio::time::sleep(SILENCE));
            self.held = Some(Held { line, latest: now + PATIENCE, silence });
        } else {
            self.add(&line);
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.held.as_mut().is_some_and(|held| held.silence.as_mut().poll(cx).is_ready()) {
            self.release();
        }
        let out = self.out.poll_drain(cx);
        let err = self.err.poll_drain(cx);
        if out.is_ready() && err.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// What people are told of an event, if anything.
pub(super) fn line_of(style: Style, what: &What) -> Option<String> {
    let warning = |message: &str| Some(format!("{} {message}", style.warning("warning:")));
    match what {
        What::PortDetected { port, after, .. } => {
            let url = style.strong(launch::url(*port));
            Some(format!("ready in {} ms   {url}", after.as_millis()))
        }
        What::PortReallocated { message, .. } | What::Noted { level: Level::Warning, message } => {
            warning(message)
        }
        What::Noted { level: Level::Plain, message } => Some(message.clone()),
        // The end and its reason are said once, after everything else, by whoever started the service; and output has
        // been passed on as it was.
        What::Ack { .. }
        | What::PortConflict { .. }
        | What::ProcessExited { .. }
        | What::Error { .. }
        | What::LogChunk { .. }
        | What::Unknown => None,
    }
}
