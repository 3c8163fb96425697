//! The report of a background supervisor to `bowline start`: its events without output, until every service is
//! ready or has ended.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::task::{Context, Poll};

use serde::{Deserialize, Serialize};

use crate::control::Status;
use crate::event::{Event, Level, News, State, Stream, Told, What};
use crate::logs;
use crate::process::nonblocking_writer::NonblockingWriter;
use crate::supervise::{Sink, shown_lines};
use crate::ui::{self, Style};

/// Bytes of output read at once.
const CHUNK: usize = 64 * 1024;

#[derive(Debug, Deserialize, Serialize)]
pub struct Introduced {
    pub project: String,
    pub name: String,
    pub log: PathBuf,
    pub session: String,
}

/// The first line of a report. `bowline start` does not print it.
#[derive(Debug, Deserialize, Serialize)]
pub struct Introduction {
    pub services: Vec<Introduced>,
}

impl Introduced {
    /// The last lines of the service's output in this session, without escape sequences.
    pub fn last_lines(&self) -> String {
        let records = logs::read(&self.log).unwrap_or_default();
        let ours = records.into_iter().filter(|record| record.session == self.session);
        let bytes: Vec<u8> = ours.flat_map(|record| record.bytes).collect();
        shown_lines(&bytes)
    }
}

/// The sink of a background supervisor.
#[derive(Debug)]
pub struct StartReport {
    out: Option<NonblockingWriter>,
    services: Vec<Reported>,
    style: Style,
    quiet: bool,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
struct Reported {
    project: String,
    /// Its name, if there are several.
    name: Option<String>,
    /// `Some(false)` once it has ended or is blocked, `None` while it starts or waits.
    is_ready: Option<bool>,
}

impl StartReport {
    /// Writes the [`Introduction`]. Needs a running tokio runtime.
    pub fn new(services: &[Status], session: &str, style: Style, quiet: bool) -> io::Result<Self> {
        let introduced = |Status { project_id, name, log, .. }: &Status| Introduced {
            project: project_id.clone(),
            name: name.clone(),
            log: log.into(),
            session: session.to_owned(),
        };
        let introduction = Introduction { services: services.iter().map(introduced).collect() };
        let mut out = NonblockingWriter::new(io::stdout().as_fd())?;
        out.push(format!("{}\n", serde_json::to_string(&introduction)?).as_bytes());
        let name = |one: &Status| (services.len() > 1).then(|| one.name.clone());
        let reported =
            |one: &Status| Reported { project: one.project_id.clone(), name: name(one), is_ready: None };
        let services = services.iter().map(reported).collect();
        Ok(Self { out: Some(out), services, style, quiet, buffer: vec![0; CHUNK].into() })
    }

    /// Whether every service is ready or has ended, and one runs.
    fn is_complete(&self) -> bool {
        self.services.iter().all(|service| service.is_ready.is_some())
            && self.services.iter().any(|service| service.is_ready == Some(true))
    }

    /// Closes the pipes to `bowline start`, which then returns.
    fn detach(&mut self) {
        self.out = None;
        if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
            let _out = nix::unistd::dup2_stdout(&null);
            let _err = nix::unistd::dup2_stderr(&null);
        }
    }
}

impl Sink for StartReport {
    fn has_room(&self, _service: usize, _stream: Stream) -> bool {
        true
    }

    fn pass(&mut self, _service: usize, _stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        Ok(&self.buffer[..count])
    }

    fn notify(&mut self, service: usize, what: What) {
        let Some(out) = &mut self.out else { return };
        let Some(reported) = self.services.get_mut(service) else { return };
        if let What::Noted { level, message } = what {
            if level == Level::Warning && !self.quiet {
                ui::eprint_warning_of(self.style, reported.name.as_deref(), &message);
            }
            return;
        }
        match what.state() {
            Some(State::Running | State::Done) => reported.is_ready = Some(true),
            Some(State::Blocked | State::Stopping | State::Stopped | State::Failed) => {
                reported.is_ready = Some(false);
            }
            Some(State::Waiting) => reported.is_ready = None,
            Some(State::Idle | State::Starting) | None => {}
        }
        out.push(format!("{}\n", Event::now(&reported.project, what).to_json()).as_bytes());
    }

    fn relay(&mut self, told: &Told) {
        let Some(out) = &mut self.out else { return };
        match &told.news {
            News::Event(event) => {
                out.push(format!("{}\n", event.to_json()).as_bytes());
            }
            News::Warning(message) if !self.quiet => {
                ui::eprint_warning_of(self.style, Some(&told.name), message);
            }
            News::Note(_) | News::Warning(_) => {}
        }
    }

    fn stood_in(&mut self, service: usize) {
        if let Some(one) = self.services.get_mut(service) {
            one.is_ready = one.is_ready.or(Some(true));
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(out) = &mut self.out {
            std::task::ready!(out.poll_drain(cx));
            if self.is_complete() {
                self.detach();
            }
        }
        Poll::Ready(())
    }
}
