//! What the runner does about commands, supervisors, signals and the passing of time.

use std::collections::BTreeMap;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::command::{ReplyTo, RunnerCommand, Start, parse};
use super::host::{RecordedOutput, RunnerHost};
use super::output::{Output, PATIENCE};
use super::project::{Project, Run};
use crate::event::{Event, FailureReason, TooLong, What};
use crate::process::Signal;
use crate::visible::Visible;

/// The period of the status.
const STATUS: Duration = Duration::from_secs(15);

pub(super) struct Runner<'a> {
    host: RunnerHost<'a>,
    pub out: Output,
    /// What is left of the answer to a `fetch-logs`. No other command is read meanwhile.
    fetched: Option<(ReplyTo, std::vec::IntoIter<Event>)>,
    projects: BTreeMap<String, Project>,
    started: Instant,
    next_status: Instant,
    /// Once the runner is to end: when it gives up the reader of the events, unless that reads on.
    patience_ends: Option<Instant>,
}

impl<'a> Runner<'a> {
    pub fn new(host: RunnerHost<'a>, out: Output) -> Self {
        let now = Instant::now();
        Self {
            host,
            out,
            fetched: None,
            projects: BTreeMap::new(),
            started: now,
            next_status: now,
            patience_ends: None,
        }
    }

    pub fn is_ending(&self) -> bool {
        self.patience_ends.is_some()
    }

    /// Whether supervisors run.
    pub fn is_waiting(&self) -> bool {
        self.projects.values().any(|project| project.run.is_some())
    }

    fn runs(&mut self) -> impl Iterator<Item = &mut Run> {
        self.projects.values_mut().filter_map(|project| project.run.as_mut())
    }

    /// Passes on a signal, as a supervisor in the foreground takes it: a second Ctrl-C kills.
    pub fn signal(&mut self, signal: Signal) {
        self.patience_ends.get_or_insert_with(|| Instant::now() + PATIENCE);
        self.runs().for_each(|run| run.signal(signal));
    }

    pub fn end_services(&mut self) {
        self.patience_ends.get_or_insert_with(|| Instant::now() + PATIENCE);
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
            RunnerCommand::Start(start) => self.start(reply_to, start),
            RunnerCommand::Stop { project } => self.stop(reply_to, &project),
            RunnerCommand::FetchLogs { project, cursor, limit } => {
                self.fetch_logs(reply_to, &project, cursor.as_deref(), limit);
            }
            RunnerCommand::HealthCheck => self.status(&reply_to),
        }
    }

    fn start(&mut self, reply_to: ReplyTo, start: Start) {
        if self.is_ending() {
            return self.out.not_started(&reply_to, None, Some("the runner is ending"));
        }
        if !start.dir.is_dir() {
            let error = format!("no such directory: `{}`", start.dir.visible());
            return self.out.not_started(&reply_to, Some(FailureReason::DirectoryMissing), Some(&error));
        }
        // Otherwise the list would grow for as long as the runner lives.
        self.projects.retain(|_, project| project.run.is_some() || project.dir.is_dir());
        let project =
            self.projects.entry(start.project.clone()).or_insert_with(|| Project::new(start.dir.clone()));
        let Some(run) = &mut project.run else {
            return project.launch(&self.host, reply_to, start, &mut self.out);
        };
        run.ask_to_end();
        if let Some((replaced, _)) = project.next.replace((reply_to, start)) {
            self.out.not_started(&replaced, None, Some("replaced by a later start"));
        }
    }

    fn stop(&mut self, reply_to: ReplyTo, id: &str) {
        let Some(project) = self.projects.get_mut(id) else {
            return self.out.error(&reply_to, "Project not found");
        };
        match &mut project.run {
            Some(run) => {
                run.stops.push(reply_to);
                run.ask_to_end();
            }
            None => self.out.error(&reply_to, "No running dev server found for project"),
        }
        if let Some((next, _)) = project.next.take() {
            self.out.not_started(&next, None, Some("stopped before it was started"));
        }
    }

    /// Begins to repeat the output of a project that the runner has passed on.
    fn fetch_logs(&mut self, reply_to: ReplyTo, id: &str, cursor: Option<&str>, limit: usize) {
        let Some(Project { first_session, last_cursor, .. }) = self.projects.get(id) else {
            return self.out.error(&reply_to, "Project not found");
        };
        let mut events = Vec::new();
        if !last_cursor.is_empty() {
            events = match (self.host.recorded)(&RecordedOutput { project: id, first_session, cursor }) {
                Ok(chunks) => chunks,
                Err(error) => return self.out.error(&reply_to, format!("the log cannot be read: {error}")),
            };
            let is_last =
                |event: &Event| matches!(&event.what, What::LogChunk { cursor, .. } if cursor == last_cursor);
            // Chunks behind it are recorded already, and are about to be passed on.
            if let Some(last) = events.iter().rposition(is_last) {
                events.truncate(last + 1);
            }
        }
        events.truncate(limit);
        // Tells a client that a page is complete although it is shorter than the limit.
        let message = format!("Fetched {} log chunks", events.len());
        events.push(Event::of_no_project(What::Ack { message }));
        self.fetched = Some((reply_to, events.into_iter()));
    }

    /// Writes as much as possible, fetched logs too. Ready when there is room for the next answer.
    pub fn poll_free(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.out.poll_progress(cx).is_ready() {
                self.patience_ends = self.patience_ends.map(|_| Instant::now() + PATIENCE);
            }
            if !self.out.has_room() {
                return Poll::Pending;
            }
            let Some((reply_to, events)) = &mut self.fetched else { return Poll::Ready(()) };
            match events.next() {
                Some(event) => self.out.emit(reply_to, &event),
                None => self.fetched = None,
            }
        }
    }

    /// Passes on one event of each supervisor. Pending if there is none.
    pub fn poll_supervisors(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let out = &mut self.out;
        let relayed =
            self.projects.values_mut().filter_map(|it| it.poll_relay(cx, out).is_ready().then_some(()));
        if relayed.count() == 0 {
            return Poll::Pending;
        }
        self.reap();
        Poll::Ready(())
    }

    /// Handles the supervisors that have ended, and starts what waits for their end.
    pub fn reap(&mut self) {
        let is_ending = self.is_ending();
        for project in self.projects.values_mut() {
            let Some(run) = &mut project.run else { continue };
            let Some(status) = run.exit_status() else { continue };
            run.report_end(status, is_ending, &mut self.out);
            project.run = None;
            match project.next.take() {
                Some((reply_to, _)) if is_ending => {
                    self.out.not_started(&reply_to, None, Some("the runner is ending"));
                }
                Some((reply_to, start)) => {
                    project.launch(&self.host, reply_to, start, &mut self.out);
                }
                None => {}
            }
        }
    }

    /// When [`Runner::pass_time`] has something to do.
    pub fn deadline(&self) -> Instant {
        let errors = self.projects.values().filter_map(|project| project.run.as_ref()?.errors.due());
        let news = errors.chain([self.next_status]).filter(|_| self.out.has_room());
        news.chain(self.patience_ends).min().unwrap_or_else(|| Instant::now() + STATUS)
    }

    pub fn pass_time(&mut self) {
        let now = Instant::now();
        if self.patience_ends.is_some_and(|end| end <= now) {
            if self.out.pending() > 0 {
                // Supervisors can only end if they get rid of their output: it is read on, and thrown away.
                self.out.give_up();
                self.end_services();
            }
            self.patience_ends = Some(now + PATIENCE);
        }
        if !self.out.has_room() {
            return;
        }
        if self.next_status <= now {
            self.next_status = now + STATUS;
            self.status(&ReplyTo::default());
        }
        for project in self.projects.values_mut() {
            if let Some(run) = &mut project.run {
                run.report_errors(now, &mut self.out);
            }
        }
    }

    pub fn status(&mut self, reply_to: &ReplyTo) {
        let status = match (self.is_ending(), self.host.is_degraded) {
            (true, _) => "offline",
            (false, true) => "degraded",
            (false, false) => "online",
        };
        self.out.status(reply_to, status, self.started);
    }
}
