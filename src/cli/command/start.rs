//! `bowline start`: starts a supervisor in a session of its own, and reads its [`Introduction`] and events until
//! every service is ready or has ended.

use std::ffi::OsString;
use std::io::{self, PipeReader, Read};
use std::os::fd::AsFd;
use std::process::Child;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::cli::args::{self, Dev};
use crate::cli::command::{background, dev};
use crate::control::ControlError;
use crate::event::{Event, LONGEST_EVENT, Lines, State, Stream, What, how_ended};
use crate::exit_code::NOT_READY;
use crate::invocation::failure::{Failure, exit_of_service};
use crate::invocation::{Invocation, StartedBy};
use crate::process::Exit;
use crate::session::{Introduced, Introduction};
use crate::supervise::service::finished;
use crate::ui;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;
/// Silence after which the supervisor is checked for suspension, in milliseconds.
const SILENCE: u16 = 200;

/// `bowline start`; `arguments` are those of this process.
pub fn start(invocation: &Invocation, arguments: &[OsString], dev: &Dev) -> Result<Exit, Failure> {
    if dev.launch.dry_run {
        return dev::dev(invocation, dev);
    }
    start_projects(invocation, arguments, &arguments[args::command_index(arguments) + 1..])
}

/// `bowline start PROJECTS`, with the global options that are in `arguments`, those of this process.
pub fn start_projects(
    invocation: &Invocation,
    arguments: &[OsString],
    projects: &[OsString],
) -> Result<Exit, Failure> {
    if std::process::id() == 1 {
        let hint = "use `bowline` in its place, which ends when its services have".to_owned();
        let message = "this is the first process of a container, which ends with it, services included";
        invocation.warn(message, Some(hint));
    }
    let (stdout, child_stdout) = io::pipe()?;
    let (stderr, child_stderr) = io::pipe()?;
    let mut command = background::supervisor(invocation, arguments, projects)?;
    let child = command.stdout(child_stdout).stderr(child_stderr).spawn()?;
    // It holds the writing ends of both pipes, which would never end.
    drop(command);
    let mut waiting = Waiting {
        invocation,
        child,
        services: Vec::new(),
        ready: 0,
        failed: None,
        stopped: None,
        blocked: None,
    };
    waiting.read(stdout, stderr)?;
    waiting.conclude()
}

/// `bowline start` while it waits.
struct Waiting<'a> {
    invocation: &'a Invocation,
    child: Child,
    services: Vec<Introduced>,
    ready: usize,
    /// The exit of the first service that failed.
    failed: Option<Exit>,
    /// The first service that was stopped.
    stopped: Option<String>,
    /// The first service that was not started, as one that it needs has failed or was stopped.
    blocked: Option<String>,
}

impl Waiting<'_> {
    /// Reads events until the supervisor closes stdout, and passes stderr on.
    fn read(&mut self, mut stdout: PipeReader, mut stderr: PipeReader) -> Result<(), Failure> {
        let (mut buffer, mut lines) = (vec![0; CHUNK], Lines::new(LONGEST_EVENT));
        let (mut is_stdout_open, mut is_stderr_open) = (true, true);
        while is_stdout_open || is_stderr_open {
            let [events, text] =
                readable([is_stdout_open.then_some(&stdout), is_stderr_open.then_some(&stderr)])?;
            if !events && !text && is_suspended(&self.child) {
                let project = self.invocation.dir.to_string_lossy().into_owned();
                return Err(ControlError::Suspended { project, pid: self.child.id() }.into());
            }
            if text {
                let count = stderr.read(&mut buffer)?;
                is_stderr_open = count > 0;
                ui::pass(Stream::Stderr, &buffer[..count])?;
            }
            if events {
                let count = stdout.read(&mut buffer)?;
                is_stdout_open = count > 0;
                lines.push(&buffer[..count]);
                while let Some(line) = lines.next_line().map_err(io::Error::from)? {
                    self.handle_line(&String::from_utf8_lossy(&line))?;
                }
            }
        }
        Ok(())
    }

    fn handle_line(&mut self, line: &str) -> io::Result<()> {
        if let Ok(Introduction { services }) = serde_json::from_slice(line.as_bytes()) {
            self.services = services;
            return Ok(());
        }
        if self.invocation.json {
            ui::print(&format!("{line}\n"))?;
        }
        let Ok(event) = serde_json::from_slice(line.as_bytes()) else { return Ok(()) };
        self.handle_event(event)
    }

    fn handle_event(&mut self, event: Event) -> io::Result<()> {
        let Event { what, project_id: Some(project_id), .. } = event else { return Ok(()) };
        let (style, is_alone) = (self.invocation.style, self.services.len() < 2);
        let warning = style.warning("warning:");
        let print = |text: &str| {
            if !self.invocation.json && !self.invocation.quiet {
                ui::eprint_line(&format!("{}  {text}", style.name()));
            }
        };
        match what {
            What::PortDetected { url, .. } => {
                self.ready += 1;
                self.blocked.take_if(|blocked| *blocked == project_id);
                print(&format!("{} is ready   {}", self.name(&project_id), style.strong(url)));
            }
            What::Ready { .. } => {
                self.ready += 1;
                print(&format!("{} is ready", self.name(&project_id)));
            }
            What::PortReallocated { message, .. } if is_alone => print(&format!("{warning} {message}")),
            What::PortReallocated { message, .. } => {
                print(&format!("{warning} {}: {message}", self.name(&project_id)));
            }
            What::Blocked { message, .. } => {
                print(&format!("{warning} {} {message}", self.name(&project_id)));
                self.blocked.get_or_insert(project_id);
            }
            What::ProcessExited { state: State::Done, duration_ms, .. } => {
                self.ready += 1;
                let how = finished(Duration::from_millis(duration_ms));
                print(&format!("{} {how}", self.name(&project_id)));
            }
            What::ProcessExited { state: State::Stopped, .. } => {
                if !is_alone {
                    print(&format!("{warning} {} was stopped", self.name(&project_id)));
                }
                self.stopped.get_or_insert(project_id);
            }
            What::ProcessExited { exit_code, signal, state: State::Failed, message, stderr, .. } => {
                // Of a single service the supervisor itself prints the failure; only the output is missing.
                if !is_alone {
                    let how = how_ended(exit_code, signal.as_deref(), message);
                    print(&format!("{} {} {how}", style.error("error:"), self.name(&project_id)));
                }
                self.has_failed(exit_code, signal.as_deref(), stderr)?;
            }
            What::ProcessExited { .. }
            | What::Waiting { .. }
            | What::Ack { .. }
            | What::LogChunk { .. }
            | What::PortConflict { .. }
            | What::PortForwarded { .. }
            | What::Error { .. }
            | What::Noted { .. }
            | What::Unknown => {}
        }
        Ok(())
    }

    fn has_failed(
        &mut self,
        exit_code: Option<u8>,
        signal: Option<&str>,
        output: Option<String>,
    ) -> io::Result<()> {
        if let Some(lines) = output.filter(|_| !self.invocation.json) {
            ui::pass(Stream::Stderr, format!("{lines}\n").as_bytes())?;
        }
        // The other services go on, so a signal that ended this one must not end `bowline start`.
        let exit = exit_of_service(exit_code, signal, State::Failed);
        self.failed.get_or_insert(Exit::Code(exit.code().unwrap_or(NOT_READY)));
        Ok(())
    }

    fn introduced(&self, id: &str) -> Option<&Introduced> {
        self.services.iter().find(|introduced| introduced.project == id)
    }

    fn name(&self, id: &str) -> String {
        let live = || self.invocation.ports_to_read().live(id).map(|reservation| reservation.name);
        let name = self.introduced(id).map(|introduced| introduced.name.clone());
        name.or_else(live).unwrap_or_else(|| id.to_owned())
    }

    /// The exit code by the services if one is ready, else how the supervisor ended.
    fn conclude(mut self) -> Result<Exit, Failure> {
        use std::os::unix::process::ExitStatusExt;
        if self.ready > 0 {
            let stopped = self.stopped.or(self.blocked).map(|_| Exit::Code(NOT_READY));
            return Ok(self.failed.or(stopped).unwrap_or(Exit::Code(0)));
        }
        let status = self.child.wait()?;
        if let (Some(stopped), None) = (&self.stopped, self.failed) {
            let message = format!("`{}` was stopped before it was ready", self.name(stopped));
            return Err(unready(message, self.introduced(stopped), None));
        }
        if status.signal().is_some() && self.failed.is_none() {
            let names: Vec<_> = self.services.iter().map(|one| format!("`{}`", one.name)).collect();
            let whose = if names.is_empty() { String::new() } else { format!(" of {}", names.join(", ")) };
            let pid = self.child.id();
            let message = format!(
                "the supervisor{whose} (pid {pid}) was killed before its service was ready: {status}"
            );
            let hint = "its service has ended with it; start it again with `bowline start`";
            return Err(unready(message, self.services.first(), Some(hint)));
        }
        Ok(Exit::from(status))
    }
}

/// A failure with the last lines of the service's output.
fn unready(mut message: String, introduced: Option<&Introduced>, hint: Option<&str>) -> Failure {
    let lines = introduced.map(Introduced::last_lines).unwrap_or_default();
    if !lines.is_empty() {
        message.push('\n');
        message.push_str(&lines);
    }
    Failure::new(NOT_READY, message, hint.map(str::to_owned))
}

fn is_suspended(child: &Child) -> bool {
    let looking = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let pid = Pid::from_raw(child.id().cast_signed());
    pid.is_some_and(|pid| waitid(WaitId::Pid(pid), looking).is_ok_and(|status| status.is_some()))
}

/// Waits at most [`SILENCE`] until a pipe is readable, and returns which are.
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

/// `bowline supervise`, a hidden command: the supervisor that `start` starts.
pub fn supervise(mut invocation: Invocation, dev: &Dev) -> Result<Exit, Failure> {
    // Fails only for the leader of a process group, which `start` never makes it.
    let _leader = nix::unistd::setsid();
    invocation.started_by = StartedBy::Background;
    invocation.json = true;
    dev::dev(&invocation, dev)
}
