//! Answers about launches that are not made.

use std::time::SystemTime;

use serde_json::json;

use crate::detect::{Detection, Inputs};
use crate::invocation::Surroundings;
use crate::invocation::failure::{End, Failure};
use crate::launch::{self, Host, Reading, Sibling};
use crate::port::{Lookup, Ports};
use crate::session::port_override::Redirect;
use crate::session::prepared::Candidate;
use crate::session::subject::Subject;
use crate::ui;
use crate::visible::{self, Visible};

/// What detection found, as `detect --json` answers it.
pub fn detection(
    subject: &Subject,
    reading: &Reading<'_>,
    detection: &Detection<'_>,
    inputs: &Inputs,
) -> serde_json::Value {
    let project = &subject.project;
    json!({
        "project": { "id": project.id, "name": project.name, "dir": project.dir.to_string_lossy() },
        "workspace": project.workspace.as_ref().map(|workspace| workspace.root.to_string_lossy()),
        "framework": detection.framework.key,
        "evidence": detection.evidence,
        "range": { "start": inputs.range.start, "end": inputs.range.end, "default": inputs.range.start },
        "packageManager": subject.manager.manager.name(),
        "script": reading.script(),
        "command": reading.command(),
    })
}

/// `--dry-run`: the plan of every candidate, on the port that it would get.
pub fn dry_run(
    around: &Surroundings,
    ports: &Ports,
    candidates: &[Candidate<'_>],
    host: Option<&Host>,
) -> Result<End, Failure> {
    let mut planned: Vec<Sibling> = Vec::new();
    let mut redirects: Vec<Option<Redirect>> = Vec::new();
    for candidate in candidates {
        let mut request = candidate.request.clone();
        request.exclude = planned.iter().map(|sibling| sibling.port).collect();
        let (port, redirect) = match ports.lookup(&request, SystemTime::now())? {
            Lookup::Live(reservation) => (reservation.port, None),
            Lookup::Would(grant) => (grant.port, Some(candidate.redirect(&grant, ports.dir()))),
        };
        redirects.push(redirect);
        planned.push(Sibling { name: candidate.subject.project.name.clone(), port });
    }
    for (index, candidate) in candidates.iter().enumerate() {
        let port = planned[index].port;
        let siblings: Vec<Sibling> =
            planned.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, s)| s.clone()).collect();
        let preload = redirects[index].as_ref().and_then(Redirect::preload);
        let spec = candidate.spec(port, SESSION, host, &siblings, preload);
        if around.json {
            let mut answer =
                detection(candidate.subject, candidate.reading, candidate.detection, candidate.inputs);
            let plan = serde_json::to_value(&spec).map_err(std::io::Error::other)?;
            if let (Some(answer), serde_json::Value::Object(plan)) = (answer.as_object_mut(), plan) {
                answer.extend(plan);
            }
            ui::print(&format!("{answer}\n"))?;
        } else {
            ui::print(&describe(candidate, &spec))?;
        }
    }
    Ok(End::Code(0))
}

impl Candidate<'_> {
    /// Says in the log how it came to what it is.
    pub fn explain(&self) {
        let Self { subject, reading, detection, inputs, request, .. } = self;
        let project = &subject.project;
        tracing::debug!("project {} in {}", project.name, project.dir.visible());
        let what = reading.script().map_or_else(|| "command".to_owned(), |name| format!("script {name}"));
        tracing::debug!("{what}: {}", reading.command());
        tracing::debug!("package manager {}", subject.manager.manager.name());
        let evidence = detection.evidence.join(", ");
        tracing::debug!("framework {} ({evidence}), ports {}", request.framework, inputs.range);
    }
}

/// Says in the log what is run, without the values of variables, which may be secret.
pub fn explain(spec: &launch::LaunchSpec) {
    for step in spec.pre.iter().chain([&spec.main]).chain(&spec.post) {
        let words: Vec<_> = step.argv.iter().map(|word| word.to_string_lossy()).collect();
        tracing::debug!("runs {} in {}", words.join(" "), step.cwd.visible());
        let names: Vec<_> = step.environment.additions().map(|(name, _)| name).collect();
        tracing::debug!("with the variables {}", names.join(", "));
    }
    for note in &spec.notes {
        tracing::debug!("{note}");
    }
}

/// What stands for the session in a plan: it is made when something is started.
const SESSION: &str = "0000000000000000";

fn describe(candidate: &Candidate<'_>, spec: &launch::LaunchSpec) -> String {
    let mut text = format!(
        "{}\n  framework  {}\n  port       {}\n  directory  {}\n",
        candidate.subject.project.name,
        candidate.detection.framework.key,
        spec.port,
        spec.main.cwd.visible()
    );
    for step in spec.pre.iter().chain([&spec.main]).chain(&spec.post) {
        let words: Vec<_> = step.argv.iter().map(|word| word.to_string_lossy()).collect();
        let command = if step.name == spec.main.name { spec.command.clone() } else { words.join(" ") };
        text.push_str(&format!("  {:<10} {}\n", step.name, visible::line(&command)));
    }
    for (name, value) in spec.main.environment.additions() {
        text.push_str(&format!("  env        {name}={}\n", value.visible()));
    }
    for note in &spec.notes {
        text.push_str(&format!("  note       {}\n", visible::line(note)));
    }
    for warning in &spec.warnings {
        text.push_str(&format!("  warning    {}\n", visible::line(warning)));
    }
    text
}
