//! The last lines of output.

use std::path::Path;

use super::answer::plain;
use crate::logs::{self, Record};

/// Those that a session of a project printed.
pub fn tail(logs: &Path, project: &str, session: &str, lines: usize) -> String {
    // Without its output a failure is still told.
    let mut records = logs::of_project(logs, project).unwrap_or_default();
    records.retain(|record| record.session == session);
    last_lines(&records, lines, |_| true)
}

pub fn last_lines(records: &[Record], count: usize, is_wanted: impl Fn(&str) -> bool) -> String {
    let bytes: Vec<u8> = records.iter().flat_map(|record| record.bytes.iter().copied()).collect();
    let text = plain(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.split_inclusive('\n').filter(|line| is_wanted(line)).collect();
    lines[lines.len().saturating_sub(count)..].concat()
}
