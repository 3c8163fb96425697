//! `bowline logs`: the output of services, while they run and afterwards.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::cli::args::Logs;
use crate::client::follow::{self, Manner};
use crate::client::pattern::ServicePattern;
use crate::client::resolve::{self, Resolved};
use crate::event::Stream;
use crate::invocation::{Failure, Invocation};
use crate::logs::{self, Record};
use crate::port::{Ports, Remembered, Reservation};
use crate::process::Exit;
use crate::project::{Project, defining_directory};
use crate::ui::{self, LogLines};
use crate::visible::Visible;
use crate::workspace::Filter;

pub fn logs(invocation: &Invocation, wanted: &Logs) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let sources = Source::all(invocation, &ports, &wanted.projects)?;
    let select = |mut records: Vec<Record>| {
        records.retain(|record| wanted.since.is_none_or(|since| record.time >= since));
        last(records, wanted.lines)
    };
    let live: Vec<Reservation> = sources.iter().filter_map(|source| source.live.clone()).collect();
    if wanted.follow
        && !live.is_empty()
        && follow::follow(invocation, &ports, &live, &Manner::Log(&select))?.is_some()
    {
        return Ok(Exit::Code(0));
    }
    let named = |source: &Source| (source.name.clone(), source.project.clone());
    let mut lines = LogLines::new(&sources.iter().map(named).collect::<Vec<_>>(), invocation.style);
    let mut records = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        records.extend(select(source.records(&ports)?).into_iter().map(|record| (at, record)));
    }
    records.sort_by_key(|(_, record)| record.time);
    for (at, record) in records {
        if invocation.json {
            for event in logs::to_events(vec![record], &sources[at].project) {
                ui::print(&format!("{}\n", event.to_json()))?;
            }
        } else {
            ui::pass(Stream::Stdout, &lines.show(at, record.stream, &record.bytes))?;
        }
    }
    ui::pass(Stream::Stdout, &lines.finish())?;
    Ok(Exit::Code(0))
}

/// The log of a service, and its reservation if it runs.
struct Source {
    /// The only file; without it, those of the project's id, under whatever names it had.
    file: Option<PathBuf>,
    project: String,
    name: String,
    live: Option<Reservation>,
}

impl Source {
    fn running(live: Reservation) -> Self {
        Self { file: None, project: live.project.clone(), name: live.name.clone(), live: Some(live) }
    }

    fn ended(project: String, name: String) -> Self {
        Self { file: None, project, name, live: None }
    }

    fn records(&self, ports: &Ports) -> Result<Vec<Record>, Failure> {
        Ok(match &self.file {
            Some(file) => logs::read(file)?,
            None => logs::of_project(&ports.dir().logs(), &self.project)?,
        })
    }

    /// Those of the words, each once; without words, those of what runs here, else that of the project.
    fn all(invocation: &Invocation, ports: &Ports, words: &[String]) -> Result<Vec<Self>, Failure> {
        let (patterns, plain): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| Filter::is_pattern(word));
        let live = ports.reservations();
        let mut found: Vec<Self> = Vec::new();
        if words.is_empty() {
            found.extend(match resolve::resolve(invocation, &live, None) {
                Ok(Resolved::Running(running)) => running.into_iter().map(Self::running).collect(),
                Ok(Resolved::Idle(_) | Resolved::Unknown(_)) | Err(_) => Self::here(invocation, ports)?,
            });
        }
        for word in &plain {
            found.push(Self::find(invocation, ports, Some(word))?);
        }
        if !patterns.is_empty() {
            let pattern = ServicePattern::read(invocation, &live, &patterns)?;
            found.retain(|source| source.live.as_ref().is_none_or(|one| !pattern.excludes(one)));
            if plain.is_empty() || pattern.includes() {
                found.extend(Self::matching(ports, &live, pattern)?);
            }
        }
        let mut seen = BTreeSet::new();
        found.retain(|source| seen.insert((source.project.clone(), source.file.clone())));
        Ok(found)
    }

    /// The services that have run here: the project, else those below a workspace's root, else those that are no packages.
    fn here(invocation: &Invocation, ports: &Ports) -> Result<Vec<Self>, Failure> {
        let own = Self::find(invocation, ports, None);
        if matches!(&own, Ok(own) if ports.remembered(&own.project).is_some()) {
            return Ok(vec![own?]);
        }
        let project = Project::around(&invocation.dir)?;
        let is_root = project.is_workspace_root();
        let is_here = |id: &str, dir: &Path| match defining_directory(id) {
            Some(defining) => defining == project.dir,
            None => is_root && dir.starts_with(&project.dir),
        };
        let known = ports.projects().into_iter().filter(|(id, row)| is_here(id, &row.dir));
        let known: Vec<Self> = known.map(|(id, row)| Self::ended(id, row.name)).collect();
        if known.is_empty() { Ok(vec![own?]) } else { Ok(known) }
    }

    /// Those that run, else those that have run, of what the pattern means.
    fn matching(ports: &Ports, live: &[Reservation], pattern: ServicePattern) -> Result<Vec<Self>, Failure> {
        let projects = ports.projects();
        let ended = projects.into_iter().filter(|(_, row)| pattern.means(&row.name, &row.dir));
        let ended: Vec<Self> = ended.map(|(id, row)| Self::ended(id, row.name)).collect();
        match resolve::matching(pattern, live) {
            Resolved::Running(running) => Ok(running.into_iter().map(Self::running).collect()),
            Resolved::Idle(_) if !ended.is_empty() => Ok(ended),
            Resolved::Idle(failure) | Resolved::Unknown(failure) => Err(failure),
        }
    }

    /// Finds, in this order: a running service, an existing project, a remembered one, a log whose project is
    /// gone.
    fn find(invocation: &Invocation, ports: &Ports, word: Option<&str>) -> Result<Self, Failure> {
        let logs = ports.dir().logs();
        let failure = match resolve::resolve(invocation, &ports.reservations(), word) {
            Ok(Resolved::Running(found)) => {
                let live = resolve::single(word, found)?;
                return Ok(Self::running(live));
            }
            Ok(Resolved::Idle(failure) | Resolved::Unknown(failure)) => failure,
            // It may have been a command in a directory without a package.json.
            Err(failure) if word.is_none() => failure,
            Err(failure) => return Err(failure),
        };
        let project = match word {
            Some(word) => Project::named(word, &invocation.dir),
            None => Project::find(&invocation.dir),
        };
        if let Ok(Project { id, name, .. }) = project {
            return Ok(Self::ended(id, name));
        }
        let known = resolve::remembered(invocation, ports, word.unwrap_or_default());
        let around = || resolve::remembered_around(ports, &invocation.dir).filter(|_| word.is_none());
        if let Some((id, row)) = known.or_else(around) {
            return Ok(Self::ended(id, row.name));
        }
        let Some(word) = word else { return Err(failure) };
        match &logs::named(&logs, word)[..] {
            [] => Err(failure),
            [file] => {
                let name = word.to_owned();
                Ok(Self { file: Some(file.clone()), project: name.clone(), name, live: None })
            }
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
