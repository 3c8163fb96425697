//! `bowline port`.

use std::time::SystemTime;

use serde_json::json;

use super::scope::projects_here;
use crate::cli::args::Which;
use crate::client::resolve;
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::launch;
use crate::port::{Lookup, Ports};
use crate::process::Exit;
use crate::project::Project;
use crate::session::{ConfiguredProject, Detected, Options, Runnable};
use crate::ui;

/// Prints the live port of the project, or the one it would get; at the root of a workspace those of its packages.
pub fn run(invocation: &Invocation, which: &Which) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = match which.project.as_deref() {
        Some(name) => match Project::named(name, &invocation.dir) {
            Ok(project) => vec![lookup(invocation, &ports, project, Vec::new())?],
            Err(error) => match resolve::one(invocation, &ports.reservations(), Some(name)) {
                Ok(running) => vec![(running.name, running.port, true)],
                Err(_) => return Err(error.into()),
            },
        },
        None => {
            let mut found: Vec<(String, u16, bool)> = Vec::new();
            for project in projects_here(invocation, None)? {
                // They would start together, so none gets the port of another.
                let others: Vec<u16> = found.iter().map(|(_, port, _)| *port).collect();
                found.push(lookup(invocation, &ports, project, others)?);
            }
            found
        }
    };
    let json = |(name, port, live): &(String, u16, bool)| json!({ "name": name, "port": port, "live": live, "url": launch::url(*port) });
    let text = match &found[..] {
        [one] if invocation.json => json(one).to_string(),
        several if invocation.json => json!(several.iter().map(json).collect::<Vec<_>>()).to_string(),
        [(_, port, _)] => port.to_string(),
        several => {
            let width = several.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
            let line = |(name, port, _): &(String, u16, bool)| format!("{name:width$}  {port}");
            several.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    };
    ui::print(&format!("{text}\n"))?;
    Ok(Exit::Code(0))
}

/// The name and port of a project, and whether it runs. The ports of `others` are excluded.
fn lookup(
    invocation: &Invocation,
    ports: &Ports,
    project: Project,
    others: Vec<u16>,
) -> Result<(String, u16, bool), Failure> {
    let script = |project: &Project, settings: &_| Runnable::script(project, settings, None, &[]);
    let configured = ConfiguredProject::read(invocation, project, script)?;
    let remembered = ports.remembered(&configured.project.id);
    let detected = Detected::new(invocation, &configured, None, remembered.as_ref())?;
    let mut request = detected.request(invocation, &Options::default());
    request.exclude = others;
    Ok(match ports.lookup(&request, SystemTime::now())? {
        Lookup::Live(reservation) => (reservation.name, reservation.port, true),
        Lookup::Would(grant) => (configured.project.name.clone(), grant.port, false),
    })
}
