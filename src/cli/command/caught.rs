//! `bowline caught`, a hidden command: what the shims of a run call in the place of a package manager or shell.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::already_running;
use crate::cli::args::Caught;
use crate::event::{Level, What};
use crate::exit_code::{NOT_EXECUTABLE, NOT_FOUND};
use crate::invocation::{Failure, Invocation, StartedBy};
use crate::launch::{self, RUN_IN_WORKSPACE, SCRIPT_SHELL};
use crate::port::Reservation;
use crate::process::{Exit, set_name, tree};
use crate::script::PackageManager;
use crate::session::caught::{self, CalledScript, Telling};
use crate::session::{Options, Reserved, Session};

const SHELL: &str = "/bin/sh";

/// Runs the script as a service of its own if it is one, else becomes the real program.
pub fn caught(mut invocation: Invocation, caught: &Caught) -> Result<Exit, Failure> {
    // The kernel has named the process after the shim.
    set_name(c"bowline");
    let inherited = invocation.caller.clone();
    launch::without_shims(&mut invocation.caller, &caught.shims);
    (invocation.started_by, invocation.quiet) = (StartedBy::Caught, true);
    let [program, arguments @ ..] = &caught.command[..] else { return Ok(Exit::Code(0)) };
    let program = program.to_string_lossy();
    if program == RUN_IN_WORKSPACE && caught::is_left_out(arguments, &invocation.caller) {
        return Ok(Exit::Code(0));
    }
    let ports = invocation.ports_to_read();
    let live = ports.of_session(&caught.session);
    let outer = live.iter().find(|one| one.dir == caught.root).or(live.first());
    let called =
        outer.and_then(|outer| Some((outer, CalledScript::of(&program, arguments, &invocation.caller)?)));
    if let Some((outer, called)) = called {
        invocation.caller.forget_service(&ports.dir().preload());
        // A task runner may have kept it, and taken away what says that it is the outer service's.
        if outer.has_port() && invocation.caller.text("PORT") == Some(&*outer.port.to_string()) {
            invocation.caller.variables.remove(OsStr::new("PORT"));
        }
        match serve(&invocation, &called, outer, caught) {
            Ok(Some(exit)) => return Ok(exit),
            Ok(None) => {}
            Err(failure) => {
                let message = format!("it is not supervised: {}", failure.message);
                let warning = What::Noted { level: Level::Warning, message };
                Telling::new(outer, &called.project.name, &called.project.id).tell(warning);
            }
        }
    }
    invocation.caller = inherited;
    Err(become_program(&invocation, caught, outer, (&program, arguments)))
}

/// Runs the script under supervision. `None` if it is no service, or is a part of one that is supervised already.
fn serve(
    invocation: &Invocation,
    called: &CalledScript,
    outer: &Reservation,
    caught: &Caught,
) -> Result<Option<Exit>, Failure> {
    if is_within_service(invocation, called, outer) || caught::is_the_roots(invocation, called, outer) {
        return Ok(None);
    }
    let configured = caught::configured(invocation, called, outer)?;
    let options = Options {
        outer: Some(outer.clone()),
        shims: Some(caught.shims.clone()),
        without_hooks: called.by_manager,
        ..Options::from(&caught.each)
    };
    let mut session = Session::new(invocation, &options, vec![configured])?;
    let Some(one) = session.prepared.first() else { return Ok(None) };
    if !caught::is_service(one.detected(), called.project.dir == outer.dir) {
        return caught::instead_of_yarn(invocation, &options, one, called);
    }
    loop {
        match session.reserve()? {
            Reserved::Lease(lease) => return session.supervise(lease).map(Some),
            Reserved::AlreadyRunning(running) => {
                let exit = already_running::decide(invocation, false, &mut session, &running)?;
                if exit.is_some() {
                    return Ok(exit);
                }
            }
        }
    }
}

/// Whether the script is a part of a service of its package that is supervised already: that gives the port to the
/// program that should have it.
fn is_within_service(invocation: &Invocation, called: &CalledScript, outer: &Reservation) -> bool {
    let inherited = &invocation.caller;
    let is_of_outer = inherited.text(tree::SESSION) == Some(outer.session.as_str());
    !is_of_outer && inherited.raw("BOWLINE_PROJECT_DIR").is_some_and(|dir| dir == called.project.dir)
}

/// Executes the program that the shim stands for, with the shims beneath it as well.
fn become_program(
    invocation: &Invocation,
    caught: &Caught,
    outer: Option<&Reservation>,
    (name, arguments): (&str, &[OsString]),
) -> Failure {
    let name = if name == RUN_IN_WORKSPACE { PackageManager::Yarn.name() } else { name };
    let mut real = invocation.caller.clone();
    launch::without_shims(&mut real, &caught.shims);
    let program = if name == SCRIPT_SHELL { caught.shell.clone() } else { real.find(name) };
    let Some(program) = program.or_else(|| (name == SCRIPT_SHELL).then(|| SHELL.into())) else {
        return Failure::new(NOT_FOUND, format!("command not found: `{name}`"), None);
    };
    let mut command = Command::new(program);
    if name == SCRIPT_SHELL {
        command.arg0("sh");
    } else if name != "bash" {
        command.arg0(name);
    }
    // A task runner may have taken the variables away.
    if let Some(outer) = outer.filter(|_| invocation.caller.raw(tree::SESSION).is_none()) {
        command.env(tree::SESSION, outer.session.as_str()).env(tree::PROJECT, &outer.project);
    }
    let is_yarn = name == PackageManager::Yarn.name() && outer.is_some();
    let changed = is_yarn.then(|| caught::foreach(arguments, &caught.shims.join(RUN_IN_WORKSPACE))).flatten();
    command.args(changed.as_deref().unwrap_or(arguments));
    if outer.is_some() {
        command.envs(launch::shim_variables(&caught.shims, invocation.caller.raw("PATH")));
    }
    let error = command.exec();
    let is_missing = error.kind() == std::io::ErrorKind::NotFound;
    let code = if is_missing { NOT_FOUND } else { NOT_EXECUTABLE };
    Failure::new(code, format!("cannot run `{}`: {error}", OsStr::new(name).to_string_lossy()), None)
}
