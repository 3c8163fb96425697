//! The variables that tell a server its port and address, and everything about bowline.

use std::collections::BTreeSet;

use super::changes::Changes;
use super::package_variables::sanitized;
use super::placement::{Placement, is_private};
use super::plan::{Host, Request};
use crate::detect::catalog::HostInput;
use crate::process::tree;

/// Another service of the same workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sibling {
    /// The name of its package.
    pub name: String,
    /// Its port.
    pub port: u16,
}

/// The URL at which a server on `port` is reached.
pub fn url(port: u16) -> String {
    format!("http://localhost:{port}")
}

/// The variables of a service that is told its port and address as `placement` says.
pub(super) fn of_service(request: &Request<'_>, placement: &Placement) -> Changes {
    let mut changes = Changes::default();
    let Request { reading, inputs, .. } = *request;
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
    let port = request.port.to_string();
    for name in inputs.port.environment.iter() {
        changes.set(&**name, &port);
    }
    if is_private(request, placement.delivery) {
        changes.remove("PORT");
    } else {
        changes.set("PORT", &port);
    }
    changes.set("DEV_SERVER_PORT", &port);
    changes.set("BOWLINE", "1");
    changes.set(tree::PROJECT, &reading.project.id);
    changes.set("BOWLINE_PROJECT_DIR", reading.project.dir.as_os_str());
    changes.set(tree::SESSION, request.session);
    changes.set("BOWLINE_URL", url(request.port));
    siblings(&mut changes, request.siblings);
    changes
}

impl Host {
    /// The address as a framework wants to hear it.
    pub(super) fn address_for(&self, input: &HostInput) -> String {
        let all = input.all.as_deref().unwrap_or("0.0.0.0");
        let words_only = all.chars().all(|c| c.is_ascii_alphabetic());
        match self {
            Self::All => all.to_owned(),
            Self::Address(address) if !words_only => address.clone(),
            Self::Address(address) => match address.as_str() {
                "localhost" | "127.0.0.1" | "::1" => "localhost".to_owned(),
                _ => all.to_owned(),
            },
        }
    }
}

/// `@acme/web` is `BOWLINE_ACME_WEB_PORT` and, if no other package is called so, `BOWLINE_WEB_PORT`.
fn siblings(changes: &mut Changes, siblings: &[Sibling]) {
    let mut seen = BTreeSet::new();
    let mut ambiguous = BTreeSet::new();
    for sibling in siblings {
        let short = variable_part(short_name(&sibling.name));
        if !seen.insert(short.clone()) {
            ambiguous.insert(short);
        }
    }
    let mut set = |part: &str, port: u16| {
        changes.set(format!("BOWLINE_{part}_PORT"), port.to_string());
        changes.set(format!("BOWLINE_{part}_URL"), url(port));
    };
    for sibling in siblings {
        let short = variable_part(short_name(&sibling.name));
        if !ambiguous.contains(&short) {
            set(&short, sibling.port);
        }
    }
    for sibling in siblings.iter().filter(|sibling| sibling.name.starts_with('@')) {
        set(&variable_part(&sibling.name), sibling.port);
    }
}

fn short_name(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, short)| short)
}

fn variable_part(name: &str) -> String {
    sanitized(name.trim_start_matches('@')).to_ascii_uppercase()
}
