//! Output of several services for people: whole lines, each behind the name of its service.

use std::io::{self, Read};
use std::task::{Context, Poll};

use super::human::line_of;
use super::modes;
use super::streams::Streams;
use super::style::{Style, rendered};
use crate::event::{State, Stream, What, how_ended};
use crate::process::nonblocking_writer::NonblockingWriter;
use crate::supervise::Sink;
use crate::visible;

/// The longest line in bytes; a longer one is shown in parts.
const LONGEST: usize = 64 * 1024;

#[derive(Debug)]
pub struct Prefixed {
    streams: Streams,
    style: Style,
    quiet: bool,
    prefixes: Vec<String>,
    /// For each service and stream, the line whose end has not come yet.
    unfinished: Vec<[Vec<u8>; 2]>,
    buffer: Box<[u8]>,
}

impl Prefixed {
    /// Writes to stdout and stderr. Needs a running tokio runtime.
    pub fn new(names: &[String], style: Style, quiet: bool) -> io::Result<Self> {
        let names: Vec<_> = names.iter().map(|name| visible::line(name)).collect();
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let prefixes = names
            .iter()
            .enumerate()
            .map(|(at, name)| rendered(&style.prefix(at, &format!("{name:<width$}"))))
            .collect();
        Ok(Self {
            streams: Streams::new()?,
            style,
            quiet,
            prefixes,
            unfinished: names.iter().map(|_| [Vec::new(), Vec::new()]).collect(),
            buffer: vec![0; LONGEST].into(),
        })
    }

    /// Shows the unfinished lines of a service that has ended.
    fn finish(&mut self, service: usize) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = &mut self.unfinished[service][stream as usize];
            if !line.is_empty() {
                push_line(self.streams.of(stream), &self.prefixes[service], line);
            }
        }
    }
}

fn push_line(out: &mut NonblockingWriter, prefix: &str, line: &mut Vec<u8>) {
    out.push(prefix.as_bytes());
    out.push(line);
    out.push(b"\n");
    line.clear();
}

impl Sink for Prefixed {
    fn has_room(&self, _service: usize, stream: Stream) -> bool {
        self.streams.has_room(stream)
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        modes::passed(&self.buffer[..count]);
        let unfinished = &mut self.unfinished[service][stream as usize];
        for part in self.buffer[..count].split_inclusive(|&byte| byte == b'\n') {
            unfinished.extend_from_slice(part.strip_suffix(b"\n").unwrap_or(part));
            if part.ends_with(b"\n") || unfinished.len() >= LONGEST {
                push_line(self.streams.of(stream), &self.prefixes[service], unfinished);
            }
        }
        Ok(&self.buffer[..count])
    }

    fn notify(&mut self, service: usize, what: What) {
        if let What::ProcessExited { .. } = what {
            self.finish(service);
        }
        // When bowline ends it prints only the first failure, and until then the other services go on.
        let line = if let What::ProcessExited { state: State::Failed, exit_code, signal, message, .. } = &what
        {
            let how = how_ended(*exit_code, signal.as_deref(), message.clone());
            Some(format!("{} it {how}", self.style.error("error:")))
        } else {
            line_of(self.style, &what)
        };
        if let Some(line) = line.filter(|_| !self.quiet) {
            let text = [&self.prefixes[service], &*rendered(&line), self.streams.line_end].concat();
            self.streams.of(Stream::Stderr).push(text.as_bytes());
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.streams.poll_drain(cx)
    }
}
