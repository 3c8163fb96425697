//! The runner's own standard output: events, each with the command that it answers.

use std::future::poll_fn;
use std::io;
use std::os::fd::AsFd;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::command::ReplyTo;
use crate::event::{Event, FailureReason, State, What};
use crate::process::load;
use crate::process::nonblocking_writer::NonblockingWriter;

/// How long the reader of the events may take nothing once the runner is to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The queue of events for stdout. Events are dropped once nobody can read them.
pub(super) struct Output {
    /// `None` once the wait for a reader was given up.
    writer: Option<NonblockingWriter>,
}

impl Output {
    /// Writes to this process's standard output. Needs a running tokio runtime.
    pub fn new() -> io::Result<Self> {
        Ok(Self { writer: Some(NonblockingWriter::new(io::stdout().as_fd())?) })
    }

    /// Whether there is room for more: a slow reader must hold back the services instead of making this process
    /// grow.
    pub fn has_room(&self) -> bool {
        self.writer.as_ref().is_none_or(NonblockingWriter::has_room)
    }

    /// How many bytes wait to be written.
    pub fn pending(&self) -> usize {
        self.writer.as_ref().map_or(0, NonblockingWriter::pending)
    }

    /// Whether nobody can read any more.
    pub fn is_closed(&self) -> bool {
        self.writer.as_ref().is_none_or(|writer| writer.error().is_some())
    }

    pub fn is_given_up(&self) -> bool {
        self.writer.is_none()
    }

    /// Drops all events that wait, and all to come.
    pub fn give_up(&mut self) {
        self.writer = None;
    }

    /// Writes as much as possible. Ready if anything was written, or nothing waits.
    pub fn poll_progress(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let before = self.pending();
        let drained = self.writer.as_mut().map_or(Poll::Ready(()), |writer| writer.poll_drain(cx));
        if self.pending() < before { Poll::Ready(()) } else { drained }
    }

    /// Writes what waits, and gives up once the reader has taken nothing for [`PATIENCE`]. A reader that has gone
    /// is no error.
    pub async fn finish(&mut self) -> io::Result<()> {
        while self.pending() > 0 {
            if tokio::time::timeout(PATIENCE, poll_fn(|cx| self.poll_progress(cx))).await.is_err() {
                self.give_up();
            }
        }
        let error = self.writer.as_ref().and_then(NonblockingWriter::error);
        let error = error.filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        error.map_or(Ok(()), |error| Err(io::Error::new(error.kind(), error.to_string())))
    }

    /// Queues an event, with the fields of the command that it answers.
    pub fn write(&mut self, reply_to: &ReplyTo, event: Value) {
        let (Some(writer), Value::Object(mut event)) = (&mut self.writer, event) else { return };
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
        writer.push(format!("{}\n", Value::Object(event)).as_bytes());
    }

    pub fn emit(&mut self, reply_to: &ReplyTo, event: &Event) {
        self.write(reply_to, serde_json::to_value(event).unwrap_or_default());
    }

    pub fn ack(&mut self, reply_to: &ReplyTo, message: impl Into<String>) {
        self.emit(reply_to, &Event::without_project(What::Ack { message: message.into() }));
    }

    pub fn error(&mut self, reply_to: &ReplyTo, error: impl Into<String>) {
        self.emit(reply_to, &Event::without_project(What::Error { error: error.into() }));
    }

    /// Reports the end of a dev server that was never started, and the error if there is one. Without a `reason`
    /// it did not fail, but was stopped before.
    pub fn not_started(&mut self, reply_to: &ReplyTo, reason: Option<FailureReason>, error: Option<&str>) {
        let what = What::ProcessExited {
            exit_code: None,
            signal: None,
            duration_ms: 0,
            state: if reason.is_some() { State::Failed } else { State::Stopped },
            failure_reason: reason,
            message: None,
            stderr: error.filter(|_| reason.is_some()).map(str::to_owned),
            stopped_by: None,
        };
        self.emit(reply_to, &Event::without_project(what));
        if let Some(error) = error {
            self.error(reply_to, error);
        }
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
        self.write(reply_to, json!({ "type": "runner-status", "payload": payload }));
    }
}
