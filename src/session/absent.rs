//! The addresses of services that bowline.toml names and that do not run: the ports that they would get.

use std::time::SystemTime;

use super::configured::ConfiguredProject;
use super::known_sibling::KnownSibling;
use super::options::Options;
use super::prepared::{Detected, Prepared};
use crate::invocation::{Failure, Invocation};
use crate::launch::Sibling;
use crate::port::{Lookup, Ports};
use crate::project::Project;

/// Those that these services name, as if all of them started together.
pub fn addresses(
    invocation: &Invocation,
    ports: &Ports,
    prepared: &[&Prepared<'_>],
) -> Result<Vec<KnownSibling>, Failure> {
    let mut absent: Vec<&Project> = Vec::new();
    for (_, project) in prepared.iter().flat_map(|one| &one.detected().configured.named) {
        let is_known = |one: &Project| one.is_same(project);
        if !prepared.iter().any(|one| is_known(one.project())) && !absent.iter().any(|one| is_known(one)) {
            absent.push(project);
        }
    }
    if absent.is_empty() {
        return Ok(Vec::new());
    }
    let live = ports.reservations();
    absent.retain(|project| {
        !live.iter().any(|one| one.has_port() && project.is_run_as(&one.project, &one.dir))
    });
    let asked = |project: &&Project| ConfiguredProject::asked(invocation, (*project).clone(), None);
    let configured = absent.iter().map(asked).collect::<Result<Vec<_>, _>>()?;
    let mut requests: Vec<_> = prepared.iter().map(|one| one.request.clone()).collect();
    let mut detected = Vec::new();
    for one in &configured {
        let remembered = ports.remembered(&one.project.id);
        let found = Detected::new(invocation, one, None, remembered.as_ref())?;
        requests.push(found.request(invocation, &Options::default(), requests.len()));
        detected.push(found);
    }
    let found = ports.lookup(&requests, SystemTime::now())?.into_iter().skip(prepared.len()).zip(&detected);
    let known = found.map(|(found, detected)| {
        let (port, scheme) = match found {
            Lookup::Live(one) => (one.port, one.scheme),
            Lookup::Would(grant) => {
                (grant.port, detected.scheme(&grant.request, grant.previous.as_ref()).present)
            }
        };
        let Project { id, name, .. } = &detected.configured.project;
        KnownSibling { project: id.clone(), sibling: Sibling { name: name.clone(), port, scheme } }
    });
    Ok(known.collect())
}
