//! The projects of a start with their configuration, and the services that these need.

use super::configured::{Additions, Chosen, ConfiguredProject, Runnable};
use crate::config::FilePlace;
use crate::exit_code::NO_PROJECT;
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
        for (project, place) in wanted(invocation, one, &services)? {
            if !services.iter().any(|known| known.project.is_same(&project)) {
                let added = added(invocation, project)
                    .map_err(|failure| cannot_run(&services[at], &place, failure))?;
                services.push(added);
            }
        }
        at += 1;
    }
    Ok(services)
}

/// The services that one needs, or wants beside it, and that are not known by these very names; with the places of
/// their names.
fn wanted(
    invocation: &Invocation,
    one: &ConfiguredProject,
    services: &[ConfiguredProject],
) -> Result<Vec<(Project, FilePlace<'static>)>, Failure> {
    let ConfiguredProject { project, config, .. } = one;
    let mut wanted = Vec::new();
    let lists: [(&'static [&'static str], _); 2] =
        [(&["needs"], &config.settings.needs), (&["with"], &config.settings.with)];
    for (keys, list) in lists {
        let is_new =
            |(_, name): &(usize, &String)| !services.iter().any(|known| known.project.name == **name);
        for (index, name) in list.iter().enumerate().filter(is_new) {
            let place = FilePlace { keys, index: Some(index), part: None };
            match invocation.files.names(project)?.find(name) {
                Ok(found) => wanted.push((found.clone(), place)),
                Err(error) => return Err(one.mistake(&place, &error.message(name), &error.hint())),
            }
        }
    }
    Ok(wanted)
}

/// The failure of a service that `one` names and that has nothing to run. All others have places of their own.
fn cannot_run(one: &ConfiguredProject, place: &FilePlace<'_>, failure: Failure) -> Failure {
    if failure.code() != NO_PROJECT {
        return failure;
    }
    let message = format!("`{}` starts what cannot run: {}", one.project.name, failure.message);
    one.mistake(
        place,
        &message,
        "give it a script, or a `command` in bowline.toml, or take its name out here",
    )
}

fn added(invocation: &Invocation, project: Project) -> Result<ConfiguredProject, Failure> {
    let usual = Runnable::Script { name: None, arguments: Vec::new() };
    let mut added = ConfiguredProject::read(invocation, project, usual, Additions::default())?;
    invocation.files.check(&added.project, &added.config, false)?;
    added.is_added = true;
    Ok(added)
}
