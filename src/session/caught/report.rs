//! The sink of a script that is caught: the output goes on as it is, and the outer bowline is told the events.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll};

use crate::event::{Event, Level, News, Stream, Told, What};
use crate::port::Reservation;
use crate::supervise::Sink;

/// A connection to the outer bowline, if it still lives.
#[derive(Debug)]
pub struct Telling {
    stream: Option<UnixStream>,
    name: String,
    project: String,
}

impl Telling {
    /// Never waits: an outer bowline that does not read is not told.
    pub fn new(outer: &Reservation, name: &str, project: &str) -> Self {
        let stream = UnixStream::connect(outer.socket());
        let stream = stream.and_then(|stream| stream.set_nonblocking(true).map(|()| stream)).ok();
        Self { stream, name: name.to_owned(), project: project.to_owned() }
    }

    pub fn tell(&mut self, what: What) {
        let news = match what {
            What::LogChunk { .. } | What::Unknown => return,
            What::Noted { level: Level::Plain, message } => News::Note(message),
            What::Noted { level: Level::Warning, message } => News::Warning(message),
            What::Ack { .. }
            | What::Waiting { .. }
            | What::Blocked { .. }
            | What::PortDetected { .. }
            | What::Ready { .. }
            | What::PortConflict { .. }
            | What::PortReallocated { .. }
            | What::PortForwarded { .. }
            | What::ProcessExited { .. }
            | What::Error { .. } => News::Event(Event::now(&self.project, what)),
        };
        self.pass_on(&Told::new(&self.name, news));
    }

    fn pass_on(&mut self, told: &Told) {
        let Some(stream) = &mut self.stream else { return };
        let Ok(mut line) = serde_json::to_vec(told) else { return };
        line.push(b'\n');
        if stream.write_all(&line).is_err() {
            self.stream = None;
        }
    }
}

/// Passes output on to `inner`, which shows no event.
pub struct Reporting {
    pub inner: Box<dyn Sink>,
    pub outer: Telling,
}

impl Sink for Reporting {
    fn has_room(&self, service: usize, stream: Stream) -> bool {
        self.inner.has_room(service, stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        self.inner.pass(service, stream, source)
    }

    fn notify(&mut self, _service: usize, what: What) {
        self.outer.tell(what);
    }

    /// The task runner ends its scripts.
    fn signalled(&mut self, _service: usize, _message: String) {}

    fn relay(&mut self, told: &Told) {
        self.outer.pass_on(told);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_drain(cx)
    }
}
