//! `--dry-run`: the launch that would be made, on the port that it would get.

use std::time::SystemTime;

use serde_json::Value;

use super::options::Options;
use super::port_override::PortOverride;
use super::prepared::{Prepared, siblings};
use crate::invocation::{Failure, Invocation};
use crate::launch::{self, LaunchRequest, LaunchSpec};
use crate::port::{Lookup, Ports, Scheme};
use crate::ui;
use crate::visible::{self, Visible};

/// In place of a session id, which only a start has.
const SESSION: &str = "0000000000000000";

pub fn dry_run(
    invocation: &Invocation,
    options: &Options,
    ports: &Ports,
    prepared: &[Prepared<'_>],
) -> Result<(), Failure> {
    let mut planned: Vec<u16> = Vec::new();
    let mut schemes: Vec<Scheme> = Vec::new();
    let mut overrides: Vec<Option<PortOverride>> = Vec::new();
    for one in prepared {
        let mut request = one.request.clone();
        request.exclude.extend(&planned);
        let (port, scheme, port_override) = match ports.lookup(&request, SystemTime::now())? {
            Lookup::Live(reservation) => (reservation.port, reservation.scheme, None),
            Lookup::Would(grant) => {
                let previous = grant.previous.as_ref();
                let scheme = one.detected.scheme(&one.request, previous).present;
                (grant.port, scheme, Some(PortOverride::new(one, previous, ports.dir())))
            }
        };
        schemes.push(scheme);
        planned.push(port);
        overrides.push(port_override);
    }
    for (service, one) in prepared.iter().enumerate() {
        let script_shell = one.script_shell(ports.dir());
        let spec = launch::plan(&LaunchRequest {
            script_shell: Some(&script_shell),
            siblings: &siblings(prepared, service, |other| (planned[other], schemes[other])),
            scheme: schemes[service],
            preload: overrides[service].as_ref().and_then(|found| found.preload.as_ref()),
            ..one.launch(planned[service], SESSION, options)
        });
        if invocation.json {
            let mut answer = one.detected.to_json();
            let plan = serde_json::to_value(&spec).map_err(std::io::Error::other)?;
            if let (Some(answer), Value::Object(plan)) = (answer.as_object_mut(), plan) {
                answer.extend(plan);
            }
            ui::print(&format!("{answer}\n"))?;
        } else {
            ui::print(&describe(one, &spec))?;
        }
    }
    Ok(())
}

fn describe(prepared: &Prepared<'_>, spec: &LaunchSpec) -> String {
    let mut text = format!(
        "{}\n  framework  {}\n  port       {}\n  directory  {}\n",
        prepared.project().name,
        prepared.request.framework,
        spec.port,
        spec.main.cwd.visible()
    );
    for step in spec.steps() {
        let words: Vec<_> = step.argv.iter().map(|word| word.to_string_lossy()).collect();
        let command = if step.name == spec.main.name { spec.command.clone() } else { words.join(" ") };
        text.push_str(&format!("  {:<10} {}\n", step.name, visible::line(&command)));
    }
    for (name, value) in spec.main.environment.additions() {
        text.push_str(&format!("  env        {name}={}\n", value.visible()));
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
