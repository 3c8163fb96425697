//! `bowline dev` and `bowline exec`.

use super::already_running;
use crate::cli::args::{Dev, Exec, Launch};
use crate::cli::usage;
use crate::exit_code;
use crate::invocation::{Failure, Invocation};
use crate::launch::Inherited;
use crate::process::Exit;
use crate::project::Project;
use crate::session::selection::{NotNamed, named, projects_here};
use crate::session::{self, ConfiguredProject, Options, Reserved, Runnable, Session};

pub fn dev(invocation: &Invocation, dev: &Dev) -> Result<Exit, Failure> {
    let script = Runnable::Script { name: dev.script.clone(), arguments: dev.arguments.clone() };
    let projects = session::configure(invocation, projects(invocation, dev)?, &script, false)?;
    launch(invocation, &dev.launch, projects)
}

pub fn exec(invocation: &Invocation, exec: &Exec) -> Result<Exit, Failure> {
    let project = with_id(Project::around(&invocation.dir)?, &exec.launch);
    let command = Runnable::Command(exec.command.clone());
    launch(invocation, &exec.launch, session::configure(invocation, vec![project], &command, false)?)
}

fn with_id(project: Project, launch: &Launch) -> Project {
    match &launch.project_id {
        Some(id) => project.with_id(id.clone()),
        None => project,
    }
}

/// The named projects, else [`projects_here`].
fn projects(invocation: &Invocation, dev: &Dev) -> Result<Vec<Project>, Failure> {
    let mut projects = Vec::new();
    if dev.projects.is_empty() {
        projects = projects_here(invocation, dev.script.as_deref())?;
    }
    for name in &dev.projects {
        let project = named(invocation, name).map_err(|error| match error {
            NotNamed::Unknown(error) => usage::no_project(invocation, name, error),
            NotNamed::Failed(failure) => failure,
        })?;
        if !projects.iter().any(|known| known.id == project.id) {
            projects.push(project);
        }
    }
    match (&mut projects[..], &dev.launch) {
        ([project], launch) => *project = with_id(project.clone(), launch),
        (_, Launch { project_id: None, port: None, .. }) => {}
        (many, _) => {
            let message = format!("`--port` and `--project-id` are for one project, not for {}", many.len());
            let hint = Some("name one project, or set the ports in bowline.toml".to_owned());
            return Err(Failure::new(exit_code::USAGE, message, hint));
        }
    }
    Ok(projects)
}

fn launch(
    invocation: &Invocation,
    launch: &Launch,
    projects: Vec<ConfiguredProject>,
) -> Result<Exit, Failure> {
    let options = Options::from(launch);
    if launch.dry_run {
        let ports = invocation.ports_to_plan();
        let prepared = session::prepare(invocation, &options, projects, Some(&ports))?;
        session::dry_run(invocation, &options, &ports, &prepared)?;
        return Ok(Exit::Code(0));
    }
    if let [project] = &projects[..]
        && let Some(inherited) = Inherited::from(&invocation.caller, &project.project)
    {
        let ports = invocation.ports_to_write()?;
        let prepared = session::prepare(invocation, &options, projects, Some(&ports))?;
        return session::become_command(invocation, &options, &prepared[0], &inherited);
    }
    let mut session = Session::new(invocation, &options, projects)?;
    loop {
        match session.reserve()? {
            Reserved::Lease(lease) => {
                invocation.warn_all(lease.warnings());
                return session.supervise(lease);
            }
            Reserved::AlreadyRunning(running) => {
                let replace = launch.restart_running;
                if let Some(exit) = already_running::decide(invocation, replace, &mut session, &running)? {
                    return Ok(exit);
                }
            }
        }
    }
}
