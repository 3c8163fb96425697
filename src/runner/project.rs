//! A project of the runner, and the supervisor that runs its dev server.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use serde_json::{Value, from_slice, json};

use super::command::{ReplyTo, Start};
use super::error_watch::ErrorWatch;
use super::output::Output;
use crate::event::{Event, FailureReason, LONGEST_EVENT, LineReader, Lines, State, What, parse_cursor};
use crate::exit_code;
use crate::process::Signal;

#[derive(Debug)]
pub(super) struct Project {
    pub dir: PathBuf,
    pub run: Option<Run>,
    /// A start that waits for the end of what runs.
    pub next: Option<(ReplyTo, Start)>,
    /// The session of the first output that the runner has passed on, and the cursor of the last. Both are empty
    /// before that.
    pub first_session: String,
    pub last_cursor: String,
}

impl Project {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, run: None, next: None, first_session: String::new(), last_cursor: String::new() }
    }

    /// Starts a supervisor, or reports why it cannot be started.
    pub fn launch(
        &mut self,
        supervisor: io::Result<Command>,
        reply_to: &ReplyTo,
        dir: PathBuf,
        out: &mut Output,
    ) {
        self.dir = dir;
        match supervisor.and_then(|supervisor| Run::start(supervisor, reply_to.clone())) {
            Ok(run) => self.run = Some(run),
            Err(error) => {
                let error = format!("cannot start a supervisor: {error}");
                out.not_started(reply_to, Some(FailureReason::Unknown), Some(&error));
            }
        }
    }

    /// Passes on an event of the supervisor. Ready if there may be more to come.
    pub fn poll_relay(&mut self, cx: &mut Context<'_>, out: &mut Output) -> Poll<()> {
        let Some(run) = &mut self.run else { return Poll::Pending };
        let Some(events) = &mut run.events else { return Poll::Pending };
        match ready!(events.poll_line(cx)) {
            Some(Ok(line)) => self.relay(&line, out),
            // No event is that long.
            Some(Err(_)) => {}
            None => run.events = None,
        }
        Poll::Ready(())
    }

    fn relay(&mut self, line: &[u8], out: &mut Output) {
        let Some(run) = &mut self.run else { return };
        // The object is passed on whole, with fields that only a newer supervisor knows.
        let (Ok(Event { what, .. }), Ok(fields)) = (from_slice(line), from_slice::<Value>(line)) else {
            return;
        };
        let now = Instant::now();
        let (mut reply_to, mut ready) = (&run.reply_to, None);
        match what {
            What::LogChunk { data, cursor, .. } => {
                run.errors.scan(&data, now);
                if self.last_cursor.is_empty()
                    && let Some((session, _)) = parse_cursor(&cursor)
                {
                    session.clone_into(&mut self.first_session);
                }
                self.last_cursor = cursor;
            }
            What::PortDetected { port, .. } => {
                run.errors = ErrorWatch::since(now);
                ready = Some(format!(" on port {port}"));
            }
            What::Ready { .. } => {
                run.errors = ErrorWatch::since(now);
                ready = Some(String::new());
            }
            What::PortConflict { .. } => run.has_conflict = true,
            What::ProcessExited { state, .. } => {
                run.has_exited = state != State::Starting;
                // Errors so far belong to the end, which has an event of its own.
                run.errors = ErrorWatch::default();
                reply_to = run.stops.first().unwrap_or(reply_to);
            }
            What::Waiting { .. }
            | What::Blocked { .. }
            | What::Ack { .. }
            | What::PortReallocated { .. }
            | What::PortForwarded { .. }
            | What::Error { .. }
            | What::Noted { .. }
            | What::Unknown => {}
        }
        out.write(reply_to, fields);
        if let Some(place) = ready {
            out.ack(reply_to, format!("Dev server is running and healthy{place}"));
        }
    }
}

#[derive(Debug)]
pub(super) struct Run {
    /// Its standard input is the lifeline: the supervisor ends its service when it is closed.
    child: Child,
    /// Its standard output, until that has ended.
    events: Option<LineReader>,
    /// The command that started it.
    reply_to: ReplyTo,
    /// The commands that want it stopped.
    pub stops: Vec<ReplyTo>,
    is_asked_to_end: bool,
    /// Whether the end of the service has been reported.
    has_exited: bool,
    /// Whether there was no port for it.
    has_conflict: bool,
    pub errors: ErrorWatch,
}

impl Run {
    fn start(mut supervisor: Command, reply_to: ReplyTo) -> io::Result<Self> {
        supervisor.stdin(Stdio::piped()).stdout(Stdio::piped());
        // In a process group of its own: Ctrl-C is for the runner, which then ends its supervisors.
        let mut child = supervisor.process_group(0).spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let events = Some(LineReader::new(stdout.into(), Lines::new(LONGEST_EVENT))?);
        Ok(Self {
            child,
            events,
            reply_to,
            stops: Vec::new(),
            is_asked_to_end: false,
            has_exited: false,
            has_conflict: false,
            errors: ErrorWatch::default(),
        })
    }

    /// Asks the supervisor to end, once: many servers take a second signal for an order to quit at once.
    pub fn ask_to_end(&mut self) {
        if !std::mem::replace(&mut self.is_asked_to_end, true) {
            self.signal(Signal::SIGTERM);
        }
    }

    /// The supervisor's pid.
    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// Sends the supervisor a signal, on which it acts even if somebody has suspended it.
    pub fn signal(&self, signal: Signal) {
        for signal in [signal, Signal::SIGCONT] {
            // The child has not been reaped, so the pid is still its own.
            let _gone = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal);
        }
    }

    /// Closes the supervisor's standard input, so that it ends the service.
    pub fn cut_lifeline(&mut self) {
        self.child.stdin = None;
        self.signal(Signal::SIGCONT);
    }

    /// Reads no more of the supervisor's events, so that it misses its caller.
    pub fn abandon(&mut self) {
        self.events = None;
    }

    /// How the supervisor ended, once it has and all its events have been read.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.events.is_some() { None } else { self.child.try_wait().unwrap_or_default() }
    }

    /// Reports that the service has ended, unless the supervisor has done so, and answers the commands that wanted
    /// it.
    pub fn report_end(&self, status: ExitStatus, is_ending: bool, out: &mut Output) {
        if !self.has_exited && (self.is_asked_to_end || is_ending) {
            out.not_started(self.stops.first().unwrap_or(&self.reply_to), None, None);
        } else if !self.has_exited {
            out.not_started(&self.reply_to, Some(self.failure_reason(status)), None);
        }
        for stop in &self.stops {
            out.ack(stop, "Dev server stopped successfully");
        }
    }

    /// Why the service was never started, although nobody stopped it.
    fn failure_reason(&self, status: ExitStatus) -> FailureReason {
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            _ if self.has_conflict => FailureReason::PortInUse,
            Some(exit_code::NOT_EXECUTABLE) => FailureReason::PermissionDenied,
            Some(exit_code::NOT_FOUND) => FailureReason::CommandNotFound,
            Some(_) | None => FailureReason::Unknown,
        }
    }

    /// Reports errors in the output of the running server, once they are due.
    pub fn report_errors(&mut self, now: Instant, out: &mut Output) {
        if let Some((error, message)) = self.errors.take_due(now) {
            let event = json!({ "type": "dev-server-error", "error": error, "message": message });
            out.write(&self.reply_to, event);
        }
    }
}
