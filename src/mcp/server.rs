//! What a call can see: the services and projects of the workspace.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::child::{self, AtDeadline, Cancel, Printed};
use super::ends::Ends;
use super::scope::WorkspaceScope;
use super::{failed, tail};
use crate::client::resolve::{self, Resolved};
use crate::client::{actions, fan_out, framework_mcp};
use crate::control::{ControlError, Status};
use crate::event::{FailureReason, State, What};
use crate::exit_code::NO_PROJECT;
use crate::invocation::{Failure, Invocation};
use crate::port::{Ports, Reservation};
use crate::project::Project;
use crate::ui::{ColorChoice, Style};
use crate::visible::Visible;

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

/// The services that a call means.
pub struct Targets {
    pub running: Vec<Reservation>,
    /// Where the command is run that starts them.
    pub dir: PathBuf,
    pub name: String,
}

/// A service that has a supervisor.
pub struct DescribedService {
    pub dir: PathBuf,
    pub session: String,
    /// What is told of it.
    pub answer: Value,
}

impl McpServer {
    pub fn new(invocation: &Invocation) -> Result<Self, Failure> {
        let dir = std::fs::canonicalize(&invocation.dir)?;
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
    /// The services that a word means, or without one those of the directory; or else the project.
    pub fn targets(&self, word: Option<&str>) -> Result<Targets, Failure> {
        let dir = &self.server.dir;
        let project = match resolve::resolve(&self.invocation, &self.live(), word)? {
            Resolved::Running(running) => {
                let dir = if word.is_some() { &running[0].dir } else { dir };
                return Ok(Targets { name: running[0].name.clone(), dir: dir.clone(), running });
            }
            Resolved::Idle(_) | Resolved::Unknown(_) => match word {
                Some(word) => match self.projects().into_iter().find(|project| project.name == word) {
                    Some(project) => project,
                    None => Project::named(word, dir)?,
                },
                None => Project::find(dir)?,
            },
        };
        if self.is_in_scope(&project.dir) {
            return Ok(Targets { running: Vec::new(), dir: project.dir, name: project.name });
        }
        let message = format!("`{}` is outside of this workspace", project.dir.visible());
        let hint = "start another `bowline mcp` with `--dir` there".to_owned();
        Err(Failure::new(NO_PROJECT, message, Some(hint)))
    }

    pub fn is_in_scope(&self, dir: &Path) -> bool {
        self.server.scope.holds(dir)
    }

    pub fn ends(&self) -> &Ends {
        &self.server.ends
    }

    /// The live reservations of this workspace.
    fn live(&self) -> Vec<Reservation> {
        let mut live = self.ports.reservations();
        live.retain(|one| self.is_in_scope(&one.dir));
        live
    }

    /// The services in these directories that have supervisors, with so many of their last lines.
    pub fn services(&self, is_meant: impl Fn(&Path) -> bool, lines: usize) -> Vec<DescribedService> {
        let live = self.live();
        let (mut services, mut silent) = (Vec::new(), Vec::new());
        for (theirs, answer) in fan_out::call(&live) {
            match answer {
                Ok(told) => services.extend(told.iter().map(|one| self.told(one, &live, lines))),
                Err(error) => silent.extend(theirs.into_iter().map(|one| (one, suspended_or_silent(&error)))),
            }
        }
        services.extend(actions::still_there(silent).into_iter().map(|(one, mut answer)| {
            answer["name"] = json!(one.name);
            answer["dir"] = json!(one.dir.to_string_lossy());
            (answer["port"], answer["url"]) = (json!(one.has_port().then_some(one.port)), json!(one.url()));
            DescribedService { dir: one.dir.clone(), session: one.session.as_str().to_owned(), answer }
        }));
        services.retain(|one| self.is_in_scope(&one.dir) && is_meant(&one.dir));
        services.sort_by(|a, b| a.dir.cmp(&b.dir));
        services
    }

    /// What a supervisor says of a service.
    fn told(&self, one: &Status, live: &[Reservation], lines: usize) -> DescribedService {
        let dir = PathBuf::from(&one.dir);
        let mut answer = json!({
            "name": one.name, "dir": one.dir, "state": one.state, "url": one.url, "port": one.port,
            "framework": one.framework, "command": one.command, "startedAt": one.started_at,
        });
        let reservation = live.iter().find(|live| live.project == one.project_id);
        if let (true, Some(reservation)) = (one.state.is_alive(), reservation) {
            self.ends().watch(reservation);
        }
        match one.state {
            State::Idle | State::Starting => {
                answer["hint"] = json!(
                    "it is not ready yet: call bowline_wait, or see with bowline_logs what it is doing"
                );
            }
            State::Running => {
                if let Some(url) = framework_mcp::url(one) {
                    answer["frameworkMcp"] = json!(url);
                }
            }
            State::Waiting => answer["waitsFor"] = json!(one.waits_for),
            State::Blocked => {
                answer["blockedBy"] = json!(one.blocked_by);
                answer["failureReason"] = json!(FailureReason::NeedFailed);
                answer["hint"] = json!(failed::next_step(Some(FailureReason::NeedFailed)));
            }
            State::Stopping | State::Stopped | State::Done => {}
            State::Failed => {
                let known = self.ends().of(&dir);
                for (field, value) in known.iter().filter_map(Value::as_object).flatten() {
                    answer[field] = value.clone();
                }
            }
        }
        if lines > 0 && answer["logTail"].is_null() {
            answer["logTail"] =
                json!(tail::tail(&self.ports.dir().logs(), &one.project_id, &one.session, lines));
        }
        DescribedService { dir, session: one.session.clone(), answer }
    }

    /// The projects that could be started from the directory: those of the workspace, or its own.
    pub fn projects(&self) -> Vec<Project> {
        let mut projects = match Project::find(&self.server.dir) {
            Ok(Project { workspace: Some(workspace), .. }) => workspace.members().unwrap_or_default(),
            Ok(project) => vec![project],
            Err(_) => Vec::new(),
        };
        projects.retain(|project| project.script(None).is_ok() && self.is_in_scope(&project.dir));
        projects
    }

    /// Runs a command of bowline's own in `dir`, until its end, the deadline, or an event that is enough.
    pub fn run(
        &self,
        (word, dir): (&str, &Path),
        (cancel, deadline): (&Cancel, Instant),
        at_deadline: AtDeadline,
        is_enough: impl Fn(&What) -> bool,
    ) -> Result<Printed, Failure> {
        let globals = ["--json", "--color", "never", "--state-dir"].map(OsStr::new);
        let places = [self.server.state_dir.as_os_str(), OsStr::new("--dir"), dir.as_os_str()];
        let arguments = [&globals[..], &places[..], &[OsStr::new(word)]].concat();
        Ok(child::run(&arguments, cancel, deadline, at_deadline, is_enough)?)
    }
}

/// What is told of services whose supervisor does not answer.
fn suspended_or_silent(error: &ControlError) -> Value {
    let Failure { message, hint, .. } = Failure::from(error);
    let is_suspended = matches!(error, ControlError::Suspended { .. });
    let state = if is_suspended { "suspended" } else { "unknown" };
    json!({ "state": state, "error": message, "hint": failed::as_tools(&hint.unwrap_or_default()) })
}
