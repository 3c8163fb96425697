//! What the runner does on a command, on a line of a supervisor and at its times, and what it answers.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::process::ExitStatus;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::command::{Command, ReplyTo, Start, parse};
use super::host::{Host, Recorded};
use super::output::Output;
use super::project::{Next, Project, Run};
use super::trouble::ErrorWatch;
use crate::event::{Event, FailureReason, State, TooLong, What};
use crate::process::Signal;
use crate::visible::Visible;

/// How often the runner says that it lives.
const STATUS: Duration = Duration::from_secs(15);
/// How long somebody who has ended the runner may leave unread what it says.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long supervisors may take to end after that. A service has ten seconds, and their lifelines are cut.
const LAST_PATIENCE: Duration = Duration::from_secs(15);

/// The last word on a command that ended a server.
const STOPPED: &str = "Dev server stopped successfully";

/// The projects with their supervisors, and who is told of them.
pub(super) struct Runner<'a> {
    host: Host<'a>,
    pub out: Output,
    fetch: Option<Fetch>,
    projects: BTreeMap<String, Project>,
    /// The project whose supervisor was heard last: the others are heard first.
    heard: String,
    started: Instant,
    next_status: Instant,
    /// Since when the runner is to end.
    ending: Option<Instant>,
    /// When the wait for a reader was given up.
    gave_up: Option<Instant>,
}

/// A `fetch-logs` that is being answered. The next command is taken when it has been.
struct Fetch {
    reply_to: ReplyTo,
    chunks: std::vec::IntoIter<Event>,
    count: usize,
}

impl<'a> Runner<'a> {
    pub fn new(host: Host<'a>, out: Output) -> Self {
        let now = Instant::now();
        Self {
            host,
            out,
            fetch: None,
            projects: BTreeMap::new(),
            heard: String::new(),
            started: now,
            next_status: now,
            ending: None,
            gave_up: None,
        }
    }

    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the end has to wait for supervisors.
    pub fn is_waiting(&self) -> bool {
        self.gave_up.is_none_or(|since| since.elapsed() < LAST_PATIENCE)
            && self.projects.values().any(|project| project.run.is_some())
    }

    /// The next line of any supervisor; each has its turn.
    pub fn poll_supervisors(&mut self, cx: &mut Context<'_>) -> Poll<(String, Option<Vec<u8>>)> {
        let mut poll = |(id, project): (&String, &mut Project)| {
            let Poll::Ready(line) = project.run.as_mut()?.events.as_mut()?.poll_line(cx) else { return None };
            Some((id.clone(), line))
        };
        let heard = self.heard.as_str();
        let mut next = self.projects.range_mut::<str, _>((Excluded(heard), Unbounded)).find_map(&mut poll);
        if next.is_none() {
            next = self.projects.range_mut::<str, _>((Unbounded, Included(heard))).find_map(&mut poll);
        }
        let Some((id, line)) = next else { return Poll::Pending };
        self.heard.clone_from(&id);
        // A line that is too long is as good as an empty one.
        Poll::Ready((id, line.map(Result::unwrap_or_default)))
    }

    fn runs(&mut self) -> impl Iterator<Item = &mut Run> {
        self.projects.values_mut().filter_map(|project| project.run.as_mut())
    }

    /// Passes on a signal, as a supervisor in the foreground takes it: a second Ctrl-C kills.
    pub fn signal(&mut self, signal: Signal) {
        self.ending.get_or_insert_with(Instant::now);
        self.runs().for_each(|run| run.signal(signal));
    }

    pub fn end_services(&mut self) {
        self.ending.get_or_insert_with(Instant::now);
        self.runs().for_each(Run::cut_lifeline);
    }

    pub fn command(&mut self, line: Result<Vec<u8>, TooLong>) {
        let Ok(line) = line else {
            return self.out.error(&ReplyTo::default(), "the command is longer than 1 MiB");
        };
        if line.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let (reply_to, command) = parse(&line);
        let (name, command) = match command {
            Ok(understood) => understood,
            Err(error) => return self.out.error(&reply_to, error),
        };
        self.out.ack(&reply_to, format!("Command {name} accepted"));
        match command {
            Command::Start { project, start } => self.start(reply_to, &project, start),
            Command::Stop { project } => self.stop(reply_to, &project),
            Command::FetchLogs { project, cursor, limit } => {
                self.fetch_logs(reply_to, &project, cursor.as_deref(), limit);
            }
            Command::HealthCheck => self.status(&reply_to),
        }
    }

    fn start(&mut self, reply_to: ReplyTo, project: &str, start: Start) {
        if !start.dir.is_dir() {
            let error = format!("no such directory: `{}`", start.dir.visible());
            self.out.failed(&reply_to, FailureReason::DirectoryMissing, Some(&error));
            return self.out.error(&reply_to, error);
        }
        // Projects whose directories are gone are forgotten.
        self.projects.retain(|_, known| known.run.is_some() || known.dir.is_dir());
        let known =
            self.projects.entry(project.to_owned()).or_insert_with(|| Project::new(start.dir.clone()));
        let Some(run) = &mut known.run else { return self.launch(&reply_to, project, start) };
        run.ask_to_end();
        if let Some(replaced) = known.next.replace(Next { reply_to, start }) {
            self.never_started(&replaced.reply_to, "replaced by a later start");
        }
    }

    fn launch(&mut self, reply_to: &ReplyTo, project: &str, start: Start) {
        let Some(known) = self.projects.get_mut(project) else { return };
        let supervisor = (self.host.supervise)(project, &start);
        known.dir = start.dir;
        match supervisor.and_then(|supervisor| Run::start(supervisor, reply_to.clone())) {
            Ok(mut run) => {
                if self.ending.is_some() {
                    run.cut_lifeline();
                }
                known.run = Some(run);
            }
            Err(error) => {
                let error = format!("cannot start a supervisor: {error}");
                self.out.failed(reply_to, FailureReason::Unknown, Some(&error));
                self.out.error(reply_to, error);
            }
        }
    }

    fn stop(&mut self, reply_to: ReplyTo, project: &str) {
        let Some(known) = self.projects.get_mut(project) else {
            return self.out.error(&reply_to, "Project not found");
        };
        match &mut known.run {
            Some(run) => {
                run.stops.push(reply_to);
                run.ask_to_end();
            }
            None => self.out.error(&reply_to, "No running dev server found for project"),
        }
        if let Some(next) = known.next.take() {
            self.never_started(&next.reply_to, "stopped before it was started");
        }
    }

    fn never_started(&mut self, reply_to: &ReplyTo, why: &str) {
        self.out.never_started(reply_to);
        self.out.error(reply_to, why);
    }

    /// Begins to say again what the runner has passed on of a project's output.
    fn fetch_logs(&mut self, reply_to: ReplyTo, project: &str, cursor: Option<&str>, limit: usize) {
        let Some(known) = self.projects.get(project) else {
            return self.out.error(&reply_to, "Project not found");
        };
        let mut chunks = Vec::new();
        let output = &known.output;
        if !output.last_cursor.is_empty() {
            let wanted = Recorded { project, first_session: &output.first_session, cursor };
            chunks = match (self.host.recorded)(&wanted) {
                Ok(chunks) => chunks,
                Err(error) => return self.out.error(&reply_to, format!("the log cannot be read: {error}")),
            };
            let is_last = |event: &Event| matches!(&event.what, What::LogChunk { cursor, .. } if *cursor == output.last_cursor);
            // What comes behind has been recorded, and is yet to be passed on.
            if let Some(last) = chunks.iter().rposition(is_last) {
                chunks.truncate(last + 1);
            }
        }
        chunks.truncate(limit);
        self.fetch = Some(Fetch { reply_to, count: chunks.len(), chunks: chunks.into_iter() });
    }

    /// Writes what can be written and what was fetched, and is ready when there is room for the next answer.
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _waiting = self.out.poll_drain(cx);
        while self.out.has_room() && self.fetch.is_some() {
            self.send_fetched();
            let _waiting = self.out.poll_drain(cx);
        }
        if self.out.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends the next chunk that was fetched, or says that it was the last.
    fn send_fetched(&mut self) {
        let Some(fetch) = &mut self.fetch else { return };
        match fetch.chunks.next() {
            Some(chunk) => self.out.emit(&fetch.reply_to, &chunk),
            None => {
                // Without this nobody could tell a page that is short from one that is still being written.
                self.out.ack(&fetch.reply_to, format!("Fetched {} log chunks", fetch.count));
                self.fetch = None;
            }
        }
    }

    /// Passes on what a supervisor has said.
    pub fn relay(&mut self, project: &str, line: &[u8]) {
        let Some(known) = self.projects.get_mut(project) else { return };
        let Some(run) = &mut known.run else { return };
        // The whole object is passed on, with fields that only a newer supervisor knows.
        let (Ok(event), Ok(fields)) =
            (serde_json::from_slice::<Event>(line), serde_json::from_slice::<Map<String, Value>>(line))
        else {
            return;
        };
        let now = Instant::now();
        let (mut reply_to, mut ready) = (&run.reply_to, None);
        match event.what {
            What::LogChunk { data, cursor, .. } => {
                run.errors.look(&data, now);
                known.output.goes_on_to(cursor);
            }
            What::PortDetected { port, .. } => {
                run.errors = ErrorWatch::since(now);
                ready = Some(port);
            }
            What::PortConflict { .. } => run.has_conflict = true,
            What::ProcessExited { state, .. } => {
                run.has_exited = state != State::Starting;
                // They are those of its end, which has an event of its own.
                run.errors = ErrorWatch::default();
                reply_to = run.stops.first().unwrap_or(reply_to);
            }
            What::Ack { .. }
            | What::PortReallocated { .. }
            | What::Error { .. }
            | What::Noted { .. }
            | What::Unknown => {}
        }
        self.out.write(reply_to, fields);
        if let Some(port) = ready {
            self.out.ack(reply_to, format!("Dev server is running and healthy on port {port}"));
        }
    }

    /// The supervisor of this project says nothing more.
    pub fn lines_ended(&mut self, project: &str) {
        if let Some(run) = self.projects.get_mut(project).and_then(|known| known.run.as_mut()) {
            run.events = None;
        }
        self.reap();
    }

    /// Takes leave of the supervisors that have ended.
    pub fn reap(&mut self) {
        let status =
            |(id, known): (&String, &mut Project)| Some((id.clone(), known.run.as_mut()?.exit_status()?));
        let ended: Vec<_> = self.projects.iter_mut().filter_map(status).collect();
        for (project, status) in ended {
            self.ended(&project, status);
        }
    }

    fn ended(&mut self, project: &str, status: ExitStatus) {
        let Some(known) = self.projects.get_mut(project) else { return };
        let Some(run) = known.run.take() else { return };
        let next = known.next.take();
        let is_ending = self.ending.is_some();
        if !run.has_exited && (run.is_asked_to_end() || is_ending) {
            self.out.never_started(run.stops.first().unwrap_or(&run.reply_to));
        } else if !run.has_exited {
            self.out.failed(&run.reply_to, run.failure_reason(status), None);
        }
        for stop in &run.stops {
            self.out.ack(stop, STOPPED);
        }
        match next {
            Some(Next { reply_to, .. }) if is_ending => self.never_started(&reply_to, "the runner is ending"),
            Some(Next { reply_to, start }) => self.launch(&reply_to, project, start),
            None => {}
        }
    }

    /// When the wait for somebody to read is given up, if the runner is to end and nobody does.
    fn patience_ends(&self) -> Option<Instant> {
        Some(self.ending?.max(self.out.stalled()?) + PATIENCE)
    }

    pub fn deadline(&self) -> Instant {
        let errors = self.projects.values().filter_map(|known| known.run.as_ref()?.errors.due());
        let news = errors.chain([self.next_status]).filter(|_| self.out.has_room());
        let last = self.gave_up.map(|at| at + LAST_PATIENCE);
        let deadlines = news.chain(self.patience_ends()).chain(last);
        deadlines.min().unwrap_or_else(|| Instant::now() + STATUS)
    }

    pub fn pass_time(&mut self) {
        let now = Instant::now();
        self.lose_patience(now);
        if !self.out.has_room() {
            return;
        }
        if self.next_status <= now {
            self.next_status = now + STATUS;
            self.status(&ReplyTo::default());
        }
        for (id, known) in &mut self.projects {
            if let Some(run) = &mut known.run
                && let Some((error, message)) = run.errors.take_due(now)
            {
                let reply_to = ReplyTo { project: Some(id.clone()), ..run.reply_to.clone() };
                self.out.server_error(&reply_to, &error, &message);
            }
        }
    }

    fn lose_patience(&mut self, now: Instant) {
        if self.patience_ends().is_some_and(|end| end <= now) {
            // The supervisors are read on, as they cannot end otherwise, and what they say is thrown away.
            self.out.close();
            self.gave_up = Some(now);
            self.end_services();
        }
    }

    /// Says the last word, and waits until it has been read.
    pub async fn take_leave(&mut self) {
        self.status(&ReplyTo::default());
        while !self.out.is_empty() {
            let deadline = self.patience_ends().unwrap_or_else(|| Instant::now() + PATIENCE);
            tokio::select! {
                biased;
                () = poll_fn(|cx| self.out.poll_drain(cx)) => {}
                () = tokio::time::sleep_until(deadline.into()) => self.lose_patience(Instant::now()),
            }
        }
    }

    fn status(&mut self, reply_to: &ReplyTo) {
        let status = match (self.ending.is_some(), self.host.is_degraded) {
            (true, _) => "offline",
            (false, true) => "degraded",
            (false, false) => "online",
        };
        self.out.status(reply_to, status, self.started);
    }
}
