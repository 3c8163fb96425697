//! `--dry-run`: the launch that would be made, on the port that it would get.

use std::time::SystemTime;

use serde_json::Value;

use super::absent;
use super::addresses::Addresses;
use super::conflict;
use super::hooks;
use super::known_addresses::known;
use super::options::Options;
use super::order;
use super::plan::{PlanInputs, plan};
use super::port_override::PortOverride;
use super::portless;
use super::prepared::Prepared;
use super::selection::RootScript;
use super::siblings::siblings;
use crate::graph::Graph;
use crate::invocation::{Failure, Invocation};
use crate::launch::LaunchSpec;
use crate::port::{Lookup, Ports};
use crate::project::Project;
use crate::ui;
use crate::visible::{self, Visible};

/// In place of a session id, which only a start has.
const SESSION: &str = "0000000000000000";

pub fn dry_run(
    invocation: &Invocation,
    options: &Options,
    ports: &Ports,
    prepared: &[Prepared<'_>],
    root: Option<&RootScript>,
) -> Result<(), Failure> {
    if let Some(root) = root.filter(|_| !invocation.json) {
        ui::print(&format!("{root}\n"))?;
    }
    let requests: Vec<_> = prepared.iter().map(|one| one.request.clone()).collect();
    let found = ports.lookup(&requests, SystemTime::now());
    let found = found.map_err(|error| conflict::failure(error, prepared))?;
    let planned = |service: usize| match &found[service] {
        Lookup::Live(reservation) => (reservation.port, reservation.scheme),
        Lookup::Would(grant) => {
            let one = &prepared[service];
            (grant.port, one.detected().scheme(&one.request, grant.previous.as_ref()).present)
        }
    };
    let others = ports.reservations();
    let all: Vec<&Prepared<'_>> = prepared.iter().collect();
    let absent = absent::addresses(invocation, ports, &all)?;
    all.iter().try_for_each(|one| portless::check(one, &all, &absent))?;
    let graph = order::of(prepared, options)?.graph;
    for (service, one) in prepared.iter().enumerate() {
        let address = |other| Some(planned(other)).filter(|(port, _)| *port != 0);
        let known = |project: &Project| known(project, prepared, planned, (&others, &absent));
        let addresses = Addresses::of(one, planned(service), options, known);
        hooks::check(one, planned(service).0, &|text| addresses.fill(text))?;
        let spec = plan(
            one,
            &PlanInputs {
                session: SESSION,
                options,
                state: ports.dir(),
                address: planned(service),
                port_override: port_override(one, &found[service], ports).as_ref(),
                siblings: &siblings(prepared, service, address, &others),
                addresses: &addresses,
            },
        );
        if invocation.json {
            let mut answer = one.detected().to_json();
            answer["needs"] = order::needs_json(&graph, prepared, service);
            extend(&mut answer, &spec, root)?;
            ui::print(&format!("{answer}\n"))?;
        } else {
            ui::print(&describe(one, &spec))?;
        }
    }
    if invocation.json { Ok(()) } else { print_order(&graph, prepared) }
}

fn print_order(graph: &Graph, prepared: &[Prepared<'_>]) -> Result<(), Failure> {
    let order = order::described(graph, prepared);
    if !order.is_empty() {
        ui::print(&format!("order\n  {}\n", order.join("\n  ")))?;
    }
    Ok(())
}

/// Adds the plan, and what the root's script means.
fn extend(answer: &mut Value, spec: &LaunchSpec, root: Option<&RootScript>) -> Result<(), Failure> {
    let plan = serde_json::to_value(spec).map_err(std::io::Error::other)?;
    if let (Some(answer), Value::Object(plan)) = (answer.as_object_mut(), plan) {
        answer.extend(plan);
        answer.extend(root.map(|root| ("root".to_owned(), root.to_json())));
    }
    Ok(())
}

/// What was learned about the port of a service that does not run.
fn port_override(one: &Prepared<'_>, found: &Lookup, ports: &Ports) -> Option<PortOverride> {
    let Lookup::Would(grant) = found else { return None };
    let previous = grant.previous.as_ref().filter(|_| grant.has_port());
    Some(PortOverride::new(one, previous, ports.dir()))
}

fn describe(prepared: &Prepared<'_>, spec: &LaunchSpec) -> String {
    let mut text = format!(
        "{}\n  framework  {}\n  port       {}\n  directory  {}\n",
        prepared.project().name,
        prepared.request.framework,
        if spec.has_port() {
            spec.port.to_string()
        } else if prepared.delegates() {
            "none of its own: it only starts others".to_owned()
        } else {
            format!("none: it is a {}", prepared.detected().kind.name())
        },
        spec.main.cwd.visible()
    );
    let needs = &prepared.detected().configured.config.settings.needs;
    if !needs.is_empty() {
        text.push_str(&format!("  needs      {}\n", visible::line(&needs.join(", "))));
    }
    for step in spec.steps() {
        let words: Vec<_> = step.argv.iter().map(|word| word.to_string_lossy()).collect();
        let command = if step.name == spec.main.name { spec.command.clone() } else { words.join(" ") };
        text.push_str(&format!("  {:<10} {}\n", step.name, visible::line(&command)));
    }
    // Most variables of the package manager repeat package.json.
    let mut of_manager = 0;
    for (name, value) in spec.main.environment.additions() {
        if name.starts_with("npm_") {
            of_manager += 1;
        } else {
            text.push_str(&format!("  env        {name}={}\n", value.visible()));
        }
    }
    if of_manager > 0 {
        text.push_str(&format!("  env        npm_…: {of_manager} more, which `--json` shows\n"));
    }
    if let Some(named) = prepared.wish().filter(|named| named.port == spec.port) {
        text.push_str(&format!("  note       port {} is wished for: `{}` names it\n", named.port, named.by));
    }
    for note in &spec.notes {
        text.push_str(&format!("  note       {}\n", visible::line(note)));
    }
    for warning in spec.warnings.iter().chain(&spec.doubt) {
        text.push_str(&format!("  warning    {}\n", visible::line(warning)));
    }
    text
}
