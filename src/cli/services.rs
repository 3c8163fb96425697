//! `bowline stop`, `restart`, `wait`, `open` and `attach`: one request to the supervisors of running services.

use std::ffi::OsString;
use std::time::Instant;

use serde_json::json;

use super::args::{One, StartAgain, Stop, Wait};
use super::failure::{End, Failure, NOT_READY, OTHER};
use super::follow::{self, Left, Manner};
use super::surroundings::Surroundings;
use super::{background, running, target};
use crate::control::{Answer, Error, Verb};
use crate::launch;
use crate::port::{Ports, Reservation};
use crate::ui;
use crate::visible::Visible;

/// `bowline stop`.
pub fn stop(around: &Surroundings, stop: &Stop) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let found =
        if stop.all { ports.reservations() } else { target::running(around, &ports, &stop.projects)? };
    running::stop(&ports, &found, stop.force)?;
    tell(around, &found, "stopped")
}

/// `bowline restart`; `arguments` are those of this process.
pub fn restart(around: &Surroundings, arguments: &[OsString], restart: &StartAgain) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let mut found = Vec::new();
    let mut absent = Vec::new();
    let words = &restart.projects;
    match words.is_empty().then(|| target::running(around, &ports, &[])) {
        Some(Ok(here)) => found = here,
        Some(Err(_)) => return background::start_projects(around, arguments, &[]),
        None => {
            for word in words {
                match target::running(around, &ports, std::slice::from_ref(word)) {
                    Ok(more) => found.extend(more),
                    Err(_) => absent.push(word.clone()),
                }
            }
        }
    }
    await_ready(&ports, &found, Verb::Restart, None)?;
    let told = tell(around, &found, "restarted")?;
    if absent.is_empty() { Ok(told) } else { background::start_projects(around, arguments, &absent) }
}

/// `bowline wait`.
pub fn wait(around: &Surroundings, wait: &Wait) -> Result<End, Failure> {
    let deadline = wait.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ports = around.ports_to_read();
    let found = target::running(around, &ports, &wait.projects)?;
    await_ready(&ports, &found, Verb::Wait, deadline)?;
    tell(around, &found, "ready")
}

/// `bowline open`.
pub fn open(around: &Surroundings, which: &One) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let found = target::one(around, &ports, which.project.as_deref())?;
    await_ready(&ports, std::slice::from_ref(&found), Verb::Wait, None)?;
    let url = launch::url(found.port);
    open::that_detached(&url).map_err(|_| {
        let hint = Some(format!("open {url} yourself"));
        Failure::new(OTHER, "no browser could be opened", hint)
    })?;
    tell(around, &[found], "opened")
}

/// `bowline attach`.
pub fn attach(around: &Surroundings, which: &One) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let found = target::one(around, &ports, which.project.as_deref())?;
    match follow::follow(around, &ports, std::slice::from_ref(&found), &Manner::Attach("is running"))? {
        Left::With(end) => Ok(end),
        Left::Gone => Err(target::not_running(&found.name)),
    }
}

/// Asks for something after which the services are ready, and waits for that.
fn await_ready(
    ports: &Ports,
    found: &[Reservation],
    verb: Verb,
    deadline: Option<Instant>,
) -> Result<(), Failure> {
    let gone = |error: Error| match found.iter().find(|one| running::is_gone(ports, one)) {
        Some(one) => not_ready(one, "has ended"),
        None => error.into(),
    };
    for (reservation, sent) in running::ask_all(found, verb, false).map_err(gone)? {
        match sent.result(deadline).map_err(gone)? {
            Some(Answer::ProcessExited { failure_reason, stderr, .. }) => {
                let reason = failure_reason.map_or_else(String::new, |reason| format!(": {reason}"));
                let lines = stderr.map_or_else(String::new, |lines| format!("\n{lines}"));
                return Err(not_ready(reservation, &format!("has ended{reason}{lines}")));
            }
            Some(_) => {}
            None => return Err(not_ready(reservation, "is not ready in time")),
        }
    }
    Ok(())
}

fn not_ready(reservation: &Reservation, how: &str) -> Failure {
    let hint = format!("look at its output with `bowline logs {}`", reservation.dir.visible());
    Failure::new(NOT_READY, format!("`{}` {how}", reservation.name), Some(hint))
}

fn tell(around: &Surroundings, found: &[Reservation], what: &str) -> Result<End, Failure> {
    if around.json {
        let services: Vec<_> = found
            .iter()
            .map(|one| {
                json!({
                    "projectId": one.project, "name": one.name, "port": one.port,
                    "url": launch::url(one.port), "result": what,
                })
            })
            .collect();
        ui::print(&format!("{}\n", json!({ "services": services })))?;
    } else if found.is_empty() {
        ui::print("nothing is running\n")?;
    } else if !around.quiet {
        for Reservation { name, port, .. } in found {
            ui::print(&format!("{what} {name}   {}\n", launch::url(*port)))?;
        }
    }
    Ok(End::Code(0))
}
