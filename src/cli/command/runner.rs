//! `bowline runner`, and `runner-exec`, the supervisors that it starts.

use std::process::Command;

use crate::cli::args::Exec;
use crate::cli::command::dev;
use crate::config;
use crate::invocation::{Failure, Invocation, StartedBy};
use crate::process::{Exit, own_executable};
use crate::runner::{self as protocol, Start};

pub fn runner(invocation: &Invocation) -> Result<Exit, Failure> {
    let catalog = config::catalog(&|name| invocation.variable(name))?;
    let state = invocation.state_to_write()?;
    // SentryVibe's run commands are written for bash.
    let shell = if invocation.caller.find("bash").is_some() { "bash" } else { "sh" };
    let supervise = |start: &Start| {
        let mut command = Command::new(own_executable()?);
        command.args(["--json", "--state-dir"]).arg(state.root());
        command.args(["runner-exec", "--restart-running", &format!("--project-id={}", start.project)]);
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
    let signal = protocol::run(&state, &supervise, invocation.parent.as_ref())?;
    Ok(signal.map_or(Exit::Code(0), Exit::Signal))
}

/// `bowline runner-exec`, a hidden command: `bowline exec` that ends when the runner is gone.
pub fn exec(mut invocation: Invocation, exec: &Exec) -> Result<Exit, Failure> {
    invocation.started_by = StartedBy::Runner;
    invocation.json = true;
    dev::exec(&invocation, exec)
}
