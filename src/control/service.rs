//! A service as clients are told of it.

use std::path::PathBuf;
use std::time::SystemTime;

use super::protocol::Status;
use crate::event::{Event, Output, State, What};
use crate::launch;
use crate::supervise::Condition;

/// What does not change about a service.
#[derive(Clone, Debug)]
pub struct About {
    /// The project's id.
    pub project: String,
    /// Its name.
    pub name: String,
    /// Its directory.
    pub dir: PathBuf,
    /// The framework's key.
    pub framework: String,
    /// What is run.
    pub command: String,
    /// The same as the script or the caller has it, without the port.
    pub original: String,
    /// How it was started.
    pub started_by: &'static str,
    /// Where its output is recorded.
    pub log: PathBuf,
}

/// A service as it is now.
#[derive(Debug)]
pub(super) struct Service {
    pub about: About,
    pub state: State,
    port: u16,
    guardian: Option<i32>,
    /// Whether somebody has had it killed.
    pub killed: bool,
    started: SystemTime,
    pub output: Output,
    /// The event of its becoming ready, while it is.
    pub ready: Option<Event>,
    /// The event of its end.
    pub ended: Option<Event>,
}

impl Service {
    /// A service that has not been started.
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

    /// Takes in what happened, and answers with the event, if it is one that clients are told of.
    pub fn note(&mut self, what: &What) -> Option<Event> {
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

    /// Takes in how it is now.
    pub fn change(&mut self, now: &Condition) {
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
        // A port that has been given back is still the one that the service had.
        if port != 0 {
            self.port = port;
        }
    }

    /// What there is to tell somebody who waits for its end, or else for its being ready: the event, and the last word.
    pub fn news(&self, end: bool) -> Option<(&Event, What)> {
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

    /// All of it.
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
