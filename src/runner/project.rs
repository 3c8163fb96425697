//! A project of the runner, and the supervisor that runs its dev server.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use super::command::{ReplyTo, Start};
use super::reader::LineReader;
use super::trouble::ErrorWatch;
use crate::event::{FailureReason, LONGEST_EVENT};
use crate::exit_code;
use crate::process::Signal;

/// A start that waits for the end of what runs.
#[derive(Debug)]
pub(super) struct Next {
    pub reply_to: ReplyTo,
    pub start: Start,
}

/// What is known of a project since its first start.
#[derive(Debug)]
pub(super) struct Project {
    pub dir: PathBuf,
    pub run: Option<Run>,
    pub next: Option<Next>,
    /// The session of the first output that the runner has passed on, and the cursor of the last; empty without
    /// any.
    pub first_session: String,
    pub last_cursor: String,
}

impl Project {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, run: None, next: None, first_session: String::new(), last_cursor: String::new() }
    }
}

/// A supervisor that runs.
#[derive(Debug)]
pub(super) struct Run {
    /// Its standard input is the lifeline: the supervisor ends its service when it is closed.
    child: Child,
    /// What it says, until that has ended.
    pub events: Option<LineReader>,
    /// The command that started it.
    pub reply_to: ReplyTo,
    /// The commands that want it stopped.
    pub stops: Vec<ReplyTo>,
    pub is_asked_to_end: bool,
    /// Whether the end of the service has been told.
    pub has_exited: bool,
    /// Whether there was no port for it.
    pub has_conflict: bool,
    pub errors: ErrorWatch,
}

impl Run {
    /// Runs `supervisor`. Needs a running tokio runtime.
    ///
    /// # Errors
    /// The program cannot be executed.
    pub fn start(mut supervisor: Command, reply_to: ReplyTo) -> io::Result<Self> {
        supervisor.stdin(Stdio::piped()).stdout(Stdio::piped());
        // A terminal's Ctrl-C is for the runner, which then ends the others in order.
        let mut child = supervisor.process_group(0).spawn()?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let events = Some(LineReader::new(stdout.into(), LONGEST_EVENT)?);
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

    /// Asks the supervisor to end, once: many servers take a second signal for an order to drop everything.
    pub fn ask_to_end(&mut self) {
        if !std::mem::replace(&mut self.is_asked_to_end, true) {
            self.signal(Signal::SIGTERM);
        }
    }

    pub fn signal(&self, signal: Signal) {
        // The child has not been waited for, so the pid is its own.
        let _gone = nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id().cast_signed()), signal);
    }

    /// Ends the service by the end of the supervisor's standard input.
    pub fn cut_lifeline(&mut self) {
        self.child.stdin = None;
    }

    /// How the supervisor ended, once it has, and all that it said has been read.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        if self.events.is_some() { None } else { self.child.try_wait().unwrap_or_default() }
    }

    /// Why the service was never started, although nobody wanted that.
    pub fn failure_reason(&self, status: ExitStatus) -> FailureReason {
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            _ if self.has_conflict => FailureReason::PortInUse,
            Some(exit_code::NOT_EXECUTABLE) => FailureReason::PermissionDenied,
            Some(exit_code::NOT_FOUND) => FailureReason::CommandNotFound,
            Some(_) | None => FailureReason::Unknown,
        }
    }
}
