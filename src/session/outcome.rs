//! How bowline ends when its services have ended.

use crate::event::FailureReason;
use crate::invocation::failure::{End, Failure, NO_PORT, NOT_EXECUTABLE, NOT_FOUND, NOT_READY, OTHER};
use crate::launch::{self, LaunchSpec};
use crate::process::Exit;
use crate::session::backend::Services;
use crate::session::framework_locks;
use crate::session::prepared::Candidate;
use crate::supervise::Outcome;
use crate::supervise::service::Ending;
use crate::visible::{self, Visible};

/// The end of bowline: the failure of the service that failed first, else as the first service has ended.
pub fn conclude(world: &Services<'_>, specs: &[LaunchSpec], outcomes: &[Outcome]) -> Result<End, Failure> {
    let mut order: Vec<usize> = (0..outcomes.len()).collect();
    order.sort_by_key(|&service| outcomes[service].at);
    let of =
        |service| failure_of(world, service, &specs[service], &outcomes[service]).map(|it| (service, it));
    if let Some((service, mut failure)) = order.into_iter().find_map(of) {
        if outcomes.len() > 1 {
            let name = &world.candidates()[service].subject.project.name;
            failure.message = format!("`{name}`: {}", failure.message);
        }
        return Err(failure);
    }
    let exit = outcomes.first().and_then(|outcome| outcome.ending.exit);
    Ok(exit.map_or(End::Code(0), End::from))
}

fn failure_of(world: &Services<'_>, service: usize, spec: &LaunchSpec, outcome: &Outcome) -> Option<Failure> {
    let Ending { failure: reason, was_ready, .. } = outcome.ending;
    let misplaced = reason == Some(FailureReason::HealthCheckFailed) && !was_ready;
    match world.elsewhere(service).filter(|_| misplaced) {
        Some(places) => Some(misplaced_at(&places, spec)),
        None => failure(&world.candidates()[service], spec, outcome),
    }
}

/// What is said of a service that listens elsewhere, and could not be helped.
fn misplaced_at(places: &str, spec: &LaunchSpec) -> Failure {
    let message =
        format!("`{}` listens on {places}, not on port {}", visible::line(&spec.command), spec.port);
    let hint = "let it read `PORT`, or name no port, so that the reservation can follow it";
    Failure::new(NOT_READY, message, Some(hint.to_owned()))
}

/// What is said of a service that failed; nothing of one that ended as it should.
fn failure(candidate: &Candidate<'_>, spec: &LaunchSpec, outcome: &Outcome) -> Option<Failure> {
    let Ending { exit, failure, requested, was_ready, gave_up, errno, .. } = outcome.ending;
    let reason = failure.filter(|_| !requested)?;
    // A hook goes by its script's name.
    let step = spec.steps().nth(outcome.ending.step).unwrap_or(&spec.main);
    let hook = step.name != spec.main.name;
    let text = visible::line(if hook { &step.name } else { &spec.command });
    let command = if hook { format!("the script `{text}`") } else { format!("`{text}`") };
    let status = match (exit, errno) {
        (Some(Exit::Code(code)), _) => i32::from(code),
        (None, Some(nix::libc::ENOENT)) => launch::NOT_FOUND,
        (None, Some(nix::libc::EACCES)) => launch::NOT_EXECUTABLE,
        (Some(Exit::Signal(_)) | None, _) => 0,
    };
    if !was_ready
        && reason != FailureReason::DirectoryMissing
        && let Some(error) =
            launch::explain(status, step, candidate.reading, &candidate.subject.config.catalog)
    {
        return Some(error.into());
    }
    let given_up = if gave_up { "; it was started several times and has failed every time" } else { "" };
    let how = outcome.ending;
    let port = spec.port;
    let (code, message, hint) = match reason {
        FailureReason::DirectoryMissing => (
            crate::invocation::failure::NO_PROJECT,
            format!("the directory is gone: `{}`", spec.main.cwd.visible()),
            None,
        ),
        FailureReason::CommandNotFound => (NOT_FOUND, format!("{command} {how}: command not found"), None),
        FailureReason::PermissionDenied => {
            (NOT_EXECUTABLE, format!("{command} {how}: permission denied"), None)
        }
        FailureReason::PortInUse => (
            NO_PORT,
            format!("{command} {how}: another process has taken port {port}"),
            Some("see who holds it with `bowline ports`, or choose another port with `--port`"),
        ),
        FailureReason::HealthCheckTimeout => (
            NOT_READY,
            format!("{command} did not listen on port {port} in time"),
            Some("look at its output, or allow more time with `ready = { timeout = \"…\" }` in bowline.toml"),
        ),
        FailureReason::HealthCheckFailed => {
            (NOT_READY, format!("{command} stopped listening on port {port}, and {how}"), None)
        }
        FailureReason::ImmediateCrash | FailureReason::Unknown
            if exit == Some(Exit::Code(0)) && !was_ready =>
        {
            (
                NOT_READY,
                format!("{command} ended with exit code 0 before it ever listened on port {port}"),
                Some("if it is no server, run it without bowline; otherwise look at its output"),
            )
        }
        FailureReason::ImmediateCrash | FailureReason::Unknown => (
            OTHER,
            format!("{command} {how}"),
            exit.map(|_| "see why in its output, above or with `bowline logs`"),
        ),
    };
    let hint =
        framework_locks::holder(candidate).map(|holder| holder.hint()).or_else(|| hint.map(str::to_owned));
    let mut failure = Failure::new(code, message + given_up, hint);
    // What ended by itself with a failure passes that on; what was ended for being late did not.
    if let Some(exit) = exit.filter(|exit| !exit.success() && reason != FailureReason::HealthCheckTimeout) {
        failure.end = exit.into();
    }
    Some(failure)
}
