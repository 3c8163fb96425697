//! Carries out the commands.

use super::command::{ReplyTo, RunnerCommand, Start, parse};
use super::project::Project;
use super::run::Runner;
use crate::event::{Event, FailureReason, TooLong, What, parse_cursor};
use crate::logs;
use crate::visible::Visible;

impl Runner<'_> {
    pub fn handle_command(&mut self, line: Result<Vec<u8>, TooLong>) {
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
        // Projects that are gone would pile up for as long as the runner lives.
        self.projects.retain(|_, project| project.run.is_some() || project.dir.is_dir());
        let project =
            self.projects.entry(start.project.clone()).or_insert_with(|| Project::new(start.dir.clone()));
        let Some(run) = &mut project.run else {
            return project.launch((self.supervise)(&start), &reply_to, start.dir, &mut self.out);
        };
        run.ask_to_end();
        if let Some((replaced, _)) = project.next.replace((reply_to, start)) {
            self.out.not_started(&replaced, None, Some("replaced by a later start"));
        }
    }

    fn stop(&mut self, reply_to: ReplyTo, id: &str) {
        let project = self.projects.get_mut(id);
        let (run, next) = project.map_or((None, None), |project| (project.run.as_mut(), project.next.take()));
        match run {
            Some(run) => {
                run.stops.push(reply_to);
                run.ask_to_end();
            }
            None => self.out.error(&reply_to, "No running dev server found for project"),
        }
        if let Some((next, _)) = next {
            self.out.not_started(&next, None, Some("stopped before it was started"));
        }
    }

    /// Prepares to send once more the output of a project that the runner has passed on already.
    fn fetch_logs(&mut self, reply_to: ReplyTo, id: &str, cursor: Option<&str>, limit: usize) {
        let Some(Project { first_session, last_cursor, .. }) = self.projects.get(id) else {
            return self.out.error(&reply_to, "Project not found");
        };
        let mut events = Vec::new();
        if !last_cursor.is_empty() {
            let mut records = match logs::of_project(&self.state.logs(), id) {
                Ok(records) => logs::from(records, first_session, 0),
                Err(error) => return self.out.error(&reply_to, format!("the log cannot be read: {error}")),
            };
            if let Some((session, bytes)) = cursor.and_then(parse_cursor) {
                records = logs::from(records, session, bytes);
            }
            events.extend(logs::to_events(records, id));
            let is_last =
                |event: &Event| matches!(&event.what, What::LogChunk { cursor, .. } if cursor == last_cursor);
            // Later chunks are in the log, but have not been passed on yet.
            if let Some(last) = events.iter().rposition(is_last) {
                events.truncate(last + 1);
            }
        }
        events.truncate(limit);
        // The client sees by it that the answer is complete, even with fewer chunks than the limit.
        let message = format!("Fetched {} log chunks", events.len());
        events.push(Event::without_project(What::Ack { message }));
        self.fetched = Some((reply_to, events.into_iter()));
    }

    pub fn status(&mut self, reply_to: &ReplyTo) {
        let status = match (self.is_ending(), self.state.trouble().is_some()) {
            (true, _) => "offline",
            (false, true) => "degraded",
            (false, false) => "online",
        };
        self.out.status(reply_to, status, self.started);
    }
}
