//! The last lines of output.

use std::path::Path;
use std::time::SystemTime;

use super::answer::plain;
use crate::control::Status;
use crate::logs::{self, Record};

/// Those that a service has printed since its last start.
pub fn tail(logs: &Path, service: &Status, lines: usize) -> String {
    // Without its output a failure is still told.
    let mut records = logs::of_project(logs, &service.project_id).unwrap_or_default();
    let start = humantime::parse_rfc3339(&service.started_at).unwrap_or(SystemTime::UNIX_EPOCH);
    records.retain(|record| record.session == service.session && record.time >= start);
    last_lines(&records, lines, &|_| true)
}

pub fn last_lines(records: &[Record], count: usize, is_wanted: &dyn Fn(&str) -> bool) -> String {
    let bytes: Vec<u8> = records.iter().flat_map(|record| record.bytes.iter().copied()).collect();
    let text = plain(&String::from_utf8_lossy(&bytes));
    let lines: Vec<&str> = text.split_inclusive('\n').filter(|line| is_wanted(line)).collect();
    lines[lines.len().saturating_sub(count)..].concat()
}
