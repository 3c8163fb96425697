//! What a call can see: the services and projects of the workspace.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::answer::{object, set, word};
use super::child::{self, AtDeadline, Cancel, Printed};
use super::ends::Ends;
use super::scope::WorkspaceScope;
use super::{failed, tail};
use crate::client::{actions, fan_out, framework_mcp};
use crate::control::{ControlError, Status};
use crate::event::{FailureReason, State, What};
use crate::invocation::{Failure, Invocation};
use crate::port::{Ports, Reservation};
use crate::project::ProjectError;
use crate::ui::{ColorChoice, Style};

/// What all calls share.
#[derive(Debug)]
pub struct McpServer {
    dir: PathBuf,
    state_dir: PathBuf,
    scope: WorkspaceScope,
    ends: Ends,
}

/// The machine as one call sees it: an invocation cannot be shared by threads.
pub struct View<'a> {
    server: &'a McpServer,
    invocation: Invocation,
    pub ports: Ports,
}

/// A service that has a supervisor.
pub struct DescribedService {
    pub id: String,
    pub dir: PathBuf,
    pub session: String,
    /// What is told of it.
    pub answer: Value,
}

impl McpServer {
    pub fn new(invocation: &Invocation) -> Result<Self, Failure> {
        let gone = |_| ProjectError::Gone { path: invocation.dir.clone() };
        let dir = std::fs::canonicalize(&invocation.dir).map_err(gone)?;
        let state_dir = invocation.ports_to_read().dir().root().to_owned();
        Ok(Self { scope: WorkspaceScope::around(&dir), dir, state_dir, ends: Ends::default() })
    }

    pub fn view(&self) -> Result<View<'_>, Failure> {
        let style = Style::new(ColorChoice::Never, false);
        let invocation = Invocation::new(Some(&self.dir), Some(self.state_dir.clone()), 0, style)?;
        Ok(View { server: self, ports: invocation.ports_to_read(), invocation })
    }
}

impl View<'_> {
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    pub fn dir(&self) -> &Path {
        &self.server.dir
    }

    pub fn is_in_scope(&self, dir: &Path) -> bool {
        self.server.scope.holds(dir)
    }

    pub fn ends(&self) -> &Ends {
        &self.server.ends
    }

    /// The live reservations of this workspace.
    pub fn live(&self) -> Vec<Reservation> {
        let mut live = self.ports.reservations();
        live.retain(|one| self.holds(&one.project, &one.dir));
        live
    }

    /// The services with these ids that have supervisors, with so many of their last lines.
    pub fn services(&self, is_meant: &dyn Fn(&str) -> bool, lines: usize) -> Vec<DescribedService> {
        let live = self.live();
        let (mut services, mut silent) = (Vec::new(), Vec::new());
        for (theirs, answer) in fan_out::call(&live) {
            match answer {
                Ok(told) => services.extend(told.iter().map(|one| self.told(one, &live, lines))),
                Err(error) => silent.extend(theirs.into_iter().map(|one| (one, suspended_or_silent(&error)))),
            }
        }
        services.extend(actions::still_there(silent).into_iter().map(|(one, mut answer)| {
            set(&mut answer, "name", one.name.as_str().into());
            set(&mut answer, "dir", one.dir.to_string_lossy().into());
            set(&mut answer, "port", one.has_port().then_some(one.port).into());
            set(&mut answer, "url", one.url().into());
            let (id, session) = (one.project.clone(), one.session.as_str().to_owned());
            DescribedService { id, dir: one.dir.clone(), session, answer }
        }));
        let mut sorted: Vec<DescribedService> = Vec::new();
        for one in services.into_iter().filter(|one| self.holds(&one.id, &one.dir) && is_meant(&one.id)) {
            // It may have ended beside others, and run anew by itself.
            let runs_elsewhere =
                |known: &&Reservation| known.project == one.id && known.session.as_str() != one.session;
            if live.iter().any(|known| runs_elsewhere(&known)) {
                continue;
            }
            let place = sorted.partition_point(|known| (&known.dir, &known.id) < (&one.dir, &one.id));
            sorted.insert(place, one);
        }
        sorted
    }

    /// What a supervisor says of a service.
    fn told(&self, one: &Status, live: &[Reservation], lines: usize) -> DescribedService {
        let dir = PathBuf::from(&one.dir);
        let mut answer = object(&mut [
            ("name", one.name.as_str().into()),
            ("dir", one.dir.as_str().into()),
            ("kind", json!(one.kind)),
            ("state", word(one.state)),
            ("url", one.url.as_deref().into()),
            ("port", one.port.into()),
            ("framework", one.framework.as_str().into()),
            ("command", one.command.as_str().into()),
            ("startedAt", one.started_at.as_str().into()),
        ]);
        let reservation = live.iter().find(|live| live.project == one.project_id);
        if let (true, Some(reservation)) = (one.state.is_alive(), reservation) {
            self.ends().watch(reservation);
        }
        match one.state {
            State::Idle | State::Starting => {
                let hint =
                    "it is not ready yet: call bowline_wait, or see with bowline_logs what it is doing";
                set(&mut answer, "hint", hint.into());
            }
            State::Running => set(&mut answer, "frameworkMcp", framework_mcp::url(one).into()),
            State::Waiting => set(&mut answer, "waitsFor", one.waits_for.clone().into()),
            State::Blocked => {
                set(&mut answer, "blockedBy", one.blocked_by.clone().into());
                set(&mut answer, "failureReason", json!(FailureReason::NeedFailed));
                set(&mut answer, "hint", failed::next_step(Some(FailureReason::NeedFailed)).into());
            }
            State::Stopping | State::Stopped | State::Done => {}
            State::Failed => {
                let known = self.ends().of(&one.project_id);
                for (field, value) in known.iter().filter_map(Value::as_object).flatten() {
                    set(&mut answer, field, value.clone());
                }
            }
        }
        if lines > 0 && answer["logTail"].is_null() {
            let tail = tail::tail(&self.ports.dir().logs(), one, lines);
            set(&mut answer, "logTail", tail.into());
        }
        DescribedService { id: one.project_id.clone(), dir, session: one.session.clone(), answer }
    }

    /// Runs a command of bowline's own in a directory with these words, until its end, the deadline, or an event that is
    /// enough.
    pub fn run(
        &self,
        (command, (dir, words)): (&str, (&Path, Vec<OsString>)),
        (cancel, deadline): (&Cancel, Instant),
        at_deadline: AtDeadline,
        is_enough: &dyn Fn(&What) -> bool,
    ) -> Result<Printed, Failure> {
        let globals = ["--json", "--color", "never", "--state-dir"].map(OsStr::new);
        let places = [self.server.state_dir.as_os_str(), OsStr::new("--dir"), dir.as_os_str()];
        let words = words.iter().map(OsString::as_os_str);
        let arguments: Vec<&OsStr> =
            globals.into_iter().chain(places).chain([OsStr::new(command)]).chain(words).collect();
        Ok(child::run(&arguments, cancel, deadline, at_deadline, is_enough)?)
    }
}

/// What is told of services whose supervisor does not answer.
fn suspended_or_silent(error: &ControlError) -> Value {
    let Failure { message, hint, .. } = Failure::from(error);
    let is_suspended = matches!(error, ControlError::Suspended { .. });
    let state = if is_suspended { "suspended" } else { "unknown" };
    let hint = hint.as_deref().map(failed::as_tools);
    object(&mut [("state", state.into()), ("error", message.into()), ("hint", hint.into())])
}
