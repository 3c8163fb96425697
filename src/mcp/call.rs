//! What each tool does.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::answer::{failure, result};
use super::child::Cancel;
use super::server::{Server, View};
use super::tools::{Arguments, Tool, Until};
use super::{failed, holder, output};
use crate::client::{actions, resolve};
use crate::control::Status;
use crate::event::{State, What};
use crate::invocation::Failure;
use crate::port::Reservation;

/// How many of a service's last lines go with it.
const TAIL: usize = 20;
const USUAL_SECONDS: u64 = 60;

#[derive(Debug)]
pub struct Call {
    pub tool: Tool,
    pub arguments: Arguments,
}

/// Carries out a call, and returns its result.
pub fn carry_out(server: &Server, call: &Call, cancel: &Cancel) -> Value {
    let Call { tool, arguments } = call;
    let outcome = server.view().and_then(|view| match tool {
        Tool::Start => start(&view, arguments, cancel),
        Tool::Stop => stop(&view, arguments),
        Tool::Status => status(&view, arguments),
        Tool::Logs => output::logs(&view, arguments),
        Tool::Wait => wait(&view, arguments, cancel),
        Tool::Port => Ok(holder::holder(&view, arguments.port.unwrap_or_default())),
    });
    outcome.unwrap_or_else(|error| {
        failure(&error.message, error.hint.as_deref(), error.exit.code().map(i32::from))
    })
}

fn start(view: &View<'_>, arguments: &Arguments, cancel: &Cancel) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    let word = if arguments.restart && !targets.running.is_empty() { "restart" } else { "start" };
    let (begun, deadline) = (SystemTime::now(), deadline(arguments.wait_seconds));
    let printed = view.run(word, &targets.dir, (cancel, deadline), |_| false)?;
    let mut services = view.statuses(|dir| dir.starts_with(&targets.dir));
    // At the root of a workspace they are in the directories below.
    if services.iter().any(|one| Path::new(&one.dir) == targets.dir) {
        services.retain(|one| Path::new(&one.dir) == targets.dir);
    }
    services.retain(|one| one.state != State::Failed);
    let describe = |one: &Status| {
        let mut answer = describe(view, one, TAIL);
        let started = humantime::parse_rfc3339(&one.started_at).unwrap_or(begun);
        answer["alreadyRunning"] = json!(started < begun);
        answer
    };
    let answers: Vec<Value> = services.iter().map(describe).chain(failed::ended(&printed)).collect();
    if answers.is_empty() {
        return Ok(failed::nothing_started(&printed, &targets.name));
    }
    Ok(one_or_all(answers))
}

fn stop(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    if targets.running.is_empty() {
        return Err(resolve::not_running(&targets.name));
    }
    let outcomes = actions::stop(&view.ports, &targets.running, false, "bowline_stop");
    let describe = |(one, outcome): (&Reservation, Result<(), Failure>)| {
        let mut answer = json!({ "name": one.name, "dir": one.dir.to_string_lossy(), "port": one.port });
        answer["state"] = json!(if outcome.is_ok() { "stopped" } else { "failed" });
        if let Err(Failure { message, hint, .. }) = outcome {
            answer["error"] = json!(message);
            answer["hint"] = json!(hint.unwrap_or_default());
        }
        answer
    };
    Ok(one_or_all(targets.running.iter().zip(outcomes).map(describe).collect()))
}

fn status(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    if let Some(name) = arguments.name.as_deref() {
        let targets = view.targets(Some(name))?;
        let found = view.statuses(|dir| dir == targets.dir);
        let mut answers: Vec<Value> = found.iter().map(|one| describe(view, one, TAIL)).collect();
        if answers.is_empty() {
            answers.push(absent(&targets.name, &targets.dir, State::Idle));
        }
        let answer = if answers.len() == 1 { answers.remove(0) } else { json!({ "services": answers }) };
        return Ok(result(answer, false));
    }
    let services = view.statuses(|_| true);
    let mut answers: Vec<Value> = services.iter().map(|one| describe(view, one, 0)).collect();
    for project in view.projects() {
        if services.iter().all(|one| Path::new(&one.dir) != project.dir) {
            answers.push(absent(&project.name, &project.dir, State::Idle));
        }
    }
    Ok(result(json!({ "services": answers }), false))
}

fn wait(view: &View<'_>, arguments: &Arguments, cancel: &Cancel) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    if targets.running.is_empty() {
        return Err(resolve::not_running(&targets.name));
    }
    let (word, is_enough): (_, fn(&What) -> bool) = match arguments.until.unwrap_or_default() {
        Until::Ready => ("wait", |_| false),
        Until::Exit => {
            ("attach", |what| matches!(what, What::ProcessExited { state, .. } if !state.is_alive()))
        }
    };
    let printed = view.run(word, &targets.dir, (cancel, deadline(arguments.seconds)), is_enough)?;
    let mut answers = failed::ended(&printed);
    if answers.is_empty() {
        let is_meant = |dir: &Path| targets.running.iter().any(|one| one.dir == dir);
        answers = view.statuses(is_meant).iter().map(|one| describe(view, one, TAIL)).collect();
    }
    if answers.is_empty() {
        answers.push(absent(&targets.name, &targets.dir, State::Stopped));
    }
    Ok(one_or_all(answers))
}

fn deadline(seconds: Option<u64>) -> Instant {
    Instant::now() + Duration::from_secs(seconds.unwrap_or(USUAL_SECONDS))
}

/// A service that a supervisor knows, with as many of its last lines.
fn describe(view: &View<'_>, one: &Status, lines: usize) -> Value {
    let mut answer = json!({
        "name": one.name, "dir": one.dir, "state": one.state, "url": one.url, "port": one.port,
        "framework": one.framework, "command": one.command, "startedAt": one.started_at,
    });
    if lines > 0 {
        answer["logTail"] = json!(output::tail(view, &one.project_id, &one.session, lines));
    }
    answer
}

fn absent(name: &str, dir: &Path, state: State) -> Value {
    json!({ "name": name, "dir": dir.to_string_lossy(), "state": state })
}

/// The result with one service, or all of several. It is an error if one of them failed.
fn one_or_all(mut answers: Vec<Value>) -> Value {
    let is_error = answers.iter().any(|one| one["state"] == "failed");
    let value = if answers.len() == 1 { answers.remove(0) } else { json!({ "services": answers }) };
    result(value, is_error)
}
