//! The runner's own standard output: events, each with the command that it answers.

use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use serde_json::{Map, Value, json};

use super::command::ReplyTo;
use crate::event::{Event, FailureReason, State, What};
use crate::process::load;
use crate::process::nonblocking_writer::NonblockingWriter;

/// The queue of events for stdout. Events are thrown away once nobody can read them.
pub(super) struct Output {
    nonblocking_writer: Option<NonblockingWriter>,
    /// Since when the reader has taken nothing, while anything waits.
    stalled: Option<Instant>,
    failure: Option<io::Error>,
}

impl Output {
    /// Writes to this process's standard output. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            nonblocking_writer: Some(NonblockingWriter::new(io::stdout().as_fd())?),
            stalled: None,
            failure: None,
        })
    }

    /// Whether there is room for more. A slow reader holds back the services instead of making this process grow.
    pub fn has_room(&self) -> bool {
        self.nonblocking_writer.as_ref().is_none_or(NonblockingWriter::has_room)
    }

    /// Whether nothing waits to be written.
    pub fn is_empty(&self) -> bool {
        self.nonblocking_writer.as_ref().is_none_or(|nonblocking_writer| nonblocking_writer.pending() == 0)
    }

    /// Whether nobody can read any more.
    pub fn is_closed(&self) -> bool {
        self.nonblocking_writer.is_none()
    }

    pub fn stalled(&self) -> Option<Instant> {
        self.stalled
    }

    /// Throws away everything that waits and everything to come.
    pub fn close(&mut self) {
        (self.nonblocking_writer, self.stalled) = (None, None);
    }

    /// An error unless every event was written. A reader that has gone is none.
    pub fn into_result(self) -> io::Result<()> {
        self.failure.filter(|error| error.kind() != io::ErrorKind::BrokenPipe).map_or(Ok(()), Err)
    }

    /// Writes as much as possible. Ready when nothing waits any more.
    pub fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(nonblocking_writer) = &mut self.nonblocking_writer else { return Poll::Ready(()) };
        let before = nonblocking_writer.pending();
        let drained = nonblocking_writer.poll_drain(cx);
        if let Some(error) = nonblocking_writer.error() {
            self.failure = Some(io::Error::new(error.kind(), error.to_string()));
            self.close();
            return Poll::Ready(());
        }
        let progress = nonblocking_writer.pending() < before || self.stalled.is_none();
        if drained.is_ready() {
            self.stalled = None;
        } else if progress {
            self.stalled = Some(Instant::now());
        }
        drained
    }

    /// Writes an event of a supervisor, or one like it, with what it answers.
    pub fn write(&mut self, reply_to: &ReplyTo, mut event: Map<String, Value>) {
        let Some(nonblocking_writer) = &mut self.nonblocking_writer else { return };
        let ReplyTo { id, project, sentry } = reply_to;
        let timestamp = event.shift_remove("timestamp").unwrap_or_else(|| {
            Value::String(humantime::format_rfc3339_millis(SystemTime::now()).to_string())
        });
        if let Some(id) = id {
            event.insert("commandId".to_owned(), Value::String(id.clone()));
        }
        if let Some(project) = project {
            event.insert("projectId".to_owned(), Value::String(project.clone()));
        }
        event.insert("timestamp".to_owned(), timestamp);
        if let Some(sentry) = sentry {
            event.insert("_sentry".to_owned(), sentry.clone());
        }
        nonblocking_writer.push(Value::Object(event).to_string().as_bytes());
        nonblocking_writer.push(b"\n");
    }

    pub fn emit(&mut self, reply_to: &ReplyTo, event: &Event) {
        self.write(reply_to, object(serde_json::to_value(event).unwrap_or_default()));
    }

    pub fn ack(&mut self, reply_to: &ReplyTo, message: impl Into<String>) {
        self.emit(reply_to, &Event::of_no_project(What::Ack { message: message.into() }));
    }

    pub fn error(&mut self, reply_to: &ReplyTo, error: impl Into<String>) {
        self.emit(reply_to, &Event::of_no_project(What::Error { error: error.into() }));
    }

    /// The end of a dev server that was never started: stopped before, unless there is a reason for a failure.
    pub fn not_started(&mut self, reply_to: &ReplyTo, reason: Option<FailureReason>, stderr: Option<&str>) {
        let what = What::ProcessExited {
            exit_code: None,
            signal: None,
            duration_ms: 0,
            state: if reason.is_some() { State::Failed } else { State::Stopped },
            failure_reason: reason,
            stderr: stderr.map(str::to_owned),
        };
        self.emit(reply_to, &Event::of_no_project(what));
    }

    /// An error in the output of a running server.
    pub fn server_error(&mut self, reply_to: &ReplyTo, error: &str, message: &str) {
        let event = json!({ "type": "dev-server-error", "error": error, "message": message });
        self.write(reply_to, object(event));
    }

    pub fn status(&mut self, reply_to: &ReplyTo, status: &'static str, started: Instant) {
        let hostname = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
        let platform = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
        let mut payload = json!({
            "status": status,
            "version": env!("CARGO_PKG_VERSION"),
            "hostname": hostname,
            "platform": platform,
            "uptimeSeconds": started.elapsed().as_secs(),
        });
        if let Some(load) = load::of_last_minute() {
            payload["load"] = json!((load * 100.0).round() / 100.0);
        }
        self.write(reply_to, object(json!({ "type": "runner-status", "payload": payload })));
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
