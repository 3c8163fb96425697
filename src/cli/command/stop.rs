//! `bowline stop`.

use super::report::conclude;
use crate::cli::args::Stop;
use crate::client::{actions, resolve};
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::process::Exit;

/// Stops services, and returns when they have ended.
pub fn stop(invocation: &Invocation, stop: &Stop) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let known = ports.unfinished();
    let (found, failures) =
        if stop.all { (known, Vec::new()) } else { resolve::all(invocation, &known, &stop.projects)? };
    let outcomes = actions::stop(&ports, &found, stop.force);
    conclude(invocation, &found, outcomes, failures, "stopped")
}
