//! The answers of commands that have done their work.

use serde_json::{Value, json};

use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::process::Exit;
use crate::ui;

/// Prints the answer of a command that has succeeded.
pub fn answer(
    invocation: &Invocation,
    json: impl FnOnce() -> Value,
    text: impl FnOnce() -> String,
) -> Result<Exit, Failure> {
    ui::print(&if invocation.json { format!("{}\n", json()) } else { text() })?;
    Ok(Exit::Code(0))
}

/// The JSON of one project, or the list of those of several.
pub fn one_or_all(mut answers: Vec<Value>) -> Value {
    if answers.len() == 1 { answers.remove(0) } else { Value::Array(answers) }
}

/// A service with which a command has done its work.
pub struct Done {
    pub service: Reservation,
    /// The change that the command brought about.
    pub remark: Option<String>,
    /// Where it is, or was until now.
    pub url: Option<String>,
}

impl Done {
    pub fn new(service: Reservation, remark: Option<String>) -> Self {
        Self { url: service.url(), service, remark }
    }
}

/// Prints the services whose outcome is good, each with `result` (`stopped`), then all failures: those of the
/// outcomes and `failures`. The exit code is the highest.
pub fn conclude(
    invocation: &Invocation,
    outcomes: Vec<Result<Done, Failure>>,
    failures: Vec<Failure>,
    result: &str,
) -> Result<Exit, Failure> {
    let (mut done, mut all) = (Vec::new(), Vec::new());
    for outcome in outcomes {
        match outcome {
            Ok(one) => done.push(one),
            Err(failure) => all.push(failure),
        }
    }
    all.extend(failures);
    // A failure that is all there is to report is reported as that of any other command.
    if let ([], 1) = (&done[..], all.len()) {
        return Err(all.remove(0));
    }
    report(invocation, &done, &all, result)
}

/// Prints the services that are done, each with `result` and what else there is to say of it, then the failures.
/// The exit code is the highest.
pub fn report(
    invocation: &Invocation,
    done: &[Done],
    all: &[Failure],
    result: &str,
) -> Result<Exit, Failure> {
    let json = || {
        let service = |Done { service: one, remark, url }: &Done| {
            let mut service = json!({ "projectId": one.project, "name": one.name, "port": one.has_port().then_some(one.port), "url": url, "result": result });
            if let Some(remark) = remark {
                service["changes"] = json!(remark);
            }
            service
        };
        let mut answer = json!({ "services": done.iter().map(service).collect::<Vec<_>>() });
        if !all.is_empty() {
            answer["errors"] = all.iter().map(|failure| failure.message.as_str()).collect();
        }
        answer
    };
    let text = || {
        if done.is_empty() && all.is_empty() {
            return "nothing is running\n".to_owned();
        }
        let mut text = String::new();
        for Done { service, remark, url } in done.iter().filter(|_| !invocation.quiet) {
            let remark = remark.as_ref().map_or_else(String::new, |remark| format!(": {remark}"));
            let url = url.as_ref().map_or_else(String::new, |url| format!("   {url}"));
            text.push_str(&format!("{result} {}{remark}{url}\n", service.name));
        }
        text
    };
    answer(invocation, json, text)?;
    for failure in all {
        failure.print(invocation.style);
    }
    Ok(Exit::Code(all.iter().map(Failure::code).max().unwrap_or(0)))
}
