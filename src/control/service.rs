//! A service as clients see it.

use std::path::Path;
use std::time::SystemTime;

use super::peer::Awaited;
use super::protocol::Status;
use crate::detect::ServiceKind;
use crate::event::{Event, Output, State, What, how_ended};
use crate::port::Scheme;
use crate::project::HeldDirectory;
use crate::supervise::{Condition, Description, KeyboardKind};

#[derive(Debug)]
pub(super) struct Service {
    /// Without `url`, `moved_to` and `cursor`, which [`Service::status`] adds.
    status: Status,
    scheme: Scheme,
    directory: Option<HeldDirectory>,
    /// Whether a client has asked to kill this run of it.
    pub killed: bool,
    pub output: Output,
    /// The client that has its keyboard: the number of its connection, and the client as people are told of it.
    pub typist: Option<(u64, String)>,
    /// The `port-detected` or `ready` event, while it is ready.
    pub ready: Option<Event>,
    /// The `blocked` event, while it is blocked.
    blocked: Option<Event>,
    /// The `process-exited` event, once it has ended for good.
    pub ended: Option<Event>,
}

impl Service {
    pub fn new(status: Status, session: &str) -> Self {
        let (pid, session) = (std::process::id(), session.to_owned());
        Self {
            output: Output::new(&session),
            directory: HeldDirectory::open(Path::new(&status.dir)).ok(),
            status: Status { pid, session, started_at: now(), ..status },
            scheme: Scheme::default(),
            killed: false,
            typist: None,
            ready: None,
            blocked: None,
            ended: None,
        }
    }

    pub fn project(&self) -> &str {
        &self.status.project_id
    }

    pub fn keyboard(&self) -> KeyboardKind {
        self.status.keyboard
    }

    pub fn is_alive(&self) -> bool {
        self.status.state.is_alive()
    }

    /// Records what happened. Returns the event for clients, unless it is only for people.
    pub fn record(&mut self, what: &What) -> Option<Event> {
        let event = Event::now(self.project(), what.clone());
        match what {
            What::PortDetected { port, .. } => {
                self.status.port = Some(*port);
                self.ready = Some(event.clone());
            }
            What::Ready { .. } => self.ready = Some(event.clone()),
            What::ProcessExited { state, exit_code, signal, message, .. } => {
                self.status.last_end = Some(how_ended(*exit_code, signal.as_deref(), message.clone()));
                self.ready = None;
                self.ended = Some(event.clone()).filter(|_| *state != State::Starting);
            }
            What::Blocked { .. } => self.blocked = Some(event.clone()),
            What::Noted { .. } | What::Unknown => return None,
            What::Waiting { .. }
            | What::Ack { .. }
            | What::LogChunk { .. }
            | What::PortConflict { .. }
            | What::PortForwarded { .. }
            | What::PortReallocated { .. }
            | What::Error { .. } => {}
        }
        Some(event)
    }

    /// The service was started, perhaps again.
    pub fn describe(&mut self, description: Description) {
        self.ended = None;
        let Description { name, framework, kind, command, original, environment } = description;
        let original = Some(original);
        self.status.attempts += 1;
        let port = self.status.port.filter(|_| kind == ServiceKind::Server);
        let env = environment;
        self.status = Status { name, framework, kind, port, command, original, env, ..self.status.clone() };
        // Another one may have been made at its path.
        self.directory = HeldDirectory::open(Path::new(&self.status.dir)).ok().or(self.directory.take());
    }

    pub fn update(&mut self, condition: Condition) {
        let Condition { state, port, scheme, guardian, keyboard, waits_for, blocked_by } = condition;
        if guardian.is_some() && self.status.guardian != guardian {
            self.status.started_at = now();
            self.killed = false;
        }
        if state != State::Running {
            self.ready = None;
        }
        if state != State::Blocked {
            self.blocked = None;
        }
        self.status.waits_for = waits_for;
        self.status.blocked_by = blocked_by;
        self.status.state = state;
        self.status.guardian = guardian;
        self.status.keyboard = keyboard;
        self.scheme = scheme;
        // Zero if there is none: the last one is still shown.
        if port != 0 {
            self.status.port = Some(port);
        }
    }

    /// The answer to a client that waits until the service has ended, or is ready: an event, and the
    /// acknowledgement or error that concludes the answer. One that is blocked becomes ready only when somebody starts
    /// another service again, so nobody waits for that.
    pub fn outcome(&self, awaits: Awaited) -> Option<(&Event, What)> {
        // A restart makes an earlier end irrelevant.
        if let Some(ended) = self.ended.as_ref().filter(|_| awaits != Awaited::Restart) {
            let last = match (awaits, self.status.state) {
                (Awaited::End, _) => What::Ack { message: "Dev server stopped successfully".to_owned() },
                (Awaited::Ready | Awaited::Restart, State::Done) => {
                    What::Ack { message: "The task is done".to_owned() }
                }
                (Awaited::Ready | Awaited::Restart, _) => {
                    What::Error { error: "the service has ended".to_owned() }
                }
            };
            return Some((ended, last));
        }
        if let Some(blocked) = self.blocked.as_ref().filter(|_| awaits == Awaited::Ready) {
            return Some((blocked, What::Error { error: "the service is blocked".to_owned() }));
        }
        let ready = self.ready.as_ref().filter(|_| awaits == Awaited::Ready)?;
        let place = self.status.port.map_or_else(String::new, |port| format!(" on port {port}"));
        let message = format!("Dev server is running and healthy{place}");
        Some((ready, What::Ack { message }))
    }

    pub fn status(&self) -> Status {
        let path = self.directory.as_ref().and_then(HeldDirectory::path);
        let moved_to = path.map(|path| path.to_string_lossy().into_owned());
        let moved_to = moved_to.filter(|path| *path != self.status.dir);
        let url = self.status.port.map(|port| self.scheme.url(port));
        let cursor = self.output.cursor();
        Status { moved_to, url, cursor, ..self.status.clone() }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
