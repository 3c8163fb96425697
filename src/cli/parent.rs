//! Which commands end with the process that started bowline.

use super::args::{CliCommand, Dev, Exec, Foreground};
use crate::invocation::{Failure, Invocation};
use crate::process::caller::Parent;

/// Finds the process that the command is to end with, if it is to end with any. Returns false if that is gone.
pub fn tie(invocation: &mut Invocation, command: &CliCommand) -> Result<bool, Failure> {
    let option = match command {
        CliCommand::Dev(Foreground { dev: Dev { launch, .. }, .. })
        | CliCommand::Start(Dev { launch, .. })
        | CliCommand::Exec(Exec { launch, .. }) => launch.parent.with_parent,
        // Its parent is `bowline start`, which has found its own.
        CliCommand::Supervise(Dev { launch, .. }) => {
            let asked = launch.parent.parent;
            invocation.parent = asked.and_then(Parent::of);
            return Ok(asked.is_none() || invocation.parent.is_some());
        }
        CliCommand::Runner
        | CliCommand::Restart { .. }
        | CliCommand::Attach(_)
        | CliCommand::Logs(_)
        | CliCommand::Open(_)
        | CliCommand::Wait(_) => false,
        // The runner is its caller, and holds its lifeline.
        CliCommand::RunnerExec(_)
        // Its caller is the run, which ends it.
        | CliCommand::Caught(_)
        // These soon end by themselves.
        | CliCommand::Stop(_)
        | CliCommand::Ls
        | CliCommand::Status(_)
        | CliCommand::Port { .. }
        | CliCommand::Ports { .. }
        // Its services must outlive it, and it ends with its standard input anyway.
        | CliCommand::Mcp
        | CliCommand::Detect(_)
        | CliCommand::Doctor
        | CliCommand::Schema
        | CliCommand::Completions { .. }
        | CliCommand::Agents(_)
        | CliCommand::Man { .. } => return Ok(true),
    };
    invocation.find_parent(option)
}
