//! The output of services, from their logs.

use std::io;
use std::time::SystemTime;

use serde_json::Value;

use super::answer::{object, one_or_all, refusal};
use super::server::View;
use super::tail::last_lines;
use super::tools::Arguments;
use crate::event::{cursor, parse_cursor};
use crate::invocation::Failure;
use crate::logs::{self, Record};

const USUAL_LINES: usize = 50;

pub fn logs(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    let targets = view.targets(arguments.text("name"))?;
    let running = targets.running.iter().map(|one| (&one.project, &one.name));
    let mut sources: Vec<(&String, &String)> = running.collect();
    if sources.is_empty() {
        sources.extend(targets.idle.iter().map(|project| (&project.id, &project.name)));
    }
    let is_alone = sources.len() == 1;
    let cursor = arguments.text("cursor").filter(|cursor| !cursor.is_empty());
    if cursor.is_some() && !is_alone {
        return Ok(refusal("`cursor` is that of one project: give its `name`, too"));
    }
    let mut answers = Vec::new();
    for (id, name) in sources {
        let mut records = match logs::of_project(&view.ports.dir().logs(), id) {
            // It has never run.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            records => records?,
        };
        if records.is_empty() && !is_alone {
            continue;
        }
        let end = records.last().map_or_else(|| cursor.unwrap_or_default().to_owned(), cursor_behind);
        if let Err(why) = choose(&mut records, cursor, arguments.text("since")) {
            return Ok(refusal(why));
        }
        let lines = last_of(&records, arguments);
        answers.push(object(&mut [
            ("name", name.as_str().into()),
            ("lines", lines.into()),
            ("cursor", end.into()),
        ]));
    }
    Ok(one_or_all(answers, ""))
}

/// Leaves the records behind the cursor that are young enough. The error is what is wrong with the arguments.
fn choose(records: &mut Vec<Record>, cursor: Option<&str>, since: Option<&str>) -> Result<(), &'static str> {
    if let Some(known) = cursor {
        let (session, bytes) = parse_cursor(known).ok_or("`cursor` must be that of an earlier answer")?;
        *records = logs::from(std::mem::take(records), session, bytes);
    }
    if let Some(since) = since {
        let wrong = "`since` must be a span such as `30s`, or a time as in RFC 3339";
        let since = parse_since(since).ok_or(wrong)?;
        records.retain(|record| record.time >= since);
    }
    Ok(())
}

fn last_of(records: &[Record], arguments: &Arguments) -> String {
    let wanted = arguments.text("match").map(str::to_lowercase);
    let is_wanted = |line: &str| wanted.as_ref().is_none_or(|wanted| line.to_lowercase().contains(wanted));
    let count = arguments.number("lines").and_then(|count| usize::try_from(count).ok());
    last_lines(records, count.unwrap_or(USUAL_LINES), &is_wanted)
}

fn cursor_behind(record: &Record) -> String {
    cursor(&record.session, record.start + u64::try_from(record.bytes.len()).unwrap_or(0))
}

fn parse_since(text: &str) -> Option<SystemTime> {
    let span = humantime::parse_duration(text).ok().and_then(|span| SystemTime::now().checked_sub(span));
    span.or_else(|| humantime::parse_rfc3339_weak(text).ok())
}
