//! What each tool does.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::answer::{refusal, result};
use super::child::{AtDeadline, Cancel, Printed};
use super::server::{DescribedService, McpServer, Targets, View};
use super::tools::{Arguments, McpTool, Until};
use super::{failed, holder, output};
use crate::client::{actions, resolve};
use crate::event::{State, What};
use crate::invocation::Failure;
use crate::port::Reservation;

/// How many of a service's last lines go with it.
const TAIL: usize = 20;
const USUAL_SECONDS: u64 = 60;
/// The least time for a start, so that its service is on record when the client asks for it again.
const LEAST_FOR_START: Duration = Duration::from_millis(500);
/// What the supervisors are told of who stops them.
const BY: &str = "bowline_stop";

#[derive(Debug)]
pub struct Call {
    pub tool: McpTool,
    pub arguments: Arguments,
}

/// Carries out a call, and returns its result.
pub fn carry_out(server: &McpServer, call: &Call, cancel: &Cancel) -> Value {
    let Call { tool, arguments } = call;
    let outcome = server.view().and_then(|view| match tool {
        McpTool::Start => start(&view, arguments, cancel),
        McpTool::Stop => stop(&view, arguments),
        McpTool::Status => status(&view, arguments),
        McpTool::Logs => output::logs(&view, arguments),
        McpTool::Wait => wait(&view, arguments, cancel),
        McpTool::Port => Ok(holder::holder(&view, arguments.port.unwrap_or_default())),
    });
    outcome.unwrap_or_else(|failure| {
        let fields = failed::fields(&failure);
        match tool {
            McpTool::Start | McpTool::Stop | McpTool::Status | McpTool::Wait => result(fields, true),
            // Their schemas are those of successes.
            McpTool::Logs | McpTool::Port => {
                let text = |key: &str| Some(format!("{key}: {}", fields[key].as_str()?));
                refusal(&["error", "hint"].into_iter().filter_map(text).collect::<Vec<_>>().join("\n"))
            }
        }
    })
}

fn start(view: &View<'_>, arguments: &Arguments, cancel: &Cancel) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    let word = if arguments.restart && !targets.running.is_empty() { "restart" } else { "start" };
    // A restart that fails says why in words alone.
    targets.running.iter().filter(|_| word == "restart").for_each(|one| view.ends().watch(one));
    let ends = view.ends().clone();
    let keep = move |printed: &Printed| ends.keep(&failed::ended(printed));
    let least = Instant::now() + LEAST_FOR_START;
    let until = (cancel, deadline(arguments.wait_seconds).max(least));
    let at_deadline = AtDeadline::GoOn(Box::new(keep));
    let printed = view.run((word, &targets.dir), until, at_deadline, |_| false)?;
    let mut ended = failed::ended(&printed);
    if word == "restart" && ended.is_empty() && !printed.is_late && printed.code != Some(0) {
        ended.extend(targets.running.iter().filter_map(|one| view.ends().soon(&one.dir)));
    }
    let mut services = view.services(|dir| dir.starts_with(&targets.dir), TAIL);
    // At the root of a workspace they are in the directories below.
    if services.iter().any(|one| one.dir == targets.dir) {
        services.retain(|one| one.dir == targets.dir);
    }
    let has_ended = |one: &DescribedService| ended.iter().any(|end| Path::new(str_of(end, "dir")) == one.dir);
    services.retain(|one| str_of(&one.answer, "state") != "failed" && !has_ended(one));
    view.ends().keep(&ended);
    let describe = |mut one: DescribedService| {
        let ran = targets.running.iter().any(|known| known.session.as_str() == one.session);
        one.answer["alreadyRunning"] = json!(ran && word == "start");
        one.answer
    };
    let answers: Vec<Value> = services.into_iter().map(describe).chain(ended).collect();
    if !answers.is_empty() {
        return Ok(one_or_all(answers));
    }
    if printed.is_late {
        return Ok(one_or_all(vec![starting(&targets)]));
    }
    Err(failed::nothing_started(&printed, &targets.name))
}

/// What is known of a start that has only just begun.
fn starting(targets: &Targets) -> Value {
    let mut answer = absent(&targets.name, &targets.dir, State::Starting);
    answer["alreadyRunning"] = json!(false);
    answer["hint"] = json!("call bowline_wait, which returns when it is ready");
    answer
}

fn stop(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    if targets.running.is_empty() {
        return Err(resolve::not_running(&targets.name));
    }
    let outcomes = actions::stop(&view.ports, &targets.running, false, BY);
    let describe = |(one, outcome): (&Reservation, Result<(), Failure>)| {
        let mut answer = outcome.as_ref().err().map_or_else(|| json!({}), failed::fields);
        (answer["name"], answer["dir"]) = (json!(one.name), json!(one.dir.to_string_lossy()));
        answer["port"] = json!(one.port);
        answer["state"] = json!(if outcome.is_ok() { State::Stopped } else { State::Failed });
        answer
    };
    Ok(one_or_all(targets.running.iter().zip(outcomes).map(describe).collect()))
}

fn status(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    if let Some(name) = arguments.name.as_deref() {
        let targets = view.targets(Some(name))?;
        let found = view.services(|dir| dir == targets.dir, TAIL);
        let mut answers: Vec<Value> = found.into_iter().map(|one| one.answer).collect();
        if answers.is_empty() {
            answers.push(not_running(view, &targets.name, &targets.dir));
        }
        let answer = if answers.len() == 1 { answers.remove(0) } else { json!({ "services": answers }) };
        return Ok(result(answer, false));
    }
    let services = view.services(|_| true, 0);
    let dirs: Vec<PathBuf> = services.iter().map(|one| one.dir.clone()).collect();
    let mut answers: Vec<Value> = services.into_iter().map(|one| one.answer).collect();
    for project in view.projects() {
        if !dirs.contains(&project.dir) {
            answers.push(not_running(view, &project.name, &project.dir));
        }
    }
    Ok(result(json!({ "services": answers }), false))
}

fn wait(view: &View<'_>, arguments: &Arguments, cancel: &Cancel) -> Result<Value, Failure> {
    let targets = view.targets(arguments.name.as_deref())?;
    let until = arguments.until.unwrap_or_default();
    if targets.running.is_empty() {
        // It may have ended since the client has looked.
        let end = view.ends().soon(&targets.dir);
        return end.map(|end| one_or_all(vec![end])).ok_or_else(|| resolve::not_running(&targets.name));
    }
    // It may end before it is followed.
    targets.running.iter().for_each(|one| view.ends().watch(one));
    let is_enough = |what: &What| match what {
        // One that is blocked starts only once somebody has started its need again.
        What::PortDetected { .. } | What::Ready { .. } | What::Blocked { .. } => until == Until::Ready,
        What::ProcessExited { state, .. } => !state.is_alive(),
        What::Ack { .. }
        | What::LogChunk { .. }
        | What::PortConflict { .. }
        | What::PortReallocated { .. }
        | What::Waiting { .. }
        | What::PortForwarded { .. }
        | What::Error { .. }
        | What::Noted { .. }
        | What::Unknown => false,
    };
    let alone = |what: &What| targets.running.len() == 1 && is_enough(what);
    // `attach` tells why a service ended, and follows one alone.
    let word = if targets.running.len() == 1 || until == Until::Exit { "attach" } else { "wait" };
    let until = (cancel, deadline(arguments.seconds));
    let printed = view.run((word, &targets.dir), until, AtDeadline::End, alone)?;
    let mut answers = failed::ended(&printed);
    view.ends().keep(&answers);
    if answers.is_empty() && printed.code != Some(0) && !printed.is_late {
        answers.extend(view.ends().soon(&targets.running[0].dir));
    }
    if answers.is_empty() && printed.events.iter().any(|event| matches!(event.what, What::Error { .. })) {
        return Err(failed::nothing_started(&printed, &targets.name));
    }
    if answers.is_empty() {
        let is_meant = |dir: &Path| targets.running.iter().any(|one| one.dir == dir);
        answers = view.services(is_meant, TAIL).into_iter().map(|one| one.answer).collect();
    }
    if answers.is_empty() {
        answers.push(not_running(view, &targets.name, &targets.dir));
    }
    Ok(one_or_all(answers))
}

fn deadline(seconds: Option<u64>) -> Instant {
    Instant::now() + Duration::from_secs(seconds.unwrap_or(USUAL_SECONDS))
}

/// A project without a supervisor: how its last service ended, if that is known.
fn not_running(view: &View<'_>, name: &str, dir: &Path) -> Value {
    view.ends().soon(dir).unwrap_or_else(|| absent(name, dir, State::Idle))
}

fn absent(name: &str, dir: &Path, state: State) -> Value {
    json!({ "name": name, "dir": dir.to_string_lossy(), "state": state })
}

fn str_of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The result with one service, or all of several. It is an error if one of them failed, or is blocked by one that
/// did.
fn one_or_all(mut answers: Vec<Value>) -> Value {
    let is_error = answers.iter().any(|one| one["state"] == "failed" || one["state"] == "blocked");
    let value = if answers.len() == 1 { answers.remove(0) } else { json!({ "services": answers }) };
    result(value, is_error)
}
