//! `bowline status --brief`: what runs here, for the start of a session.

use std::path::Path;

use serde_json::{Value, json};

use super::answer::answer;
use super::service_row::{Row, rows};
use crate::client::whereabouts::Whereabouts;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;
use crate::project::{Project, ProjectError};
use crate::session::selection::projects_of;
use crate::ui;

/// How many services are listed, so that the whole has ten lines at most.
const LISTED: usize = 5;
/// How many names of services that do not run are listed.
const NAMED: usize = 8;

pub fn brief(invocation: &Invocation) -> Result<Exit, Failure> {
    let project = match Project::find(&invocation.dir) {
        Ok(project) => project,
        Err(ProjectError::NotFound { .. }) => return nothing_here(invocation),
        Err(error) => return Err(error.into()),
    };
    let root = project.workspace.as_ref().map_or_else(|| project.dir.clone(), |found| found.root.clone());
    let live = invocation.ports_to_read().reservations();
    let near: Vec<_> = live.into_iter().filter(|one| one.dir.starts_with(&root)).collect();
    let mut rows = rows(&near);
    rows.retain(|row| row.dir().starts_with(&root));
    let members = match Project::at(&root) {
        Ok(root) => projects_of(invocation, root)?,
        Err(_) => vec![project],
    };
    let runs =
        |dir: &Path| rows.iter().any(|row| row.whereabouts == Whereabouts::Present && row.dir() == dir);
    let idle = members.iter().filter(|member| member.script(None).is_ok() && !runs(&member.dir));
    let idle: Vec<&str> = idle.map(|member| member.name.as_str()).collect();
    let json = || {
        let services: Vec<Value> = rows.iter().map(Row::to_brief_json).collect();
        json!({ "root": root.to_string_lossy(), "services": services, "notRunning": idle })
    };
    answer(invocation, json, || text(&rows, &idle, members.len() > 1))
}

fn nothing_here(invocation: &Invocation) -> Result<Exit, Failure> {
    let json = || json!({ "root": null, "services": [], "notRunning": [] });
    let text = || "bowline: no project here; `bowline ls` lists what runs on this machine\n".to_owned();
    answer(invocation, json, text)
}

fn text(rows: &[Row], idle: &[&str], has_several: bool) -> String {
    let table: Vec<[String; 3]> = rows.iter().take(LISTED).map(Row::brief_cells).collect();
    let mut text = ui::align(&table);
    if rows.len() > LISTED {
        text.push_str(&format!("and {} more: `bowline ls`\n", rows.len() - LISTED));
    }
    if !idle.is_empty() {
        let more = idle.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        text.push_str(&format!("not running: {}{more}\n", idle[..idle.len().min(NAMED)].join(", ")));
    } else if rows.is_empty() {
        text.push_str("nothing to run here: no dev script\n");
    }
    let name = if has_several { " NAME" } else { "" };
    text.push_str(&format!("start it and wait:  bowline start{name}\n"));
    if !rows.is_empty() {
        text.push_str(&format!("read its output:    bowline logs{name} -n 50\n"));
        text.push_str(&format!(
            "start it again:     bowline restart{name}      stop it:  bowline stop{name}\n"
        ));
    }
    text
}
