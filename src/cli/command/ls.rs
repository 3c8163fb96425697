//! `bowline ls`.

use std::path::PathBuf;

use serde_json::json;

use super::answer::answer;
use super::service_row::{Row, rows};
use crate::invocation::{Failure, Invocation};
use crate::process::{Exit, terminal};
use crate::ui;

/// The columns that a narrow terminal leaves out, in this order: STARTED, MEMORY, UPTIME, KIND.
const SPARE: [usize; 4] = [7, 6, 5, 2];

pub fn ls(invocation: &Invocation) -> Result<Exit, Failure> {
    let rows = rows(&invocation.ports_to_read().reservations());
    let json = || json!({ "services": rows.iter().map(Row::to_json).collect::<Vec<_>>() });
    let text = || {
        if rows.is_empty() {
            return "nothing is running\n".to_owned();
        }
        let header =
            ["NAME", "FRAMEWORK", "KIND", "PORT", "STATE", "UPTIME", "MEMORY", "STARTED", "URL", "DIRECTORY"];
        let mut table = vec![header.map(str::to_owned)];
        let home = invocation.variable("HOME").map(PathBuf::from);
        table.extend(rows.iter().map(|row| row.cells(home.as_deref())));
        match terminal::width(&std::io::stdout()) {
            Some(width) => ui::align_within(&table, width, &SPARE),
            None => ui::align(&table),
        }
    };
    answer(invocation, json, text)
}
