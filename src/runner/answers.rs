//! The reaction of the runner to each event of its loop, and to the passing of time.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::process::ExitStatus;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::command::{ReplyTo, RunnerCommand, Start, parse};
use super::host::{RecordedOutput, RunnerHost};
use super::output::Output;
use super::project::{Next, Project, Run};
use super::trouble::ErrorWatch;
use crate::event::{Event, FailureReason, State, TooLong, What, parse_cursor};
use crate::process::Signal;
use crate::visible::Visible;

/// The period of the status.
const STATUS: Duration = Duration::from_secs(15);
/// How long the events may stay unread once the runner is to end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long supervisors may take to end after that; a service has ten seconds.
const LAST_PATIENCE: Duration = Duration::from_secs(15);

/// The last word on a command that ended a server.
const STOPPED: &str = "Dev server stopped successfully";

pub(super) struct Runner<'a> {
    host: RunnerHost<'a>,
    pub out: Output,
    fetch: Option<Fetch>,
    projects: BTreeMap<String, Project>,
    /// The project whose supervisor was read last. The next one has its turn first.
    last_read: String,
    started: Instant,
    next_status: Instant,
    /// When the end of the runner was asked for.
    ending: Option<Instant>,
    /// When the wait for a reader of the events was given up.
    gave_up: Option<Instant>,
}

/// A `fetch-logs` that is being answered. No other command is read meanwhile.
struct Fetch {
    reply_to: ReplyTo,
    chunks: std::vec::IntoIter<Event>,
    count: usize,
}

impl<'a> Runner<'a> {
    pub fn new(host: RunnerHost<'a>, out: Output) -> Self {
        let now = Instant::now();
        Self {
            host,
            out,
            fetch: None,
            projects: BTreeMap::new(),
            last_read: String::new(),
            started: now,
            next_status: now,
            ending: None,
            gave_up: None,
        }
    }

    pub fn is_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Whether the runner has to wait for supervisors before it ends.
    pub fn is_waiting(&self) -> bool {
        self.gave_up.is_none_or(|since| since.elapsed() < LAST_PATIENCE)
            && self.projects.values().any(|project| project.run.is_some())
    }

    /// The next line of any supervisor, or the end of its lines. Supervisors take turns.
    pub fn poll_supervisors(&mut self, cx: &mut Context<'_>) -> Poll<(String, Option<Vec<u8>>)> {
        let mut poll = |(id, project): (&String, &mut Project)| {
            let Poll::Ready(line) = project.run.as_mut()?.events.as_mut()?.poll_line(cx) else { return None };
            Some((id.clone(), line))
        };
        let last = self.last_read.as_str();
        let mut next = self.projects.range_mut::<str, _>((Excluded(last), Unbounded)).find_map(&mut poll);
        if next.is_none() {
            next = self.projects.range_mut::<str, _>((Unbounded, Included(last))).find_map(&mut poll);
        }
        let Some((id, line)) = next else { return Poll::Pending };
        self.last_read.clone_from(&id);
        // No event is that long: such a line is ignored, as an empty one is.
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
            RunnerCommand::Start { project, start } => self.start(reply_to, &project, start),
            RunnerCommand::Stop { project } => self.stop(reply_to, &project),
            RunnerCommand::FetchLogs { project, cursor, limit } => {
                self.fetch_logs(reply_to, &project, cursor.as_deref(), limit);
            }
            RunnerCommand::HealthCheck => self.status(&reply_to),
        }
    }

    fn start(&mut self, reply_to: ReplyTo, project: &str, start: Start) {
        if !start.dir.is_dir() {
            let error = format!("no such directory: `{}`", start.dir.visible());
            self.out.not_started(&reply_to, Some(FailureReason::DirectoryMissing), Some(&error));
            return self.out.error(&reply_to, error);
        }
        // Otherwise the list would grow for as long as the runner lives.
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
                self.out.not_started(reply_to, Some(FailureReason::Unknown), Some(&error));
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
        self.out.not_started(reply_to, None, None);
        self.out.error(reply_to, why);
    }

    /// Begins to repeat the output of a project that the runner has passed on.
    fn fetch_logs(&mut self, reply_to: ReplyTo, project: &str, cursor: Option<&str>, limit: usize) {
        let Some(known) = self.projects.get(project) else {
            return self.out.error(&reply_to, "Project not found");
        };
        let mut chunks = Vec::new();
        if !known.last_cursor.is_empty() {
            let wanted = RecordedOutput { project, first_session: &known.first_session, cursor };
            chunks = match (self.host.recorded)(&wanted) {
                Ok(chunks) => chunks,
                Err(error) => return self.out.error(&reply_to, format!("the log cannot be read: {error}")),
            };
            let is_last = |event: &Event| {
                let What::LogChunk { cursor, .. } = &event.what else { return false };
                *cursor == known.last_cursor
            };
            // Chunks behind it are recorded already, and are about to be passed on.
            if let Some(last) = chunks.iter().rposition(is_last) {
                chunks.truncate(last + 1);
            }
        }
        chunks.truncate(limit);
        self.fetch = Some(Fetch { reply_to, count: chunks.len(), chunks: chunks.into_iter() });
    }

    /// Writes as much as possible, fetched logs too. Ready when there is room for the next answer.
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _waiting = self.out.poll_drain(cx);
        while self.out.has_room() && self.fetch.is_some() {
            self.send_fetched();
            let _waiting = self.out.poll_drain(cx);
        }
        if self.out.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn send_fetched(&mut self) {
        let Some(fetch) = &mut self.fetch else { return };
        match fetch.chunks.next() {
            Some(chunk) => self.out.emit(&fetch.reply_to, &chunk),
            None => {
                // Tells a client that a page is complete although it is shorter than the limit.
                self.out.ack(&fetch.reply_to, format!("Fetched {} log chunks", fetch.count));
                self.fetch = None;
            }
        }
    }

    /// Passes on an event of a supervisor.
    pub fn relay(&mut self, project: &str, line: &[u8]) {
        let Some(known) = self.projects.get_mut(project) else { return };
        let Some(run) = &mut known.run else { return };
        // The object is passed on whole, with fields that only a newer supervisor knows.
        let (Ok(event), Ok(fields)) =
            (serde_json::from_slice::<Event>(line), serde_json::from_slice::<Map<String, Value>>(line))
        else {
            return;
        };
        let now = Instant::now();
        let (mut reply_to, mut ready) = (&run.reply_to, None);
        match event.what {
            What::LogChunk { data, cursor, .. } => {
                run.errors.scan(&data, now);
                if known.last_cursor.is_empty()
                    && let Some((session, _)) = parse_cursor(&cursor)
                {
                    session.clone_into(&mut known.first_session);
                }
                known.last_cursor = cursor;
            }
            What::PortDetected { port, .. } => {
                run.errors = ErrorWatch::since(now);
                ready = Some(port);
            }
            What::PortConflict { .. } => run.has_conflict = true,
            What::ProcessExited { state, .. } => {
                run.has_exited = state != State::Starting;
                // Errors so far belong to the end, which has an event of its own.
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

    /// The supervisor of this project has closed its output.
    pub fn lines_ended(&mut self, project: &str) {
        if let Some(run) = self.projects.get_mut(project).and_then(|known| known.run.as_mut()) {
            run.events = None;
        }
        self.reap();
    }

    /// Handles the supervisors that have ended.
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
        if !run.has_exited && (run.is_asked_to_end || is_ending) {
            self.out.not_started(run.stops.first().unwrap_or(&run.reply_to), None, None);
        } else if !run.has_exited {
            self.out.not_started(&run.reply_to, Some(run.failure_reason(status)), None);
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

    /// When the wait for a reader ends, if the runner is to end and nobody reads.
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
        self.give_up_if_stalled(now);
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

    fn give_up_if_stalled(&mut self, now: Instant) {
        if self.patience_ends().is_some_and(|end| end <= now) {
            // Supervisors can only end if they get rid of their output: it is read on, and thrown away.
            self.out.close();
            self.gave_up = Some(now);
            self.end_services();
        }
    }

    /// Sends the last status, and waits until it has been read.
    pub async fn finish(&mut self) {
        self.status(&ReplyTo::default());
        while !self.out.is_empty() {
            let deadline = self.patience_ends().unwrap_or_else(|| Instant::now() + PATIENCE);
            tokio::select! {
                biased;
                () = poll_fn(|cx| self.out.poll_drain(cx)) => {}
                () = tokio::time::sleep_until(deadline.into()) => self.give_up_if_stalled(Instant::now()),
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
