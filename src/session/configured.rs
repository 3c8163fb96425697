//! A project with its configuration and the script or command to run.

use std::ffi::OsString;

use crate::config::{Config, ProjectSettings};
use crate::detect::{Detection, ServerInputs, Snapshot};
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::launch::{self, ChosenManager as Manager, Reading, Target};
use crate::port;
use crate::project::{Project, Workspace};
use crate::visible::Visible;

/// The thing to run in a project.
#[derive(Debug)]
pub enum Runnable {
    /// A script with the user's arguments.
    Script { name: String, text: String, arguments: Vec<String> },
    /// A command.
    Command(Vec<OsString>),
}

impl Runnable {
    /// The script named `wanted`, else the configured one, else the usual one.
    ///
    /// # Errors
    /// The project has no such script, or the script would start bowline again.
    pub fn script(
        project: &Project,
        settings: &ProjectSettings,
        wanted: Option<&str>,
        arguments: &[String],
    ) -> Result<Self, Failure> {
        let (name, text) = project.script(wanted.or(settings.script.as_deref()))?;
        project.manifest.ensure_runnable(name, text)?;
        Ok(Self::Script { name: name.to_owned(), text: text.to_owned(), arguments: arguments.to_vec() })
    }
}

/// A project, its configuration and what to run.
#[derive(Debug)]
pub struct ConfiguredProject {
    pub project: Project,
    pub config: Config,
    pub manager: Manager,
    pub runnable: Runnable,
}

impl ConfiguredProject {
    /// Reads the configuration of `project`; `runnable` gets the project's settings.
    ///
    /// # Errors
    /// The configuration is invalid, or `runnable` fails.
    pub fn read(
        invocation: &Invocation,
        project: Project,
        runnable: impl FnOnce(&Project, &ProjectSettings) -> Result<Runnable, Failure>,
    ) -> Result<Self, Failure> {
        let config = Config::read(&project, &|name| invocation.variable(name))?;
        let runnable = runnable(&project, &config.settings)?;
        let manager = launch::choose(&project, &invocation.caller);
        Ok(Self { project, config, manager, runnable })
    }

    /// Parses the script.
    ///
    /// # Errors
    /// The script cannot be run by the package manager.
    pub fn parse<'a>(&'a self, invocation: &'a Invocation) -> Result<Reading<'a>, Failure> {
        let target = match &self.runnable {
            Runnable::Script { name, text, arguments } => Target::Script { name, text, arguments },
            Runnable::Command(command) => Target::Command(command),
        };
        Ok(Reading::of(&self.project, &self.manager, target, &invocation.caller)?)
    }

    /// Detects the framework: the one `wanted` by flag, else the configured one, else the remembered one while its evidence
    /// holds, else the detected one.
    ///
    /// # Errors
    /// The files cannot be read, or there is no such framework.
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
        let detection = catalog.detect(&snapshot)?;
        match self.framework(wanted) {
            Some(key) => Ok(detection.with_framework(catalog.find(key)?, &snapshot)),
            None => Ok(self.recall(detection, remembered)),
        }
    }

    /// The detection with the remembered framework if the evidence is unchanged.
    pub fn recall<'a>(
        &'a self,
        detection: Detection<'a>,
        remembered: Option<&port::Remembered>,
    ) -> Detection<'a> {
        match remembered.and_then(|row| Some((row, row.evidence.parse().ok()?))) {
            Some((row, evidence)) => {
                detection.with_remembered(&row.framework, &evidence, &self.config.catalog)
            }
            None => detection,
        }
    }

    /// The inputs by which the installed version of the framework takes its port.
    pub fn inputs(&self, detection: &Detection<'_>) -> ServerInputs {
        detection.inputs(|package| self.project.version_of(package))
    }

    /// The framework that the user named, by flag (`wanted`) or in bowline.toml.
    pub fn framework<'a>(&'a self, wanted: Option<&'a str>) -> Option<&'a str> {
        wanted.or(self.config.settings.framework.as_deref())
    }
}

/// The entries of `bowline.toml` that match no package, as message and hint. Packages are listed only where a project has
/// no entry of its own, since its entry is then the misspelt one, or where several projects start.
pub fn unknown_entries(projects: &[ConfiguredProject]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let Some(first) = projects.iter().find(|one| !one.config.is_named || projects.len() > 1) else {
        return found;
    };
    if first.config.others.is_empty() {
        return found;
    }
    let members = first.project.workspace.as_ref().map(Workspace::names).unwrap_or_default();
    let mut names: Vec<&str> = projects.iter().map(|one| &*one.project.name).collect();
    names.extend(members.iter().map(String::as_str));
    names.sort_unstable();
    names.dedup();
    for (path, name) in projects.iter().flat_map(|one| &one.config.others) {
        let message = format!("`[project.{name}]` in `{}` names no package", path.visible());
        if !names.contains(&name.as_str()) && found.iter().all(|(known, _)| *known != message) {
            found.push((message, format!("the packages are: {}", names.join(", "))));
        }
    }
    found
}
