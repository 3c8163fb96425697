//! A bowline within the script of another one: the outer one holds the port and supervises, so this one becomes the
//! command.

use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::invocation::Surroundings;
use crate::invocation::failure::{End, Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::launch::{Host, Inherited, Step};
use crate::process::Exit;
use crate::session::prepared::{Candidate, environment};
use crate::visible::Visible;

/// Runs the command on the port of the outer bowline, in place of this process if nothing comes after it.
pub fn become_command(
    around: &Surroundings,
    candidate: &Candidate<'_>,
    inherited: &Inherited,
    host: Option<&Host>,
) -> Result<End, Failure> {
    let mut spec = candidate.spec(inherited.port, &inherited.session, host, &[], None);
    for step in spec.pre.iter_mut().chain([&mut spec.main]).chain(&mut spec.post) {
        step.environment.set("BOWLINE_PROJECT_ID", &inherited.id);
    }
    if let Some(pre) = spec.pre {
        let end = run(around, &pre)?;
        if end != End::Code(0) {
            return Ok(end);
        }
    }
    let Some(post) = spec.post else {
        let name = spec.main.program.visible();
        return Err(not_started(&name, &command(around, &spec.main).exec()));
    };
    let end = run(around, &spec.main)?;
    if end == End::Code(0) { run(around, &post) } else { Ok(end) }
}

fn command(around: &Surroundings, step: &Step) -> Command {
    let mut command = Command::new(&step.program);
    if let [name, arguments @ ..] = &step.argv[..] {
        command.arg0(name).args(arguments);
    }
    command.current_dir(&step.cwd).env_clear().envs(environment(around, &step.environment));
    command
}

fn run(around: &Surroundings, step: &Step) -> Result<End, Failure> {
    use std::os::unix::process::ExitStatusExt;
    let name = step.program.visible();
    let status = command(around, step).status().map_err(|error| not_started(&name, &error))?;
    let signal = status.signal().and_then(|signal| crate::process::Signal::try_from(signal).ok());
    let code = status.code().unwrap_or(1).to_le_bytes()[0];
    Ok(signal.map_or(Exit::Code(code), Exit::Signal).into())
}

fn not_started(program: &str, error: &std::io::Error) -> Failure {
    let (code, message) = if error.kind() == std::io::ErrorKind::NotFound {
        (NOT_FOUND, format!("command not found: `{program}`"))
    } else if error.kind() == std::io::ErrorKind::PermissionDenied {
        (NOT_EXECUTABLE, format!("command not executable: `{program}`"))
    } else {
        (crate::invocation::failure::OTHER, format!("cannot run `{program}`: {error}"))
    };
    Failure::new(code, message, None)
}
