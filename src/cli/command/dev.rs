//! `bowline dev` and `bowline exec`.

use super::already_running;
use crate::cli::args::{Dev, Exec, Launch, Together};
use crate::cli::usage;
use crate::client::follow::Join;
use crate::client::resolve::{self, Resolved};
use crate::detect::ServiceKind;
use crate::exit_code;
use crate::invocation::{Failure, Invocation};
use crate::launch::Inherited;
use crate::process::Exit;
use crate::project::{Project, ProjectError};
use crate::session::selection::{Selection, Wanted, select};
use crate::session::{
    self, Additions, ConfiguredProject, Options, OrderOptions, Reserved, Runnable, Session,
};
use crate::ui;

pub fn dev(invocation: &Invocation, dev: &Dev) -> Result<Exit, Failure> {
    let unknown = |word: &str, error| usage::no_project(invocation, &dev.projects, word, error);
    let wanted = Wanted {
        words: &dev.projects,
        filters: &dev.choice.filter,
        only: dev.choice.only,
        no_order: dev.together.no_order,
        script: dev.script.as_deref(),
        arguments: &dev.arguments,
        unknown: &unknown,
    };
    let mut selection = match select(invocation, &wanted) {
        Ok(selection) => selection,
        Err(failure) => return join_command(invocation, dev, failure),
    };
    for_one(&mut selection.services, &dev.launch)?;
    launch(invocation, (&dev.launch, &dev.together), selection)
}

/// Joins the command that runs in a directory without a package.json, unless more is asked for.
fn join_command(invocation: &Invocation, dev: &Dev, failure: Failure) -> Result<Exit, Failure> {
    let Dev { projects, choice, script, arguments, launch, .. } = dev;
    let asks_for_more = !projects.is_empty()
        || !choice.filter.is_empty()
        || script.is_some()
        || !arguments.is_empty()
        || launch.port.is_some()
        || launch.restart_running
        || launch.dry_run;
    let has_package = || !matches!(Project::find(&invocation.dir), Err(ProjectError::NotFound { .. }));
    if asks_for_more || has_package() {
        return Err(failure);
    }
    let ports = invocation.ports_to_read();
    let Ok(Resolved::Running(running)) = resolve::resolve(invocation, &ports.reservations(), None) else {
        return Err(failure);
    };
    let join = Join { difference: &|_| None, wish: &|_| None };
    already_running::join(invocation, &ports, &running, &join)?.ok_or(failure)
}

pub fn exec(invocation: &Invocation, exec: &Exec) -> Result<Exit, Failure> {
    let project = with_id(Project::around(&invocation.dir)?, &exec.launch);
    let command = Runnable::Command(exec.command.clone());
    let project = vec![(project, command, Additions::default())];
    let services = session::configure(invocation, project, false)?;
    let selection = Selection { services, root: None };
    launch(invocation, (&exec.launch, &Together::default()), selection)
}

fn with_id(project: Project, launch: &Launch) -> Project {
    match &launch.project_id {
        Some(id) => project.with_id(id.clone()),
        None => project,
    }
}

/// Gives a single project the id that the user chose.
///
/// # Errors
/// There are several projects, and an option for one.
fn for_one(services: &mut [ConfiguredProject], launch: &Launch) -> Result<(), Failure> {
    let is_meant =
        |one: &&mut ConfiguredProject| !one.is_added && one.additions.kind != Some(ServiceKind::Task);
    let mut projects: Vec<_> = services.iter_mut().filter(is_meant).collect();
    match (&mut projects[..], launch) {
        ([only], launch) => only.project = with_id(only.project.clone(), launch),
        (_, Launch { project_id: None, port: None, .. }) => {}
        (many, _) => {
            let message = format!("`--port` and `--project-id` are for one project, not for {}", many.len());
            let hint = Some("name one project, or set the ports in bowline.toml".to_owned());
            return Err(Failure::new(exit_code::USAGE, message, hint));
        }
    }
    Ok(())
}

fn launch(
    invocation: &Invocation,
    (launch, together): (&Launch, &Together),
    Selection { services: projects, root }: Selection,
) -> Result<Exit, Failure> {
    let &Together { no_order, fail_fast } = together;
    let options = Options { order: OrderOptions { no_order, fail_fast }, ..Options::from(launch) };
    if let Some(root) = root.as_ref().filter(|root| root.runs_as_it_is() && !launch.dry_run)
        && !invocation.json
        && !invocation.quiet
    {
        ui::eprint_line(&format!("{}  {root}", invocation.style.name()));
    }
    if launch.dry_run {
        let ports = invocation.ports_to_plan();
        let live = session::live(&ports, &projects);
        let prepared = session::prepare(invocation, &options, projects, (Some(&ports), &live))?;
        session::dry_run(invocation, &options, &ports, &prepared, root.as_ref())?;
        return Ok(Exit::Code(0));
    }
    if let [project] = &projects[..]
        && let Some(inherited) = Inherited::from(&invocation.caller, &project.project)
    {
        let ports = invocation.ports_to_write()?;
        let prepared = session::prepare(invocation, &options, projects, (Some(&ports), &[]))?;
        return session::become_command(invocation, &options, &prepared[0], &inherited);
    }
    let mut session = Session::new(invocation, &options, projects)?;
    already_running::start_where_needed(invocation, &session)?;
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
