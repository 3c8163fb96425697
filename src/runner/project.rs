//! One project of the runner: the supervisor that runs its dev server, and what that has said.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::command::{Origin, Start};
use crate::event::parse_cursor;

/// How much output is kept for `fetch-logs`, in bytes.
const KEPT: usize = 4 * 1024 * 1024;
/// What a piece of output takes beside its text, in bytes: the names and values of its other fields.
const AROUND: usize = 512;
/// Errors of a server that has only just been started are those of its start.
const STARTING: Duration = Duration::from_secs(10);
/// How long errors must have ceased before they are told.
const SETTLED: Duration = Duration::from_secs(3);
/// What real errors look like, in small letters.
const ERRORS: [&str; 12] = [
    "module not found",
    "cannot find module",
    "syntaxerror",
    "syntax error",
    "typeerror",
    "type error",
    "error ts",
    "referenceerror",
    "reference error",
    "failed to compile",
    "enoent",
    "eacces",
];

/// A start that waits for the end of what runs.
#[derive(Debug)]
pub struct Next {
    /// Whose wish it is.
    pub origin: Origin,
    /// How.
    pub start: Start,
}

/// What is known of a project.
#[derive(Debug, Default)]
pub struct Project {
    /// Its supervisor's number among all that were ever started; nothing if none runs.
    pub run: Option<u64>,
    /// What is started after that.
    pub next: Option<Next>,
    /// The command that started it.
    pub origin: Origin,
    ready: Option<Instant>,
    output: VecDeque<Piece>,
    kept: usize,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Piece {
    cursor: String,
    event: Map<String, Value>,
    size: usize,
}

/// Errors that have been seen and not been told.
#[derive(Debug)]
struct Trouble {
    error: String,
    message: String,
    due: Instant,
}

impl Project {
    /// A new supervisor runs it.
    pub fn begin(&mut self, run: u64, origin: Origin) {
        self.run = Some(run);
        self.origin = origin;
        self.ready = None;
        self.trouble = None;
    }

    /// It is ready.
    pub fn ready(&mut self, now: Instant) {
        self.ready = Some(now);
    }

    /// It has ended: its errors are those of its end, which has an event of its own.
    pub fn ended(&mut self) {
        self.ready = None;
        self.trouble = None;
    }

    /// Keeps a piece of output.
    pub fn keep(&mut self, event: &Map<String, Value>, now: Instant) {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
        let (data, cursor) = (text("data"), text("cursor").to_owned());
        let size = AROUND + data.len() + cursor.len();
        self.look_for_errors(data, now);
        self.output.push_back(Piece { cursor, event: event.clone(), size });
        self.kept += size;
        while self.kept > KEPT
            && let Some(oldest) = self.output.pop_front()
        {
            self.kept -= oldest.size;
        }
    }

    /// The output behind this cursor, all that is kept if nothing of its session is known any more.
    pub fn output(&self, cursor: Option<&str>, limit: usize) -> impl Iterator<Item = &Map<String, Value>> {
        let seen = cursor.and_then(parse_cursor).map_or(0, |cursor| self.seen(cursor));
        self.output.iter().skip(seen).take(limit).map(|piece| &piece.event)
    }

    /// How many pieces lie before this place: all of the sessions before its own, and of that what had been written.
    fn seen(&self, (session, bytes): (&str, u64)) -> usize {
        let is_seen = |piece: &Piece| {
            let place = parse_cursor(&piece.cursor);
            place.is_some_and(|(other, written)| other == session && written <= bytes)
        };
        self.output.iter().rposition(is_seen).map_or(0, |at| at + 1)
    }

    fn look_for_errors(&mut self, data: &str, now: Instant) {
        if self.ready.is_none_or(|ready| now.saturating_duration_since(ready) < STARTING) {
            return;
        }
        let plain = anstream::adapter::strip_str(data).to_string();
        let is_error = |line: &&str| {
            let line = line.to_ascii_lowercase();
            ERRORS.iter().any(|error| line.contains(error))
        };
        let Some(first) = plain.lines().find(is_error) else { return };
        let due = now + SETTLED;
        match &mut self.trouble {
            Some(trouble) => trouble.due = due,
            None => {
                self.trouble =
                    Some(Trouble { error: first.trim().to_owned(), message: plain.trim().to_owned(), due });
            }
        }
    }

    /// When errors are to be told, if any are.
    pub fn due(&self) -> Option<Instant> {
        self.trouble.as_ref().map(|trouble| trouble.due)
    }

    /// The errors that are to be told by now: the first of them, and what stood around it.
    pub fn settled(&mut self, now: Instant) -> Option<(String, String)> {
        let trouble = self.trouble.take_if(|trouble| trouble.due <= now)?;
        Some((trouble.error, trouble.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(cursor: &str, data: &str) -> Map<String, Value> {
        let value = serde_json::json!({ "type": "log-chunk", "data": data, "cursor": cursor });
        value.as_object().unwrap().clone()
    }

    #[test]
    fn output_is_resumed_without_loss_or_repetition() {
        let mut project = Project::default();
        let now = Instant::now();
        for number in 1..=5 {
            project.keep(&chunk(&format!("s:{number}"), "x"), now);
        }
        let cursors = |project: &Project, cursor, limit| -> Vec<String> {
            project.output(cursor, limit).map(|event| event["cursor"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(cursors(&project, None, 2), ["s:1", "s:2"]);
        assert_eq!(cursors(&project, Some("s:2"), 2), ["s:3", "s:4"]);
        assert_eq!(cursors(&project, Some("s:5"), 2), Vec::<String>::new());
        assert_eq!(cursors(&project, Some("gone"), 9).len(), 5);
        project.keep(&chunk("t:1", "x"), now);
        assert_eq!(cursors(&project, Some("s:5"), 9), ["t:1"], "the next session follows");
        assert_eq!(cursors(&project, Some("s:9"), 9), ["t:1"], "a place within what was not kept");
    }

    #[test]
    fn output_is_bounded() {
        let mut project = Project::default();
        let data = "x".repeat(100_000);
        for number in 0..100 {
            project.keep(&chunk(&number.to_string(), &data), Instant::now());
        }
        assert!(project.kept <= KEPT && project.output(None, usize::MAX).count() > 30);
    }

    #[test]
    fn errors_are_told_once_they_have_settled_and_not_at_the_start() {
        let mut project = Project::default();
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        project.ready(start);
        project.keep(&chunk("1", "TypeError: x is no function"), later(1));
        assert_eq!(project.due(), None);
        project
            .keep(&chunk("2", "fine\n\u{1b}[31mModule not found: Can't resolve 'x'\u{1b}[0m\n"), later(11));
        project.keep(&chunk("3", "Failed to compile"), later(12));
        assert_eq!(project.settled(later(14)), None);
        let (error, _) = project.settled(later(15)).unwrap();
        assert_eq!(error, "Module not found: Can't resolve 'x'");
        assert_eq!(project.settled(later(30)), None);
    }
}
