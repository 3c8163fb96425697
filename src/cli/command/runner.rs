//! `bowline runner`, and the supervisors that it starts: each holds the other end of a pipe and ends when that is closed.

use std::io;
use std::os::fd::AsFd;
use std::process::Command;
use std::task::{Context, Poll};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::io::Interest;

use crate::cli::args::Exec;
use crate::cli::command::dev;
use crate::control::Server;
use crate::event::{State, Stream, What};
use crate::invocation::failure::{End, Failure};
use crate::invocation::{Keeper, Surroundings};
use crate::process::readiness::{Watched, watch};
use crate::runner::{self as protocol, Host, Start};
use crate::supervise::{Command as Order, Condition, Control};
use crate::{config, ui};

/// `bowline runner`.
pub fn runner(around: &Surroundings) -> Result<End, Failure> {
    let program = std::env::current_exe()?;
    let catalog = config::catalog(&|name| around.variable(name))?;
    let state = around.state_to_write()?;
    // What a run command is written for, where there is one.
    let shell = if around.caller.find("bash").is_some() { "bash" } else { "sh" };
    let supervise = |project: &str, start: &Start| {
        let mut command = Command::new(&program);
        command.args(["--json", "--state-dir"]).arg(state.root());
        command.args(["tethered", "--restart-running", &format!("--project-id={project}")]);
        if let Some(key) = start.framework.as_deref().filter(|key| catalog.find(key).is_ok()) {
            command.args(["--framework", key]);
        }
        command.args(["--", shell, "-c", &start.command]);
        // The runner's own port is nobody else's wish.
        command.current_dir(&start.dir).env_remove("PORT").envs(&start.env);
        if let Some(port) = start.port {
            command.env("PORT", port.to_string());
        }
        Ok(command)
    };
    let host = Host { supervise: &supervise, degraded: state.trouble().is_some() };
    match protocol::run(io::stdin(), ui::Answers, host) {
        Ok(signal) => Ok(signal.map_or(End::Code(0), End::Signal)),
        // Nobody reads what it says: every service has been stopped.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(End::Code(0)),
        Err(error) => Err(error.into()),
    }
}

/// What the runner starts: as `bowline exec`, until the runner is gone.
pub fn supervise(mut around: Surroundings, exec: &Exec) -> Result<End, Failure> {
    around.keeper = Keeper::Runner;
    around.json = true;
    dev::exec(&around, exec)
}

/// A control that wants every service to end when the standard input does.
#[derive(Debug)]
pub struct Tether {
    server: Server,
    stdin: Option<Watched>,
    /// How each service is. One that is ending already is not told again.
    states: Vec<State>,
    /// How many services are still to be told.
    untold: usize,
}

impl Tether {
    /// The commands of `server`, and the tether of `services` services if there is one. Needs a running tokio runtime.
    ///
    /// # Errors
    /// The standard input cannot be watched.
    pub fn new(server: Server, services: usize, tethered: bool) -> io::Result<Self> {
        let watched = |input: io::Stdin| {
            let copy = input.as_fd().try_clone_to_owned()?;
            fcntl(&copy, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
            watch(copy, Interest::READABLE)
        };
        let stdin = if tethered { Some(watched(io::stdin())?) } else { None };
        Ok(Self { server, stdin, states: vec![State::Idle; services], untold: 0 })
    }

    fn look(&mut self, cx: &mut Context<'_>) {
        while let Some(stdin) = &self.stdin {
            let Poll::Ready(readiness) = stdin.poll_read_ready(cx) else { return };
            let mut bytes = [0; 512];
            match (readiness, nix::unistd::read(stdin.get_ref(), &mut bytes)) {
                (Ok(mut readiness), Err(nix::errno::Errno::EAGAIN)) => readiness.clear_ready(),
                (Ok(_), Ok(count)) if count > 0 => {}
                (Ok(_), Err(nix::errno::Errno::EINTR)) => {}
                (Ok(_) | Err(_), Ok(_) | Err(_)) => {
                    self.stdin = None;
                    self.untold = self.states.len();
                }
            }
        }
    }
}

impl Control for Tether {
    fn poll_command(&mut self, cx: &mut Context<'_>) -> Poll<Order> {
        self.look(cx);
        while self.untold > 0 {
            self.untold -= 1;
            if matches!(self.states[self.untold], State::Idle | State::Starting | State::Running) {
                return Poll::Ready(Order::Stop(self.untold));
            }
        }
        self.server.poll_command(cx)
    }

    fn wrote(&mut self, service: usize, stream: Stream, bytes: &[u8]) {
        self.server.wrote(service, stream, bytes);
    }

    fn tell(&mut self, service: usize, what: &What) {
        self.server.tell(service, what);
    }

    fn changed(&mut self, service: usize, now: Condition) {
        if let Some(state) = self.states.get_mut(service) {
            *state = now.state;
        }
        self.server.changed(service, now);
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.server.poll_drain(cx)
    }
}
