//! `bowline dev` and `bowline exec`: detect → allocate → reserve → spawn → verify listening → supervise → release.

use std::time::Duration;

use crate::cli::args::{Dev, Exec, Launch};
use crate::cli::usage;
use crate::client::actions::{self, Started};
use crate::detect::{Detection, Inputs};
use crate::invocation::failure::{End, Failure};
use crate::invocation::{Keeper, Surroundings, require_files};
use crate::launch::{Host, Inherited, Reading};
use crate::port::Remembered;
use crate::project::Project;
use crate::session::dry_run;
use crate::session::nested;
use crate::session::prepared::Candidate;
use crate::session::run::Foreground;
use crate::session::subject::{self, Subject, Task};

/// How long a server may take to end before it is killed, unless somebody says otherwise.
const GRACE: Duration = Duration::from_secs(10);
/// What a supervisor may open, in files: all but its services, and each of these (two pipes, the guardian's
/// socket, another to it, the log).
const FILES: usize = 28;
const FILES_OF_A_SERVICE: usize = 5;

/// `bowline dev`.
pub fn dev(around: &Surroundings, dev: &Dev) -> Result<End, Failure> {
    let wanted = dev.launch.script.as_deref();
    let projects = projects(around, dev)?;
    let subject = |project| {
        Subject::new(around, project, |project, settings| {
            Subject::script(project, settings, wanted, &dev.arguments)
        })
    };
    let subjects = projects.into_iter().map(subject).collect::<Result<Vec<_>, _>>()?;
    launch(around, &dev.launch, &subjects)
}

/// `bowline exec`.
pub fn exec(around: &Surroundings, exec: &Exec) -> Result<End, Failure> {
    let find = if around.keeper == Keeper::Runner { Project::around } else { Project::find };
    let project = named(find(&around.dir)?, &exec.launch);
    let subject = Subject::new(around, project, |_, _| Ok(Task::Command(exec.command.clone())))?;
    launch(around, &exec.launch, &[subject])
}

fn named(project: Project, launch: &Launch) -> Project {
    match &launch.project_id {
        Some(id) => project.with_id(id.clone()),
        None => project,
    }
}

/// The project around; at the root of a workspace, all that have the script.
pub fn here(around: &Surroundings, wanted: Option<&str>) -> Result<Vec<Project>, Failure> {
    let project = Project::find(&around.dir)?;
    if let (true, Some(workspace)) = (project.is_workspace_root(), &project.workspace) {
        let mut members = workspace.members()?;
        members.retain(|member| member.script(wanted).is_ok());
        if !members.is_empty() {
            return Ok(members);
        }
    }
    Ok(vec![project])
}

/// The projects that are meant: those named, else those here.
fn projects(around: &Surroundings, dev: &Dev) -> Result<Vec<Project>, Failure> {
    let mut projects =
        if dev.projects.is_empty() { here(around, dev.launch.script.as_deref())? } else { Vec::new() };
    for name in &dev.projects {
        let project =
            Project::named(name, &around.dir).map_err(|error| usage::no_project(around, name, error))?;
        if !projects.iter().any(|known| known.id == project.id) {
            projects.push(project);
        }
    }
    match (&mut projects[..], &dev.launch) {
        ([project], launch) => *project = named(project.clone(), launch),
        (_, Launch { project_id: None, port: None, .. }) => {}
        (many, _) => {
            let message = format!("`--port` and `--project-id` are for one project, not for {}", many.len());
            let hint = Some("name one project, or set the ports in bowline.toml".to_owned());
            return Err(Failure::new(crate::invocation::failure::USAGE, message, hint));
        }
    }
    Ok(projects)
}

fn launch(around: &Surroundings, launch: &Launch, subjects: &[Subject]) -> Result<End, Failure> {
    let host = launch.host.as_ref().map(|address| match address.as_str() {
        "" => Host::All,
        address => Host::Address(address.to_owned()),
    });
    let (ports, state) = if launch.dry_run {
        (around.ports_to_plan(), None)
    } else {
        let (ports, state) = around.ports_to_write()?;
        (ports, Some(state))
    };
    for (message, hint) in subject::strangers(subjects) {
        around.warn(&message, Some(hint));
    }
    let readings = subjects.iter().map(|subject| subject.read(around)).collect::<Result<Vec<_>, _>>()?;
    let readings: Vec<_> = subjects.iter().zip(&readings).collect();
    let inherited = match subjects {
        [subject] => Inherited::from(&around.caller, &subject.project),
        _ => None,
    };
    let Some(state) = state.filter(|_| inherited.is_none()) else {
        let known = |id: &str| ports.remembered(id);
        let detections = detect(&readings, launch, known)?;
        let candidates = candidates(around, launch, &readings, &detections, false);
        return match (&candidates[..], &inherited) {
            ([candidate], Some(inherited)) if !launch.dry_run => {
                nested::become_command(around, candidate, inherited, host.as_ref())
            }
            _ => dry_run::dry_run(around, &ports, &candidates, host.as_ref()),
        };
    };
    // Before anything is reserved, as half-way nothing could be given back.
    require_files(FILES + FILES_OF_A_SERVICE * subjects.len())?;
    // What is remembered is read by the transaction that reserves. Seldom does it say otherwise than the files.
    let mut remembered: Option<Vec<(String, Remembered)>> = None;
    loop {
        let known =
            |id: &str| remembered.iter().flatten().find(|(of, _)| of == id).map(|(_, row)| row.clone());
        let detections = detect(&readings, launch, known)?;
        let candidates = candidates(around, launch, &readings, &detections, remembered.is_none());
        match actions::reserve(around, launch, &ports, candidates)? {
            Started::Reserved(candidates, lease) => {
                around.warn_of(lease.warnings());
                return Foreground { around, launch, candidates, host: host.as_ref(), lease, state }.run();
            }
            Started::Followed(end) => return Ok(end),
            // Nothing yields the second time.
            Started::Remembered(rows) => remembered = Some(rows),
        }
    }
}

/// The framework of each subject, and how it is told its port.
fn detect<'a>(
    readings: &[(&'a Subject, &Reading<'a>)],
    launch: &Launch,
    remembered: impl Fn(&str) -> Option<Remembered>,
) -> Result<Vec<(Detection<'a>, Inputs)>, Failure> {
    let detect = |&(subject, reading): &(&'a Subject, &Reading<'a>)| {
        let remembered = remembered(&subject.project.id);
        let detection = subject.detect(reading, launch.framework.as_deref(), remembered.as_ref())?;
        let inputs = subject.inputs(&detection);
        Ok((detection, inputs))
    };
    readings.iter().map(detect).collect()
}

/// What is to run, each with what it asks the allocator for.
fn candidates<'a>(
    around: &'a Surroundings,
    launch: &Launch,
    readings: &[(&'a Subject, &'a Reading<'a>)],
    detections: &'a [(Detection<'a>, Inputs)],
    yields: bool,
) -> Vec<Candidate<'a>> {
    let both = readings.iter().zip(detections);
    let candidates: Vec<_> = both
        .map(|(&(subject, reading), (detection, inputs))| {
            let settings = &subject.config.settings;
            let in_arguments = reading.ordered_port(&inputs.port.flags);
            let choice = subject::choice(around, Some(launch), settings, in_arguments);
            let mut request = subject.request(detection, inputs, choice);
            request.yields = yields && subject.named(launch.framework.as_deref()).is_none();
            let grace = launch.grace.or(settings.grace).unwrap_or(GRACE);
            Candidate { subject, reading, detection, inputs, request, grace }
        })
        .collect();
    candidates.iter().for_each(Candidate::explain);
    candidates
}
