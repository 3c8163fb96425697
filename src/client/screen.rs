//! Where the output of followed services is shown.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};

use crate::client::feed::Feed;
use crate::client::named_lines::NamedLines;
use crate::event::{Level, Stream, What};
use crate::invocation::Invocation;
use crate::process::caller::CallerWatch;
use crate::process::nonblocking_writer::NonblockingWriter;
use crate::supervise::Sink;
use crate::ui::{self, Human, Prefixed};

pub(super) enum Screen {
    /// The services' output and nothing else.
    Log(NonblockingWriter, NamedLines),
    /// The services' output, and lines of bowline's own.
    People(Box<dyn Sink>),
    /// The supervisor's events, as JSON lines.
    Programs(NonblockingWriter),
}

impl Screen {
    pub fn new(invocation: &Invocation, feeds: &[Feed], is_log: bool) -> io::Result<Self> {
        let (style, quiet) = (invocation.style, invocation.quiet);
        Ok(if invocation.json {
            Self::Programs(NonblockingWriter::new(io::stdout().as_fd())?)
        } else if is_log {
            let names: Vec<String> = feeds.iter().map(|feed| feed.status.name.clone()).collect();
            Self::Log(NonblockingWriter::new(io::stdout().as_fd())?, NamedLines::new(&names))
        } else if let [_] = feeds {
            Self::People(Box::new(Human::new(style, quiet)?))
        } else {
            let names: Vec<_> =
                feeds.iter().map(|feed| (feed.status.name.clone(), feed.status.dir.clone())).collect();
            Self::People(Box::new(Prefixed::new(&names, invocation.prefix, style, quiet)?))
        })
    }

    /// Watches for the end of whoever reads what is shown. Needs a running tokio runtime.
    pub fn watch_caller(&self, invocation: &Invocation) -> io::Result<CallerWatch> {
        let (out, err) = (io::stdout(), io::stderr());
        let streams = match self {
            Self::Log(..) | Self::Programs(_) => &[out.as_fd()][..],
            Self::People(_) => &[out.as_fd(), err.as_fd()],
        };
        CallerWatch::new(streams, invocation.parent.as_ref())
    }

    pub fn has_room(&self, service: usize) -> bool {
        match self {
            Self::People(sink) => {
                sink.has_room(service, Stream::Stdout) && sink.has_room(service, Stream::Stderr)
            }
            Self::Programs(out) | Self::Log(out, _) => out.has_room(),
        }
    }

    pub fn write(&mut self, service: usize, stream: Stream, mut bytes: &[u8]) {
        match self {
            Self::People(sink) => {
                while !bytes.is_empty() && sink.pass(service, stream, &mut bytes).is_ok() {}
            }
            Self::Log(out, lines) => {
                ui::passed(bytes);
                out.push(&lines.label(service, bytes));
            }
            Self::Programs(_) => {}
        }
    }

    pub fn notify(&mut self, service: usize, level: Level, message: String) {
        if let Self::People(sink) = self {
            sink.notify(service, What::Noted { level, message });
        }
    }

    /// Shows the lines without an end.
    pub fn finish(&mut self) {
        if let Self::Log(out, lines) = self {
            out.push(&lines.finish());
        }
    }

    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::People(sink) => sink.poll_drain(cx),
            Self::Programs(out) | Self::Log(out, _) => out.poll_drain(cx),
        }
    }
}
