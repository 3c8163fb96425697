//! The variables that tell a server its port and address, and bowline's own.

use std::collections::BTreeSet;

use super::changes::Changes;
use super::inherited::{KIND, URL};
use super::package_variables::variable_part;
use super::placement::{Placement, Reach};
use super::request::{LaunchRequest, Sibling, port_variables};
use crate::process::tree;
use crate::project::last_part;

/// Sets the variables of a service that gets its port and address by `placement`.
pub(super) fn set(changes: &mut Changes, request: &LaunchRequest<'_>, placement: &Placement) {
    let LaunchRequest { reading, inputs, .. } = *request;
    let caller = reading.caller;
    let addresses = &inputs.host.environment;
    for name in request.catalog.agent_variables().iter().chain(addresses.iter()) {
        if caller.raw(name).is_some() {
            changes.remove(&**name);
        }
    }
    for (name, value) in inputs.environment.iter().filter(|(name, _)| caller.raw(name).is_none()) {
        changes.set(name, value);
    }
    if let (false, Some(loopback), Some(name)) =
        (placement.host_by_flag, &inputs.host.loopback, addresses.first())
    {
        changes.set(&**name, &**loopback);
    }
    for (name, value) in request.environment {
        changes.set(name, value);
    }
    if let Some(host) = request.host {
        for name in addresses.iter() {
            changes.set(&**name, host.address_for(&inputs.host));
        }
    }
    if request.has_port() {
        set_port(changes, request, placement);
    } else {
        remove_port(changes, request);
    }
    changes.set("BOWLINE", "1");
    changes.set(tree::PROJECT, &reading.project.id);
    changes.set("BOWLINE_PROJECT_DIR", reading.project.dir.as_os_str());
    changes.set(tree::SESSION, request.session);
    siblings(changes, request.siblings);
}

fn set_port(changes: &mut Changes, request: &LaunchRequest<'_>, placement: &Placement) {
    let caller = request.reading.caller;
    let port = request.port.to_string();
    for name in port_variables(request.inputs) {
        let is_meant = match placement.reach {
            Reach::All => true,
            Reach::NotPort => name != "PORT",
            Reach::Server => false,
        };
        if is_meant {
            changes.set(name, &port);
        } else if caller.text(name) == Some(&port) {
            changes.remove(name);
        }
    }
    changes.set(URL, request.scheme.url(request.port));
    if caller.raw(KIND).is_some() {
        changes.remove(KIND);
    }
}

/// The port in our own environment is meant for a server.
fn remove_port(changes: &mut Changes, request: &LaunchRequest<'_>) {
    changes.set(KIND, request.kind.name());
    let is_inherited = |name: &&str| request.reading.caller.raw(name).is_some();
    for name in port_variables(request.inputs).chain([URL]).filter(is_inherited) {
        if !request.environment.contains_key(name) {
            changes.remove(name);
        }
    }
}

/// `@acme/web` is `BOWLINE_ACME_WEB_PORT` and, if no other package has that short name, `BOWLINE_WEB_PORT`.
fn siblings(changes: &mut Changes, siblings: &[Sibling]) {
    let short = |sibling: &Sibling| variable_part(last_part(&sibling.name));
    let mut seen = BTreeSet::new();
    let ambiguous: BTreeSet<String> =
        siblings.iter().map(short).filter(|name| !seen.insert(name.clone())).collect();
    let mut set = |part: &str, &Sibling { port, scheme, .. }: &Sibling| {
        changes.set(format!("BOWLINE_{part}_PORT"), port.to_string());
        changes.set(format!("BOWLINE_{part}_URL"), scheme.url(port));
    };
    for sibling in siblings.iter().filter(|sibling| !ambiguous.contains(&short(sibling))) {
        set(&short(sibling), sibling);
    }
    for sibling in siblings.iter().filter(|sibling| sibling.name.starts_with('@')) {
        set(&variable_part(&sibling.name), sibling);
    }
}

/// The variable with the address of a sibling. It is another one's where several have a name without scope.
pub fn url_variable(name: &str) -> String {
    format!("BOWLINE_{}_URL", variable_part(name))
}
