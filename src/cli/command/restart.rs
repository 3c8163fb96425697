//! `bowline restart`.

use std::ffi::OsString;
use std::path::Path;

use super::answer::conclude;
use super::start;
use crate::client::actions::{self, Restarted};
use crate::client::fan_out;
use crate::client::resolve::{self, Resolved};
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;

/// Restarts services, and starts those that do not run. `arguments` are those of this process.
pub fn restart(
    invocation: &Invocation,
    arguments: &[OsString],
    projects: &[String],
) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let known = ports.unfinished();
    let (mut found, mut absent) = (Vec::new(), Vec::new());
    let words = projects.iter().map(|word| Some(word.as_str()));
    for word in words.chain(projects.is_empty().then_some(None)) {
        match resolve::resolve(invocation, &known, word)? {
            Resolved::Running(more) => resolve::add(&mut found, more),
            Resolved::Idle(_) => absent.push(word.map(OsString::from)),
            Resolved::Unknown(failure) => return Err(failure),
        }
    }
    let outcomes = fan_out::at_once(&found, |one| actions::restart(&ports, one));
    let (mut restarted, mut results) = (Vec::new(), Vec::new());
    let mut starts: Vec<Vec<OsString>> = Vec::new();
    for (one, outcome) in found.into_iter().zip(outcomes) {
        if let Ok(Restarted::Ended) = outcome {
            // A project with an id of its own keeps it.
            if Path::new(&one.project) == one.dir {
                absent.push(Some(one.dir.into()));
            } else {
                starts.push(vec!["--project-id".into(), one.project.into(), one.dir.into()]);
            }
        } else {
            restarted.push(one);
            results.push(outcome.map(drop));
        }
    }
    if !absent.is_empty() {
        starts.push(absent.into_iter().flatten().collect());
    }
    let mut exit = Exit::Code(0);
    if !restarted.is_empty() {
        exit = conclude(invocation, &resolve::latest(&ports, &restarted), results, Vec::new(), "restarted")?;
    }
    for start in starts {
        let started = start::start_projects(invocation, arguments, &start)?;
        exit = if exit.success() { started } else { exit };
    }
    Ok(exit)
}
