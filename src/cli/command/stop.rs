//! `bowline stop`.

use super::answer::conclude;
use crate::cli::args::Stop;
use crate::client::{actions, resolve};
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;

pub fn stop(invocation: &Invocation, stop: &Stop) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let known = ports.unfinished();
    let (found, failures) =
        if stop.all { (known, Vec::new()) } else { resolve::all(invocation, &known, &stop.projects)? };
    let by = if stop.force { "bowline stop --force" } else { "bowline stop" };
    let outcomes = actions::stop(&ports, &found, stop.force, by);
    conclude(invocation, &found, outcomes, failures, "stopped")
}
