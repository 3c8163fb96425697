//! `bowline ls`.

use serde_json::{Value, json};

use super::service_row::{Row, rows};
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::process::Exit;
use crate::ui;

/// Lists every service of this user.
pub fn ls(invocation: &Invocation) -> Result<Exit, Failure> {
    let rows = rows(&invocation.ports_to_read().reservations());
    if invocation.json {
        let services: Vec<Value> = rows.iter().map(Row::to_json).collect();
        ui::print(&format!("{}\n", json!({ "services": services })))?;
    } else if rows.is_empty() {
        ui::print("nothing is running\n")?;
    } else {
        let header = ["NAME", "FRAMEWORK", "PORT", "STATE", "UPTIME", "MEMORY", "STARTED", "URL"];
        let mut table = vec![header.map(str::to_owned)];
        table.extend(rows.iter().map(Row::cells));
        ui::print(&ui::align(&table))?;
    }
    Ok(Exit::Code(0))
}
