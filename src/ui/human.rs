//! Output for people.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::Style;
use crate::event::{Level, Stream, What};
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
}

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
        })
    }

    fn outlet(&mut self, stream: Stream) -> &mut Outlet {
        match stream {
            Stream::Stdout => &mut self.out,
            Stream::Stderr => &mut self.err,
        }
    }
}

impl Sink for Human {
    fn has_room(&self, _service: usize, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.out.has_room(),
            Stream::Stderr => self.err.has_room(),
        }
    }

    fn pass(&mut self, _service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        self.outlet(stream).fill_from(source)
    }

    fn tell(&mut self, _service: usize, what: What) {
        if let Some(line) = line_of(self.style, &what).filter(|_| !self.quiet) {
            self.err.push(format!("{}  {line}{}", self.style.name(), self.line_end).as_bytes());
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
            let url = style.strong(format!("http://localhost:{port}"));
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
        | What::LogChunk { .. } => None,
    }
}
