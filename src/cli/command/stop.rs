//! `bowline stop`, `restart`, `wait`, `open` and `attach`: one request to the supervisors of running services.

use std::ffi::OsString;
use std::path::Path;
use std::time::Instant;

use serde_json::json;

use crate::cli::args::{One, StartAgain, Stop, Wait};
use crate::cli::command::start;
use crate::client::actions::{self, Restarted};
use crate::client::ended;
use crate::client::fan_out;
use crate::client::follow::{self, Left, Manner};
use crate::client::resolve::{self, Meant};
use crate::event::State;
use crate::invocation::Surroundings;
use crate::invocation::failure::{End, Failure, OTHER};
use crate::launch;
use crate::port::Reservation;
use crate::project::Project;
use crate::ui;

/// `bowline stop`.
pub fn stop(around: &Surroundings, stop: &Stop) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let known = ports.unfinished();
    let (found, failures) =
        if stop.all { (known, Vec::new()) } else { resolve::all(around, &known, &stop.projects)? };
    let outcomes = actions::stop(&ports, &found, stop.force);
    conclude(around, &found, outcomes, failures, "stopped")
}

/// `bowline restart`; `arguments` are those of this process.
pub fn restart(around: &Surroundings, arguments: &[OsString], restart: &StartAgain) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let known = ports.unfinished();
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    let words = restart.projects.iter().map(|word| Some(word.as_str()));
    for word in words.chain(restart.projects.is_empty().then_some(None)) {
        match resolve::meant(around, &known, word)? {
            Meant::Running(more) => resolve::add(&mut found, more),
            Meant::Idle(_) => absent.push(word.map(OsString::from)),
            Meant::Nothing(failure) => return Err(failure),
        }
    }
    let outcomes = fan_out::at_once(&found, |one| actions::restart(&ports, one));
    let (mut restarted, mut results) = (Vec::new(), Vec::new());
    let mut starts: Vec<Vec<OsString>> = Vec::new();
    for (one, outcome) in found.into_iter().zip(outcomes) {
        if let Ok(Restarted::Over) = outcome {
            // Under the id that it had.
            let id =
                (Path::new(&one.project) != one.dir).then(|| ["--project-id".into(), one.project.into()]);
            match id {
                Some(id) => starts.push(id.into_iter().chain([one.dir.into()]).collect()),
                None => absent.push(Some(one.dir.into())),
            }
        } else {
            restarted.push(one);
            results.push(outcome.map(drop));
        }
    }
    if !absent.is_empty() {
        starts.push(absent.into_iter().flatten().collect());
    }
    let mut end = End::Code(0);
    if !restarted.is_empty() {
        end = conclude(around, &restarted, results, Vec::new(), "restarted")?;
    }
    for start in starts {
        let started = start::start_projects(around, arguments, &start)?;
        end = if end == End::Code(0) { started } else { end };
    }
    Ok(end)
}

/// `bowline wait`.
pub fn wait(around: &Surroundings, wait: &Wait) -> Result<End, Failure> {
    let deadline = wait.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ports = around.ports_to_read();
    let live = ports.reservations();
    let failed = |word: Option<&str>| {
        let mut ended = ended::meant(around, &live, word);
        ended.retain(|one| one.state == State::Failed);
        ended
    };
    let (mut words, mut over) = (Vec::new(), Vec::new());
    for word in &wait.projects {
        let failed = match resolve::meant(around, &live, Some(word)) {
            Ok(Meant::Idle(_) | Meant::Nothing(_)) => failed(Some(word)),
            Ok(Meant::Running(_)) | Err(_) => Vec::new(),
        };
        if failed.is_empty() {
            words.push(word.clone());
        }
        over.extend(failed);
    }
    let all_over = words.is_empty() && !over.is_empty();
    let (found, mut failures) =
        if all_over { (Vec::new(), Vec::new()) } else { resolve::all(around, &live, &words)? };
    if wait.projects.is_empty() && Project::find(&around.dir).is_ok_and(|project| project.is_workspace_root())
    {
        over = failed(None);
    }
    let outcomes = fan_out::at_once(&found, |one| actions::wait(&ports, one, deadline));
    failures.extend(over.iter().map(ended::failure));
    conclude(around, &found, outcomes, failures, "ready")
}

/// `bowline open`.
pub fn open(around: &Surroundings, which: &One) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let found = resolve::one(around, &ports.reservations(), which.project.as_deref())?;
    actions::wait(&ports, &found, None)?;
    let url = launch::url(found.port);
    open::that_detached(&url).map_err(|_| {
        let hint = Some(format!("open {url} yourself"));
        Failure::new(OTHER, "no browser could be opened", hint)
    })?;
    conclude(around, &[found], vec![Ok(())], Vec::new(), "opened")
}

/// `bowline attach`.
pub fn attach(around: &Surroundings, which: &One) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let found = resolve::one(around, &ports.reservations(), which.project.as_deref())?;
    match follow::follow(around, &ports, std::slice::from_ref(&found), &Manner::Attach)? {
        Left::With(end) => Ok(end),
        Left::Gone => Err(resolve::not_running(&found.name)),
    }
}

/// Tells what was done, and what was not: `more` beside the outcomes. The exit code is that of the worst failure.
fn conclude(
    around: &Surroundings,
    found: &[Reservation],
    outcomes: Vec<Result<(), Failure>>,
    more: Vec<Failure>,
    what: &str,
) -> Result<End, Failure> {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for (one, outcome) in found.iter().zip(outcomes) {
        match outcome {
            Ok(()) => done.push(one),
            Err(failure) => failures.push(failure),
        }
    }
    failures.extend(more);
    // A single failure that is all there is to tell is told as any other command's.
    if let ([], 1) = (&done[..], failures.len()) {
        return Err(failures.remove(0));
    }
    tell(around, &done, &failures, what)?;
    for failure in &failures {
        failure.complain(around.style);
    }
    let code = failures.iter().map(Failure::code).max().unwrap_or(0);
    Ok(End::Code(code))
}

fn tell(
    around: &Surroundings,
    done: &[&Reservation],
    failures: &[Failure],
    what: &str,
) -> Result<(), Failure> {
    if around.json {
        let service = |one: &&Reservation| {
            json!({
                "projectId": one.project, "name": one.name, "port": one.port,
                "url": launch::url(one.port), "result": what,
            })
        };
        let mut answer = json!({ "services": done.iter().map(service).collect::<Vec<_>>() });
        if !failures.is_empty() {
            answer["errors"] = failures.iter().map(|failure| failure.message.as_str()).collect();
        }
        ui::print(&format!("{answer}\n"))?;
    } else if done.is_empty() && failures.is_empty() {
        ui::print("nothing is running\n")?;
    } else if !around.quiet {
        for Reservation { name, port, .. } in done {
            ui::print(&format!("{what} {name}   {}\n", launch::url(*port)))?;
        }
    }
    Ok(())
}
