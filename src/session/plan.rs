//! The launch of a service, with the addresses of others in it: for a start as for a dry run.

use super::addresses::Addresses;
use super::hooks;
use super::known_sibling::KnownSibling;
use super::options::Options;
use super::port_override::PortOverride;
use super::prepared::Prepared;
use super::usual_ports;
use crate::launch::{self, LaunchRequest, LaunchSpec, Sibling};
use crate::paths::StateDir;
use crate::port::Scheme;

/// What a launch is planned with.
pub struct PlanInputs<'p> {
    pub session: &'p str,
    pub options: &'p Options,
    pub state: &'p StateDir,
    /// Where clients reach the service; port 0 for one without a port.
    pub address: (u16, Scheme),
    /// What is known of where the service listens by itself.
    pub port_override: Option<&'p PortOverride>,
    pub siblings: &'p [KnownSibling],
    pub addresses: &'p Addresses<'p>,
}

pub fn plan(one: &Prepared<'_>, inputs: &PlanInputs<'_>) -> LaunchSpec {
    let PlanInputs { session, options, state, address: (port, scheme), .. } = *inputs;
    let PlanInputs { port_override, siblings: known, addresses, .. } = *inputs;
    let script_shell = one.script_shell(state);
    let sibling_ports = usual_ports::in_script(one, known);
    let siblings: Vec<_> = known.iter().map(|one| one.sibling.clone()).collect();
    let environment = usual_ports::environment(addresses, one, &sibling_ports);
    let told_port = if one.delegates() { 0 } else { port };
    let mut spec = launch::plan(&LaunchRequest {
        script_shell: Some(&script_shell),
        siblings: &siblings,
        sibling_ports: &sibling_ports,
        environment: &environment,
        preload: port_override.and_then(|found| found.preload.as_ref()),
        is_followed: port_override.is_some_and(|found| found.has_followed_to(port)),
        scheme,
        ..one.launch(told_port, session, options)
    });
    let itself = KnownSibling {
        project: one.request.project.clone(),
        sibling: Sibling { name: one.project().name.clone(), port, scheme },
    };
    spec.warnings.extend(usual_ports::warnings(one, &[known, &[itself]].concat()));
    addresses.apply(one, &mut spec);
    let before = hooks::resolved(one, &|text| addresses.fill(text)).before;
    spec.before = before.map(|text| spec.main.command("before", &text));
    spec
}
