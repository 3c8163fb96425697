//! `bowline start`: the same program without a terminal, in a session of its own.
//!
//! The parent reads the child's events from a pipe until the child has nothing more to report: then every service is ready,
//! or has ended. The child is a supervisor as any other; that it outlives the terminal is the only difference.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, Read, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use serde::{Deserialize, Serialize};

use crate::cli::args::{self, Dev};
use crate::cli::command::dev;
use crate::control::{self, About, Answer};
use crate::event::{Event, Level, State, Stream, What, how_ended};
use crate::invocation::failure::{End, Failure, NOT_READY};
use crate::invocation::{Keeper, Surroundings};
use crate::launch;
use crate::logs;
use crate::process::outlet::Outlet;
use crate::process::{Exit, Signal};
use crate::supervise::Sink;
use crate::ui;

/// How much output is read at once.
const CHUNK: usize = 64 * 1024;
/// How many lines of a service's output are shown.
const LAST_LINES: usize = 20;
/// How long a supervisor may be silent before it is looked at, in milliseconds.
const SILENCE: u16 = 5_000;

/// `bowline start`; `arguments` are those of this process.
pub fn start(around: &Surroundings, arguments: &[OsString], dev: &Dev) -> Result<End, Failure> {
    if dev.launch.dry_run {
        return dev::dev(around, dev);
    }
    launch(around, &args::with_other_command(arguments, "supervise"))
}

/// Starts what is not running as `bowline start` would, which is given `projects` as its arguments. `arguments` begin
/// with those of this process up to the command.
pub fn start_projects(
    around: &Surroundings,
    arguments: &[OsString],
    projects: &[OsString],
) -> Result<End, Failure> {
    let before = arguments.iter().take(args::place(arguments)).cloned();
    let all: Vec<OsString> = before.chain(["supervise".into()]).chain(projects.iter().cloned()).collect();
    launch(around, &all)
}

fn launch(around: &Surroundings, arguments: &[OsString]) -> Result<End, Failure> {
    let (stdout, their_stdout) = io::pipe()?;
    let (stderr, their_stderr) = io::pipe()?;
    let program = std::env::current_exe()?;
    let mut command = Command::new(program);
    command.args(arguments.iter().skip(1));
    command.stdin(Stdio::null()).stdout(their_stdout).stderr(their_stderr);
    let child = command.spawn()?;
    // The command has the writing ends, too.
    drop(command);
    let mut waiting = Waiting::new(around, child);
    waiting.read(stdout, stderr)?;
    waiting.conclude()
}

/// The parent while it waits.
struct Waiting<'a> {
    around: &'a Surroundings,
    child: Child,
    /// The beginning of a line whose end has not come.
    lines: Vec<u8>,
    /// What it runs.
    services: Vec<Known>,
    ready: usize,
    /// How the first that failed has ended.
    failed: Option<End>,
    /// The first that somebody has stopped.
    stopped: Option<String>,
}

/// A service, as the child introduces it before all else.
#[derive(Debug, Deserialize, Serialize)]
struct Known {
    project: String,
    name: String,
    log: PathBuf,
    session: String,
}

/// The child's first line, which is not for others.
#[derive(Debug, Deserialize, Serialize)]
struct Introduction {
    services: Vec<Known>,
}

impl<'a> Waiting<'a> {
    fn new(around: &'a Surroundings, child: Child) -> Self {
        let (lines, services) = (Vec::new(), Vec::new());
        Self { around, child, lines, services, ready: 0, failed: None, stopped: None }
    }

    /// Reads what the child reports until it ends that, and passes on what it says to people.
    fn read(&mut self, mut stdout: PipeReader, mut stderr: PipeReader) -> Result<(), Failure> {
        let mut buffer = vec![0; CHUNK];
        let (mut reports, mut speaks) = (true, true);
        while reports || speaks {
            let ready = readable([reports.then_some(&stdout), speaks.then_some(&stderr)])?;
            if ready == [false, false] && is_stopped(&self.child) {
                let source = io::Error::other("it was stopped");
                let project = self.around.dir.to_string_lossy().into_owned();
                return Err(control::Error::NotConnected { project, pid: self.child.id(), source }.into());
            }
            let [events, words] = ready;
            if words {
                let count = stderr.read(&mut buffer)?;
                speaks = count > 0;
                io::stderr().write_all(&buffer[..count])?;
            }
            if events {
                let count = stdout.read(&mut buffer)?;
                reports = count > 0;
                self.lines.extend_from_slice(&buffer[..count]);
                while let Some(end) = self.lines.iter().position(|&byte| byte == b'\n') {
                    let line: Vec<u8> = self.lines.drain(..=end).collect();
                    self.hear(&String::from_utf8_lossy(&line))?;
                }
            }
        }
        Ok(())
    }

    fn hear(&mut self, line: &str) -> io::Result<()> {
        if let Ok(Introduction { services }) = serde_json::from_str(line) {
            self.services = services;
            return Ok(());
        }
        if self.around.json {
            ui::print(line)?;
        }
        let style = self.around.style;
        let say = |text: &str| {
            if !self.around.json && !self.around.quiet {
                ui::complain(&format!("{}  {text}", style.name()));
            }
        };
        match serde_json::from_str::<Answer>(line) {
            Ok(Answer::PortDetected { port, project_id }) => {
                self.ready += 1;
                say(&format!("{} is ready   {}", self.name(&project_id), style.strong(launch::url(port))));
            }
            Ok(Answer::PortReallocated { message, .. }) => {
                say(&format!("{} {message}", style.warning("warning:")));
            }
            Ok(Answer::ProcessExited { project_id, state: State::Stopped, .. }) => {
                if self.services.len() > 1 {
                    let name = self.name(&project_id);
                    say(&format!("{} {name} was stopped", style.warning("warning:")));
                }
                self.stopped.get_or_insert(project_id);
            }
            Ok(Answer::ProcessExited {
                project_id,
                exit_code,
                signal,
                state: State::Failed,
                failure_reason,
                stderr,
            }) => {
                // Of a single one the child itself says all but the output.
                if self.services.len() > 1 {
                    let how = how_ended(exit_code, signal.as_deref());
                    let reason = failure_reason.map_or_else(String::new, |reason| format!(": {reason}"));
                    let name = self.name(&project_id);
                    say(&format!("{} {name} has ended{how}{reason}", style.error("error:")));
                }
                if let Some(lines) = stderr.filter(|_| !self.around.json) {
                    ui::pass(Stream::Stderr, format!("{lines}\n").as_bytes())?;
                }
                self.failed.get_or_insert(match End::of_exit(exit_code, signal.as_deref(), State::Failed) {
                    End::Code(code) => End::Code(code),
                    // Others go on, and so does whoever has started them.
                    End::Signal(_) => End::Code(NOT_READY),
                });
            }
            Ok(_) | Err(_) => {}
        }
        Ok(())
    }

    /// The name of a project that runs.
    fn name(&self, id: &str) -> String {
        match self.services.iter().find(|known| known.project == id) {
            Some(known) => known.name.clone(),
            None => {
                let live = self.around.ports_to_read().live(id);
                live.map_or_else(|| id.to_owned(), |reservation| reservation.name)
            }
        }
    }

    /// As the child ended, unless it goes on.
    fn conclude(mut self) -> Result<End, Failure> {
        use std::os::unix::process::ExitStatusExt;
        if self.ready > 0 {
            let stopped = self.stopped.map(|_| End::Code(NOT_READY));
            return Ok(self.failed.or(stopped).unwrap_or(End::Code(0)));
        }
        let status = self.child.wait()?;
        if let (Some(stopped), None) = (&self.stopped, self.failed) {
            let message = format!("`{}` was stopped before it was ready", self.name(stopped));
            return Err(self.unready(message, Some(stopped), None));
        }
        if status.signal().is_some() && self.failed.is_none() {
            let names: Vec<String> = self.services.iter().map(|known| format!("`{}`", known.name)).collect();
            let whose = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
            let pid = self.child.id();
            let message = format!(
                "the supervisor{whose} (pid {pid}) was killed before its service was ready: {status}"
            );
            let first = self.services.first().map(|known| known.project.as_str());
            let hint = "its service has ended with it; start it again with `bowline start`";
            return Err(self.unready(message, first, Some(hint)));
        }
        let signal = status.signal().and_then(|number| Signal::try_from(number).ok());
        let code = status.code().unwrap_or(1).to_le_bytes()[0];
        Ok(signal.map_or(Exit::Code(code), Exit::Signal).into())
    }

    /// A failure with the last lines that the service has written.
    fn unready(&self, mut message: String, project: Option<&str>, hint: Option<&str>) -> Failure {
        let known = self.services.iter().find(|known| project == Some(known.project.as_str()));
        for line in known.map(Known::last_lines).unwrap_or_default() {
            message.push('\n');
            message.push_str(&line);
        }
        Failure::new(NOT_READY, message, hint.map(str::to_owned))
    }
}

impl Known {
    /// The last lines that it has written, without colours and cursor movements.
    fn last_lines(&self) -> Vec<String> {
        let records = logs::read(&self.log).unwrap_or_default();
        let ours = records.into_iter().filter(|record| record.session == self.session);
        let bytes: Vec<u8> = ours.flat_map(|record| record.bytes).collect();
        let text = anstream::adapter::strip_str(&String::from_utf8_lossy(&bytes)).to_string();
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
        let mut last: Vec<String> = lines.rev().take(LAST_LINES).map(str::to_owned).collect();
        last.reverse();
        last
    }
}

/// Whether somebody has stopped this child, so that nothing is to be expected of it.
fn is_stopped(child: &Child) -> bool {
    let looking = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let pid = Pid::from_raw(child.id().cast_signed());
    pid.is_some_and(|pid| waitid(WaitId::Pid(pid), looking).is_ok_and(|status| status.is_some()))
}

/// Waits for a while until one of these can be read, and says which.
fn readable(pipes: [Option<&PipeReader>; 2]) -> io::Result<[bool; 2]> {
    let mut watched: Vec<PollFd<'_>> =
        pipes.iter().flatten().map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::POLLIN)).collect();
    match poll(&mut watched, PollTimeout::from(SILENCE)) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut answers = watched.iter().map(|one| one.any().unwrap_or(false));
    Ok(pipes.map(|pipe| pipe.is_some() && answers.next().unwrap_or(false)))
}

/// `bowline supervise`: what `start` starts.
pub fn supervise(mut around: Surroundings, dev: &Dev) -> Result<End, Failure> {
    // It fails for the leader of a process group, which then has a session of its own already.
    let _leader = nix::unistd::setsid();
    around.keeper = Keeper::Nobody;
    around.json = true;
    dev::dev(&around, dev)
}

/// The child's report: the events, but for output, until all services are ready or have ended.
#[derive(Debug)]
pub struct Report {
    out: Option<Outlet>,
    services: Vec<Reported>,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
struct Reported {
    project: String,
    fate: Option<Fate>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Ready,
    Ended,
}

impl Report {
    /// Reports on these services, whose output `session` marks. Needs a running tokio runtime.
    ///
    /// # Errors
    /// No more descriptors.
    pub fn new(abouts: &[About], session: &str) -> io::Result<Self> {
        let known = |About { project, name, log, .. }: &About| Known {
            project: project.clone(),
            name: name.clone(),
            log: log.clone(),
            session: session.to_owned(),
        };
        let mut line = serde_json::to_vec(&Introduction { services: abouts.iter().map(known).collect() })?;
        line.push(b'\n');
        let mut out = Outlet::new(io::stdout().as_fd())?;
        out.push(&line);
        let reported = |about: &About| Reported { project: about.project.clone(), fate: None };
        let services = abouts.iter().map(reported).collect();
        Ok(Self { out: Some(out), services, buffer: vec![0; CHUNK].into() })
    }

    /// Whether there is nothing more to report although services run.
    fn is_complete(&self) -> bool {
        self.services.iter().all(|service| service.fate.is_some())
            && self.services.iter().any(|service| service.fate == Some(Fate::Ready))
    }

    /// Lets go of whoever started us.
    fn leave(&mut self) {
        self.out = None;
        if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
            // With descriptors of our own that are open this cannot fail.
            let _out = nix::unistd::dup2_stdout(&null);
            let _err = nix::unistd::dup2_stderr(&null);
        }
    }
}

impl Sink for Report {
    fn has_room(&self, _service: usize, _stream: Stream) -> bool {
        true
    }

    fn pass(&mut self, _service: usize, _stream: Stream, source: &mut dyn Read) -> io::Result<&[u8]> {
        let count = source.read(&mut self.buffer)?;
        Ok(&self.buffer[..count])
    }

    fn tell(&mut self, service: usize, what: What) {
        let Some(out) = &mut self.out else { return };
        let Some(reported) = self.services.get_mut(service) else { return };
        match &what {
            What::PortDetected { .. } => reported.fate = Some(Fate::Ready),
            What::ProcessExited { state, .. } if *state != State::Starting => {
                reported.fate = Some(Fate::Ended);
            }
            What::Noted { level: Level::Warning, message } => {
                ui::complain(&format!("bowline  warning: {message}"));
            }
            What::Noted { level: Level::Plain, .. }
            | What::ProcessExited { .. }
            | What::Ack { .. }
            | What::LogChunk { .. }
            | What::PortConflict { .. }
            | What::PortReallocated { .. }
            | What::Error { .. } => {}
        }
        if !matches!(what, What::Noted { .. }) {
            let mut line = Event::now(&reported.project, what).to_json();
            line.push('\n');
            out.push(line.as_bytes());
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(out) = &mut self.out {
            std::task::ready!(out.poll_drain(cx));
            if self.is_complete() {
                self.leave();
            }
        }
        Poll::Ready(())
    }
}
