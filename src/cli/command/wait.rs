//! `bowline wait`.

use std::time::Instant;

use super::answer::{Done, conclude};
use crate::cli::args::Wait;
use crate::client::ended::former;
use crate::client::resolve::{self, Resolved};
use crate::client::{actions, fan_out};
use crate::event::State;
use crate::invocation::{Failure, Invocation};
use crate::port::Reservation;
use crate::process::Exit;
use crate::project::Project;
use crate::workspace::Filter;

pub fn wait(invocation: &Invocation, wait: &Wait) -> Result<Exit, Failure> {
    let deadline = wait.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ports = invocation.ports_to_read();
    let live = ports.reservations();
    let ended_services = |word: Option<&str>| {
        let mut ended = resolve::ended(invocation, &live, word);
        ended.retain(|one| matches!(one.state, State::Failed | State::Done));
        ended
    };
    let (mut words, mut ended_already) = (Vec::new(), Vec::new());
    for word in &wait.projects {
        let resolved = resolve::resolve(invocation, &live, Some(word));
        let is_running = matches!(resolved, Ok(Resolved::Running(_)));
        let ended = match resolved {
            Ok(Resolved::Idle(_) | Resolved::Unknown(_)) => ended_services(Some(word)),
            // Others of a pattern may have ended already.
            Ok(Resolved::Running(_)) if Filter::is_pattern(word) => ended_services(Some(word)),
            Ok(Resolved::Running(_)) | Err(_) => Vec::new(),
        };
        if ended.is_empty() || is_running {
            words.push(word.clone());
        }
        ended_already.extend(ended);
    }
    let none_left = words.is_empty() && !ended_already.is_empty();
    let (mut found, mut failures) =
        if none_left { (Vec::new(), Vec::new()) } else { resolve::all(invocation, &live, &words)? };
    let is_root = || Project::find(&invocation.dir).is_ok_and(|project| project.is_workspace_root());
    if wait.projects.is_empty() && is_root() {
        ended_already = ended_services(None);
    }
    let mut outcomes = fan_out::at_once(&found, |one| actions::wait(&ports, one, deadline));
    let (done, failed): (Vec<_>, Vec<_>) = ended_already.iter().partition(|one| one.state == State::Done);
    failures.extend(failed.into_iter().map(resolve::failed));
    found = actions::latest(&ports, &found);
    // A task that is done counts as ready.
    for done in done.into_iter().filter_map(|one| former(one, &live)) {
        found.push(done);
        outcomes.push(Ok(()));
    }
    let done = |(one, outcome): (Reservation, Result<(), Failure>)| outcome.map(|()| Done::new(one, None));
    let outcomes = found.into_iter().zip(outcomes).map(done);
    conclude(invocation, outcomes.collect(), failures, "ready")
}
