//! `bowline port`.

use std::time::SystemTime;

use serde_json::json;

use super::answer::{answer, one_or_all};
use super::dev::projects_here;
use crate::client::resolve;
use crate::invocation::{Failure, Invocation};
use crate::port::{Grant, Lookup, Ports, Reservation, Scheme};
use crate::process::Exit;
use crate::project::Project;
use crate::session::{ConfiguredProject, Detected, Options};
use crate::ui;

/// Prints the port that the project has or would get; at the root of a workspace, those of its packages.
pub fn run(invocation: &Invocation, project: Option<&str>) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = match project {
        Some(name) => match Project::named(name, &invocation.dir) {
            Ok(project) => vec![lookup(invocation, &ports, project, Vec::new())?],
            Err(error) => match resolve::one(invocation, &ports.reservations(), Some(name)) {
                Ok(running) => vec![Found::live(running)],
                Err(_) => return Err(error.into()),
            },
        },
        None => {
            let mut found: Vec<Found> = Vec::new();
            for project in projects(invocation, &ports)? {
                // They would start together, so none gets the port of another.
                let others: Vec<u16> = found.iter().map(|one| one.port).collect();
                found.push(lookup(invocation, &ports, project, others)?);
            }
            found
        }
    };
    let json = |Found { name, port, live, scheme }: &Found| json!({ "name": name, "port": port, "live": live, "url": scheme.url(*port) });
    let text = || match &found[..] {
        [only] => format!("{}\n", only.port),
        several => {
            let line = |one: &Found| [one.name.clone(), one.port.to_string()];
            ui::align(&several.iter().map(line).collect::<Vec<_>>())
        }
    };
    answer(invocation, || one_or_all(found.iter().map(json).collect()), text)
}

struct Found {
    name: String,
    port: u16,
    scheme: Scheme,
    /// Whether it runs.
    live: bool,
}

impl Found {
    fn live(Reservation { name, port, scheme, .. }: Reservation) -> Self {
        Self { name, port, scheme, live: true }
    }
}

/// [`projects_here`], else the directory in which a command was run without a package.json.
fn projects(invocation: &Invocation, ports: &Ports) -> Result<Vec<Project>, Failure> {
    projects_here(invocation, None).or_else(|failure| {
        let running = resolve::one(invocation, &ports.reservations(), None).ok().map(|running| running.dir);
        let remembered = || Some(resolve::remembered_around(ports, &invocation.dir)?.1.dir);
        let dir = running.or_else(remembered).ok_or(failure)?;
        Ok(vec![Project::around(&dir)?])
    })
}

/// The port of a project. Those of `others` are excluded.
fn lookup(
    invocation: &Invocation,
    ports: &Ports,
    project: Project,
    others: Vec<u16>,
) -> Result<Found, Failure> {
    let configured = ConfiguredProject::asked(invocation, project, None)?;
    let remembered = ports.remembered(&configured.project.id);
    let detected = Detected::new(invocation, &configured, None, remembered.as_ref())?;
    let mut request = detected.request(invocation, &Options::default());
    request.exclude = others;
    Ok(match ports.lookup(&request, SystemTime::now())? {
        Lookup::Live(reservation) => Found::live(reservation),
        Lookup::Would(Grant { port, previous, .. }) => {
            let scheme = detected.scheme(&request, previous.as_ref()).present;
            Found { name: configured.project.name.clone(), port, scheme, live: false }
        }
    })
}
