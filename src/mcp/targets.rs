//! The services that a call means.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::server::View;
use crate::client::pattern::ServicePattern;
use crate::client::resolve::{self, Resolved};
use crate::client::services;
use crate::exit_code::NO_PROJECT;
use crate::invocation::Failure;
use crate::port::Reservation;
use crate::project::{Project, ProjectError, defining_directory};
use crate::visible::Visible;
use crate::workspace::Filter;

/// What a word means, or without one the directory.
pub struct Targets {
    pub running: Vec<Reservation>,
    /// What has no supervisor, or has ended while its supervisor runs others.
    pub idle: Vec<Project>,
    /// For messages.
    pub name: String,
    /// Where a command means all of them without a word.
    whole: Option<PathBuf>,
}

impl Targets {
    /// Whether the service with this id was running when this was made.
    pub fn run(&self, id: &str) -> bool {
        self.running.iter().any(|one| one.project == id)
    }

    /// The directory and the words with which a command means them.
    pub fn place<'a>(&'a self, dir: &'a Path) -> (&'a Path, Vec<OsString>) {
        if let Some(whole) = &self.whole {
            return (whole, Vec::new());
        }
        let has_own_id = |one: &Reservation| !one.project.starts_with('/');
        let words = match &self.running[..] {
            [one] if has_own_id(one) => vec!["--project-id".into(), (&one.project).into(), (&one.dir).into()],
            several => {
                several.iter().filter(|one| !has_own_id(one)).map(|one| (&one.project).into()).collect()
            }
        };
        (dir, words.into_iter().chain(self.idle.iter().map(|one| (&one.id).into())).collect())
    }

    /// The ids of those that run.
    pub fn ids(&self) -> Vec<OsString> {
        self.running.iter().map(|one| (&one.project).into()).collect()
    }
}

impl View<'_> {
    pub fn targets(&self, word: Option<&str>) -> Result<Targets, Failure> {
        let live = self.live();
        let (running, failure) = match resolve::resolve(self.invocation(), &live, word) {
            Ok(Resolved::Running(running)) => (running, None),
            Ok(Resolved::Idle(failure) | Resolved::Unknown(failure)) | Err(failure) => {
                (Vec::new(), Some(failure))
            }
        };
        let root = |word: &str| Project::named(word, self.dir()).ok().filter(Project::is_workspace_root);
        let whole = match word {
            Some(word) => root(word).map(|root| root.dir).filter(|dir| self.is_in_scope(dir)),
            None => Some(self.dir().to_owned()),
        };
        let runs_itself =
            whole.as_ref().is_some_and(|dir| running.iter().any(|one| *dir == Path::new(&one.project)));
        let mut idle = match (&whole, word) {
            (Some(_), _) if runs_itself => Vec::new(),
            (Some(dir), _) => self.all(dir)?,
            (None, Some(word)) if Filter::is_pattern(word) => self.matching(word, &live),
            (None, Some(word)) if running.is_empty() => vec![self.named(word)?],
            (None, _) => Vec::new(),
        };
        idle.retain(|one| !running.iter().any(|known| one.is_run_as(&known.project, &known.dir)));
        let names = running.iter().map(|one| &one.name).chain(idle.iter().map(|one| &one.name));
        let name = word.map(str::to_owned).or_else(|| names.into_iter().next().cloned());
        match failure {
            Some(failure) if idle.is_empty() => Err(failure),
            Some(_) | None => Ok(Targets { name: name.unwrap_or_default(), running, idle, whole }),
        }
    }

    /// The project or service of this name or directory.
    fn named(&self, word: &str) -> Result<Project, Failure> {
        let known = || self.projects().into_iter().find(|project| project.name == word);
        let project = match Project::named(word, self.dir()) {
            Ok(project) => project,
            Err(error) => match known() {
                Some(project) => project,
                None => services::named(self.invocation(), word)?.ok_or(error)?,
            },
        };
        if self.holds(&project.id, &project.dir) {
            return Ok(project);
        }
        let message = format!("`{}` is outside of this workspace", project.dir.visible());
        let hint = "start another `bowline mcp` with `--dir` there".to_owned();
        Err(Failure::new(NO_PROJECT, message, Some(hint)))
    }

    fn matching(&self, pattern: &str, live: &[Reservation]) -> Vec<Project> {
        let Ok(pattern) = ServicePattern::read(self.invocation(), live, &[pattern]) else {
            return Vec::new();
        };
        self.projects().into_iter().filter(|one| pattern.means(&one.name, &one.dir)).collect()
    }

    /// What could run in the directory: at the root of a workspace, everything.
    fn all(&self, dir: &Path) -> Result<Vec<Project>, Failure> {
        let mut found = match Project::find(dir) {
            Ok(project) => services::projects_of(self.invocation(), project)?,
            Err(ProjectError::NotFound { start }) => services::without_package(self.invocation(), &start)?,
            Err(error) => return Err(error.into()),
        };
        // The root's own script is what the root means, where it starts none of the others.
        if let Some(own) = found.iter().position(|one| one.defined_in.is_none() && one.dir == dir) {
            found = vec![found.swap_remove(own)];
        }
        found.retain(|project| self.holds(&project.id, &project.dir));
        Ok(found)
    }

    /// Everything in the workspace that could run.
    pub fn projects(&self) -> Vec<Project> {
        let around =
            |project: Project| services::around(self.invocation(), &project).map(|(_, projects)| projects);
        let mut projects = match Project::find(self.dir()) {
            Ok(project) => around(project).unwrap_or_default(),
            Err(_) => self.all(self.dir()).unwrap_or_default(),
        };
        projects.retain(|project| {
            services::can_run(self.invocation(), project, None) && self.holds(&project.id, &project.dir)
        });
        projects
    }

    /// Whether a service belongs to this workspace: a package by its directory, another one by the file that defines
    /// it.
    pub fn holds(&self, id: &str, dir: &Path) -> bool {
        self.is_in_scope(defining_directory(id).unwrap_or(dir))
    }
}
