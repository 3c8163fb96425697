//! How bowline ends once its services have ended.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use super::backend::SessionBackend;
use super::framework_locks;
use super::prepared::Prepared;
use crate::event::FailureReason as Reason;
use crate::exit_code::{FAILURE, NO_PORT, NO_PROJECT, NOT_EXECUTABLE, NOT_FOUND, NOT_READY};
use crate::invocation::Failure;
use crate::launch::{self, LaunchSpec};
use crate::process::async_fd::readable;
use crate::process::{Exit, descriptors};
use crate::supervise::service::Ending;
use crate::supervise::{Backend, Outcome};
use crate::visible::{self, Visible};

/// The exit of the first service, or the failure of the service that failed first.
pub fn conclude(backend: &SessionBackend<'_>, outcomes: &[Outcome]) -> Result<Exit, Failure> {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by_key(|&service| outcomes[service].at);
    for service in order {
        let Some(mut failure) = failure_of(backend, service, outcomes[service].ending) else { continue };
        if outcomes.len() > 1 {
            let name = &backend.prepared[service].project().name;
            failure.message = format!("`{name}`: {}", failure.message);
        }
        return Err(failure);
    }
    Ok(outcomes.first().and_then(|outcome| outcome.ending.exit).unwrap_or(Exit::Code(0)))
}

fn failure_of(backend: &SessionBackend<'_>, service: usize, ending: Ending) -> Option<Failure> {
    let (prepared, spec) = (&backend.prepared[service], &backend.specs[service]);
    let misplaced = ending.failure == Some(Reason::HealthCheckFailed) && !ending.was_ready;
    if let Some(places) = backend.misplaced(service).filter(|_| misplaced) {
        let command = visible::line(&spec.command);
        let message = format!("`{command}` listens on {places}, not on port {}", spec.port);
        let hint = "let it read `PORT`, or name no port, so that the reservation can follow it";
        return Some(Failure::new(NOT_READY, message, Some(hint.to_owned())));
    }
    let reason = ending.failure.filter(|_| !ending.requested)?;
    missing_program(prepared, spec, reason, ending).or_else(|| {
        let failure = describe(spec, reason, ending);
        let ended_with_input = || input_hint(ending).filter(|_| backend.shares_input());
        let port = || port_hint(backend, service, reason);
        let hint = framework_locks::hint(prepared).or_else(port).or_else(ended_with_input).or(failure.hint);
        Some(Failure { hint, ..failure })
    })
}

/// What the program did with its port, if that is why it failed.
fn port_hint(backend: &SessionBackend<'_>, service: usize, reason: Reason) -> Option<String> {
    let port = backend.specs[service].port;
    if backend.is_contested(service) {
        return Some(format!(
            "two programs of it ask for port {port}, and only one can have it: let the other one ask for a port of its own"
        ));
    }
    let places = backend.elsewhere(service).filter(|_| reason == Reason::HealthCheckTimeout)?;
    Some(format!(
        "it listens on {places}, which is not taken for its server: let that read `PORT`, or allow more time with `ready = {{ timeout = \"…\" }}` in bowline.toml"
    ))
}

/// The failure of a command that was not found or may not be executed.
fn missing_program(
    prepared: &Prepared<'_>,
    spec: &LaunchSpec,
    reason: Reason,
    ending: Ending,
) -> Option<Failure> {
    if ending.was_ready || reason == Reason::DirectoryMissing {
        return None;
    }
    let status = match (ending.exit, ending.errno) {
        (Some(Exit::Code(code)), _) => code,
        (None, Some(nix::libc::ENOENT)) => NOT_FOUND,
        (None, Some(nix::libc::EACCES)) => NOT_EXECUTABLE,
        (Some(Exit::Signal(_)) | None, _) => return None,
    };
    let step = spec.steps().nth(ending.step).unwrap_or(&spec.main);
    let detected = &prepared.detected;
    let catalog = &detected.configured.config.catalog;
    launch::explain(status, step, &detected.reading, catalog).map(Failure::from)
}

fn describe(spec: &LaunchSpec, reason: Reason, ending: Ending) -> Failure {
    let command = command(spec, ending.step);
    let (port, exit) = (spec.port, ending.exit);
    let never_listened = ending.ended_unready();
    let (code, message, hint) = match reason {
        Reason::DirectoryMissing => {
            (NO_PROJECT, format!("the directory is gone: `{}`", spec.main.cwd.visible()), None)
        }
        Reason::CommandNotFound => (NOT_FOUND, format!("{command} {ending}: command not found"), None),
        Reason::PermissionDenied => (NOT_EXECUTABLE, format!("{command} {ending}: permission denied"), None),
        Reason::PortInUse => (
            NO_PORT,
            format!("{command} {ending}: another process has taken port {port}"),
            Some("see who holds it with `bowline ports`, or choose another port with `--port`"),
        ),
        Reason::HealthCheckTimeout => (
            NOT_READY,
            format!("{command} did not listen on port {port} in time"),
            Some("look at its output, or allow more time with `ready = { timeout = \"…\" }` in bowline.toml"),
        ),
        Reason::HealthCheckFailed => {
            (NOT_READY, format!("{command} stopped listening on port {port}, and {ending}"), None)
        }
        Reason::ImmediateCrash | Reason::Unknown if never_listened => (
            NOT_READY,
            format!("{command} ended with exit code 0 before it ever listened on port {port}"),
            Some("if it is no server, run it without bowline; otherwise look at its output"),
        ),
        Reason::ImmediateCrash | Reason::Unknown => (
            FAILURE,
            format!("{command} {ending}"),
            exit.map(|_| "see why in its output, above or with `bowline logs`"),
        ),
    };
    let again = if ending.gave_up { "; it was started several times and has failed every time" } else { "" };
    let limit = ending.errno.and_then(|errno| descriptors::hint(&io::Error::from_raw_os_error(errno)));
    let mut failure = Failure::new(code, message + again, limit.or(hint.map(str::to_owned)));
    // A service that was not ready in time was ended by us, so its exit says nothing.
    if let Some(exit) = exit.filter(|exit| !exit.success() && reason != Reason::HealthCheckTimeout) {
        failure.exit = exit;
    }
    failure
}

/// The advice for a program that ended as it should before it listened, if it may have done so because its standard
/// input had ended.
fn input_hint(ending: Ending) -> Option<String> {
    let stdin = io::stdin();
    // The end of a pipe is readable, and so is `/dev/null`.
    let is_over = !stdin.is_terminal() && readable(stdin.as_fd());
    (is_over && ending.ended_unready()).then(|| {
        "if it ends with its standard input, as `esbuild --watch` does, give it one that stays open, or run it with \
         `bowline start`; if it is no server, run it without bowline"
            .to_owned()
    })
}

/// The command in messages; a pre or post script by its name.
fn command(spec: &LaunchSpec, step: usize) -> String {
    let step = spec.steps().nth(step).unwrap_or(&spec.main);
    if step.name == spec.main.name {
        format!("`{}`", visible::line(&spec.command))
    } else {
        format!("the script `{}`", visible::line(&step.name))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::launch::{Changes, Delivery, Step};
    use crate::process::Signal;

    fn spec() -> LaunchSpec {
        let step = |name: &str| Step {
            name: name.to_owned(),
            program: PathBuf::from("sh"),
            argv: Vec::new(),
            cwd: PathBuf::from("/app"),
            environment: Changes::default(),
            programs: Vec::new(),
        };
        LaunchSpec {
            port: 3101,
            url: "http://localhost:3101".to_owned(),
            pre: Some(step("predev")),
            main: step("dev"),
            post: None,
            command: "vite".to_owned(),
            delivery: Delivery::Flag,
            notes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// An ending of the main step.
    fn ending(exit: Option<Exit>, was_ready: bool) -> Ending {
        Ending {
            step: 1,
            exit,
            failure: None,
            errno: None,
            after: Duration::ZERO,
            requested: false,
            was_ready,
            gave_up: false,
        }
    }

    fn assert_described(reason: Reason, exit: Option<Exit>, was_ready: bool, expected: (&str, Exit)) {
        let failure = describe(&spec(), reason, ending(exit, was_ready));
        assert_eq!((failure.message.as_str(), failure.exit), expected, "{reason:?} {exit:?}");
    }

    #[test]
    fn a_service_that_was_not_started_or_not_ready_has_a_code_of_ours() {
        let killed = "was ended, as its guardian was killed";
        let taken = format!("`vite` {killed}: another process has taken port 3101");
        let kill = Some(Exit::Signal(Signal::SIGKILL));
        let success = Some(Exit::Code(0));
        for (reason, exit, was_ready, message, code) in [
            (Reason::DirectoryMissing, None, false, "the directory is gone: `/app`", NO_PROJECT),
            (Reason::PortInUse, None, false, &taken, NO_PORT),
            // The signal was sent by the supervisor.
            (
                Reason::HealthCheckTimeout,
                kill,
                false,
                "`vite` did not listen on port 3101 in time",
                NOT_READY,
            ),
            (
                Reason::HealthCheckFailed,
                success,
                true,
                "`vite` stopped listening on port 3101, and ended with exit code 0",
                NOT_READY,
            ),
            (
                Reason::ImmediateCrash,
                success,
                false,
                "`vite` ended with exit code 0 before it ever listened on port 3101",
                NOT_READY,
            ),
            (Reason::Unknown, None, true, &format!("`vite` {killed}"), FAILURE),
        ] {
            assert_described(reason, exit, was_ready, (message, Exit::Code(code)));
        }
    }

    #[test]
    fn a_service_that_failed_passes_its_exit_on() {
        for (reason, exit, message) in [
            (Reason::CommandNotFound, Exit::Code(127), "exit code 127: command not found"),
            (Reason::PermissionDenied, Exit::Code(126), "exit code 126: permission denied"),
            (Reason::PortInUse, Exit::Code(1), "exit code 1: another process has taken port 3101"),
            (Reason::ImmediateCrash, Exit::Code(7), "exit code 7"),
            (Reason::Unknown, Exit::Signal(Signal::SIGSEGV), "SIGSEGV"),
        ] {
            assert_described(reason, Some(exit), false, (&format!("`vite` ended with {message}"), exit));
        }
    }

    #[test]
    fn a_pre_script_is_named_and_a_crash_loop_is_mentioned() {
        let crash = Ending { step: 0, gave_up: true, ..ending(Some(Exit::Code(2)), false) };
        let failure = describe(&spec(), Reason::ImmediateCrash, crash);
        let expected = "the script `predev` ended with exit code 2; it was started several times and has failed every time";
        assert_eq!((failure.message.as_str(), failure.exit), (expected, Exit::Code(2)));
    }
}
