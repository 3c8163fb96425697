//! `bowline logs`: the output of services, while they run and afterwards.

use std::path::PathBuf;

use crate::cli::args::Logs;
use crate::client::follow::{self, Manner};
use crate::client::resolve::{self, Resolved};
use crate::event::Stream;
use crate::invocation::{Failure, Invocation};
use crate::logs::{self, Record};
use crate::port::{Ports, Remembered, Reservation};
use crate::process::Exit;
use crate::project::Project;
use crate::ui;
use crate::visible::Visible;

pub fn logs(invocation: &Invocation, wanted: &Logs) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let Source { file, project, live } = Source::find(invocation, &ports, wanted.project.as_deref())?;
    let logs = ports.dir().logs();
    let select = |mut records: Vec<Record>| {
        records.retain(|record| wanted.since.is_none_or(|since| record.time >= since));
        last(records, wanted.lines)
    };
    if let (true, Some(live)) = (wanted.follow, live)
        && follow::follow(invocation, &ports, &[live], &Manner::Log(&select))?.is_some()
    {
        return Ok(Exit::Code(0));
    }
    let records = select(match file {
        Some(file) => logs::read(&file)?,
        None => logs::of_project(&logs, &project)?,
    });
    if invocation.json {
        for event in logs::to_events(records, &project) {
            ui::print(&format!("{}\n", event.to_json()))?;
        }
    } else {
        for record in records {
            ui::pass(Stream::Stdout, &record.bytes)?;
        }
    }
    Ok(Exit::Code(0))
}

/// The log of a service, and its reservation if it runs.
struct Source {
    /// The only file; without it, those of the project's id, under whatever names it had.
    file: Option<PathBuf>,
    project: String,
    live: Option<Reservation>,
}

impl Source {
    /// Finds, in this order: a running service, an existing project, a remembered one, a log whose project is
    /// gone.
    fn find(invocation: &Invocation, ports: &Ports, word: Option<&str>) -> Result<Self, Failure> {
        let logs = ports.dir().logs();
        let failure = match resolve::resolve(invocation, &ports.reservations(), word) {
            Ok(Resolved::Running(found)) => {
                let live = resolve::single(word, found)?;
                return Ok(Self { file: None, project: live.project.clone(), live: Some(live) });
            }
            Ok(Resolved::Idle(failure) | Resolved::Unknown(failure)) => failure,
            // It may have been a command in a directory without a package.json.
            Err(failure) if word.is_none() => failure,
            Err(failure) => return Err(failure),
        };
        let ended = |project: String| Self { file: None, project, live: None };
        let project = match word {
            Some(word) => Project::named(word, &invocation.dir),
            None => Project::find(&invocation.dir),
        };
        if let Ok(Project { id, .. }) = project {
            return Ok(ended(id));
        }
        let known = resolve::remembered(invocation, ports, word.unwrap_or_default());
        let around = || resolve::remembered_around(ports, &invocation.dir).filter(|_| word.is_none());
        if let Some((id, _)) = known.or_else(around) {
            return Ok(ended(id));
        }
        let Some(word) = word else { return Err(failure) };
        match &logs::named(&logs, word)[..] {
            [] => Err(failure),
            [file] => Ok(Self { file: Some(file.clone()), project: word.to_owned(), live: None }),
            files => {
                let projects = ports.projects();
                let id = |file: &PathBuf| {
                    let of = |(id, row): &&(String, Remembered)| logs::file(&logs, id, &row.name) == *file;
                    let known = projects.iter().find(of).map(|(id, _)| id.clone());
                    known.unwrap_or_else(|| file.visible())
                };
                let ids: Vec<String> = files.iter().map(id).collect();
                Err(resolve::ambiguous(word, ids.iter().map(String::as_str)))
            }
        }
    }
}

/// The records of the last `lines` lines, the first of them cut. An unfinished last line counts.
fn last(mut records: Vec<Record>, lines: Option<usize>) -> Vec<Record> {
    let Some(mut left) = lines else { return records };
    if left == 0 {
        return Vec::new();
    }
    let mut is_at_end = true;
    for at in (0..records.len()).rev() {
        let bytes = &records[at].bytes;
        for place in (0..bytes.len()).rev() {
            if bytes[place] == b'\n' && !is_at_end {
                left -= 1;
                if left == 0 {
                    let rest = bytes[place + 1..].to_vec();
                    records[at].start += u64::try_from(place + 1).unwrap_or(0);
                    records[at].bytes = rest;
                    records.drain(..at);
                    records.retain(|record| !record.bytes.is_empty());
                    return records;
                }
            }
            is_at_end = false;
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn records(texts: &[&str]) -> Vec<Record> {
        let record = |text: &&str| Record {
            time: SystemTime::UNIX_EPOCH,
            stream: Stream::Stdout,
            bytes: text.as_bytes().to_vec(),
            session: String::new(),
            start: 0,
        };
        texts.iter().map(record).collect()
    }

    #[test]
    fn the_last_lines_may_be_spread_over_records() {
        for (texts, lines, expected) in [
            (&["a\nb\nc\n"][..], 2, "b\nc\n"),
            (&["a\nb\nc"], 2, "b\nc"),
            (&["a\nb", "b\nc\n"], 2, "bb\nc\n"),
            (&["a\n", "b\n", "c\n"], 1, "c\n"),
            (&["a\n", "b\n"], 2, "a\nb\n"),
            (&["a\n"], 9, "a\n"),
            (&["a\n\n\n"], 2, "\n\n"),
            (&["a\n"], 0, ""),
            (&[], 3, ""),
        ] {
            let left = last(records(texts), Some(lines));
            let text: Vec<u8> = left.into_iter().flat_map(|record| record.bytes).collect();
            assert_eq!(String::from_utf8(text).unwrap(), expected, "{texts:?} {lines}");
        }
    }
}
