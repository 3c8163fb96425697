//! Why a command failed, by what it printed.

use std::path::Path;

use serde_json::{Value, json};

use super::answer::{failure, plain};
use super::child::Printed;
use crate::event::{Event, What};
use crate::project::Project;

/// The services that ended, each with its reason.
pub fn ended(printed: &Printed) -> Vec<Value> {
    printed.events.iter().filter_map(|event| describe(event, printed.hint.as_deref())).collect()
}

fn describe(event: &Event, hint: Option<&str>) -> Option<Value> {
    let What::ProcessExited { exit_code, signal, state, failure_reason, stderr, .. } = &event.what else {
        return None;
    };
    if state.is_alive() {
        return None;
    }
    let dir = event.project_id.as_deref().unwrap_or_default();
    let name = Project::at(Path::new(dir)).map_or_else(|_| dir.to_owned(), |project| project.name);
    let mut answer = json!({
        "name": name, "dir": dir, "state": state,
        "failureReason": failure_reason, "exitCode": exit_code, "signal": signal,
        "hint": hint, "logTail": stderr.as_deref().map(plain),
    });
    if let Some(fields) = answer.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    Some(answer)
}

/// The result of a command that started nothing.
pub fn nothing_started(printed: &Printed, name: &str) -> Value {
    let error = |event: &Event| match &event.what {
        What::Error { error } => Some(error.clone()),
        What::PortConflict { message, .. } => Some(message.clone()),
        What::Ack { .. }
        | What::LogChunk { .. }
        | What::PortDetected { .. }
        | What::PortReallocated { .. }
        | What::ProcessExited { .. }
        | What::Noted { .. }
        | What::Unknown => None,
    };
    let message = printed.events.iter().rev().find_map(error);
    let late = || format!("`{name}` could not be started in time");
    failure(&message.unwrap_or_else(late), printed.hint.as_deref(), printed.code)
}
