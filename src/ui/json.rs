//! Output for programs: one event a line, and nothing else, on stdout.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::Style;
use crate::event::{Event, Level, News, Output, Stream, Told, What};
use crate::process::nonblocking_writer::NonblockingWriter;
use crate::supervise::Sink;

/// The most output in one event, in bytes.
const CHUNK: usize = 64 * 1024;

#[derive(Debug)]
pub struct JsonLines {
    out: NonblockingWriter,
    services: Vec<(String, Output)>,
    /// The name of each, if there are several.
    names: Vec<Option<String>>,
    buffer: Box<[u8]>,
    style: Style,
    quiet: bool,
}

impl JsonLines {
    /// Writes the events of services with these projects and names to stdout. Needs a running tokio runtime.
    pub fn new(
        projects: Vec<(String, String)>,
        session: &str,
        style: Style,
        quiet: bool,
    ) -> io::Result<Self> {
        let are_several = projects.len() > 1;
        let one = |(project, name)| ((project, Output::new(session)), are_several.then_some(name));
        let (services, names) = projects.into_iter().map(one).unzip();
        let out = NonblockingWriter::new(io::stdout().as_fd())?;
        Ok(Self { out, services, names, buffer: vec![0; CHUNK].into(), style, quiet })
    }

    fn emit(&mut self, service: usize, what: What) {
        let line = Event::now(&self.services[service].0, what).to_json();
        self.out.push(format!("{line}\n").as_bytes());
    }
}

impl Sink for JsonLines {
    fn has_room(&self, _service: usize, _stream: Stream) -> bool {
        self.out.has_room()
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        if let Some(chunk) = self.services[service].1.take(stream, &self.buffer[..count]) {
            self.emit(service, chunk);
        }
        Ok(&self.buffer[..count])
    }

    fn notify(&mut self, service: usize, mut what: What) {
        // Programs have the fields that it is made of.
        if let What::ProcessExited { message, .. } = &mut what {
            *message = None;
        }
        if let What::Noted { level, message } = what {
            if level == Level::Warning && !self.quiet {
                super::eprint_warning_of(self.style, self.names[service].as_deref(), &message);
            }
            return;
        }
        self.emit(service, what);
    }

    fn relay(&mut self, told: &Told) {
        match &told.news {
            News::Event(event) => self.out.push(format!("{}\n", event.to_json()).as_bytes()),
            News::Warning(message) if !self.quiet => {
                super::eprint_warning_of(self.style, Some(&told.name), message);
            }
            News::Note(_) | News::Warning(_) => {}
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.out.poll_drain(cx)
    }
}
