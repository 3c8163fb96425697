//! What each tool does.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer::{object, one_or_all, refusal, result, set, word};
use super::child::{AtDeadline, Cancel, Printed};
use super::failed::ServiceEnd;
use super::server::{DescribedService, McpServer, View};
use super::targets::Targets;
use super::tools::{Arguments, McpTool};
use super::{failed, holder, output};
use crate::client::actions::{self, Stopped};
use crate::client::resolve;
use crate::event::{IDLES, State, What};
use crate::invocation::Failure;
use crate::port::Reservation;
use crate::project::Project;

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
        McpTool::Port => Ok(holder::holder(&view, arguments)),
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
    let targets = view.targets(arguments.text("name"))?;
    let is_restart = arguments.says("restart") && !targets.running.is_empty();
    if is_restart {
        // A restart that fails says why in words alone.
        targets.running.iter().for_each(|one| view.ends().watch(one));
    }
    let ends = view.ends().clone();
    let keep = move |printed: &Printed| ends.keep(&failed::ended(printed));
    let least = Instant::now() + LEAST_FOR_START;
    let until = (cancel, deadline(arguments.number("waitSeconds")).max(least));
    let command = (if is_restart { "restart" } else { "start" }, targets.place(view.dir()));
    // It starts by itself once the client has mended a file.
    let idles = |what: &What| matches!(what, What::Noted { message, .. } if message.contains(IDLES));
    let printed = view.run(command, until, AtDeadline::GoOn(Box::new(keep)), &idles)?;
    let mut ended = failed::ended(&printed);
    if is_restart && ended.is_empty() && !printed.is_late && printed.code != Some(0) {
        ended.extend(known_ends(view, &targets));
    }
    view.ends().keep(&ended);
    let mut answers: Vec<Value> = started(view, arguments, &targets, &printed)
        .into_iter()
        .filter(|one| !ended.iter().any(|end| end.id == one.id))
        .map(|mut one| {
            let is_same =
                |known: &&Reservation| known.project == one.id && known.session.as_str() == one.session;
            let ran = targets.running.iter().any(|known| is_same(&known));
            set(&mut one.answer, "alreadyRunning", (ran && !is_restart).into());
            one.answer
        })
        .collect();
    answers.extend(ended.into_iter().map(|end| end.answer));
    if answers.is_empty() && !printed.is_late {
        return Err(failed::nothing_started(&printed, &targets.name));
    }
    if answers.is_empty() {
        answers.push(starting(&targets));
    }
    Ok(one_or_all(answers, &failed::as_tools(&printed.warnings.join("\n"))))
}

/// The services that a start has to do with: those that were meant, and what they need.
fn started(
    view: &View<'_>,
    arguments: &Arguments,
    targets: &Targets,
    printed: &Printed,
) -> Vec<DescribedService> {
    // Some are on record only now.
    let now = view.targets(arguments.text("name"));
    let is_meant = |id: &str| {
        let is_told = || printed.events.iter().any(|event| event.project_id.as_deref() == Some(id));
        targets.run(id) || now.as_ref().is_ok_and(|now| now.run(id)) || is_told()
    };
    view.services(&is_meant, TAIL)
}

/// What is known of a start that has only just begun.
fn starting(targets: &Targets) -> Value {
    let dir = targets.idle.first().map(|project| project.dir.to_string_lossy().into_owned());
    object(&mut [
        ("name", targets.name.as_str().into()),
        ("dir", dir.into()),
        ("state", word(State::Starting)),
        ("alreadyRunning", false.into()),
        ("hint", "call bowline_wait, which returns when it is ready".into()),
    ])
}

fn stop(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    let targets = view.targets(arguments.text("name"))?;
    if targets.running.is_empty() {
        return Err(resolve::not_running(&targets.name));
    }
    let outcomes = actions::stop(&view.ports, &targets.running, false, BY);
    let describe = |(one, outcome): (&Reservation, Result<Stopped, Failure>)| {
        let (mut answer, state) = match &outcome {
            Ok(Stopped::Ended | Stopped::NeverStarted) => (object(&mut []), State::Stopped),
            Err(failure) => (failed::fields(failure), State::Failed),
        };
        set(&mut answer, "name", one.name.as_str().into());
        set(&mut answer, "dir", one.dir.to_string_lossy().into());
        set(&mut answer, "port", one.has_port().then_some(one.port).into());
        set(&mut answer, "state", word(state));
        answer
    };
    Ok(one_or_all(targets.running.iter().zip(outcomes).map(describe).collect(), ""))
}

fn status(view: &View<'_>, arguments: &Arguments) -> Result<Value, Failure> {
    let name = arguments.text("name");
    let targets = name.map(|name| view.targets(Some(name))).transpose()?;
    let is_meant = |id: &str| {
        targets.as_ref().is_none_or(|targets| targets.run(id) || targets.idle.iter().any(|one| one.id == id))
    };
    let services = view.services(&is_meant, if name.is_some() { TAIL } else { 0 });
    let mut idle = targets.map_or_else(|| view.projects(), |targets| targets.idle);
    idle.retain(|project| !services.iter().any(|one| project.is_run_as(&one.id, &one.dir)));
    let mut answers: Vec<Value> = services.into_iter().map(|one| one.answer).collect();
    answers.extend(idle.iter().map(|project| not_running(view, project)));
    Ok(if let (Some(_), [_]) = (name, &answers[..]) {
        result(answers.remove(0), false)
    } else {
        result(object(&mut [("services", answers.into())]), false)
    })
}

fn wait(view: &View<'_>, arguments: &Arguments, cancel: &Cancel) -> Result<Value, Failure> {
    let targets = view.targets(arguments.text("name"))?;
    if targets.running.is_empty() {
        // It may have ended since the client has looked.
        let ends: Vec<Value> = known_ends(view, &targets).into_iter().map(|end| end.answer).collect();
        return if ends.is_empty() {
            Err(resolve::not_running(&targets.name))
        } else {
            Ok(one_or_all(ends, ""))
        };
    }
    let is_for_end = arguments.text("for") == Some("exit");
    let is_alone = targets.running.len() == 1;
    let is_blocked = |one: &DescribedService| one.answer["state"] == "blocked";
    let services = if is_for_end { Vec::new() } else { view.services(&|id| targets.run(id), TAIL) };
    if services.iter().any(is_blocked) {
        // It starts only once somebody has started its need again.
        return Ok(one_or_all(services.into_iter().map(|one| one.answer).collect(), ""));
    }
    // It may end before it is followed.
    targets.running.iter().for_each(|one| view.ends().watch(one));
    let until = (cancel, deadline(arguments.number("seconds")));
    let ended = if is_for_end && !is_alone {
        view.ends().until_one_failed(&|id| targets.run(id), until);
        let running = targets.running.iter().map(|one| &one.project);
        running.filter_map(|id| Some(ServiceEnd { id: id.clone(), answer: view.ends().of(id)? })).collect()
    } else {
        followed(view, &targets, is_for_end, until)?
    };
    let mut answers: Vec<Value> = ended.iter().map(|end| end.answer.clone()).collect();
    let others = view.services(&|id| targets.run(id) && !ended.iter().any(|end| end.id == id), TAIL);
    answers.extend(others.into_iter().map(|one| one.answer));
    if answers.is_empty() {
        answers.extend(targets.running.iter().map(|one| absent(&one.name, &one.dir.to_string_lossy())));
    }
    Ok(one_or_all(answers, ""))
}

/// Follows services until they are ready or have ended, and returns those that have ended.
fn followed(
    view: &View<'_>,
    targets: &Targets,
    is_for_end: bool,
    until: (&Cancel, Instant),
) -> Result<Vec<ServiceEnd>, Failure> {
    let is_alone = targets.running.len() == 1;
    let alone = |what: &What| is_alone && is_enough(what, is_for_end);
    // `attach` tells why a service ended, and follows one alone.
    let command = (if is_alone { "attach" } else { "wait" }, (view.dir(), targets.ids()));
    let printed = view.run(command, until, AtDeadline::End, &alone)?;
    let mut ended = failed::ended(&printed);
    view.ends().keep(&ended);
    if ended.is_empty() && printed.code != Some(0) && !printed.is_late {
        ended.extend(known_ends(view, targets));
    }
    if ended.is_empty() && printed.events.iter().any(|event| matches!(event.what, What::Error { .. })) {
        return Err(failed::nothing_started(&printed, &targets.name));
    }
    Ok(ended)
}

fn is_enough(what: &What, is_for_end: bool) -> bool {
    match what {
        // One that is blocked starts only once somebody has started its need again.
        What::PortDetected { .. } | What::Ready { .. } | What::Blocked { .. } => !is_for_end,
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
    }
}

/// How those that were meant have ended, as far as that is known, or is about to be.
fn known_ends(view: &View<'_>, targets: &Targets) -> Vec<ServiceEnd> {
    let running = targets.running.iter().map(|one| &one.project);
    let ids = running.chain(targets.idle.iter().map(|project| &project.id));
    ids.filter_map(|id| Some(ServiceEnd { id: id.clone(), answer: view.ends().soon(id)? })).collect()
}

fn deadline(seconds: Option<u64>) -> Instant {
    Instant::now() + Duration::from_secs(seconds.unwrap_or(USUAL_SECONDS))
}

/// A project without a supervisor: how its last service ended, if that is known.
fn not_running(view: &View<'_>, project: &Project) -> Value {
    view.ends().soon(&project.id).unwrap_or_else(|| absent(&project.name, &project.dir.to_string_lossy()))
}

fn absent(name: &str, dir: &str) -> Value {
    object(&mut [("name", name.into()), ("dir", dir.into()), ("state", word(State::Idle))])
}
