//! What a call can see: the services and projects of the workspace.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::child::{self, Cancel, Printed};
use super::scope::Scope;
use crate::client::fan_out;
use crate::client::resolve::{self, Resolved};
use crate::control::Status;
use crate::event::What;
use crate::exit_code::NO_PROJECT;
use crate::invocation::{Failure, Invocation};
use crate::port::{Ports, Reservation};
use crate::project::Project;
use crate::ui::{ColorChoice, Style};
use crate::visible::Visible;

/// What all calls share.
#[derive(Debug)]
pub struct Server {
    dir: PathBuf,
    state_dir: PathBuf,
    scope: Scope,
}

/// The machine as one call sees it: an invocation cannot be shared by threads.
pub struct View<'a> {
    server: &'a Server,
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

impl Server {
    pub fn new(invocation: &Invocation) -> Result<Self, Failure> {
        let dir = std::fs::canonicalize(&invocation.dir)?;
        let state_dir = invocation.ports_to_read().dir().root().to_owned();
        Ok(Self { scope: Scope::around(&dir), dir, state_dir })
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
                Some(word) => Project::named(word, dir)?,
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

    /// The live reservations of this workspace.
    fn live(&self) -> Vec<Reservation> {
        let mut live = self.ports.reservations();
        live.retain(|one| self.is_in_scope(&one.dir));
        live
    }

    /// What the supervisors of this workspace say of the services in these directories.
    pub fn statuses(&self, is_meant: impl Fn(&Path) -> bool) -> Vec<Status> {
        let live = self.live();
        let mut all: Vec<Status> =
            fan_out::call(&live).into_iter().filter_map(|(_, answer)| answer.ok()).flatten().collect();
        all.retain(|one| self.is_in_scope(Path::new(&one.dir)) && is_meant(Path::new(&one.dir)));
        all
    }

    /// The projects that could be started from the directory: those of the workspace, or its own.
    pub fn projects(&self) -> Vec<Project> {
        let mut projects = match Project::find(&self.server.dir) {
            Ok(Project { workspace: Some(workspace), .. }) => workspace.members().unwrap_or_default(),
            Ok(project) => vec![project],
            Err(_) => Vec::new(),
        };
        projects.retain(|project| project.script(None).is_ok());
        projects
    }

    /// Runs a command of bowline's own in `dir`, until its end, the deadline, or an event that is enough.
    pub fn run(
        &self,
        word: &str,
        dir: &Path,
        (cancel, deadline): (&Cancel, Instant),
        is_enough: impl Fn(&What) -> bool,
    ) -> Result<Printed, Failure> {
        let state_dir = self.server.state_dir.as_os_str();
        let globals = [OsStr::new("--json"), OsStr::new("--state-dir"), state_dir, OsStr::new("--dir")];
        let arguments = [&globals[..], &[dir.as_os_str(), OsStr::new(word)]].concat();
        Ok(child::run(&arguments, cancel, deadline, is_enough)?)
    }
}
