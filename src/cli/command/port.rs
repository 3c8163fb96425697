//! `bowline port`.

use std::time::SystemTime;

use serde_json::json;

use crate::cli::args::Which;
use crate::cli::command::dev::here;
use crate::client::resolve;
use crate::invocation::Surroundings;
use crate::invocation::failure::{End, Failure};
use crate::launch;
use crate::port::{Lookup, Ports, Request};
use crate::project::Project;
use crate::session::subject::{self, Subject};
use crate::ui;

/// Prints the project's port: its live one, or the one that it would get; at the root of a workspace, those of its packages.
pub fn run(around: &Surroundings, which: &Which) -> Result<End, Failure> {
    let ports = around.ports_to_read();
    let found = match which.project.as_deref() {
        Some(name) => match Project::named(name, &around.dir) {
            Ok(project) => vec![lookup(around, &ports, project, Vec::new())?],
            Err(error) => match resolve::one(around, &ports.reservations(), Some(name)) {
                Ok(running) => vec![(running.name, running.port, true)],
                Err(_) => return Err(error.into()),
            },
        },
        None => {
            let mut found: Vec<(String, u16, bool)> = Vec::new();
            for project in here(around, None)? {
                // As they would be started: all at once.
                let others: Vec<u16> = found.iter().map(|(_, port, _)| *port).collect();
                found.push(lookup(around, &ports, project, others)?);
            }
            found
        }
    };
    let json = |(name, port, live): &(String, u16, bool)| json!({ "name": name, "port": port, "live": live, "url": launch::url(*port) });
    let text = match &found[..] {
        [one] if around.json => json(one).to_string(),
        several if around.json => json!(several.iter().map(json).collect::<Vec<_>>()).to_string(),
        [(_, port, _)] => port.to_string(),
        several => {
            let width = several.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
            let line = |(name, port, _): &(String, u16, bool)| format!("{name:width$}  {port}");
            several.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    ui::print(&format!("{text}\n"))?;
    Ok(End::Code(0))
}

/// The name and the port of a project, and whether it runs. It would not get one of the `others`.
fn lookup(
    around: &Surroundings,
    ports: &Ports,
    project: Project,
    others: Vec<u16>,
) -> Result<(String, u16, bool), Failure> {
    let script = |project: &Project, settings: &_| Subject::script(project, settings, None, &[]);
    let subject = Subject::new(around, project, script)?;
    let reading = subject.read(around)?;
    let detection = subject.detect(&reading, None, ports.remembered(&subject.project.id).as_ref())?;
    let inputs = subject.inputs(&detection);
    let choice = subject::choice(around, None, &subject.config.settings, None);
    let request = Request { exclude: others, ..subject.request(&detection, &inputs, choice) };
    Ok(match ports.lookup(&request, SystemTime::now())? {
        Lookup::Live(reservation) => (reservation.name, reservation.port, true),
        Lookup::Would(grant) => (subject.project.name.clone(), grant.port, false),
    })
}
