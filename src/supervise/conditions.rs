//! What has to hold before a service is ready, besides that it listens, and what is known of it.

use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use regex_lite::Regex;
use tokio::time::Instant;

use super::streams::Source;
use super::tail::plain;
use crate::event::Stream;
use crate::port::page::Page;
use crate::process::Exit;
use crate::visible::Visible;

/// The pause after the first answer that says no; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How long the command of `exec` may run.
const EXEC_PATIENCE: Duration = Duration::from_secs(10);
/// The longest line that is compared, and the part of a command's output that is kept.
const LONGEST_LINE: usize = 64 * 1024;

/// Conditions that have to hold all, as configured.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// The server on its port answers with 200 to 399.
    pub http: Option<Page>,
    /// A line of the output matches.
    pub log: Option<Regex>,
    /// This command ends with 0. It is the probe of the service's guardian.
    pub exec: Option<String>,
    /// It exists.
    pub file: Option<PathBuf>,
}

impl Conditions {
    pub fn is_empty(&self) -> bool {
        let Self { http, log, exec, file } = self;
        http.is_none() && log.is_none() && exec.is_none() && file.is_none()
    }
}

/// The answer of a server that was asked for a page: why that is not enough, if it is not.
pub type PageQuestion = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// A question that is asked again until the answer is yes.
#[derive(Debug, Default)]
struct Check {
    holds: bool,
    /// When to ask next, if it was asked before.
    ask_at: Option<Instant>,
    pause: Option<Duration>,
    last: Option<String>,
}

impl Check {
    fn is_due(&self, now: Instant) -> bool {
        !self.holds && self.ask_at.is_none_or(|at| at <= now)
    }

    fn answered(&mut self, answer: Result<(), String>) {
        self.holds = answer.is_ok();
        self.last = answer.err();
        let pause = self.pause.map_or(FIRST_PAUSE, |pause| (pause * 2).min(LONGEST_PAUSE));
        (self.pause, self.ask_at) = (Some(pause), Some(Instant::now() + pause));
    }

    fn last(&self) -> &str {
        self.last.as_deref().unwrap_or("no answer yet")
    }
}

/// The run of the command of `exec`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum CommandRun {
    #[default]
    Over,
    /// It is killed at this time.
    Runs(Instant),
    /// It took too long.
    Killed,
    /// Nobody needs it any more.
    Abandoned,
}

/// The conditions of one run of a service.
#[derive(Default)]
pub(super) struct ConditionWatch {
    conditions: Conditions,
    /// The listener that was asked for the page.
    socket: Option<u64>,
    /// Whether the conditions alone were missing at some time.
    was_asked: bool,
    page: Check,
    question: Option<PageQuestion>,
    command: Check,
    run: CommandRun,
    /// The output of the command.
    output: Option<Source>,
    written: Vec<u8>,
    /// The beginning of a line in each stream.
    lines: [Vec<u8>; 2],
    has_matched: bool,
    has_file: bool,
}

impl ConditionWatch {
    pub fn new(conditions: Conditions, output: Option<Source>) -> Self {
        Self { conditions, output, ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Takes in output of the service.
    pub fn heard(&mut self, stream: Stream, bytes: &[u8]) {
        let Some(pattern) = self.conditions.log.as_ref().filter(|_| !self.has_matched) else { return };
        let line = &mut self.lines[usize::from(stream == Stream::Stderr)];
        for piece in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || piece.ends_with(b"\r") {
                self.has_matched |= matches(pattern, line);
                line.clear();
            } else if line.len() > LONGEST_LINE {
                line.clear();
            }
        }
    }

    /// Whether all conditions hold as far as it is known, for a service with this socket as its listener.
    pub fn hold(&mut self, listener: Option<u64>) -> bool {
        self.was_asked = true;
        if let Some(socket) = listener
            && self.socket.replace(socket) != Some(socket)
        {
            // Another server's answer says nothing about this one.
            (self.page, self.question) = (Check::default(), None);
        }
        if let Some(pattern) = self.conditions.log.as_ref().filter(|_| !self.has_matched) {
            // A prompt is a line without an end.
            self.has_matched = self.lines.iter().any(|line| matches(pattern, line));
        }
        self.has_file |= self.conditions.file.as_ref().is_some_and(|file| file.exists());
        let Conditions { http, log, exec, file } = &self.conditions;
        (http.is_none() || self.page.holds)
            && (exec.is_none() || self.command.holds)
            && (log.is_none() || self.has_matched)
            && (file.is_none() || self.has_file)
    }

    /// The page that is to be asked for now.
    pub fn due_page(&self, now: Instant) -> Option<Page> {
        self.conditions.http.clone().filter(|_| self.question.is_none() && self.page.is_due(now))
    }

    pub fn ask(&mut self, question: PageQuestion) {
        self.question = Some(question);
    }

    /// Whether the command is to be run now; it counts as running then.
    pub fn begins_command(&mut self, now: Instant) -> bool {
        let begins =
            self.conditions.exec.is_some() && self.run == CommandRun::Over && self.command.is_due(now);
        if begins {
            self.run = CommandRun::Runs(now + EXEC_PATIENCE);
            self.written.clear();
        }
        begins
    }

    /// Whether the command runs for too long, and is to be killed now.
    pub fn is_command_overdue(&mut self, now: Instant) -> bool {
        let is_overdue = matches!(self.run, CommandRun::Runs(kill_at) if kill_at <= now);
        if is_overdue {
            self.run = CommandRun::Killed;
        }
        is_overdue
    }

    /// Whether a command runs that nobody needs any more, and is to be killed now.
    pub fn abandons_command(&mut self) -> bool {
        self.question = None;
        let is_running = matches!(self.run, CommandRun::Runs(_));
        if is_running {
            self.run = CommandRun::Abandoned;
        }
        is_running
    }

    /// The command has ended.
    pub fn command_ended(&mut self, exit: Exit) {
        let run = std::mem::take(&mut self.run);
        if let Some(output) = &self.output {
            let mut reader = output.reader();
            while read(&mut reader, &mut self.written).is_ok_and(|count| count > 0) {}
        }
        let answer = match (run, exit.success()) {
            (CommandRun::Abandoned, _) => {
                Err(self.command.last.take().unwrap_or_else(|| "not ended in that time".to_owned()))
            }
            (CommandRun::Killed, _) => Err(format!("not ended within {} s", EXEC_PATIENCE.as_secs())),
            (CommandRun::Over | CommandRun::Runs(_), true) => Ok(()),
            (CommandRun::Over | CommandRun::Runs(_), false) => Err(with_last_line(exit, &self.written)),
        };
        self.command.answered(answer);
    }

    /// Reads what the command writes. Ready when the server has answered.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(output) = &self.output {
            while output.poll_read(cx, |reader| read(reader, &mut self.written)) == Poll::Ready(true) {}
        }
        let Some(question) = &mut self.question else { return Poll::Pending };
        question.as_mut().poll(cx).map(|answer| {
            self.question = None;
            self.page.answered(answer);
        })
    }

    /// The conditions that did not hold, with the last answer to each, if only they were missing.
    pub fn unmet(&self) -> Option<String> {
        let Conditions { http, log, exec, file } = &self.conditions;
        let http = http.as_ref().filter(|_| !self.page.holds);
        let exec = exec.as_ref().filter(|_| !self.command.holds);
        let log = log.as_ref().filter(|_| !self.has_matched);
        let file = file.as_ref().filter(|_| !self.has_file);
        let unmet = [
            http.map(|page| format!("http {}: {}", page.path, self.page.last())),
            log.map(|pattern| format!("log `{pattern}`: no line matches")),
            exec.map(|command| format!("exec `{command}`: {}", self.command.last())),
            file.map(|file| format!("file `{}`: missing", file.visible())),
        ];
        let unmet: Vec<String> = unmet.into_iter().flatten().collect();
        (self.was_asked && !unmet.is_empty()).then(|| unmet.join("; "))
    }
}

/// Reads once, and keeps the end.
fn read(mut reader: impl std::io::Read, written: &mut Vec<u8>) -> std::io::Result<usize> {
    let mut buffer = [0; 4096];
    let count = reader.read(&mut buffer)?;
    written.extend_from_slice(&buffer[..count]);
    let excess = written.len().saturating_sub(LONGEST_LINE);
    written.drain(..excess);
    Ok(count)
}

fn matches(pattern: &Regex, line: &[u8]) -> bool {
    let line = plain(line);
    let line = line.trim_end_matches(['\r', '\n']);
    !line.is_empty() && pattern.is_match(line)
}

fn with_last_line(exit: Exit, written: &[u8]) -> String {
    let text = plain(written);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.map_or_else(|| exit.to_string(), |line| format!("{exit}: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(pattern: &str) -> ConditionWatch {
        let log = Some(Regex::new(pattern).unwrap());
        ConditionWatch::new(Conditions { log, ..Conditions::default() }, None)
    }

    #[test]
    fn a_line_matches_without_its_colours_and_wherever_it_is_cut() {
        for (pattern, pieces, expected) in [
            ("^ready in", &["\x1b[32mrea", "dy\x1b[0m in 3 ms\n"][..], true),
            ("^ready$", &["not ready\nready", "\r\nmore"], true),
            ("^ready$", &["ready or not\n"], false),
            ("^100%$", &["50%\r100%\r"], true),
            // Without an end, as a prompt.
            ("^> $", &["> "], true),
            ("ab", &["a\nb\n"], false),
        ] {
            let mut watch = log(pattern);
            for piece in pieces {
                watch.heard(Stream::Stdout, piece.as_bytes());
            }
            assert_eq!(watch.hold(None), expected, "{pattern} {pieces:?}");
        }
    }

    #[test]
    fn a_command_that_is_not_waited_for_leaves_the_last_answer() {
        let exec = Some("check".to_owned());
        let mut watch = ConditionWatch::new(Conditions { exec, ..Conditions::default() }, None);
        let now = Instant::now();
        for (exit, last) in [
            (None, "exec `check`: not ended in that time"),
            (Some(Exit::Code(3)), "exec `check`: exit code 3"),
            (None, "exec `check`: exit code 3"),
        ] {
            assert!(!watch.hold(None));
            assert!(watch.begins_command(now + 2 * LONGEST_PAUSE), "{last}");
            assert!(exit.is_some() || watch.abandons_command(), "it runs");
            watch.command_ended(exit.unwrap_or(Exit::Code(137)));
            assert_eq!(watch.unmet().as_deref(), Some(last));
        }
    }

    #[test]
    fn the_streams_are_lines_of_their_own_and_one_match_is_enough() {
        let mut watch = log("^ready$");
        watch.heard(Stream::Stdout, b"rea");
        watch.heard(Stream::Stderr, b"ready\n");
        watch.heard(Stream::Stderr, &vec![b'x'; 2 * LONGEST_LINE]);
        assert!(watch.hold(None));
        assert!(watch.lines.iter().all(|line| line.len() <= LONGEST_LINE), "bounded");
        assert_eq!(watch.unmet(), None);
    }
}
