//! Whether a script that was called is a service, and which one of its package.

use super::call::CalledScript;
use crate::detect::catalog::Role;
use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::project::{DEV_SCRIPTS, Project};
use crate::session::configured::{Additions, ConfiguredProject, Runnable};
use crate::session::prepared::Detected;

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
    let mut project = project.clone();
    if !is_usual {
        project.id = format!("{}#{script}", project.id);
        project.name = format!("{}#{script}", project.name);
    }
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

/// Whether the script is a service: it starts a program of its own, which is a server by its command or by the
/// script's name. At the root, a task runner starts programs of packages.
pub fn is_service(detected: &Detected<'_>, is_root: bool) -> bool {
    let Detected { reading, detection, .. } = detected;
    let is_server = detection.tool.is_some_and(|tool| tool.framework.role != Role::Runtime);
    let first = reading.script().and_then(|name| name.split(':').next()).unwrap_or_default();
    reading.has_own_programs(is_root) && (is_server || DEV_SCRIPTS.contains(&first))
}
