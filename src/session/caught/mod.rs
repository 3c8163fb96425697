//! Scripts that are caught: a script that runs as it is starts the scripts of packages, and each of them is a session
//! of its own within the run, in the place of the package manager.
//!
//! - `call`: which script a package manager was called for · `service`: whether that script is a service, and which
//! - `report`: what the outer bowline is told · `beside`: what these sessions tell each other

mod beside;
mod call;
mod report;
mod service;

pub use call::{CalledScript, foreach, is_left_out};
pub use report::{Reporting, Telling};
pub use service::{configured, is_service, is_the_roots};

use super::nested::become_steps;
use super::options::Options;
use super::prepared::Prepared;
use crate::invocation::{Failure, Invocation};
use crate::launch::{self, LaunchSpec, PackageManager, Shims};
use crate::process::Exit;

/// Runs a script that only starts other ones, in the place of a modern Yarn: that would run those itself, and put its
/// own program in front of the shims. Where only Yarn can run it, as under Plug'n'Play, the text puts the shims back.
/// `None` for any other script.
pub fn instead_of_yarn(
    invocation: &Invocation,
    options: &Options,
    prepared: &Prepared<'_>,
    called: &CalledScript,
) -> Result<Option<Exit>, Failure> {
    let detected = prepared.detected();
    let choice = &detected.configured.manager;
    let is_yarn = choice.manager == PackageManager::Yarn && choice.is_modern_yarn();
    let Some(outer) = options.outer.as_ref().filter(|_| is_yarn && !called.by_manager) else {
        return Ok(None);
    };
    if detected.reading.has_own_programs(called.project.dir == outer.dir) {
        return Ok(None);
    }
    let mut spec = launch::plan(&prepared.launch(0, outer.session.as_str(), options));
    if let Some(dir) = &options.shims {
        if spec.main.argv.starts_with(&["yarn", "run", &called.script].map(Into::into)) {
            spec.main.argv = launch::exec_with_shims(&spec.command, dir).into();
        }
        add_shims(&mut spec, &Shims::written(dir.clone()), invocation);
    }
    become_steps(invocation, spec).map(Some)
}

/// Lets the programs of a launch find the shims.
pub fn add_shims(spec: &mut LaunchSpec, shims: &Shims, invocation: &Invocation) {
    for step in spec.scripts_mut() {
        shims.add(&mut step.environment, &invocation.caller);
    }
}
