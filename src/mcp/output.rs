//! The output of services, from their logs.

use std::io;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::answer::{refusal, result};
use super::server::View;
use super::tail::last_lines;
use super::tools::Arguments;
use crate::client::resolve;
use crate::event::{cursor, parse_cursor};
use crate::invocation::Failure;
use crate::logs::{self, Record};

const USUAL_LINES: usize = 50;

pub fn logs(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    let (project, name) = if targets.running.is_empty() {
        (targets.dir.to_string_lossy().into_owned(), targets.name)
    } else {
        let one = resolve::single(arguments.name.as_deref(), targets.running)?;
        (one.project, one.name)
    };
    let mut records = match logs::of_project(&view.ports.dir().logs(), &project) {
        // It has never run.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        records => records?,
    };
    let known = arguments.cursor.as_deref().filter(|cursor| !cursor.is_empty());
    let end = records.last().map_or_else(|| known.unwrap_or_default().to_owned(), cursor_behind);
    if let Some(known) = known {
        let Some((session, bytes)) = parse_cursor(known) else {
            return Ok(refusal("`cursor` must be that of an earlier answer"));
        };
        records = logs::from(records, session, bytes);
    }
    if let Some(since) = arguments.since.as_deref() {
        let Some(since) = parse_since(since) else {
            return Ok(refusal("`since` must be a span such as `30s`, or a time as in RFC 3339"));
        };
        records.retain(|record| record.time >= since);
    }
    let wanted = arguments.matching.as_deref().map(str::to_lowercase);
    let is_wanted = |line: &str| wanted.as_ref().is_none_or(|wanted| line.to_lowercase().contains(wanted));
    let lines = last_lines(&records, arguments.lines.unwrap_or(USUAL_LINES), is_wanted);
    Ok(result(json!({ "name": name, "lines": lines, "cursor": end }), false))
}

fn cursor_behind(record: &Record) -> String {
    cursor(&record.session, record.start + u64::try_from(record.bytes.len()).unwrap_or(0))
}

fn parse_since(text: &str) -> Option<SystemTime> {
    let span = humantime::parse_duration(text).ok().and_then(|span| SystemTime::now().checked_sub(span));
    span.or_else(|| humantime::parse_rfc3339_weak(text).ok())
}
