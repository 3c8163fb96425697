//! The SentryVibe runner: its commands in, its events out, one JSON object a line.
//!
//! Each project has a supervisor of its own, this same program, which is told by the end of its standard input that the runner
//! is gone, however it went. The runner passes on what the supervisors say and adds which command it answers.
//!
//! - `command`: what comes in · `input`: where it comes from · `output`: what goes out · `project`: what is known of each project.

mod command;
mod input;
mod output;
mod project;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use command::Start;
use command::{Origin, Wish, parse};
use input::{Input, Lifelines};
use output::Output;
use project::{Next, Project};

use crate::event::FailureReason;
use crate::process::Signal;
use crate::visible::Visible;

/// How often the runner says that it lives.
const STATUS: Duration = Duration::from_secs(15);

/// The last word on a command that ended a server.
const STOPPED: &str = "Dev server stopped successfully";

/// What the runner needs of the program around it.
#[derive(Clone, Copy)]
pub struct Host<'a> {
    /// Makes the command that supervises a project's dev server. Its standard streams are set by the runner.
    pub supervise: &'a dyn Fn(&str, &Start) -> io::Result<Command>,
    /// Whether the runner can do less than it should: it says so in its status.
    pub degraded: bool,
}

/// A supervisor that runs.
struct Run {
    project: String,
    origin: Origin,
    /// The commands that want it stopped.
    stops: Vec<Origin>,
    child: Child,
    /// Whether it has been asked to end. Many servers take a second signal for an order to drop everything.
    asked: bool,
    /// Whether the end of the service has been told.
    exited: bool,
}

/// The runner.
struct Runner<'a, W> {
    host: Host<'a>,
    out: Output<W>,
    projects: BTreeMap<String, Project>,
    runs: BTreeMap<u64, Run>,
    last: u64,
    inputs: SyncSender<Input>,
    lifelines: Lifelines,
    started: Instant,
    next_status: Instant,
    ending: bool,
    signal: Option<Signal>,
}

/// Serves the commands on `input` until it ends, or a signal wants that, and every service has ended. Answers with the signal.
///
/// # Errors
/// Nobody reads the events any more.
pub fn run(input: impl Read + Send + 'static, out: impl Write, host: Host<'_>) -> io::Result<Option<Signal>> {
    let (inputs, arrived) = input::inputs();
    let lifelines = Lifelines::new();
    input::watch_signals(inputs.clone(), lifelines.clone())?;
    input::listen(input, inputs.clone(), lifelines.clone());
    let now = Instant::now();
    let mut runner = Runner {
        host,
        out: Output(out),
        projects: BTreeMap::new(),
        runs: BTreeMap::new(),
        last: 0,
        inputs,
        lifelines,
        started: now,
        next_status: now,
        ending: false,
        signal: None,
    };
    let outcome = runner.serve(&arrived);
    runner.lifelines.cut();
    // Their last words have no reader; a pipe that is full would keep them from ending.
    drop(arrived);
    for run in runner.runs.values_mut() {
        run.child.wait()?;
    }
    outcome.map(|()| runner.signal)
}

impl<W: Write> Runner<'_, W> {
    fn serve(&mut self, arrived: &Receiver<Input>) -> io::Result<()> {
        while !(self.ending && self.runs.is_empty()) {
            self.pass_time()?;
            let due = self.projects.values().filter_map(Project::due).chain([self.next_status]).min();
            let left = due.map_or(STATUS, |due| due.saturating_duration_since(Instant::now()));
            match arrived.recv_timeout(left) {
                Ok(Input::Command(line)) => self.command(&line)?,
                Ok(Input::TooLong) => {
                    self.out.error(&Origin::default(), "the command is longer than 1 MiB")?;
                }
                // The lifelines have been cut.
                Ok(Input::Over) => self.ending = true,
                Ok(Input::Signal(signal)) => {
                    // As a supervisor in the foreground takes it: a second Ctrl-C kills.
                    self.runs.values().for_each(|run| send(&run.child, signal));
                    (self.ending, self.signal) = (true, Some(signal));
                }
                Ok(Input::Said(run, line)) => self.relay(run, &line)?,
                Ok(Input::Ended(run)) => self.ended(run)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.status(&Origin::default())
    }

    fn command(&mut self, line: &[u8]) -> io::Result<()> {
        if self.ending || line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let (origin, wish) = parse(line.trim_ascii_end());
        let (name, wish) = match wish {
            Ok(understood) => understood,
            Err(error) => return self.out.error(&origin, error),
        };
        self.out.ack(&origin, format!("Command {name} accepted"))?;
        match wish {
            Wish::Start { project, start } => self.start(origin, project, start),
            Wish::Stop { project } => self.stop(origin, &project),
            Wish::FetchLogs { project, cursor, limit } => {
                let Some(known) = self.projects.get(&project) else {
                    return self.out.error(&origin, "Project not found");
                };
                let pieces: Vec<_> = known.output(cursor.as_deref(), limit).cloned().collect();
                let count = pieces.len();
                pieces.into_iter().try_for_each(|piece| self.out.write(&origin, piece))?;
                // Without this nobody could tell a page that is short from one that is still being written.
                self.out.ack(&origin, format!("Fetched {count} log chunks"))
            }
            Wish::HealthCheck => self.status(&origin),
        }
    }

    fn start(&mut self, origin: Origin, project: String, start: Start) -> io::Result<()> {
        if !start.dir.is_dir() {
            let error = format!("no such directory: `{}`", start.dir.visible());
            self.out.failed(&origin, FailureReason::DirectoryMissing, &error)?;
            return self.out.error(&origin, error);
        }
        let known = self.projects.entry(project.clone()).or_default();
        let Some(run) = known.run else { return self.launch(origin, project, &start) };
        let replaced = known.next.replace(Next { origin, start });
        if let Some(run) = self.runs.get_mut(&run) {
            run.ask_to_end();
        }
        replaced.map_or(Ok(()), |replaced| self.never_started(&replaced.origin, "replaced by a later start"))
    }

    fn launch(&mut self, origin: Origin, project: String, start: &Start) -> io::Result<()> {
        // A terminal's Ctrl-C is for the runner, which then ends the others in order.
        let spawned = (self.host.supervise)(&project, start).and_then(|mut command| {
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).spawn()
        });
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                let error = format!("cannot start a supervisor: {error}");
                self.out.failed(&origin, FailureReason::Unknown, &error)?;
                return self.out.error(&origin, error);
            }
        };
        self.last += 1;
        let run = self.last;
        if let Some(lifeline) = child.stdin.take() {
            self.lifelines.hold(run, lifeline);
        }
        if let Some(stdout) = child.stdout.take() {
            input::hear(run, stdout, self.inputs.clone());
        }
        self.projects.entry(project.clone()).or_default().begin(run, origin.clone());
        let stops = Vec::new();
        self.runs.insert(run, Run { project, origin, stops, child, asked: false, exited: false });
        Ok(())
    }

    fn stop(&mut self, origin: Origin, project: &str) -> io::Result<()> {
        let Some(known) = self.projects.get_mut(project) else {
            return self.out.error(&origin, "Project not found");
        };
        let next = known.next.take();
        match known.run.and_then(|run| self.runs.get_mut(&run)) {
            Some(run) => {
                run.stops.push(origin);
                run.ask_to_end();
            }
            None => self.out.error(&origin, "No running dev server found for project")?,
        }
        next.map_or(Ok(()), |next| self.never_started(&next.origin, "stopped before it was started"))
    }

    fn never_started(&mut self, origin: &Origin, why: &str) -> io::Result<()> {
        self.out.never_started(origin)?;
        self.out.error(origin, why)
    }

    /// Passes on what a supervisor has said.
    fn relay(&mut self, run: u64, line: &[u8]) -> io::Result<()> {
        let Some(known) = self.runs.get_mut(&run) else { return Ok(()) };
        let Ok(Value::Object(event)) = serde_json::from_slice(line) else { return Ok(()) };
        let now = Instant::now();
        let mut origin = known.origin.clone();
        let project = self.projects.entry(known.project.clone()).or_default();
        let mut ready = None;
        match event.get("type").and_then(Value::as_str).unwrap_or_default() {
            "log-chunk" => project.keep(&event, now),
            "port-detected" => {
                project.ready(now);
                ready = event.get("port").and_then(Value::as_u64);
            }
            "process-exited" => {
                known.exited = event.get("state").and_then(Value::as_str) != Some("starting");
                project.ended();
                if let Some(stop) = known.stops.first() {
                    origin = stop.clone();
                }
            }
            _ => {}
        }
        self.out.write(&origin, event)?;
        match ready {
            Some(port) => self.out.ack(&origin, format!("Dev server is running and healthy on port {port}")),
            None => Ok(()),
        }
    }

    /// A supervisor has ended.
    fn ended(&mut self, run: u64) -> io::Result<()> {
        let Some(mut known) = self.runs.remove(&run) else { return Ok(()) };
        self.lifelines.release(run);
        let status = known.child.wait()?;
        if !known.exited && (known.asked || self.ending) {
            self.out.never_started(known.stops.first().unwrap_or(&known.origin))?;
        } else if !known.exited {
            let reason = match status.code() {
                Some(3) => FailureReason::PortInUse,
                Some(126) => FailureReason::PermissionDenied,
                Some(127) => FailureReason::CommandNotFound,
                Some(_) | None => FailureReason::Unknown,
            };
            self.out.failed(&known.origin, reason, "")?;
        }
        for stop in known.stops {
            self.out.ack(&stop, STOPPED)?;
        }
        let Some(project) = self.projects.get_mut(&known.project) else { return Ok(()) };
        project.run = None;
        match project.next.take() {
            Some(Next { origin, .. }) if self.ending => self.never_started(&origin, "the runner is ending"),
            Some(Next { origin, start }) => self.launch(origin, known.project, &start),
            None => Ok(()),
        }
    }

    fn pass_time(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.next_status <= now {
            self.next_status = now + STATUS;
            self.status(&Origin::default())?;
        }
        for (id, project) in &mut self.projects {
            if let Some((error, message)) = project.settled(now) {
                let origin = Origin { project: Some(id.clone()), ..project.origin.clone() };
                self.out.trouble(&origin, &error, &message)?;
            }
        }
        Ok(())
    }

    fn status(&mut self, origin: &Origin) -> io::Result<()> {
        let status = match (self.ending, self.host.degraded) {
            (true, _) => "offline",
            (false, true) => "degraded",
            (false, false) => "online",
        };
        self.out.status(origin, status, self.started)
    }
}

impl Run {
    fn ask_to_end(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            send(&self.child, Signal::SIGTERM);
        }
    }
}

/// Sends a signal to a supervisor, which is a child that has not been waited for.
fn send(child: &Child, signal: Signal) {
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let _gone = nix::sys::signal::kill(pid, signal);
}
