//! Output for programs: one event a line on stdout, and nothing else there.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use super::Style;
use crate::event::{Event, Level, Stream, What};
use crate::process::outlet::Outlet;
use crate::supervise::Sink;

/// How much output makes one event at most, in bytes.
const CHUNK: usize = 64 * 1024;

/// The events of some services as JSON lines.
#[derive(Debug)]
pub struct JsonLines {
    out: Outlet,
    projects: Vec<Written>,
    buffer: Box<[u8]>,
    style: Style,
    quiet: bool,
}

/// What a service has written so far.
#[derive(Debug)]
struct Written {
    project: String,
    /// Beginnings of characters whose rest has not come yet, for each stream.
    unfinished: [Vec<u8>; 2],
    bytes: u64,
}

impl JsonLines {
    /// Writes to this process's standard output. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new(projects: Vec<String>, style: Style, quiet: bool) -> io::Result<Self> {
        let projects = projects
            .into_iter()
            .map(|project| Written { project, unfinished: [Vec::new(), Vec::new()], bytes: 0 })
            .collect();
        let out = Outlet::new(io::stdout().as_fd())?;
        Ok(Self { out, projects, buffer: vec![0; CHUNK].into(), style, quiet })
    }

    fn emit(&mut self, service: usize, what: What) {
        let project = self.projects.get(service).map_or("", |written| &written.project);
        let mut line = Event::now(project, what).to_json();
        line.push('\n');
        self.out.push(line.as_bytes());
    }
}

impl Written {
    /// The characters that `bytes` complete, and the cursor behind them.
    fn take(&mut self, stream: Stream, bytes: &[u8]) -> (String, String) {
        let kept = &mut self.unfinished[stream as usize];
        kept.extend_from_slice(bytes);
        let complete = complete_length(kept);
        let text = String::from_utf8_lossy(&kept[..complete]).into_owned();
        kept.drain(..complete);
        self.bytes += u64::try_from(bytes.len()).unwrap_or_default();
        (text, self.bytes.to_string())
    }
}

/// How much of `bytes` does not end within a character. What can never become one counts as complete.
fn complete_length(bytes: &[u8]) -> usize {
    let mut complete = 0;
    for chunk in bytes.utf8_chunks() {
        let end = complete + chunk.valid().len() + chunk.invalid().len();
        let unfinished = std::str::from_utf8(chunk.invalid()).is_err_and(|error| error.error_len().is_none());
        if end == bytes.len() && unfinished {
            return complete + chunk.valid().len();
        }
        complete = end;
    }
    complete
}

impl Sink for JsonLines {
    fn has_room(&self, _service: usize, _stream: Stream) -> bool {
        self.out.has_room()
    }

    fn pass(&mut self, service: usize, stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        if let Some(written) = self.projects.get_mut(service) {
            let (data, cursor) = written.take(stream, &self.buffer[..count]);
            if !data.is_empty() {
                self.emit(service, What::LogChunk { stream, data, cursor });
            }
        }
        Ok(&self.buffer[..count])
    }

    fn tell(&mut self, service: usize, what: What) {
        if let What::Noted { level, message } = what {
            if level == Level::Warning && !self.quiet {
                let line_end = if io::stderr().is_terminal() { "\r" } else { "" };
                let warning = self.style.warning("warning:");
                super::complain(&format!("{}  {warning} {message}{line_end}", self.style.name()));
            }
            return;
        }
        self.emit(service, what);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.out.poll_drain(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_comes_whole() {
        let mut written = Written { project: String::new(), unfinished: [Vec::new(), Vec::new()], bytes: 0 };
        let euro = "€".as_bytes();
        assert_eq!(written.take(Stream::Stdout, &euro[..2]).0, "");
        assert_eq!(written.take(Stream::Stderr, b"x").0, "x");
        assert_eq!(written.take(Stream::Stdout, &euro[2..]), ("€".to_owned(), "4".to_owned()));
    }

    #[test]
    fn what_is_no_text_is_replaced_at_once() {
        let mut written = Written { project: String::new(), unfinished: [Vec::new(), Vec::new()], bytes: 0 };
        assert_eq!(written.take(Stream::Stdout, b"a\xff\xfeb\xe2\x82").0, "a\u{fffd}\u{fffd}b");
        assert_eq!(written.take(Stream::Stdout, b"\xac").0, "€");
    }

    #[test]
    fn long_rubbish_is_no_deep_recursion() {
        assert_eq!(complete_length(&vec![0xff; CHUNK]), CHUNK);
    }
}
