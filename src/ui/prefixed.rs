//! Output of several services for people: whole lines, each behind the name of its service.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::Style;
use super::human::line_of;
use super::style::rendered;
use crate::event::{State, Stream, What, how_ended};
use crate::process::nonblocking_writer::NonblockingWriter;
use crate::supervise::Sink;
use crate::visible;

/// A longer line is shown in parts, in bytes.
const LONGEST: usize = 64 * 1024;

#[derive(Debug)]
pub struct Prefixed {
    out: NonblockingWriter,
    err: NonblockingWriter,
    style: Style,
    quiet: bool,
    prefixes: Vec<String>,
    /// Lines without their end, for each service and stream.
    unfinished: Vec<[Vec<u8>; 2]>,
    buffer: Box<[u8]>,
    line_end: &'static str,
}

impl Prefixed {
    /// Writes to stdout and stderr. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new(names: &[String], style: Style, quiet: bool) -> io::Result<Self> {
        let names: Vec<_> = names.iter().map(|name| visible::line(name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let prefixes = names
            .iter()
            .enumerate()
            .map(|(at, name)| rendered(&style.prefix(at, &format!("{name:<width$}"))))
            .collect();
        Ok(Self {
            out: NonblockingWriter::new(io::stdout().as_fd())?,
            err: NonblockingWriter::new(io::stderr().as_fd())?,
            style,
            quiet,
            prefixes,
            unfinished: names.iter().map(|_| [Vec::new(), Vec::new()]).collect(),
            buffer: vec![0; LONGEST].into(),
            line_end: if io::stderr().is_terminal() { "\r\n" } else { "\n" },
        })
    }

    /// Shows lines of a service that has ended without their line end.
    fn finish(&mut self, service: usize) {
        for (stream, nonblocking_writer) in [&mut self.out, &mut self.err].into_iter().enumerate() {
            let line = std::mem::take(&mut self.unfinished[service][stream]);
            if !line.is_empty() {
                push_line(nonblocking_writer, &self.prefixes[service], &line);
            }
        }
    }
}

fn push_line(nonblocking_writer: &mut NonblockingWriter, prefix: &str, line: &[u8]) {
    nonblocking_writer.push(prefix.as_bytes());
    nonblocking_writer.push(line);
    nonblocking_writer.push(b"\n");
}

impl Sink for Prefixed {
    fn has_room(&self, _service: usize, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.out.has_room(),
            Stream::Stderr => self.err.has_room(),
        }
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        let nonblocking_writer = match stream {
            Stream::Stdout => &mut self.out,
            Stream::Stderr => &mut self.err,
        };
        let unfinished = &mut self.unfinished[service][stream as usize];
        for part in self.buffer[..count].split_inclusive(|&byte| byte == b'\n') {
            unfinished.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
            if part.ends_with(b"\n") || unfinished.len() >= LONGEST {
                push_line(nonblocking_writer, &self.prefixes[service], unfinished);
                unfinished.clear();
            }
        }
        Ok(&self.buffer[..count])
    }

    fn notify(&mut self, service: usize, what: What) {
        if let What::ProcessExited { .. } = what {
            self.finish(service);
        }
        // A single service's failure is printed when bowline ends; the other services go on.
        let mut failed = None;
        if let What::ProcessExited { state: State::Failed, exit_code, signal, failure_reason, .. } = &what {
            let reason = failure_reason.map_or_else(String::new, |reason| format!(": {reason}"));
            let error = self.style.error("error:");
            failed =
                Some(format!("{error} it has ended{}{reason}", how_ended(*exit_code, signal.as_deref())));
        }
        if let Some(line) = failed.or_else(|| line_of(self.style, &what)).filter(|_| !self.quiet) {
            let text = [&self.prefixes[service], &*rendered(&line), self.line_end].concat();
            self.err.push(text.as_bytes());
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let out = self.out.poll_drain(cx);
        let err = self.err.poll_drain(cx);
        if out.is_ready() && err.is_ready() { Poll::Ready(()) } else { Poll::Pending }
    }
}
