//! `bowline status --brief`: what runs here, for the start of a session.

use serde_json::{Value, json};

use super::answer::answer;
use super::service_row::{Row, rows};
use crate::client::services;
use crate::exit_code::NO_PROJECT;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;
use crate::project::Project;
use crate::ui;

/// How many services are listed, so that the whole has ten lines at most.
const LISTED: usize = 5;
/// How many names of services that do not run are listed.
const NAMED: usize = 8;

pub fn brief(invocation: &Invocation) -> Result<Exit, Failure> {
    let project = match services::here(invocation) {
        Err(failure) if failure.code() == NO_PROJECT => return nothing_here(invocation),
        found => found?,
    };
    let (root, members) = services::around(invocation, &project)?;
    let live = invocation.ports_to_read().reservations();
    let near: Vec<_> = live.into_iter().filter(|one| one.dir.starts_with(&root)).collect();
    let mut rows = rows(&near);
    rows.retain(|row| row.dir().starts_with(&root));
    let runs = |member: &Project| rows.iter().any(|row| row.runs(member));
    let idle = members.iter().filter(|member| services::can_run(invocation, member, None) && !runs(member));
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
    let which = if has_several { " [NAME]" } else { "" };
    text.push_str(&format!("start it and wait:  bowline start{which}\n"));
    if !rows.is_empty() {
        text.push_str(&format!("read its output:    bowline logs{name} -n 50\n"));
        text.push_str(&format!(
            "start it again:     bowline restart{name}      stop it:  bowline stop{name}\n"
        ));
    }
    text
}
