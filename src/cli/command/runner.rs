//! `bowline runner`, and its supervisors, which end with the pipe on their standard input.

use std::io;
use std::process::Command;

use crate::cli::args::Exec;
use crate::cli::command::dev;
use crate::invocation::failure::Failure;
use crate::invocation::{Invocation, StartedBy};
use crate::process::{Exit, own_executable};
use crate::runner::{self as protocol, Host, Start};
use crate::{config, ui};

/// `bowline runner`.
pub fn runner(invocation: &Invocation) -> Result<Exit, Failure> {
    let catalog = config::catalog(&|name| invocation.variable(name))?;
    let state = invocation.state_to_write()?;
    // Run commands are written for bash.
    let shell = if invocation.caller.find("bash").is_some() { "bash" } else { "sh" };
    let supervise = |project: &str, start: &Start| {
        let mut command = Command::new(own_executable()?);
        command.args(["--json", "--state-dir"]).arg(state.root());
        command.args(["runner-exec", "--restart-running", &format!("--project-id={project}")]);
        if let Some(key) = start.framework.as_deref().filter(|key| catalog.find(key).is_ok()) {
            command.args(["--framework", key]);
        }
        command.args(["--", shell, "-c", &start.command]);
        // `PORT` of the runner is for the runner.
        command.current_dir(&start.dir).env_remove("PORT").envs(&start.env);
        if let Some(port) = start.port {
            command.env("PORT", port.to_string());
        }
        Ok(command)
    };
    let host = Host { supervise: &supervise, degraded: state.trouble().is_some() };
    match protocol::run(io::stdin(), ui::Answers, host) {
        Ok(signal) => Ok(signal.map_or(Exit::Code(0), Exit::Signal)),
        // The reader of stdout is gone, and every service has been stopped.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Code(0)),
        Err(error) => Err(error.into()),
    }
}

/// `bowline runner-exec`, a hidden command: `bowline exec` until the runner is gone.
pub fn exec(mut invocation: Invocation, exec: &Exec) -> Result<Exit, Failure> {
    invocation.started_by = StartedBy::Runner;
    invocation.json = true;
    dev::exec(&invocation, exec)
}
