//! `bowline stop`.

use super::answer::{Done, conclude};
use crate::cli::args::Stop;
use crate::client::actions::{self, Stopped};
use crate::client::resolve;
use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::process::Exit;

pub fn stop(invocation: &Invocation, stop: &Stop) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let known = ports.unfinished();
    let (found, failures) =
        if stop.all { (known, Vec::new()) } else { resolve::all(invocation, &known, &stop.projects)? };
    let by = if stop.force { "bowline stop --force" } else { "bowline stop" };
    let outcomes = actions::stop(&ports, &found, stop.force, by);
    let done = |(service, outcome): (Reservation, Result<Stopped, Failure>)| match outcome? {
        Stopped::Ended => Ok(Done::new(service, None)),
        // It was never there.
        Stopped::NeverStarted => Ok(Done { service, remark: None, url: None }),
    };
    let outcomes = found.into_iter().zip(outcomes).map(done).collect();
    conclude(invocation, outcomes, failures, "stopped")
}
