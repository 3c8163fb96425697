//! `bowline port`.

use std::time::SystemTime;

use serde_json::json;

use super::answer::{answer, one_or_all};
use crate::client::resolve;
use crate::exit_code::FAILURE;
use crate::invocation::{Failure, Invocation};
use crate::port::{Grant, Lookup, Ports, Reservation, Scheme};
use crate::process::Exit;
use crate::project::Project;
use crate::session::selection::select_to_ask;
use crate::session::{ConfiguredProject, Detected, Options};
use crate::ui;

/// Prints the port that the project has or would get; at the root of a workspace, those of its packages.
pub fn run(invocation: &Invocation, project: Option<&str>) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let found = match project {
        Some(name) => match Project::named(name, &invocation.dir) {
            Ok(project) => {
                let asked = ConfiguredProject::asked(invocation, project, None)?;
                lookup(invocation, &ports, &[asked])?
            }
            Err(error) => match resolve::one(invocation, &ports.reservations(), Some(name)) {
                Ok(running) => vec![Found::live(running)],
                Err(_) => return Err(error.into()),
            },
        },
        None => lookup(invocation, &ports, &services(invocation, &ports)?)?,
    };
    let json = |Found { name, port, live, scheme }: &Found| json!({ "name": name, "port": port, "live": live, "url": port.map(|port| scheme.url(port)) });
    let shown = |one: &Found| one.port.map_or_else(|| "-".to_owned(), |port| port.to_string());
    if let [Found { name, port: None, .. }] = &found[..] {
        let hint = Some("`bowline detect` tells what it is".to_owned());
        return Err(Failure::new(FAILURE, format!("`{name}` has no port: it is no server"), hint));
    }
    let text = || match &found[..] {
        [only] => format!("{}\n", shown(only)),
        several => {
            let line = |one: &Found| [one.name.clone(), shown(one)];
            ui::align(&several.iter().map(line).collect::<Vec<_>>())
        }
    };
    answer(invocation, || one_or_all(found.iter().map(json).collect()), text)
}

struct Found {
    name: String,
    port: Option<u16>,
    scheme: Scheme,
    /// Whether it runs.
    live: bool,
}

impl Found {
    fn live(one: Reservation) -> Self {
        let port = one.has_port().then_some(one.port);
        Self { name: one.name, port, scheme: one.scheme, live: true }
    }
}

/// Those of a start here, else the directory in which a command was run without a package.json.
fn services(invocation: &Invocation, ports: &Ports) -> Result<Vec<ConfiguredProject>, Failure> {
    select_to_ask(invocation, None).map(|selection| selection.services).or_else(|failure| {
        let running = resolve::one(invocation, &ports.reservations(), None).ok().map(|running| running.dir);
        let remembered = || Some(resolve::remembered_around(ports, &invocation.dir)?.1.dir);
        let dir = running.or_else(remembered).ok_or(failure)?;
        Ok(vec![ConfiguredProject::asked(invocation, Project::around(&dir)?, None)?])
    })
}

/// The port of each service, as they would start together.
fn lookup(
    invocation: &Invocation,
    ports: &Ports,
    configured: &[ConfiguredProject],
) -> Result<Vec<Found>, Failure> {
    let (mut detected, mut requests) = (Vec::new(), Vec::new());
    for (place, one) in configured.iter().enumerate() {
        let remembered = ports.remembered(&one.project.id);
        let found = Detected::new(invocation, one, None, remembered.as_ref())?;
        requests.push(found.request(invocation, &Options::default(), place));
        detected.push(found);
    }
    let found = ports.lookup(&requests, SystemTime::now())?.into_iter().zip(detected);
    let found = found.map(|(found, detected)| match found {
        Lookup::Live(reservation) => Found::live(reservation),
        Lookup::Would(grant) => {
            let port = grant.has_port().then_some(grant.port);
            let Grant { request, previous, .. } = grant;
            let scheme = detected.scheme(&request, previous.as_ref()).present;
            Found { name: detected.configured.project.name.clone(), port, scheme, live: false }
        }
    });
    Ok(found.collect())
}
