//! `bowline ports`: reservations, usage, and tidying up.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::cli::args::{PortsAction, PortsArguments as Arguments};
use crate::client::resolve;
use crate::config;
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::port::{AllocateOptions, Forgotten, Ports as Store, Reservation, SessionState, Why};
use crate::process::Exit;
use crate::project::Project;
use crate::range::Range;
use crate::ui;
use crate::visible::{self, Visible};

/// Shows, prunes or releases ports.
pub fn run(invocation: &Invocation, arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.action {
        None => show(invocation)?,
        Some(PortsAction::Prune) => prune(invocation)?,
        Some(PortsAction::Release { project }) => release(invocation, project)?,
    }
    Ok(Exit::Code(0))
}

/// The ranges with the keys of the frameworks that use them.
fn ranges(invocation: &Invocation) -> Result<BTreeMap<(u16, u16), Vec<String>>, Failure> {
    let catalog = config::catalog(&|name| invocation.variable(name))?;
    let mut ranges: BTreeMap<(u16, u16), Vec<String>> = BTreeMap::new();
    for framework in catalog.frameworks() {
        ranges
            .entry((framework.range.start, framework.range.end))
            .or_default()
            .push(framework.key.to_string());
    }
    Ok(ranges)
}

fn show(invocation: &Invocation) -> Result<(), Failure> {
    let ports = invocation.ports_to_read();
    let reservations = ports.reservations();
    let ranges = ranges(invocation)?;
    let spans: Vec<Range> = ranges.keys().filter_map(|&(start, end)| Range::new(start, end)).collect();
    let usage = ports.usage(&spans);
    if invocation.json {
        let ranges: Vec<Value> = usage
            .iter()
            .zip(ranges.values())
            .map(|(usage, frameworks)| {
                json!({
                    "start": usage.range.start, "end": usage.range.end, "frameworks": frameworks,
                    "total": usage.total, "inUse": usage.in_use, "available": usage.available,
                })
            })
            .collect();
        let reservations: Vec<Value> = reservations.iter().map(row).collect();
        ui::print(&format!("{}\n", json!({ "reservations": reservations, "ranges": ranges })))?;
        return Ok(());
    }
    let mut text = String::new();
    for reservation in &reservations {
        let Reservation { port, name, framework, pid, dir, life, .. } = reservation;
        let state = if *life == SessionState::Live { String::new() } else { " (ending)".to_owned() };
        text.push_str(&format!("{port:<6} {name}  {framework}  pid {pid}{state}  {}\n", dir.visible()));
    }
    if reservations.is_empty() {
        text.push_str("no reservations\n");
    }
    text.push('\n');
    for (usage, frameworks) in usage.iter().zip(ranges.values()) {
        let (range, total, used, free) = (usage.range, usage.total, usage.in_use, usage.available);
        text.push_str(&format!(
            "{range:<12} {used} of {total} in use, {free} available   {}\n",
            frameworks.join(" ")
        ));
    }
    ui::print(&text)?;
    Ok(())
}

fn row(reservation: &Reservation) -> Value {
    let mut row = serde_json::to_value(reservation).unwrap_or_default();
    if let Some(row) = row.as_object_mut() {
        row.insert("live".to_owned(), Value::Bool(reservation.life == SessionState::Live));
    }
    row
}

fn prune(invocation: &Invocation) -> Result<(), Failure> {
    let (ports, _state) = invocation.ports_to_write()?;
    let pruned = ports.prune(AllocateOptions::default())?;
    invocation.warn_all(&pruned.warnings);
    if invocation.json {
        let released: Vec<Value> = pruned.released.iter().map(row).collect();
        let forgotten: Vec<Value> = pruned
            .forgotten
            .iter()
            .map(|Forgotten { project, port, why }| json!({ "project": project, "port": port, "why": reason(*why) }))
            .collect();
        ui::print(&format!("{}\n", json!({ "released": released, "forgotten": forgotten })))?;
        return Ok(());
    }
    let mut text = String::new();
    for Reservation { port, name, .. } in &pruned.released {
        text.push_str(&format!("released port {port} of {name}: its supervisor is gone\n"));
    }
    for Forgotten { project, port, why } in &pruned.forgotten {
        let port = port.map_or_else(String::new, |port| format!("port {port} of "));
        text.push_str(&format!("forgot {port}{}: {}\n", visible::line(project), reason(*why)));
    }
    if text.is_empty() {
        text.push_str("nothing to release\n");
    }
    ui::print(&text)?;
    Ok(())
}

fn reason(why: Why) -> &'static str {
    match why {
        Why::Unused => "unused for 7 days",
        Why::Gone => "its directory is gone",
    }
}

/// Forgets a project's port. A project that is gone is named by its remembered id, port or name.
fn release(invocation: &Invocation, name: &str) -> Result<(), Failure> {
    let (ports, _state) = invocation.ports_to_write()?;
    let running = |error| match resolve::one(invocation, &ports.reservations(), Some(name)) {
        Ok(running) => Ok(running.project),
        Err(_) => Err(error),
    };
    let named = Project::named(name, &invocation.dir).map(|project| project.id).or_else(running);
    let path = || std::path::absolute(invocation.dir.join(Path::new(name))).ok();
    let id = match named {
        Ok(id) => id,
        Err(_) if ports.remembered(name).is_some() || ports.live(name).is_some() => name.to_owned(),
        Err(error) => match path().map(|path| path.to_string_lossy().into_owned()) {
            Some(path) if ports.remembered(&path).is_some() => path,
            Some(_) | None => remembered(&ports, name)?.ok_or(error)?,
        },
    };
    let port = ports.forget(&id)?;
    if invocation.json {
        ui::print(&format!("{}\n", json!({ "project": id, "port": port })))?;
    } else {
        let id = visible::line(&id);
        match port {
            Some(port) => ui::print(&format!("forgot port {port} of {id}\n"))?,
            None => ui::print(&format!("no port was remembered for {id}\n"))?,
        }
    }
    Ok(())
}

/// The id of the remembered project with this port or name.
fn remembered(ports: &Store, word: &str) -> Result<Option<String>, Failure> {
    if let Some((id, _)) = resolve::remembered(ports, word) {
        return Ok(Some(id));
    }
    let named = ports.projects().into_iter().filter(|(_, row)| row.name == word);
    let mut ids: Vec<String> = named.map(|(id, _)| id).collect();
    if ids.len() > 1 {
        return Err(resolve::ambiguous(word, ids.iter().map(String::as_str)));
    }
    Ok(ids.pop())
}
