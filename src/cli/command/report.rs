//! The answer of `stop`, `restart`, `wait` and `open`: the services done, and the failures.

use serde_json::json;

use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::launch;
use crate::port::Reservation;
use crate::process::Exit;
use crate::ui;

/// Prints what was done (`result`), and the failures: those of the services and `more`. The exit code is the highest one.
pub fn conclude(
    invocation: &Invocation,
    services: &[Reservation],
    outcomes: Vec<Result<(), Failure>>,
    more: Vec<Failure>,
    result: &str,
) -> Result<Exit, Failure> {
    let (mut done, mut failures) = (Vec::new(), Vec::new());
    for (one, outcome) in services.iter().zip(outcomes) {
        match outcome {
            Ok(()) => done.push(one),
            Err(failure) => failures.push(failure),
        }
    }
    failures.extend(more);
    // A single failure is reported as that of any other command.
    if let ([], 1) = (&done[..], failures.len()) {
        return Err(failures.remove(0));
    }
    print(invocation, &done, &failures, result)?;
    for failure in &failures {
        failure.print(invocation.style);
    }
    Ok(Exit::Code(failures.iter().map(Failure::code).max().unwrap_or(0)))
}

fn print(
    invocation: &Invocation,
    done: &[&Reservation],
    failures: &[Failure],
    result: &str,
) -> Result<(), Failure> {
    if invocation.json {
        let service = |one: &&Reservation| {
            json!({
                "projectId": one.project, "name": one.name, "port": one.port,
                "url": launch::url(one.port), "result": result,
            })
        };
        let mut answer = json!({ "services": done.iter().map(service).collect::<Vec<_>>() });
        if !failures.is_empty() {
            answer["errors"] = failures.iter().map(|failure| failure.message.as_str()).collect();
        }
        ui::print(&format!("{answer}\n"))?;
    } else if done.is_empty() && failures.is_empty() {
        ui::print("nothing is running\n")?;
    } else if !invocation.quiet {
        for Reservation { name, port, .. } in done {
            ui::print(&format!("{result} {name}   {}\n", launch::url(*port)))?;
        }
    }
    Ok(())
}
