//! Services that have ended while their supervisor goes on with others.

use std::path::Path;

use crate::client::fan_out;
use crate::control::Status;
use crate::event::State;
use crate::invocation::Surroundings;
use crate::invocation::failure::{Failure, NOT_READY};
use crate::port::Reservation;
use crate::project::Project;
use crate::visible::Visible;

/// Those that a word means, as it would mean a running one, or without a word those of the project or workspace around.
pub fn meant(around: &Surroundings, live: &[Reservation], word: Option<&str>) -> Vec<Status> {
    let services = fan_out::call(live).into_iter().filter_map(|(_, answer)| answer.ok()).flatten();
    let ended = services.filter(|one| matches!(one.state, State::Failed | State::Stopped));
    let place = match word {
        Some(word) => around.dir.join(word).canonicalize().ok(),
        None => Project::find(&around.dir).ok().map(|project| project.dir),
    };
    let is_there = |one: &Status| match (&place, word) {
        (Some(place), None) => Path::new(&one.dir).starts_with(place),
        (Some(place), Some(_)) => Path::new(&one.dir) == place,
        (None, _) => false,
    };
    let is_named = |one: &Status| {
        word.is_some_and(|word| {
            let last = one.name.rsplit('/').next();
            one.project_id == word || one.name == word || last == Some(word) || word.parse() == Ok(one.port)
        })
    };
    ended.filter(|one| is_there(one) || is_named(one)).collect()
}

/// What is said of one that failed, to whoever waits for it.
pub fn failure(one: &Status) -> Failure {
    let hint = format!("see why with `bowline logs {}`", Path::new(&one.dir).visible());
    Failure::new(NOT_READY, format!("`{}` has failed", one.name), Some(hint))
}
