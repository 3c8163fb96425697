//! What the runner says: events, each with the command that it answers.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};

use super::command::Origin;
use crate::event::{Event, FailureReason, State, What};
use crate::process::load;

/// Where events are written, one a line.
pub struct Output<W>(pub W);

/// Since when an event has been being written.
static WRITING: Mutex<Option<Instant>> = Mutex::new(None);

fn set_writing(writes: bool) {
    *WRITING.lock().unwrap_or_else(PoisonError::into_inner) = writes.then(Instant::now);
}

/// For how long the event that is being written has not been taken.
pub fn held_up() -> Duration {
    let since = *WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    since.map_or(Duration::ZERO, |since| since.elapsed())
}

impl<W: Write> Output<W> {
    /// Writes an event with what it answers.
    pub fn write(&mut self, origin: &Origin, mut event: Map<String, Value>) -> io::Result<()> {
        let Origin { id, project, sentry } = origin;
        let timestamp = event.remove("timestamp").unwrap_or_else(|| {
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
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        set_writing(true);
        let written = self.0.write_all(&line).and_then(|()| self.0.flush());
        set_writing(false);
        written
    }

    /// Tells what happened.
    pub fn emit(&mut self, origin: &Origin, what: What) -> io::Result<()> {
        let mut event = object(serde_json::to_value(Event::now("", what)).unwrap_or_default());
        event.remove("projectId");
        self.write(origin, event)
    }

    pub fn ack(&mut self, origin: &Origin, message: impl Into<String>) -> io::Result<()> {
        self.emit(origin, What::Ack { message: message.into() })
    }

    pub fn error(&mut self, origin: &Origin, error: impl Into<String>) -> io::Result<()> {
        self.emit(origin, What::Error { error: error.into() })
    }

    /// Tells of a dev server that could not even be started.
    pub fn failed(&mut self, origin: &Origin, reason: FailureReason, stderr: &str) -> io::Result<()> {
        self.exited(origin, State::Failed, Some(reason), stderr)
    }

    /// Tells of one that was stopped before it was started.
    pub fn never_started(&mut self, origin: &Origin) -> io::Result<()> {
        self.exited(origin, State::Stopped, None, "")
    }

    fn exited(
        &mut self,
        origin: &Origin,
        state: State,
        failure_reason: Option<FailureReason>,
        stderr: &str,
    ) -> io::Result<()> {
        let stderr = Some(stderr.to_owned()).filter(|text| !text.is_empty());
        let (exit_code, signal) = (None, None);
        self.emit(
            origin,
            What::ProcessExited { exit_code, signal, duration_ms: 0, state, failure_reason, stderr },
        )
    }

    /// Tells of an error in a running server's output.
    pub fn trouble(&mut self, origin: &Origin, error: &str, message: &str) -> io::Result<()> {
        self.write(origin, object(json!({ "type": "dev-server-error", "error": error, "message": message })))
    }

    /// Tells how the runner is.
    pub fn status(&mut self, origin: &Origin, status: &'static str, started: Instant) -> io::Result<()> {
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
        self.write(origin, object(json!({ "type": "runner-status", "payload": payload })))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}
