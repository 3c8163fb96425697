//! Every service that could run: packages, those of bowline.toml with a command, and those of a Procfile.

use std::path::{Path, PathBuf};

use super::own_command::{is_app, own_command};
use crate::config::{Orchestrator, may_have_procfile};
use crate::invocation::{Failure, Invocation};
use crate::launch::{self, OwnScripts};
use crate::project::{Project, ProjectError, SERVICE_MARK, last_part};
use crate::workspace::{Meaning, meaning, nx_target};

/// The root of the project's workspace, or its own directory, and every service there that could run.
pub fn around(invocation: &Invocation, project: &Project) -> Result<(PathBuf, Vec<Project>), Failure> {
    let root = project.workspace.as_ref().map_or_else(|| project.dir.clone(), |found| found.root.clone());
    // The root of a workspace need not be a project.
    let projects = match (Project::at(&root), &project.workspace) {
        (Ok(root), _) => projects_of(invocation, root)?,
        (Err(_), Some(workspace)) => runnable(invocation, None, workspace.members()?, None),
        // Services need no package.json.
        (Err(_), None) => all(invocation, project)?,
    };
    Ok((root, projects))
}

/// The project; if it is the root of a workspace, every package that can run, every other service, and the root itself
/// if its script starts none of those. The services of a Procfile stand for the script that runs it.
pub fn projects_of(invocation: &Invocation, project: Project) -> Result<Vec<Project>, Failure> {
    let config = invocation.config(&project)?;
    let Some(workspace) = project.workspace.as_ref().filter(|_| project.is_workspace_root()) else {
        return of(invocation, project);
    };
    let orchestrator = config.workspace.orchestrator;
    let own = project.script(config.settings.script.as_deref()).ok();
    if own.is_some() && orchestrator == Some(Orchestrator::Script) {
        return Ok(vec![project]);
    }
    let mut members = runnable(invocation, Some(&project), workspace.members()?, None);
    if members.is_empty() {
        return of(invocation, project);
    }
    let starts_none = |(name, text): (&str, &str)| {
        let manager = launch::choose(&project, &invocation.caller);
        let scripts = OwnScripts::new(&project, &manager, &invocation.caller, config.catalog.wrappers());
        matches!(meaning(name, text, &scripts, || true), Meaning::Root)
    };
    if orchestrator.is_none() && own.is_some_and(starts_none) {
        members.insert(0, project.clone());
    }
    beside(invocation, &project, members)
}

/// Whether there is something to run: what has the script, or the own command of a framework.
pub fn can_run(invocation: &Invocation, project: &Project, script: Option<&str>) -> bool {
    let has_own = || {
        let config = invocation.config(project);
        config.is_ok_and(|config| own_command(project, &config).is_ok_and(|own| own.is_some()))
    };
    has_script(invocation, project, script) || script.is_none() && has_own()
}

/// Whether it has the script, a target of nx of that name, or what bowline.toml says of it.
fn has_script(invocation: &Invocation, project: &Project, script: Option<&str>) -> bool {
    project.defined_in.is_some()
        || project.script(script).is_ok()
        || nx_target(project, script).is_some()
        || script.is_none() && is_configured(invocation, project)
}

/// Those of the packages that run where none is named: the ones with the script. If none has it, the apps whose
/// framework has a command of its own; not if the workspace's root is one.
pub fn runnable(
    invocation: &Invocation,
    root: Option<&Project>,
    packages: Vec<Project>,
    script: Option<&str>,
) -> Vec<Project> {
    let (with, mut without): (Vec<_>, Vec<_>) =
        packages.into_iter().partition(|package| has_script(invocation, package, script));
    let is_app = |project: &Project| {
        let config = invocation.config(project);
        config.is_ok_and(|config| is_app(project, &config))
    };
    if !with.is_empty() || script.is_some() || root.is_some_and(is_app) {
        return with;
    }
    without.retain(is_app);
    without
}

/// Everything in the workspace of `root`: its packages, and all services that are none.
pub fn beside(
    invocation: &Invocation,
    root: &Project,
    packages: Vec<Project>,
) -> Result<Vec<Project>, Failure> {
    let mut found = Vec::new();
    for package in packages {
        let processes = in_place_of(invocation, &package)?;
        if processes.is_empty() { found.push(package) } else { found.extend(processes) }
    }
    for service in all(invocation, root)? {
        if !found.iter().any(|known| known.id == service.id) {
            found.push(service);
        }
    }
    Ok(found)
}

/// The services of this project alone: itself, or those of a Procfile in place of its script; without a script, all
/// that there are.
pub fn of(invocation: &Invocation, project: Project) -> Result<Vec<Project>, Failure> {
    let mut found = in_place_of(invocation, &project)?;
    if found.is_empty() && project.script(None).is_err() && !is_configured(invocation, &project) {
        found = all(invocation, &project)?;
    }
    Ok(if found.is_empty() { vec![project] } else { found })
}

/// Whether bowline.toml has a command or script for a project, which needs no dev script then.
pub fn is_configured(invocation: &Invocation, project: &Project) -> bool {
    let config = invocation.config(project);
    config.is_ok_and(|config| config.settings.command.is_some() || config.settings.script.is_some())
}

/// The services of a Procfile that run in place of the project's dev script; none if it has no Procfile.
fn in_place_of(invocation: &Invocation, project: &Project) -> Result<Vec<Project>, Failure> {
    if !may_have_procfile(project) {
        return Ok(Vec::new());
    }
    Ok(invocation.files.names(project)?.in_place_of(&project.dir))
}

/// All services of the project's workspace that are no packages.
pub fn all(invocation: &Invocation, project: &Project) -> Result<Vec<Project>, Failure> {
    Ok(invocation.files.names(project)?.services().to_vec())
}

/// The services of the nearest directory that has any: `start` has no package.json, nor has any directory above it.
pub fn without_package(invocation: &Invocation, start: &Path) -> Result<Vec<Project>, Failure> {
    nearest(invocation, start).map_or_else(|| Ok(Vec::new()), |(_, services)| services)
}

/// The project that filters are seen from. It may have services and no package.json.
pub fn here(invocation: &Invocation) -> Result<Project, Failure> {
    match Project::find(&invocation.dir) {
        Err(ProjectError::NotFound { start }) => {
            let found = nearest(invocation, &start).map(|(project, _)| project);
            found.ok_or_else(|| ProjectError::NotFound { start }.into())
        }
        found => Ok(found?),
    }
}

/// The error for a word that names no project, with the names of the services that are no packages, too.
pub fn with_names(invocation: &Invocation, mut error: ProjectError) -> ProjectError {
    if let ProjectError::Unknown { names, .. } = &mut error {
        let services = here(invocation).and_then(|project| all(invocation, &project)).unwrap_or_default();
        names.extend(services.into_iter().map(|one| one.name));
    }
    error
}

/// The failure for a word that means nothing. Where there are no names to choose from, what runs elsewhere has some.
pub fn unknown(invocation: &Invocation, error: ProjectError) -> Failure {
    let error = with_names(invocation, error);
    let is_nameless = matches!(&error, ProjectError::Unknown { names, .. } if names.is_empty());
    let failure = Failure::from(error);
    let see = |hint| format!("{hint}, or see what runs with `bowline ls`");
    Failure { hint: failure.hint.map(|hint| if is_nameless { see(hint) } else { hint }), ..failure }
}

/// The nearest directory with services, or with a mistake in their files.
fn nearest(invocation: &Invocation, start: &Path) -> Option<(Project, Result<Vec<Project>, Failure>)> {
    let start = start.canonicalize().ok()?;
    let projects = start.ancestors().filter_map(|dir| Project::around(dir).ok());
    let mut with_services = projects.map(|project| {
        let services = all(invocation, &project).and_then(|found| {
            if found.is_empty() {
                invocation.files.check_without_service(&project)?;
            }
            Ok(found)
        });
        (project, services)
    });
    with_services.find(|(_, services)| services.as_ref().map_or(true, |found| !found.is_empty()))
}

/// The service that a word means: its name in the workspace, or its id.
pub fn named(invocation: &Invocation, word: &str) -> Result<Option<Project>, Failure> {
    let (dir, name) = match word.rsplit_once(SERVICE_MARK) {
        Some((dir, name)) => (invocation.dir.join(dir), name),
        None => (invocation.dir.clone(), word),
    };
    let services = match Project::find(&dir) {
        Ok(project) => all(invocation, &project)?,
        Err(ProjectError::NotFound { start }) => without_package(invocation, &start)?,
        Err(_) => Vec::new(),
    };
    let is_meant = |one: &Project| one.id == word || one.name == name;
    let short = |one: &Project| last_part(&one.name) == name;
    let found = services.iter().find(|one| is_meant(one)).or_else(|| services.iter().find(|one| short(one)));
    Ok(found.cloned())
}
