//! Why something failed, and what the client's model can do next.

use std::io;
use std::path::Path;

use nix::errno::Errno;
use serde_json::{Value, json};

use super::answer::{object, plain, set, word};
use super::child::Printed;
use crate::event::{Event, FailureReason, State, What, how_ended};
use crate::exit_code::{FAILURE, NO_PORT, NO_PROJECT, USAGE};
use crate::invocation::Failure;
use crate::project::{Project, service_parts};

/// The end of a service.
#[derive(Clone, Debug)]
pub struct ServiceEnd {
    pub id: String,
    /// What is told of it.
    pub answer: Value,
}

/// The services that ended, each with its reason.
pub fn ended(printed: &Printed) -> Vec<ServiceEnd> {
    let is_end =
        |event: &&Event| matches!(event.what, What::ProcessExited { state, .. } if !state.is_alive());
    let ends: Vec<&Event> = printed.events.iter().filter(is_end).collect();
    // The hint does not say which of several services it is about. It is never about one that was not started.
    let is_own = |event: &Event| {
        !matches!(event.what, What::ProcessExited { failure_reason: Some(FailureReason::NeedFailed), .. })
    };
    let is_alone = ends.iter().filter(|event| is_own(event)).count() == 1;
    let described = ends.into_iter().filter_map(|event| {
        let hint = printed.hint.as_deref().filter(|_| is_alone && is_own(event));
        let mut answer = describe(event, hint)?;
        if let Some((by, why)) = blocked(printed, event.project_id.as_deref()) {
            set(&mut answer, "blockedBy", by.to_vec().into());
            set(&mut answer, "error", why.into());
        }
        Some(ServiceEnd { id: event.project_id.clone().unwrap_or_default(), answer })
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
    let What::ProcessExited { exit_code, signal, state, failure_reason, message, stderr, stopped_by, .. } =
        &event.what
    else {
        return None;
    };
    let id = event.project_id.as_deref().unwrap_or_default();
    let (dir, name) = service_parts(id).map_or((Path::new(id), None), |(dir, name)| (dir, Some(name)));
    let package = || Project::at(dir).map_or_else(|_| id.to_owned(), |project| project.name);
    let name = name.map_or_else(package, str::to_owned);
    let tail = stderr.as_deref().map(plain).filter(|tail| !tail.is_empty());
    let has_failed = *state == State::Failed;
    // The code or signal is a field of its own.
    let is_more = |message: &String| has_failed && *message != how_ended(*exit_code, signal.as_deref(), None);
    let hint = hint.filter(|hint| !hint.starts_with("see why in its output")).map(as_tools);
    let next = || {
        let is_silent = tail.is_none()
            && matches!(failure_reason, Some(FailureReason::ImmediateCrash | FailureReason::Unknown));
        let step = if is_silent { NOTHING_PRINTED } else { next_step(*failure_reason) };
        Some(step.to_owned()).filter(|_| has_failed)
    };
    Some(object(&mut [
        ("name", name.into()),
        ("dir", dir.to_string_lossy().into()),
        ("state", word(*state)),
        ("failureReason", json!(failure_reason)),
        ("exitCode", (*exit_code).into()),
        ("signal", signal.clone().into()),
        ("stoppedBy", stopped_by.clone().into()),
        ("error", message.clone().filter(is_more).into()),
        ("hint", hint.or_else(next).into()),
        ("logTail", tail.into()),
    ]))
}

const NOTHING_PRINTED: &str = "it has printed nothing: look at its script in package.json, or its command, then call bowline_start again";

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
    let hint = match &failure.hint {
        // A person may know who holds the port; a client does not.
        Some(hint) if code == Some(NO_PORT) && hint.starts_with("stop ") => HELD.to_owned(),
        Some(hint) => as_tools(hint),
        None => "mend what `error` names, then call it again".to_owned(),
    };
    object(&mut [
        ("failureReason", reason(code, &failure.message).into()),
        ("exitCode", code.into()),
        ("error", plain(&failure.message).trim_end().into()),
        ("hint", hint.into()),
    ])
}

const HELD: &str = "ask bowline_port who holds the port, and do not kill it: leave `port` in bowline.toml out, or choose another";

/// Why nothing was started.
fn reason(code: Option<u8>, message: &str) -> &'static str {
    let is_full = |code: Errno| message.contains(&io::Error::from(code).to_string());
    match code {
        Some(USAGE) => "invalid_configuration",
        Some(NO_PORT) => "port_in_use",
        Some(NO_PROJECT) => "not_found",
        Some(_) | None if [Errno::ENOSPC, Errno::EDQUOT].into_iter().any(is_full) => "disk_full",
        Some(_) | None => "unknown",
    }
}

/// What a client can do that has no command line, for the options that hints name.
const OPTIONS: [(&str, &str); 7] = [
    ("`--script`", "`script` in bowline.toml"),
    ("`--port`", "`port` in bowline.toml"),
    ("`--framework`", "`framework` in bowline.toml"),
    ("`--restart-running`", "`restart` of bowline_start"),
    ("`--project-id`", "`bowline start --project-id ID`"),
    ("`--dir`", "`bowline mcp --dir DIR`"),
    ("`--state-dir`", "`bowline mcp --state-dir DIR`"),
];

/// The commands of a hint as the tools that do the same, and its options as arguments or settings. What has none stays
/// a command, for a shell.
pub fn as_tools(hint: &str) -> String {
    let mut text = String::with_capacity(hint.len());
    let mut rest = hint;
    while let Some((before, command)) = rest.split_once("`bowline ") {
        let Some((command, after)) = command.split_once('`') else { break };
        text.push_str(before);
        let has_options = command.contains(" --");
        match command.split(' ').next().unwrap_or_default() {
            word @ ("start" | "stop" | "status" | "logs" | "wait" | "port") if !has_options => {
                text.push_str("bowline_");
                text.push_str(word);
            }
            "ls" => text.push_str("bowline_status"),
            "ports" if !has_options => text.push_str("bowline_port"),
            "restart" if !has_options => text.push_str("bowline_start with `restart`"),
            _ => text.push_str(&format!("`bowline {command}`")),
        }
        rest = after;
    }
    OPTIONS.iter().fold(text + rest, |text, (option, instead)| text.replace(option, instead))
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
            (
                "start it again with `bowline restart web`, or end it with `bowline stop --force`",
                "start it again with bowline_start with `restart`, or end it with `bowline stop --force`",
            ),
            ("choose one with `--script`: serve", "choose one with `script` in bowline.toml: serve"),
        ] {
            assert_eq!(as_tools(hint), expected);
        }
    }

    /// The options that texts of bowline name, each with the text after it.
    fn options_in(dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                options_in(&path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap().lines();
                let code = code.filter(|line| !line.trim_start().starts_with("//"));
                let named = |line: &str| line.split("`--").skip(1).map(str::to_owned).collect::<Vec<_>>();
                found.extend(code.flat_map(named));
            }
        }
    }

    #[test]
    fn each_option_that_a_text_names_has_a_way_for_clients() {
        let mut found = Vec::new();
        // Without the command line's own, and the list above.
        for part in
            ["client", "control", "launch", "paths", "port", "project", "script", "session", "cli/command"]
        {
            options_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(part), &mut found);
        }
        assert!(found.len() > 10, "{found:?}");
        // In no answer: an option of the command line that is used wrongly, and what `--dry-run` leaves out.
        let usage = ["`--`", "`--json`"];
        found.retain(|text| {
            let named = format!("`--{}", text.split_inclusive('`').next().unwrap_or_default());
            !usage.contains(&named.as_str()) && as_tools(&named).starts_with("`--")
        });
        assert_eq!(found, Vec::<String>::new());
    }
}
