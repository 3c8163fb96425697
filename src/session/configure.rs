//! The projects of a start with their configuration, and the services that these need.

use super::configured::{Additions, Chosen, ConfiguredProject, Runnable};
use crate::invocation::{Failure, Invocation, StartedBy};
use crate::launch::Inherited;
use crate::project::Project;

/// Reads the configuration of the services, and adds those that they need or want beside them, and those that these
/// need, unless `only` the chosen ones are wanted.
///
/// # Errors
/// A configuration is invalid, names something that is nowhere, or a project cannot be run.
pub fn configure(
    invocation: &Invocation,
    chosen: Vec<Chosen>,
    only: bool,
) -> Result<Vec<ConfiguredProject>, Failure> {
    let read =
        |(project, runnable, additions)| ConfiguredProject::read(invocation, project, runnable, additions);
    let mut services = chosen.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let is_alone = services.len() == 1;
    for one in &services {
        invocation.files.check(&one.project, &one.config, is_alone)?;
    }
    // The bowline around this one has started them, and a runner starts one project at a time.
    let is_inner = |one: &ConfiguredProject| Inherited::from(&invocation.caller, &one.project).is_some();
    if only || invocation.started_by == StartedBy::Runner || services.iter().all(is_inner) {
        return Ok(services);
    }
    let mut at = 0;
    while let Some(one) = services.get(at) {
        for project in wanted(invocation, one, &services)? {
            if !services.iter().any(|known| known.project.is_same(&project)) {
                services.push(added(invocation, project)?);
            }
        }
        at += 1;
    }
    Ok(services)
}

/// The services that one needs, or wants beside it, and that are not known by these very names.
fn wanted(
    invocation: &Invocation,
    one: &ConfiguredProject,
    services: &[ConfiguredProject],
) -> Result<Vec<Project>, Failure> {
    let ConfiguredProject { project, config, .. } = one;
    let mut wanted = Vec::new();
    for (key, list) in [("needs", &config.settings.needs), ("with", &config.settings.with)] {
        let is_new = |name: &&String| !services.iter().any(|known| known.project.name == **name);
        for name in list.iter().filter(is_new) {
            match invocation.files.names(project)?.find(name) {
                Ok(found) => wanted.push(found.clone()),
                Err(error) => return Err(one.mistake(&[key], &error.message(name), &error.hint())),
            }
        }
    }
    Ok(wanted)
}

fn added(invocation: &Invocation, project: Project) -> Result<ConfiguredProject, Failure> {
    let usual = Runnable::Script { name: None, arguments: Vec::new() };
    let mut added = ConfiguredProject::read(invocation, project, usual, Additions::default())?;
    invocation.files.check(&added.project, &added.config, false)?;
    added.is_added = true;
    Ok(added)
}
