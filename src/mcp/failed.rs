//! Why something failed, and what the client's model can do next.

use std::path::Path;

use serde_json::{Value, json};

use super::answer::plain;
use super::child::Printed;
use crate::event::{Event, FailureReason, State, What};
use crate::exit_code::{FAILURE, NO_PORT};
use crate::invocation::Failure;
use crate::project::Project;

/// The services that ended, each with its reason.
pub fn ended(printed: &Printed) -> Vec<Value> {
    let is_end =
        |event: &&Event| matches!(event.what, What::ProcessExited { state, .. } if !state.is_alive());
    let ends: Vec<&Event> = printed.events.iter().filter(is_end).collect();
    // The hint is for one of several, and does not say for which.
    let hint = printed.hint.as_deref().filter(|_| ends.len() == 1);
    let described = ends.into_iter().filter_map(|event| {
        let mut answer = describe(event, hint)?;
        if let Some((by, why)) = blocked(printed, event.project_id.as_deref()) {
            (answer["blockedBy"], answer["error"]) = (json!(by), json!(why));
        }
        Some(answer)
    });
    described.collect()
}

/// By whom a service that was never started was blocked, and why.
fn blocked<'a>(printed: &'a Printed, project: Option<&str>) -> Option<(&'a [String], &'a str)> {
    let own = printed.events.iter().filter(|event| event.project_id.as_deref() == project);
    own.rev().find_map(|event| match &event.what {
        What::Blocked { blocked_by, message, .. } => Some((&blocked_by[..], &message[..])),
        What::PortDetected { .. }
        | What::Ready { .. }
        | What::PortConflict { .. }
        | What::PortReallocated { .. }
        | What::PortForwarded { .. }
        | What::Waiting { .. }
        | What::ProcessExited { .. }
        | What::LogChunk { .. }
        | What::Ack { .. }
        | What::Error { .. }
        | What::Noted { .. }
        | What::Unknown => None,
    })
}

/// The end of a service, with its reason and last lines.
pub fn describe(event: &Event, hint: Option<&str>) -> Option<Value> {
    let What::ProcessExited { exit_code, signal, state, failure_reason, stderr, stopped_by, .. } =
        &event.what
    else {
        return None;
    };
    let dir = event.project_id.as_deref().unwrap_or_default();
    let name = Project::at(Path::new(dir)).map_or_else(|_| dir.to_owned(), |project| project.name);
    let tail = stderr.as_deref().map(plain).filter(|tail| !tail.is_empty());
    let hint = hint.filter(|hint| !hint.starts_with("see why in its output")).map(as_tools);
    let next = || Some(next_step(*failure_reason).to_owned()).filter(|_| *state == State::Failed);
    let mut answer = json!({
        "name": name, "dir": dir, "state": state,
        "failureReason": failure_reason, "exitCode": exit_code, "signal": signal, "stoppedBy": stopped_by,
        "hint": hint.or_else(next), "logTail": tail,
    });
    if let Some(fields) = answer.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    Some(answer)
}

pub fn next_step(reason: Option<FailureReason>) -> &'static str {
    match reason {
        Some(FailureReason::PortInUse) => "ask bowline_port who holds the port; do not kill it",
        Some(FailureReason::CommandNotFound) => {
            "install the packages of the project, then call bowline_start again"
        }
        Some(FailureReason::DirectoryMissing) => "make the directory again, or choose another project",
        Some(FailureReason::PermissionDenied) => "make the command executable, then call bowline_start again",
        Some(FailureReason::HealthCheckTimeout | FailureReason::HealthCheckFailed) => {
            "see with bowline_logs what it does instead of listening on its port, then call bowline_start again"
        }
        Some(FailureReason::NeedFailed) => {
            "mend the service that it needs (blockedBy), then call bowline_start again"
        }
        Some(FailureReason::ImmediateCrash | FailureReason::Unknown) | None => {
            "mend what the last lines name, then call bowline_start again"
        }
    }
}

/// The failure of a command that started nothing.
pub fn nothing_started(printed: &Printed, name: &str) -> Failure {
    let error = |event: &Event| match &event.what {
        What::Error { error } => Some(error.clone()),
        What::PortConflict { message, .. } => Some(message.clone()),
        What::Ack { .. }
        | What::LogChunk { .. }
        | What::PortDetected { .. }
        | What::Ready { .. }
        | What::PortReallocated { .. }
        | What::Waiting { .. }
        | What::Blocked { .. }
        | What::PortForwarded { .. }
        | What::ProcessExited { .. }
        | What::Noted { .. }
        | What::Unknown => None,
    };
    let message = printed.events.iter().rev().find_map(error);
    let message = message.unwrap_or_else(|| format!("`{name}` ended before it had started"));
    let code = printed.code.and_then(|code| u8::try_from(code).ok()).unwrap_or(FAILURE);
    Failure::new(code, message, printed.hint.clone())
}

/// A failure as the fields of an answer.
pub fn fields(failure: &Failure) -> Value {
    let code = failure.exit.code();
    let reason = (code == Some(NO_PORT)).then_some(FailureReason::PortInUse);
    let mut answer = json!({
        "failureReason": reason, "exitCode": code,
        "error": plain(&failure.message).trim_end(), "hint": failure.hint.as_deref().map(as_tools),
    });
    if let Some(fields) = answer.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    answer
}

/// The commands of a hint as the tools that do the same.
pub fn as_tools(hint: &str) -> String {
    let mut text = String::with_capacity(hint.len());
    let mut rest = hint;
    while let Some((before, command)) = rest.split_once("`bowline ") {
        let Some((command, after)) = command.split_once('`') else { break };
        text.push_str(before);
        match command.split(' ').next().unwrap_or_default() {
            word @ ("start" | "stop" | "status" | "logs" | "wait" | "port") => {
                text.push_str(&format!("bowline_{word}"));
            }
            "ls" => text.push_str("bowline_status"),
            "ports" => text.push_str("bowline_port"),
            "restart" => text.push_str("bowline_start"),
            _ => text.push_str(&format!("`bowline {command}`")),
        }
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_tools_instead_of_commands() {
        for (hint, expected) in [
            (
                "start it with `bowline start`, or see what runs with `bowline ls`",
                "start it with bowline_start, or see what runs with bowline_status",
            ),
            ("look at its output with `bowline logs /a b`", "look at its output with bowline_logs"),
            ("look for what is left with `bowline doctor`", "look for what is left with `bowline doctor`"),
            ("run `npm install` in `/app`", "run `npm install` in `/app`"),
            ("an open `bowline start", "an open `bowline start"),
        ] {
            assert_eq!(as_tools(hint), expected);
        }
    }
}
