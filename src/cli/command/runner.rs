//! `bowline runner`, and the supervisors that it starts: each holds the other end of a pipe and ends when that is closed.

use std::io;
use std::process::Command;

use crate::cli::args::Exec;
use crate::cli::command::dev;
use crate::invocation::failure::{End, Failure};
use crate::invocation::{Keeper, Surroundings};
use crate::runner::{self as protocol, Host, Start};
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
