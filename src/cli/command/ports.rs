//! `bowline ports`: reservations, usage, and tidying up.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::answer::answer;
use crate::cli::args::PortsAction;
use crate::client::resolve;
use crate::config;
use crate::detect::ServiceKind;
use crate::invocation::{Failure, Invocation};
use crate::port::{AllocateOptions, Forgotten, Ports as Store, Reservation, SessionState, Usage, Why};
use crate::process::Exit;
use crate::project::Project;
use crate::range::Range;
use crate::session;
use crate::visible::{self, Visible};

pub fn run(invocation: &Invocation, action: Option<&PortsAction>) -> Result<Exit, Failure> {
    match action {
        None => show(invocation),
        Some(PortsAction::Prune) => prune(invocation),
        Some(PortsAction::Release { project }) => release(invocation, project),
    }
}

/// The ranges with the keys of the frameworks that use them.
pub fn framework_ranges(invocation: &Invocation) -> Result<BTreeMap<Range, Vec<String>>, Failure> {
    let catalog = config::catalog(&|name| invocation.variable(name))?;
    let mut ranges: BTreeMap<Range, Vec<String>> = BTreeMap::new();
    for framework in catalog.frameworks().iter().filter(|one| one.kind == ServiceKind::Server) {
        ranges.entry(framework.range).or_default().push(framework.key.to_string());
    }
    Ok(ranges)
}

fn show(invocation: &Invocation) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let mut reservations = ports.reservations();
    reservations.retain(Reservation::has_port);
    let (ranges, frameworks): (Vec<Range>, Vec<_>) = framework_ranges(invocation)?.into_iter().unzip();
    let usage = ports.usage(&ranges);
    let ranges = || usage.iter().zip(&frameworks);
    let json = || {
        let range = |(usage, frameworks): (&Usage, &Vec<String>)| {
            json!({
                "start": usage.range.start, "end": usage.range.end, "frameworks": frameworks,
                "total": usage.total, "inUse": usage.in_use, "available": usage.available,
            })
        };
        let reservations: Vec<Value> = reservations.iter().map(row).collect();
        json!({ "reservations": reservations, "ranges": ranges().map(range).collect::<Vec<_>>() })
    };
    let text = || {
        let mut text = String::new();
        for Reservation { port, name, framework, pid, dir, state: session, .. } in &reservations {
            let state = if *session == SessionState::Live { "" } else { " (ending)" };
            text.push_str(&format!("{port:<6} {name}  {framework}  pid {pid}{state}  {}\n", dir.visible()));
        }
        text.push_str(if reservations.is_empty() { "no reservations\n\n" } else { "\n" });
        for (Usage { range, total, in_use, available }, frameworks) in ranges() {
            let keys = frameworks.join(" ");
            text.push_str(&format!(
                "{range:<12} {in_use} of {total} in use, {available} available   {keys}\n"
            ));
        }
        text
    };
    answer(invocation, json, text)
}

fn row(reservation: &Reservation) -> Value {
    let mut row = json!(reservation);
    if let Some(fields) = row.as_object_mut() {
        // Between bowlines only.
        fields.remove("told");
    }
    row["live"] = Value::Bool(reservation.state == SessionState::Live);
    row
}

fn prune(invocation: &Invocation) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_write()?;
    let pruned = ports.prune(AllocateOptions::default())?;
    session::remove_lost_shims(&ports);
    invocation.warn_all(&pruned.warnings);
    let json = || {
        let forgotten = |Forgotten { project, port, why }: &Forgotten| json!({ "project": project, "port": port, "why": reason(*why) });
        let forgotten: Vec<Value> = pruned.forgotten.iter().map(forgotten).collect();
        json!({ "released": pruned.released.iter().map(row).collect::<Vec<_>>(), "forgotten": forgotten })
    };
    let text = || {
        let mut text = String::new();
        for Reservation { port, name, .. } in &pruned.released {
            text.push_str(&format!("released port {port} of {name}: its supervisor is gone\n"));
        }
        for Forgotten { project, port, why } in &pruned.forgotten {
            let port = port.map_or_else(String::new, |port| format!("port {port} of "));
            text.push_str(&format!("forgot {port}{}: {}\n", visible::line(project), reason(*why)));
        }
        if text.is_empty() { "nothing to release\n".to_owned() } else { text }
    };
    answer(invocation, json, text)
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::Unused => "unused for 7 days",
        Why::Gone => "its directory is gone",
    }
}

/// Forgets a project's port. A project that is gone is named by its remembered id, port or name.
fn release(invocation: &Invocation, name: &str) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_write()?;
    let running = |error| {
        let running = resolve::one(invocation, &ports.reservations(), Some(name));
        running.map(|running| running.project).map_err(|_| error)
    };
    let named = Project::named(name, &invocation.dir).map(|project| project.id).or_else(running);
    let id = match named {
        Ok(id) => id,
        Err(_) if ports.remembered(name).is_some() || ports.live(name).is_some() => name.to_owned(),
        Err(error) => remembered(invocation, &ports, name)?.ok_or(error)?,
    };
    let port = ports.forget(&id)?;
    let text = || match port {
        Some(port) => format!("forgot port {port} of {}\n", visible::line(&id)),
        None => format!("no port was remembered for {}\n", visible::line(&id)),
    };
    answer(invocation, || json!({ "project": id, "port": port }), text)
}

/// The id of the remembered project with this port, path or name.
fn remembered(invocation: &Invocation, ports: &Store, word: &str) -> Result<Option<String>, Failure> {
    if let Some((id, _)) = resolve::remembered(invocation, ports, word) {
        return Ok(Some(id));
    }
    let named = ports.projects().into_iter().filter(|(_, row)| row.name == word);
    let mut ids: Vec<String> = named.map(|(id, _)| id).collect();
    if ids.len() > 1 {
        return Err(resolve::ambiguous(word, ids.iter().map(String::as_str)));
    }
    Ok(ids.pop())
}
