//! bowline in the script of another bowline: the outer one supervises, the inner one becomes the command.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::addresses::Addresses;
use super::options::Options;
use super::prepared::{Prepared, environment};
use crate::exit_code::{FAILURE, NOT_EXECUTABLE, NOT_FOUND};
use crate::invocation::{Failure, Invocation};
use crate::launch::{self, Inherited, LaunchRequest, LaunchSpec, Step};
use crate::port::Scheme;
use crate::process::{Exit, descriptors, tree};
use crate::visible::Visible;

/// Runs the command on the port of the outer bowline; replaces this process unless a post script follows.
pub fn become_command(
    invocation: &Invocation,
    options: &Options,
    prepared: &Prepared<'_>,
    inherited: &Inherited,
) -> Result<Exit, Failure> {
    // The outer bowline has set them, with the addresses of all services.
    let inherited_value = |name: &str| invocation.caller.text(name).map(str::to_owned);
    let own = Addresses::of(prepared, (inherited.port, inherited.scheme), options, |_| None);
    let own = own.environment(prepared).into_iter();
    let environment =
        own.map(|(name, value)| (name.clone(), inherited_value(&name).unwrap_or(value))).collect();
    let request = prepared.launch(inherited.port, &inherited.session, options);
    let request = LaunchRequest { environment: &environment, ..request };
    // The outer bowline may know more, and sees no more of the script than this one.
    let scheme = if request.scheme == Scheme::Https { request.scheme } else { inherited.scheme };
    let mut spec = launch::plan(&LaunchRequest { scheme, ..request });
    for step in spec.scripts_mut() {
        step.environment.set(tree::PROJECT, &inherited.id);
    }
    become_steps(invocation, spec)
}

/// Runs the steps of a launch; replaces this process unless one follows.
pub fn become_steps(invocation: &Invocation, spec: LaunchSpec) -> Result<Exit, Failure> {
    if let Some(pre) = spec.pre {
        let exit = run(invocation, &pre)?;
        if !exit.success() {
            return Ok(exit);
        }
    }
    let Some(post) = spec.post else {
        return Err(not_started(&spec.main, &command(invocation, &spec.main).exec()));
    };
    let exit = run(invocation, &spec.main)?;
    if exit.success() { run(invocation, &post) } else { Ok(exit) }
}

fn command(invocation: &Invocation, step: &Step) -> Command {
    let mut command = Command::new(&step.program);
    if let [name, arguments @ ..] = &step.argv[..] {
        command.arg0(name).args(arguments);
    }
    command.current_dir(&step.cwd).env_clear().envs(environment(invocation, &step.environment));
    command
}

fn run(invocation: &Invocation, step: &Step) -> Result<Exit, Failure> {
    let status = command(invocation, step).status().map_err(|error| not_started(step, &error))?;
    Ok(Exit::from(status))
}

fn not_started(step: &Step, error: &io::Error) -> Failure {
    let program = step.program.visible();
    let (code, message) = if error.kind() == io::ErrorKind::NotFound {
        (NOT_FOUND, format!("command not found: `{program}`"))
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        (NOT_EXECUTABLE, format!("command not executable: `{program}`"))
    } else {
        (FAILURE, format!("cannot run `{program}`: {error}"))
    };
    Failure::new(code, message, descriptors::hint(error))
}
