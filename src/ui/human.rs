//! Output of one service for people.

use std::io::{self, IsTerminal, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::time::Sleep;

use super::streams::Streams;
use super::style::{Style, rendered};
use super::{line, modes};
use crate::event::{Event, Level, News, ReadyBy, State, Stream, Told, What, how_ended};
use crate::supervise::Sink;

/// Passes output on byte for byte, and adds lines of bowline's own on stderr.
#[derive(Debug)]
pub struct Human {
    streams: Streams,
    style: Style,
    quiet: bool,
    /// A line that is held back: many servers clear the screen when they listen, which would wipe it out.
    delayed: Option<Delayed>,
    /// Lines that wait until the service has left the alternate screen.
    held: Vec<String>,
    terminal: bool,
}

/// A line that waits until the service has been silent for a moment.
#[derive(Debug)]
struct Delayed {
    line: String,
    latest: Instant,
    silence: Pin<Box<Sleep>>,
}

/// How long a service must be silent before a delayed line is shown.
const SILENCE: Duration = Duration::from_millis(150);
/// How long a delayed line waits at most.
const PATIENCE: Duration = Duration::from_secs(1);

impl Human {
    /// Needs a running tokio runtime.
    pub fn new(style: Style, quiet: bool) -> io::Result<Self> {
        let terminal = io::stdout().is_terminal();
        Ok(Self { streams: Streams::new()?, style, quiet, delayed: None, held: Vec::new(), terminal })
    }

    fn add_delayed(&mut self) {
        if let Some(delayed) = self.delayed.take() {
            self.add(&delayed.line);
        }
    }

    /// Adds a line of bowline's own. An unfinished line of the service is ended first.
    fn add(&mut self, line: &str) {
        if modes::on_alternate_screen() {
            return self.held.push(line.to_owned());
        }
        let finished = if line::begin() { self.streams.line_end } else { "" };
        self.streams.of(Stream::Stderr).push([finished, line].concat().as_bytes());
    }
}

impl Sink for Human {
    fn has_room(&self, _service: usize, stream: Stream) -> bool {
        self.streams.has_room(stream)
    }

    fn pass(&mut self, _service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        if let Some(delayed) = &mut self.delayed {
            let until = Instant::now() + SILENCE;
            delayed.silence.as_mut().reset(until.min(delayed.latest).into());
        }
        let is_ours = self.streams.is_ours(stream);
        let bytes = self.streams.of(stream).fill_from(source)?;
        modes::passed(bytes);
        if is_ours {
            line::passed(bytes);
        }
        Ok(bytes)
    }

    fn notify(&mut self, _service: usize, what: What) {
        let Some(line) = line_of(self.style, &what).filter(|_| !self.quiet) else {
            // The service writes nothing more, so there is nothing to wait for.
            if matches!(what, What::ProcessExited { .. }) {
                self.add_delayed();
            }
            return;
        };
        let line = rendered(&format!("{}  {line}", self.style.name())) + self.streams.line_end;
        if matches!(what, What::PortDetected { .. } | What::Ready { .. }) && self.terminal {
            let now = Instant::now();
            let silence = Box::pin(tokio::time::sleep(SILENCE));
            let line = self.delayed.take().map_or_else(String::new, |before| before.line) + &line;
            self.delayed = Some(Delayed { line, latest: now + PATIENCE, silence });
        } else if let Some(delayed) = &mut self.delayed {
            // What happened later is told later.
            delayed.line.push_str(&line);
        } else {
            self.add(&line);
        }
    }

    fn relay(&mut self, told: &Told) {
        if let Some(line) = line_of_told(self.style, told).filter(|_| !self.quiet) {
            self.add(&(rendered(&format!("{}  {line}", self.style.name())) + self.streams.line_end));
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !modes::on_alternate_screen() {
            for line in std::mem::take(&mut self.held) {
                self.add(&line);
            }
        }
        if self.delayed.as_mut().is_some_and(|delayed| delayed.silence.as_mut().poll(cx).is_ready()) {
            self.add_delayed();
        }
        self.streams.poll_drain(cx)
    }
}

/// The line for the news of another session, if people are to see one.
pub(super) fn line_of_told(style: Style, told: &Told) -> Option<String> {
    let name = &told.name;
    match &told.news {
        News::Event(Event { what: What::PortDetected { url, .. }, .. }) => {
            Some(format!("{name} is ready   {}", style.strong(url)))
        }
        News::Event(Event { what: What::Ready { by, .. }, .. }) => {
            Some(format!("{name} is {}", ready(*by, None)))
        }
        News::Event(Event {
            what: What::ProcessExited { state: State::Failed, exit_code, signal, message, .. },
            ..
        }) => {
            let how = how_ended(*exit_code, signal.as_deref(), message.clone());
            Some(format!("{} {name} {how}", style.error("error:")))
        }
        News::Event(Event { what: What::PortReallocated { message, .. }, .. }) | News::Warning(message) => {
            Some(format!("{} {name}: {message}", style.warning("warning:")))
        }
        News::Event(Event { what: What::PortForwarded { from, to }, .. }) => {
            Some(format!("port {from} leads to {name} on port {to}"))
        }
        News::Note(message) => Some(format!("{name}: {message}")),
        News::Event(_) => None,
    }
}

/// The line for an event, if people are to see one.
pub(super) fn line_of(style: Style, what: &What) -> Option<String> {
    let warning = |message: &str| Some(format!("{} {message}", style.warning("warning:")));
    match what {
        What::PortDetected { url, after, .. } => {
            let what =
                after.map_or_else(|| "now at".to_owned(), |time| format!("ready in {} ms", time.as_millis()));
            Some(format!("{what}   {}", style.strong(url)))
        }
        What::Ready { by, after, .. } => Some(ready(*by, *after)),
        What::PortReallocated { message, .. } | What::Noted { level: Level::Warning, message } => {
            warning(message)
        }
        What::Noted { level: Level::Plain, message } => Some(message.clone()),
        What::Blocked { message, .. } => warning(&format!("it {message}")),
        // The end and its reason are printed once bowline ends, after everything else. Output has been passed on. With
        // `-v`, the log tells who waits for whom.
        What::Waiting { .. }
        | What::Ack { .. }
        | What::PortConflict { .. }
        | What::PortForwarded { .. }
        | What::ProcessExited { .. }
        | What::Error { .. }
        | What::LogChunk { .. }
        | What::Unknown => None,
    }
}

/// The line for a service without a port that is ready.
fn ready(by: ReadyBy, after: Option<Duration>) -> String {
    let time = after.map_or_else(String::new, |time| format!(" in {} ms", time.as_millis()));
    match by {
        ReadyBy::FirstBuild => format!("ready{time} (first build)"),
        ReadyBy::Start => {
            format!("ready{time}: it has started, and nothing is known that it says at its first build")
        }
    }
}
