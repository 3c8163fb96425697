//! `bowline wait`.

use std::time::Instant;

use super::answer::conclude;
use crate::cli::args::Wait;
use crate::client::resolve::{self, Resolved};
use crate::client::{actions, fan_out};
use crate::event::State;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;
use crate::project::Project;
use crate::workspace::Filter;

pub fn wait(invocation: &Invocation, wait: &Wait) -> Result<Exit, Failure> {
    let deadline = wait.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let ports = invocation.ports_to_read();
    let live = ports.reservations();
    let failed_services = |word: Option<&str>| {
        let mut ended = resolve::ended(invocation, &live, word);
        ended.retain(|one| one.state == State::Failed);
        ended
    };
    let (mut words, mut failed_already) = (Vec::new(), Vec::new());
    for word in &wait.projects {
        let resolved = resolve::resolve(invocation, &live, Some(word));
        let is_running = matches!(resolved, Ok(Resolved::Running(_)));
        let failed = match resolved {
            Ok(Resolved::Idle(_) | Resolved::Unknown(_)) => failed_services(Some(word)),
            // Others of a pattern may have failed already.
            Ok(Resolved::Running(_)) if Filter::is_pattern(word) => failed_services(Some(word)),
            Ok(Resolved::Running(_)) | Err(_) => Vec::new(),
        };
        if failed.is_empty() || is_running {
            words.push(word.clone());
        }
        failed_already.extend(failed);
    }
    let none_left = words.is_empty() && !failed_already.is_empty();
    let (found, mut failures) =
        if none_left { (Vec::new(), Vec::new()) } else { resolve::all(invocation, &live, &words)? };
    let is_root = || Project::find(&invocation.dir).is_ok_and(|project| project.is_workspace_root());
    if wait.projects.is_empty() && is_root() {
        failed_already = failed_services(None);
    }
    let outcomes = fan_out::at_once(&found, |one| actions::wait(&ports, one, deadline));
    failures.extend(failed_already.iter().map(resolve::failed));
    conclude(invocation, &actions::latest(&ports, &found), outcomes, failures, "ready")
}
