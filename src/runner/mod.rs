//! The SentryVibe runner: its commands in, its events out, one JSON object a line.
//!
//! Each project has a supervisor of its own, this same program, which is told by the end of its standard input that the runner
//! is gone, however it went. The runner passes on what the supervisors say and adds which command it answers.
//!
//! - `command`: what comes in · `project`: what is known of each project.

mod command;
mod project;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Map, Value, json};

pub use command::Start;
use command::{Origin, Wish, parse};
use project::Project;

use crate::event::{Event, FailureReason, State, What};
use crate::process::Signal;

/// How often the runner says that it lives.
const STATUS: Duration = Duration::from_secs(15);
/// The longest command, in bytes.
const LONGEST: usize = 1024 * 1024;
/// How much may wait for the loop before whoever speaks has to wait.
const WAITING: usize = 256;

/// Makes the command that supervises a project's dev server. Its standard streams are set by the runner.
pub type Supervise<'a> = &'a dyn Fn(&str, &Start) -> io::Result<Command>;

/// Something that the loop has to act on.
enum Input {
    Command(Vec<u8>),
    TooLong,
    Over,
    Said(u64, Vec<u8>),
    Ended(u64),
}

/// A supervisor that runs.
struct Run {
    project: String,
    origin: Origin,
    /// The commands that want it stopped.
    stops: Vec<Origin>,
    child: Child,
    /// As long as this is open, the supervisor knows that the runner lives.
    _lifeline: Option<ChildStdin>,
    /// Whether the end of the service has been told.
    exited: bool,
}

/// The runner.
struct Runner<'a, W> {
    supervise: Supervise<'a>,
    out: W,
    projects: BTreeMap<String, Project>,
    runs: BTreeMap<u64, Run>,
    last: u64,
    inputs: SyncSender<Input>,
    started: Instant,
    next_status: Instant,
    ending: bool,
}

/// Serves the commands on `input` until it ends and every service has ended.
///
/// # Errors
/// Nobody reads the events any more.
pub fn run(input: impl Read + Send + 'static, out: impl Write, supervise: Supervise<'_>) -> io::Result<()> {
    let (inputs, arrived) = sync_channel(WAITING);
    let listen = inputs.clone();
    thread::spawn(move || read_commands(BufReader::new(input), &listen));
    let now = Instant::now();
    let mut runner = Runner {
        supervise,
        out,
        projects: BTreeMap::new(),
        runs: BTreeMap::new(),
        last: 0,
        inputs,
        started: now,
        next_status: now,
        ending: false,
    };
    let outcome = runner.serve(&arrived);
    runner.end_all();
    for run in runner.runs.values_mut() {
        run.child.wait()?;
    }
    outcome
}

/// Reads lines of a bounded length; longer ones are skipped and said to be so.
fn read_commands(mut input: impl BufRead, inputs: &SyncSender<Input>) {
    let limit = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    let mut skipping = false;
    loop {
        let mut line = Vec::new();
        let whole = match input.by_ref().take(limit).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => line.ends_with(b"\n"),
        };
        let cut = !whole && line.len() >= LONGEST;
        let said = match (skipping, cut) {
            (false, false) => Some(Input::Command(line)),
            (false, true) => Some(Input::TooLong),
            (true, _) => None,
        };
        skipping = cut;
        if said.is_some_and(|said| inputs.send(said).is_err()) {
            return;
        }
    }
    let _over = inputs.send(Input::Over);
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
                    self.error(&Origin::default(), "the command is longer than 1 MiB".to_owned())?;
                }
                Ok(Input::Over) => {
                    self.ending = true;
                    self.end_all();
                }
                Ok(Input::Said(run, line)) => self.relay(run, &line)?,
                Ok(Input::Ended(run)) => self.ended(run)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(())
    }

    fn command(&mut self, line: &[u8]) -> io::Result<()> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let (origin, wish) = parse(line);
        let (name, wish) = match wish {
            Ok(understood) => understood,
            Err(error) => return self.error(&origin, error),
        };
        self.emit(&origin, What::Ack { message: format!("Command {name} accepted") })?;
        match wish {
            Wish::Start { project, start } => self.start(origin, project, &start),
            Wish::Stop { project } => self.stop(origin, &project),
            Wish::FetchLogs { project, cursor, limit } => {
                let Some(known) = self.projects.get(&project) else {
                    return self.error(&origin, "Project not found".to_owned());
                };
                let pieces: Vec<_> = known.output(cursor.as_deref(), limit).cloned().collect();
                pieces.into_iter().try_for_each(|piece| self.write(&origin, piece))
            }
            Wish::HealthCheck => self.status(&origin),
        }
    }

    fn start(&mut self, origin: Origin, project: String, start: &Start) -> io::Result<()> {
        if !start.dir.is_dir() {
            let error = format!("no such directory: `{}`", start.dir.display());
            self.failed(&origin, FailureReason::DirectoryMissing, &error)?;
            return self.error(&origin, error);
        }
        let spawned = (self.supervise)(&project, start)
            .and_then(|mut command| command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn());
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                let error = format!("cannot start a supervisor: {error}");
                self.failed(&origin, FailureReason::Unknown, &error)?;
                return self.error(&origin, error);
            }
        };
        self.last += 1;
        let (run, inputs) = (self.last, self.inputs.clone());
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                let lines = BufReader::new(stdout).split(b'\n').map_while(Result::ok);
                for line in lines {
                    if inputs.send(Input::Said(run, line)).is_err() {
                        return;
                    }
                }
                let _over = inputs.send(Input::Ended(run));
            });
        }
        self.projects.entry(project.clone()).or_default().begin(run, origin.clone());
        let lifeline = child.stdin.take();
        let stops = Vec::new();
        self.runs.insert(run, Run { project, origin, stops, child, _lifeline: lifeline, exited: false });
        if self.ending {
            self.end_all();
        }
        Ok(())
    }

    fn stop(&mut self, origin: Origin, project: &str) -> io::Result<()> {
        let Some(known) = self.projects.get(project) else {
            return self.error(&origin, "Project not found".to_owned());
        };
        match known.run.and_then(|run| self.runs.get_mut(&run)) {
            Some(run) => {
                run.stops.push(origin);
                terminate(&run.child);
                Ok(())
            }
            None => self.error(&origin, "No running dev server found for project".to_owned()),
        }
    }

    fn end_all(&mut self) {
        self.runs.values().for_each(|run| terminate(&run.child));
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
                if let Some(stop) = known.stops.first() {
                    origin = stop.clone();
                }
            }
            _ => {}
        }
        self.write(&origin, event)?;
        if let Some(port) = ready {
            let message = format!("Dev server is running and healthy on port {port}");
            self.emit(&origin, What::Ack { message })?;
        }
        Ok(())
    }

    /// A supervisor has ended.
    fn ended(&mut self, run: u64) -> io::Result<()> {
        let Some(mut known) = self.runs.remove(&run) else { return Ok(()) };
        let status = known.child.wait()?;
        if let Some(project) = self.projects.get_mut(&known.project)
            && project.run == Some(run)
        {
            project.run = None;
        }
        if !known.exited && known.stops.is_empty() && !self.ending {
            let reason = match status.code() {
                Some(3) => FailureReason::PortInUse,
                Some(126) => FailureReason::PermissionDenied,
                Some(127) => FailureReason::CommandNotFound,
                Some(_) | None => FailureReason::Unknown,
            };
            self.failed(&known.origin, reason, "")?;
        }
        for stop in known.stops {
            self.emit(&stop, What::Ack { message: "Dev server stopped successfully".to_owned() })?;
        }
        Ok(())
    }

    /// Tells of a dev server that could not even be started.
    fn failed(&mut self, origin: &Origin, reason: FailureReason, stderr: &str) -> io::Result<()> {
        let what = What::ProcessExited {
            exit_code: None,
            signal: None,
            duration_ms: 0,
            state: State::Failed,
            failure_reason: Some(reason),
            stderr: Some(stderr.to_owned()).filter(|text| !text.is_empty()),
        };
        self.emit(origin, what)
    }

    fn pass_time(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.next_status <= now {
            self.next_status = now + STATUS;
            self.status(&Origin::default())?;
        }
        let settled: Vec<_> = self
            .projects
            .iter_mut()
            .filter_map(|(id, project)| {
                let (error, message) = project.settled(now)?;
                Some((Origin { project: Some(id.clone()), ..project.origin.clone() }, error, message))
            })
            .collect();
        for (origin, error, message) in settled {
            self.write(
                &origin,
                object(json!({ "type": "dev-server-error", "error": error, "message": message })),
            )?;
        }
        Ok(())
    }

    fn status(&mut self, origin: &Origin) -> io::Result<()> {
        let hostname = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
        let platform = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
        let payload = json!({
            "status": if self.ending { "offline" } else { "online" },
            "version": env!("CARGO_PKG_VERSION"),
            "hostname": hostname,
            "platform": platform,
            "uptimeSeconds": self.started.elapsed().as_secs(),
        });
        self.write(origin, object(json!({ "type": "runner-status", "payload": payload })))
    }

    fn error(&mut self, origin: &Origin, error: String) -> io::Result<()> {
        self.emit(origin, What::Error { error })
    }

    fn emit(&mut self, origin: &Origin, what: What) -> io::Result<()> {
        let event = serde_json::to_value(Event::now("", what)).unwrap_or_default();
        let mut event = object(event);
        event.remove("projectId");
        self.write(origin, event)
    }

    /// Writes an event with what it answers.
    fn write(&mut self, origin: &Origin, mut event: Map<String, Value>) -> io::Result<()> {
        let Origin { id, project, sentry } = origin;
        let timestamp = event.remove("timestamp").unwrap_or_else(|| {
            Value::String(humantime::format_rfc3339_millis(SystemTime::now()).to_string())
        });
        if let Some(id) = id {
            event.insert("commandId".to_owned(), Value::String(id.clone()));
        }
        if let Some(project) = project {
            event.insert("projectId".to_owned(), Value::String(project.clone()));
        }
        event.insert("timestamp".to_owned(), timestamp);
        if let Some(sentry) = sentry {
            event.insert("_sentry".to_owned(), sentry.clone());
        }
        let mut line = serde_json::to_vec(&event)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// Asks a supervisor, which is a child that has not been waited for, to end its service and itself.
fn terminate(child: &Child) {
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    let _gone = nix::sys::signal::kill(pid, Signal::SIGTERM);
}
