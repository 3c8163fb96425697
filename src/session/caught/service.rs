//! Whether a script that was called is a service, and which one of its package.

use super::call::CalledScript;
use crate::detect::catalog::Role;
use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::project::{DEV_SCRIPTS, Project};
use crate::session::configured::{Additions, ConfiguredProject, Runnable};
use crate::session::kind::NAMES_OF_SERVERS;
use crate::session::prepared::Detected;
use crate::session::script_beside;

/// The service that the script is, as a part of the run of `outer`.
///
/// # Errors
/// As [`ConfiguredProject::read`].
pub fn configured(
    invocation: &Invocation,
    called: &CalledScript,
    outer: &Reservation,
) -> Result<ConfiguredProject, Failure> {
    let CalledScript { project, script, arguments, .. } = called;
    let runnable = Runnable::Script { name: Some(script.clone()), arguments: arguments.clone() };
    let is_usual = project.dir != outer.dir && is_usual(invocation, project, script)?;
    let project = project.clone();
    let project = if is_usual { project } else { script_beside::name_after(project, script) };
    ConfiguredProject::read(invocation, project, runnable, Additions::default())
}

/// Whether the script is what `bowline` runs in the package: its dev script, or the one beneath that script which has
/// the server.
fn is_usual(invocation: &Invocation, project: &Project, script: &str) -> Result<bool, Failure> {
    // Nearly always, and then nothing more has to be read.
    if ConfiguredProject::is_usual_script(invocation, project, script) {
        return Ok(true);
    }
    let runnable = Runnable::Script { name: None, arguments: Vec::new() };
    let Ok(main) = ConfiguredProject::read(invocation, project.clone(), runnable, Additions::default())
    else {
        return Ok(false);
    };
    let main = Detected::new(invocation, &main, None, None)?;
    let server = main.detection.tool.and_then(|tool| main.reading.script_of(tool.command));
    Ok(server == Some(script))
}

/// Whether the script leads to the only program of the root's script: that has the port of `outer`.
pub fn is_the_roots(invocation: &Invocation, called: &CalledScript, outer: &Reservation) -> bool {
    let CalledScript { project, script, .. } = called;
    let leads_there = |name: Option<&str>| {
        let runnable = Runnable::Script { name: name.map(str::to_owned), arguments: Vec::new() };
        let main =
            ConfiguredProject::read(invocation, project.clone(), runnable, Additions::default()).ok()?;
        let main = Detected::new(invocation, &main, None, None).ok()?;
        Some(main.reading.has_one_program_by(script))
    };
    let calling = invocation.caller.text("npm_lifecycle_event");
    let mut of_root = calling.map(Some).into_iter().chain([None]);
    project.dir == outer.dir && outer.has_port() && of_root.any(|name| leads_there(name) == Some(true))
}

/// Whether the script is a service: it starts a program of its own, which is a server by its command or by the
/// script's name. At the root, a task runner starts programs of packages.
pub fn is_service(detected: &Detected<'_>, is_root: bool) -> bool {
    let Detected { reading, detection, .. } = detected;
    let first = reading.script().and_then(|name| name.split(':').next()).unwrap_or_default();
    let is_server = match detection.tool.map(|tool| tool.framework.role) {
        Some(Role::Runtime) => NAMES_OF_SERVERS.contains(&first),
        Some(Role::Main | Role::Side | Role::Last) => true,
        None => false,
    };
    (is_server || DEV_SCRIPTS.contains(&first)) && reading.has_own_programs(is_root)
}
