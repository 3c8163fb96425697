//! What the server knows of a service.

use std::path::PathBuf;
use std::time::SystemTime;

use super::protocol::Status;
use crate::event::{Event, Output, State, What};
use crate::launch;
use crate::supervise::Condition;

/// The constant facts of a service.
#[derive(Clone, Debug)]
pub struct About {
    /// The project's id.
    pub project: String,
    pub name: String,
    pub dir: PathBuf,
    /// The framework's key.
    pub framework: String,
    pub command: String,
    /// The command as the script or the caller has it, without the port.
    pub original: String,
    /// `foreground`, `background` or `runner`.
    pub started_by: &'static str,
    /// The log file.
    pub log: PathBuf,
}

#[derive(Debug)]
pub(super) struct Service {
    pub about: About,
    pub state: State,
    port: u16,
    guardian: Option<i32>,
    /// Whether a client has had it killed.
    pub killed: bool,
    started: SystemTime,
    pub output: Output,
    /// The event that it is ready, while it is.
    pub ready: Option<Event>,
    /// The event of its end.
    pub ended: Option<Event>,
}

impl Service {
    pub fn new(about: About, session: &str) -> Self {
        Self {
            about,
            state: State::Idle,
            port: 0,
            guardian: None,
            killed: false,
            started: SystemTime::now(),
            output: Output::new(session),
            ready: None,
            ended: None,
        }
    }

    /// Takes note of what happened. Returns the event for clients, if they are to know.
    pub fn record(&mut self, what: &What) -> Option<Event> {
        let event = Event::now(&self.about.project, what.clone());
        match what {
            What::PortDetected { port, .. } => {
                self.port = *port;
                self.ready = Some(event.clone());
            }
            What::ProcessExited { state, .. } => {
                self.ready = None;
                self.ended = Some(event.clone()).filter(|_| *state != State::Starting);
            }
            What::Noted { .. } | What::Unknown => return None,
            What::Ack { .. }
            | What::LogChunk { .. }
            | What::PortConflict { .. }
            | What::PortReallocated { .. }
            | What::Error { .. } => {}
        }
        Some(event)
    }

    pub fn update(&mut self, now: &Condition) {
        let &Condition { state, port, guardian } = now;
        if guardian.is_some() && self.guardian != guardian {
            self.started = SystemTime::now();
            self.killed = false;
        }
        if state != State::Running {
            self.ready = None;
        }
        self.state = state;
        self.guardian = guardian;
        // Once the port is given back, the last one is still shown.
        if port != 0 {
            self.port = port;
        }
    }

    /// The answer to a client that waits for the service to end, or to be ready: the event and the last line.
    pub fn outcome(&self, end: bool) -> Option<(&Event, What)> {
        if let Some(ended) = &self.ended {
            let last = if end {
                What::Ack { message: "Dev server stopped successfully".to_owned() }
            } else {
                What::Error { error: "the service has ended".to_owned() }
            };
            return Some((ended, last));
        }
        let ready = self.ready.as_ref().filter(|_| !end)?;
        let message = format!("Dev server is running and healthy on port {}", self.port);
        Some((ready, What::Ack { message }))
    }

    pub fn status(&self, session: &str) -> Status {
        let About { project, name, dir, framework, command, original, started_by, log } = &self.about;
        Status {
            project_id: project.clone(),
            name: name.clone(),
            dir: dir.to_string_lossy().into_owned(),
            framework: framework.clone(),
            port: self.port,
            url: launch::url(self.port),
            state: self.state,
            started_at: humantime::format_rfc3339_millis(self.started).to_string(),
            command: command.clone(),
            original: Some(original.clone()),
            started_by: (*started_by).to_owned(),
            pid: std::process::id(),
            guardian: self.guardian,
            session: session.to_owned(),
            log: log.to_string_lossy().into_owned(),
            cursor: self.output.cursor(),
        }
    }
}
