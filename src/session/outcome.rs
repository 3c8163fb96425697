//! How bowline ends once its services have ended.

use std::io::{self, IsTerminal};
use std::os::fd::AsFd;

use super::backend::{SessionBackend, is_taken};
use super::framework_locks;
use super::prepared::Prepared;
use crate::event::FailureReason as Reason;
use crate::exit_code::{FAILURE, NO_PORT, NO_PROJECT, NOT_EXECUTABLE, NOT_FOUND, NOT_READY};
use crate::invocation::Failure;
use crate::launch::{self, LaunchSpec, Step};
use crate::process::async_fd::readable;
use crate::process::{Exit, Signal, descriptors, signals};
use crate::supervise::service::Ending;
use crate::supervise::{Backend, Finished, Interrupt, Outcome};
use crate::visible::{self, Visible};

/// The exit of the first service that ran, or the failure of the service that failed first.
pub fn conclude(finished: &Finished<SessionBackend<'_>>) -> Result<Exit, Failure> {
    let Finished { outcomes, backend, interrupt } = finished;
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by_key(|&service| outcomes[service].at);
    for service in order {
        let Some(mut failure) = failure_of(backend, service, &outcomes[service]) else { continue };
        if outcomes.len() > 1 {
            let name = &backend.prepared[service].project().name;
            failure.message = format!("`{name}`: {}", failure.message);
        }
        return Err(failure);
    }
    // A task that was done before says nothing of how the others were ended, and one that had not been started has no
    // exit.
    let ended = |requested| move |outcome: &&Outcome| outcome.ending.requested == requested;
    let [asked, unasked] = [true, false]
        .map(|requested| outcomes.iter().filter(ended(requested)).find_map(|outcome| outcome.ending.exit));
    let exit = asked.or(unasked).unwrap_or(Exit::Code(0));
    let Some(interrupt) = interrupt else { return Ok(exit) };
    if *interrupt == Interrupt::Quit {
        return Ok(Exit::Code(0));
    }
    // A shell gives up its script or loop only if what it waits for dies of the interrupt, and it has had one too
    // (ADR 10).
    let interrupted = Exit::Signal(Signal::SIGINT);
    let exit = if exit.success() { interrupted } else { exit };
    if (exit, *interrupt) == (interrupted, Interrupt::Typed) {
        signals::interrupt_group();
    }
    Ok(exit)
}

/// The exit of the first service, whatever it means.
pub fn exit(finished: &Finished<SessionBackend<'_>>) -> Exit {
    let Some(ending) = finished.outcomes.first().map(|outcome| outcome.ending) else { return Exit::Code(0) };
    let unstarted = match ending.errno {
        Some(nix::libc::ENOENT) => NOT_FOUND,
        Some(nix::libc::EACCES) => NOT_EXECUTABLE,
        Some(_) | None => u8::from(ending.failure.is_some() && !ending.requested) * FAILURE,
    };
    ending.exit.unwrap_or(Exit::Code(unstarted))
}

fn failure_of(backend: &SessionBackend<'_>, service: usize, outcome: &Outcome) -> Option<Failure> {
    let ending = outcome.ending;
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
        let manager = prepared.detected().configured.manager.manager.name();
        let script = prepared.detected().reading.script();
        let without = script
            .map_or_else(|| "without bowline".to_owned(), |name| format!("with `{manager} run {name}`"));
        let failure = describe(spec, reason, outcome, &without);
        let ended_with_input = || input_hint(ending).filter(|_| backend.shares_input());
        let port = || port_hint(backend, service, reason);
        let taken = || backend.taken(service).filter(|_| !ending.was_ready);
        let hint = framework_locks::hint(prepared)
            .or_else(port)
            .or_else(taken)
            .or_else(ended_with_input)
            .or(failure.hint);
        Some(Failure { hint, ..failure })
    })
}

/// What the program did with its port, if that is why it failed.
fn port_hint(backend: &SessionBackend<'_>, service: usize, reason: Reason) -> Option<String> {
    let port = backend.specs[service].port;
    // The whole tree has ended, so that whoever has the port now is a stranger.
    if backend.is_contested(service) && !is_taken(port) {
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
    let step = spec.steps().nth(ending.step).filter(|step| !is_before(spec, step))?;
    let detected = prepared.detected();
    let catalog = &detected.configured.config.catalog;
    launch::explain(status, step, &detected.reading, catalog).map(Failure::from)
}

/// `without` is how it is run without bowline.
fn describe(spec: &LaunchSpec, reason: Reason, outcome: &Outcome, without: &str) -> Failure {
    let Outcome { ending, how, lacked_conditions, .. } = outcome;
    let exit = ending.exit;
    let never_listened = ending.ended_unready();
    let (code, hint) = match reason {
        Reason::DirectoryMissing => (NO_PROJECT, None),
        Reason::CommandNotFound => {
            let hint = "install what `before` runs, or correct it in bowline.toml";
            (NOT_FOUND, spec.before.as_ref().filter(|_| ending.step == 0).map(|_| hint.to_owned()))
        }
        Reason::PermissionDenied => (NOT_EXECUTABLE, None),
        Reason::PortInUse => (
            NO_PORT,
            Some("see who holds it with `bowline ports`, or choose another port with `--port`".to_owned()),
        ),
        Reason::HealthCheckTimeout => (
            NOT_READY,
            Some(
                "look at its output, or allow more time with `ready = { timeout = \"…\" }` in bowline.toml"
                    .to_owned(),
            ),
        ),
        Reason::HealthCheckFailed | Reason::NeedFailed => (NOT_READY, None),
        Reason::ImmediateCrash | Reason::Unknown if never_listened => {
            let hint = "see in its output, or with `bowline logs`, why it ended";
            (NOT_READY, Some(format!("{hint}; if it is no server, run it {without}")))
        }
        Reason::ImmediateCrash | Reason::Unknown => {
            (FAILURE, exit.map(|_| "see why in its output, or with `bowline logs`".to_owned()))
        }
    };
    let message = if reason == Reason::DirectoryMissing {
        format!("the directory is gone: `{}`", spec.main.cwd.visible())
    } else {
        format!("{} {how}", command(spec, ending.step))
    };
    let limit = ending.errno.and_then(|errno| descriptors::hint(&io::Error::from_raw_os_error(errno)));
    // Why the port may not have arrived says more than that the time is over.
    let is_unplaced = reason == Reason::HealthCheckTimeout && !lacked_conditions || never_listened;
    let doubt = spec.doubt.clone().filter(|_| is_unplaced);
    let mut failure = Failure::new(code, message, limit.or(doubt).or(hint));
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

fn is_before(spec: &LaunchSpec, step: &Step) -> bool {
    spec.before.as_ref() == Some(step)
}

/// The command in messages; a pre or post script by its name.
fn command(spec: &LaunchSpec, step: usize) -> String {
    let step = spec.steps().nth(step).unwrap_or(&spec.main);
    // What is told of `before` is that the service was not started.
    if step.name == spec.main.name || is_before(spec, step) {
        format!("`{}`", visible::line(&spec.command))
    } else {
        format!("the script `{}`", visible::line(&step.name))
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::launch::{Changes, Delivery};

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
            before: None,
            pre: Some(step("predev")),
            main: step("dev"),
            post: None,
            command: "vite".to_owned(),
            delivery: Delivery::Flag,
            is_one_of_several: false,
            script_shell: None,
            notes: Vec::new(),
            doubt: None,
            warnings: Vec::new(),
        }
    }

    /// An outcome of the main step.
    fn outcome(exit: Option<Exit>, was_ready: bool) -> Outcome {
        let ending = Ending { step: 1, exit, was_ready, ..Ending::default() };
        Outcome {
            ending,
            how: "ended so".to_owned(),
            lacked_conditions: false,
            at: tokio::time::Instant::now(),
        }
    }

    fn assert_described(reason: Reason, exit: Option<Exit>, was_ready: bool, expected: (&str, Exit)) {
        let failure = describe(&spec(), reason, &outcome(exit, was_ready), "without bowline");
        assert_eq!((failure.message.as_str(), failure.exit), expected, "{reason:?} {exit:?}");
    }

    #[test]
    fn a_service_that_was_not_started_or_not_ready_has_a_code_of_ours() {
        let kill = Some(Exit::Signal(Signal::SIGKILL));
        let success = Some(Exit::Code(0));
        for (reason, exit, was_ready, message, code) in [
            (Reason::DirectoryMissing, None, false, "the directory is gone: `/app`", NO_PROJECT),
            (Reason::PortInUse, None, false, "`vite` ended so", NO_PORT),
            // The signal was sent by the supervisor.
            (Reason::HealthCheckTimeout, kill, false, "`vite` ended so", NOT_READY),
            (Reason::HealthCheckFailed, success, true, "`vite` ended so", NOT_READY),
            (Reason::ImmediateCrash, success, false, "`vite` ended so", NOT_READY),
            (Reason::Unknown, None, true, "`vite` ended so", FAILURE),
        ] {
            assert_described(reason, exit, was_ready, (message, Exit::Code(code)));
        }
    }

    #[test]
    fn a_service_that_failed_passes_its_exit_on() {
        for (reason, exit) in [
            (Reason::CommandNotFound, Exit::Code(127)),
            (Reason::PermissionDenied, Exit::Code(126)),
            (Reason::PortInUse, Exit::Code(1)),
            (Reason::ImmediateCrash, Exit::Code(7)),
            (Reason::Unknown, Exit::Signal(Signal::SIGSEGV)),
        ] {
            assert_described(reason, Some(exit), false, ("`vite` ended so", exit));
        }
    }

    #[test]
    fn a_doubtful_port_is_not_the_reason_if_the_service_listened() {
        let doubtful = LaunchSpec { doubt: Some("let it read `PORT`".to_owned()), ..spec() };
        for (lacked_conditions, hint) in [(false, "let it read `PORT`"), (true, "look at its output")] {
            let late = Outcome { lacked_conditions, ..outcome(Some(Exit::Code(0)), false) };
            let late = Outcome { ending: Ending { exit: None, ..late.ending }, ..late };
            let failure = describe(&doubtful, Reason::HealthCheckTimeout, &late, "without bowline");
            assert!(failure.hint.as_ref().is_some_and(|found| found.starts_with(hint)), "{failure:?}");
        }
    }

    #[test]
    fn a_pre_script_is_named() {
        let mut crash = outcome(Some(Exit::Code(2)), false);
        crash.ending.step = 0;
        let failure = describe(&spec(), Reason::ImmediateCrash, &crash, "without bowline");
        let expected = "the script `predev` ended so";
        assert_eq!((failure.message.as_str(), failure.exit), (expected, Exit::Code(2)));
    }

    #[test]
    fn a_script_that_is_no_server_can_be_run_without_bowline() {
        let ended = outcome(Some(Exit::Code(0)), false);
        let failure = describe(&spec(), Reason::ImmediateCrash, &ended, "with `npm run dev`");
        assert!(failure.hint.unwrap().ends_with("if it is no server, run it with `npm run dev`"));
    }
}
