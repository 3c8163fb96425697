//! The finite work of turbo or nx before services that were chosen by name: what the root's script would have it do.

use super::prerequisites;
use super::root::fan_outs;
use super::run::Run;
use crate::invocation::{Failure, Invocation};
use crate::project::Project;
use crate::session::configured::{ConfiguredProject, Runnable};
use crate::workspace::{FanOut, Packages};

/// Adds what has to be done before the services, and what runs beside them.
pub fn add(invocation: &Invocation, services: &mut Vec<ConfiguredProject>) -> Result<(), Failure> {
    let Some(workspace) = services.iter().find_map(|one| one.project.workspace.as_ref()) else {
        return Ok(());
    };
    let Ok(root) = Project::at(&workspace.root) else { return Ok(()) };
    let all = fan_outs(invocation, &root)?;
    if all.is_empty() {
        return Ok(());
    }
    let packages = Packages::with_nx(&root)?;
    let (mut runs, owners): (Vec<Run>, Vec<usize>) = services
        .iter()
        .enumerate()
        .filter_map(|(service, one)| Some((run_of(one, &all, &packages)?, service)))
        .unzip();
    let tasks = prerequisites::add(&packages, &all, &mut runs);
    let beside = runs.split_off(owners.len());
    for (run, service) in runs.iter().zip(owners) {
        run.needs.iter().for_each(|name| services[service].need(name));
    }
    for run in beside {
        let (project, runnable, additions) = run.choose(&packages);
        services.push(ConfiguredProject::read(invocation, project, runnable, additions)?.added());
    }
    for task in tasks {
        let (project, runnable, additions) = prerequisites::choose(&root, task);
        services.push(ConfiguredProject::read(invocation, project, runnable, additions)?);
    }
    Ok(())
}

/// The run of a service that the script of the root would start, too.
fn run_of(service: &ConfiguredProject, all: &[FanOut], packages: &Packages) -> Option<Run> {
    let Runnable::Script { name: Some(script), .. } = &service.runnable else { return None };
    all.iter().find(|found| found.script == *script)?;
    let package = packages.index_of(&service.project.dir)?;
    let script = script.clone();
    Some(Run {
        package,
        script,
        is_first: true,
        arguments: Vec::new(),
        environment: Vec::new(),
        needs: Vec::new(),
    })
}
