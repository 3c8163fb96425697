//! What is known of a project before a port is reserved: its manifest, configuration, script and framework.

use std::ffi::OsString;
use std::num::NonZeroU16;

use crate::cli::args::Launch;
use crate::config::{Config, ProjectSettings};
use crate::detect::{Detection, Inputs, Remembered, Snapshot};
use crate::invocation::Surroundings;
use crate::invocation::failure::Failure;
use crate::launch::{self, Choice as Manager, Reading, Target};
use crate::port::{self, Choice, Request};
use crate::project::{Project, Workspace};
use crate::visible::Visible;

/// What is to run in a project.
#[derive(Debug)]
pub enum Task {
    /// A script with the user's arguments.
    Script {
        /// Its name.
        name: String,
        /// Its text.
        text: String,
        /// What stood behind `--`.
        arguments: Vec<String>,
    },
    /// A command.
    Command(Vec<OsString>),
}

/// A project with all that its files say.
#[derive(Debug)]
pub struct Subject {
    pub project: Project,
    pub config: Config,
    pub manager: Manager,
    pub task: Task,
}

impl Subject {
    /// Reads the files of `project`; `task` is told the name of the script that its configuration asks for.
    pub fn new(
        around: &Surroundings,
        project: Project,
        task: impl FnOnce(&Project, &ProjectSettings) -> Result<Task, Failure>,
    ) -> Result<Self, Failure> {
        let config = Config::read(&project, &|name| around.variable(name))?;
        let task = task(&project, &config.settings)?;
        let manager = launch::choose(&project, &around.caller);
        Ok(Self { project, config, manager, task })
    }

    /// Takes the script apart.
    pub fn read<'a>(&'a self, around: &'a Surroundings) -> Result<Reading<'a>, Failure> {
        let target = match &self.task {
            Task::Script { name, text, arguments } => Target::Script { name, text, arguments },
            Task::Command(command) => Target::Command(command),
        };
        Ok(Reading::of(&self.project, &self.manager, target, &around.caller)?)
    }

    /// Finds the framework. `wanted` is the user's word, which counts before everything, and what is `remembered` before
    /// what is seen.
    pub fn detect<'a>(
        &'a self,
        reading: &Reading<'_>,
        wanted: Option<&str>,
        remembered: Option<&port::Remembered>,
    ) -> Result<Detection<'a>, Failure> {
        let files = self.project.files()?;
        let commands = reading.commands();
        let snapshot = Snapshot {
            dependencies: &self.project.manifest.dependencies,
            files: &files,
            script: reading.script(),
            commands: &commands,
        };
        let catalog = &self.config.catalog;
        let remembered = remembered.and_then(|row| {
            Some(Remembered { key: row.framework.clone(), fingerprint: row.evidence.parse().ok()? })
        });
        let detection = catalog.detect(&snapshot)?.settled(remembered.as_ref(), catalog);
        match self.named(wanted) {
            Some(key) => Ok(detection.named(catalog.find(key)?, &snapshot)),
            None => Ok(detection),
        }
    }

    /// The framework that the user names, by flag (`wanted`) or in a file.
    pub fn named<'a>(&'a self, wanted: Option<&'a str>) -> Option<&'a str> {
        wanted.or(self.config.settings.framework.as_deref())
    }

    /// How the framework is told its port, for the versions that are installed.
    pub fn inputs(&self, detection: &Detection<'_>) -> Inputs {
        detection.inputs(|package| self.project.version_of(package))
    }

    /// The script for a task: the one that was asked for, else the usual one.
    pub fn script(
        project: &Project,
        settings: &ProjectSettings,
        wanted: Option<&str>,
        arguments: &[String],
    ) -> Result<Task, Failure> {
        let (name, text) = project.script(wanted.or(settings.script.as_deref()))?;
        project.ensure_runnable(name, text)?;
        Ok(Task::Script { name: name.to_owned(), text: text.to_owned(), arguments: arguments.to_vec() })
    }

    /// What to ask the allocator for, all being known that is remembered.
    pub fn request(&self, detection: &Detection<'_>, inputs: &Inputs, choice: Choice) -> Request {
        Request {
            project: self.project.id.clone(),
            name: self.project.name.clone(),
            dir: self.project.dir.clone(),
            framework: detection.framework.key.to_string(),
            yields: false,
            evidence: detection.fingerprint,
            range: inputs.range,
            choice,
            exclude: Vec::new(),
        }
    }
}

/// What `bowline.toml` says of packages that there are none of, and a hint for each. Packages are listed only where one of
/// the subjects has no entry, which is then the misspelt one, or where all are started anyway.
pub fn strangers(subjects: &[Subject]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let Some(first) = subjects.iter().find(|subject| !subject.config.is_named || subjects.len() > 1) else {
        return found;
    };
    if first.config.others.is_empty() {
        return found;
    }
    let members = first.project.workspace.as_ref().map(Workspace::names).unwrap_or_default();
    let mut names: Vec<&str> = subjects.iter().map(|subject| &*subject.project.name).collect();
    names.extend(members.iter().map(String::as_str));
    names.sort_unstable();
    names.dedup();
    for (path, name) in subjects.iter().flat_map(|subject| &subject.config.others) {
        let message = format!("`[project.{name}]` in `{}` names no package", path.visible());
        if !names.contains(&name.as_str()) && found.iter().all(|(known, _)| *known != message) {
            found.push((message, format!("the packages are: {}", names.join(", "))));
        }
    }
    found
}

/// What the user said about the port: an order by flag, by the dev server's own flag, or in bowline.toml; or a wish in
/// the environment.
pub fn choice(
    around: &Surroundings,
    launch: Option<&Launch>,
    settings: &ProjectSettings,
    in_arguments: Option<u16>,
) -> Choice {
    let flag = launch.and_then(|launch| launch.port).map(NonZeroU16::get);
    let order = flag.or(in_arguments).or(settings.port.map(NonZeroU16::get));
    order.map_or_else(|| around.wish(), Choice::Order)
}
