//! `bowline dev` and `bowline exec`.

use super::already_running::{self, Next};
use super::scope::projects_here;
use crate::cli::args::{Dev, Exec, Launch};
use crate::cli::usage;
use crate::exit_code;
use crate::invocation::failure::Failure;
use crate::invocation::{Invocation, StartedBy};
use crate::launch::Inherited;
use crate::process::Exit;
use crate::project::Project;
use crate::session::{self, ConfiguredProject, Options, Reserved, Runnable, Session};

/// `bowline dev`.
pub fn dev(invocation: &Invocation, dev: &Dev) -> Result<Exit, Failure> {
    let wanted = dev.launch.script.as_deref();
    let configure = |project| {
        ConfiguredProject::read(invocation, project, |project, settings| {
            Runnable::script(project, settings, wanted, &dev.arguments)
        })
    };
    let projects = projects(invocation, dev)?.into_iter().map(configure).collect::<Result<Vec<_>, _>>()?;
    launch(invocation, &dev.launch, &projects)
}

/// `bowline exec`.
pub fn exec(invocation: &Invocation, exec: &Exec) -> Result<Exit, Failure> {
    let find = if invocation.started_by == StartedBy::Runner { Project::around } else { Project::find };
    let project = with_id(find(&invocation.dir)?, &exec.launch);
    let runnable = Runnable::Command(exec.command.clone());
    let project = ConfiguredProject::read(invocation, project, |_, _| Ok(runnable))?;
    launch(invocation, &exec.launch, &[project])
}

fn with_id(project: Project, launch: &Launch) -> Project {
    match &launch.project_id {
        Some(id) => project.with_id(id.clone()),
        None => project,
    }
}

/// The named projects, else the ones in scope.
fn projects(invocation: &Invocation, dev: &Dev) -> Result<Vec<Project>, Failure> {
    let mut projects = if dev.projects.is_empty() {
        projects_here(invocation, dev.launch.script.as_deref())?
    } else {
        Vec::new()
    };
    for name in &dev.projects {
        let project = Project::named(name, &invocation.dir)
            .map_err(|error| usage::no_project(invocation, name, error))?;
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

fn launch(invocation: &Invocation, launch: &Launch, projects: &[ConfiguredProject]) -> Result<Exit, Failure> {
    let options = Options::from(launch);
    if launch.dry_run {
        return dry_run(invocation, &options, projects);
    }
    if let [project] = projects
        && let Some(inherited) = Inherited::from(&invocation.caller, &project.project)
    {
        return become_command(invocation, &options, project, &inherited);
    }
    let mut session = Session::new(invocation, &options, projects)?;
    warn_of_unknown_entries(invocation, projects);
    loop {
        match session.reserve()? {
            Reserved::Lease(lease) => {
                invocation.warn_all(lease.warnings());
                return session.supervise(lease);
            }
            Reserved::AlreadyRunning(running) => {
                match already_running::resolve(invocation, launch.restart_running, &session, &running)? {
                    Next::Return(exit) => return Ok(exit),
                    Next::Retry => {}
                    Next::StartOthers => session.leave_out(&running),
                }
            }
        }
    }
}

fn dry_run(
    invocation: &Invocation,
    options: &Options,
    projects: &[ConfiguredProject],
) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_plan();
    warn_of_unknown_entries(invocation, projects);
    let detected = session::detect(invocation, options, projects, |id| ports.remembered(id))?;
    let prepared = session::allocate(invocation, options, detected);
    session::print_dry_run(invocation, &ports, &prepared, options.host.as_ref())?;
    Ok(Exit::Code(0))
}

fn become_command(
    invocation: &Invocation,
    options: &Options,
    project: &ConfiguredProject,
    inherited: &Inherited,
) -> Result<Exit, Failure> {
    let (ports, _state) = invocation.ports_to_write()?;
    warn_of_unknown_entries(invocation, std::slice::from_ref(project));
    let detected = session::detect(invocation, options, [project], |id| ports.remembered(id))?;
    let prepared = session::allocate(invocation, options, detected);
    prepared.iter().try_fold(Exit::Code(0), |_, one| {
        session::become_command(invocation, one, inherited, options.host.as_ref())
    })
}

fn warn_of_unknown_entries(invocation: &Invocation, projects: &[ConfiguredProject]) {
    for (message, hint) in session::unknown_entries(projects) {
        invocation.warn(&message, Some(hint));
    }
}
