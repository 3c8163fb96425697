//! The projects of a start with their configuration, and the services that these need.

use super::configured::{Additions, ConfiguredProject, Runnable};
use crate::config::{Config, FilePlace, Files};
use crate::invocation::{Failure, Invocation, StartedBy};
use crate::launch::Inherited;
use crate::project::Project;

/// Reads the configuration of the projects, and adds the services that they need or want beside them, and those that
/// these need, unless `only` the projects themselves are wanted.
///
/// # Errors
/// A configuration is invalid, names something that is nowhere, or a project cannot be run.
pub fn configure(
    invocation: &Invocation,
    projects: Vec<(Project, Runnable, Additions)>,
    only: bool,
) -> Result<Vec<ConfiguredProject>, Failure> {
    let variable = |name: &str| invocation.variable(name);
    let files = Files::new(&variable);
    let is_alone = projects.len() == 1;
    let mut found = Vec::new();
    for (project, runnable, additions) in projects {
        found.push(ConfiguredProject::from_files(
            invocation,
            &files,
            (project, runnable, additions),
            is_alone,
        )?);
    }
    // The bowline around this one has started them, and a runner starts one project at a time.
    let is_inner = |one: &ConfiguredProject| Inherited::from(&invocation.caller, &one.project).is_some();
    if only || invocation.started_by == StartedBy::Runner || found.iter().all(is_inner) {
        return Ok(found);
    }
    let mut at = 0;
    while let Some(one) = found.get(at) {
        for project in wanted(&files, one)? {
            if !found.iter().any(|known| is_same(&known.project, &project)) {
                found.push(added(invocation, &files, project)?);
            }
        }
        at += 1;
    }
    Ok(found)
}

fn is_same(one: &Project, other: &Project) -> bool {
    match (&one.defined_in, &other.defined_in) {
        // A package may run under another id.
        (None, None) => one.dir == other.dir,
        (Some(_), Some(_)) => one.id == other.id,
        (None, Some(_)) | (Some(_), None) => false,
    }
}

/// The services that one needs, or wants beside it.
fn wanted(files: &Files<'_>, one: &ConfiguredProject) -> Result<Vec<Project>, Failure> {
    let ConfiguredProject { project, config, .. } = one;
    let mut wanted = Vec::new();
    for (key, list) in [("needs", &config.settings.needs), ("with", &config.settings.with)] {
        // Those that the start itself adds are there already.
        for name in list.iter().filter(|name| !one.additions.needs.contains(name)) {
            match files.names(project)?.find(name) {
                Ok(found) => wanted.push(found.clone()),
                Err(error) => return Err(unknown(config, key, &error.message(name), error.hint())),
            }
        }
    }
    Ok(wanted)
}

fn unknown(config: &Config, key: &str, message: &str, hint: String) -> Failure {
    let located = config.mistake(&[key], &FilePlace::default(), message, &hint);
    located.map_or_else(|| Failure::new(crate::exit_code::USAGE, message, Some(hint)), Failure::from)
}

fn added(invocation: &Invocation, files: &Files<'_>, project: Project) -> Result<ConfiguredProject, Failure> {
    let usual = Runnable::Script { name: None, arguments: Vec::new() };
    let mut configured =
        ConfiguredProject::from_files(invocation, files, (project, usual, Additions::default()), false)?;
    configured.is_added = true;
    Ok(configured)
}
