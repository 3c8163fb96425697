//! The end of bowline when its services have ended.

use super::backend::Services;
use super::framework_locks;
use super::prepared::Prepared;
use crate::event::FailureReason;
use crate::exit_code::{FAILURE, NO_PORT, NO_PROJECT, NOT_EXECUTABLE, NOT_FOUND, NOT_READY};
use crate::invocation::failure::Failure;
use crate::launch::{self, LaunchSpec};
use crate::process::Exit;
use crate::supervise::Outcome;
use crate::supervise::service::Ending;
use crate::visible::{self, Visible};

/// The exit of the first service, or the failure of the service that failed first.
///
/// # Errors
/// A service failed.
pub fn conclude(backend: &Services<'_>, outcomes: &[Outcome]) -> Result<Exit, Failure> {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by_key(|&service| outcomes[service].at);
    let failed = |service| Some((service, failure_of(backend, service, outcomes[service].ending)?));
    if let Some((service, mut failure)) = order.into_iter().find_map(failed) {
        if outcomes.len() > 1 {
            let name = &backend.prepared()[service].project().name;
            failure.message = format!("`{name}`: {}", failure.message);
        }
        return Err(failure);
    }
    Ok(outcomes.first().and_then(|outcome| outcome.ending.exit).unwrap_or(Exit::Code(0)))
}

fn failure_of(backend: &Services<'_>, service: usize, ending: Ending) -> Option<Failure> {
    let (prepared, spec) = (&backend.prepared()[service], &backend.specs()[service]);
    let misplaced = ending.failure == Some(FailureReason::HealthCheckFailed) && !ending.was_ready;
    if let Some(places) = backend.elsewhere(service).filter(|_| misplaced) {
        return Some(listens_elsewhere(&places, spec));
    }
    let reason = ending.failure.filter(|_| !ending.requested)?;
    missing_program(prepared, spec, reason, ending).or_else(|| {
        let mut failure = describe(spec, reason, ending);
        if let Some(holder) = framework_locks::holder(prepared) {
            failure.hint = Some(holder.hint());
        }
        Some(failure)
    })
}

fn listens_elsewhere(places: &str, spec: &LaunchSpec) -> Failure {
    let message =
        format!("`{}` listens on {places}, not on port {}", visible::line(&spec.command), spec.port);
    let hint = "let it read `PORT`, or name no port, so that the reservation can follow it";
    Failure::new(NOT_READY, message, Some(hint.to_owned()))
}

/// The failure of a command that was not found or may not be executed.
fn missing_program(
    prepared: &Prepared<'_>,
    spec: &LaunchSpec,
    reason: FailureReason,
    ending: Ending,
) -> Option<Failure> {
    if ending.was_ready || reason == FailureReason::DirectoryMissing {
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
    launch::explain(i32::from(status), step, &detected.reading, catalog).map(Failure::from)
}

/// The failure of a service, from its reason and ending.
fn describe(spec: &LaunchSpec, reason: FailureReason, ending: Ending) -> Failure {
    let command = command(spec, ending.step);
    let (port, exit) = (spec.port, ending.exit);
    let (code, message, hint) = match reason {
        FailureReason::DirectoryMissing => {
            (NO_PROJECT, format!("the directory is gone: `{}`", spec.main.cwd.visible()), None)
        }
        FailureReason::CommandNotFound => (NOT_FOUND, format!("{command} {ending}: command not found"), None),
        FailureReason::PermissionDenied => {
            (NOT_EXECUTABLE, format!("{command} {ending}: permission denied"), None)
        }
        FailureReason::PortInUse => (
            NO_PORT,
            format!("{command} {ending}: another process has taken port {port}"),
            Some("see who holds it with `bowline ports`, or choose another port with `--port`"),
        ),
        FailureReason::HealthCheckTimeout => (
            NOT_READY,
            format!("{command} did not listen on port {port} in time"),
            Some("look at its output, or allow more time with `ready = { timeout = \"…\" }` in bowline.toml"),
        ),
        FailureReason::HealthCheckFailed => {
            (NOT_READY, format!("{command} stopped listening on port {port}, and {ending}"), None)
        }
        FailureReason::ImmediateCrash | FailureReason::Unknown
            if exit == Some(Exit::Code(0)) && !ending.was_ready =>
        {
            (
                NOT_READY,
                format!("{command} ended with exit code 0 before it ever listened on port {port}"),
                Some("if it is no server, run it without bowline; otherwise look at its output"),
            )
        }
        FailureReason::ImmediateCrash | FailureReason::Unknown => (
            FAILURE,
            format!("{command} {ending}"),
            exit.map(|_| "see why in its output, above or with `bowline logs`"),
        ),
    };
    let again = if ending.gave_up { "; it was started several times and has failed every time" } else { "" };
    let mut failure = Failure::new(code, message + again, hint.map(str::to_owned));
    // The exit of a service that was ended for being late is our doing.
    if let Some(exit) = exit.filter(|exit| !exit.success() && reason != FailureReason::HealthCheckTimeout) {
        failure.exit = exit;
    }
    failure
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
