//! `bowline restart`.

use std::ffi::OsString;
use std::path::Path;

use super::answer::{Done, report};
use super::{restart_order, start};
use crate::client::actions::{self, Restarted};
use crate::client::ended::former;
use crate::client::fan_out;
use crate::client::resolve::{self, Resolved};
use crate::event::State;
use crate::invocation::{Failure, Invocation};
use crate::port::{Ports, Reservation};
use crate::process::Exit;
use crate::workspace::Filter;

/// Restarts services, and starts those that do not run. `arguments` are those of this process.
pub fn restart(
    invocation: &Invocation,
    arguments: &[OsString],
    projects: &[String],
) -> Result<Exit, Failure> {
    let ports = invocation.ports_to_read();
    let mut wanted = Wanted::default();
    wanted.resolve(invocation, &ports.unfinished(), projects)?;
    let Wanted { found, ended, mut absent, mut failures } = wanted;
    let (mut restarted, mut starts) = (Vec::new(), Vec::<Vec<OsString>>::new());
    // These start by themselves, once those are ready that are started again.
    let waiting = if ended.is_empty() { Vec::new() } else { waiting(&found) };
    let count = ended.len();
    let all = [ended, found].concat();
    let outcomes = restart_order::in_order(&all, |index, one| {
        if index < count {
            return actions::start_again(&ports, one);
        }
        if waiting.contains(&one.project) {
            return actions::wait(&ports, one, None).map(|()| Restarted::Ready(None));
        }
        actions::restart(&ports, one)
    });
    for (one, outcome) in all.into_iter().zip(outcomes) {
        match outcome {
            Ok(Restarted::Ready(changes)) => restarted.push(Done::new(current(&ports, one), changes)),
            Err(failure) => failures.push(failure),
            Ok(Restarted::Ended) if !has_own_id(&one) => absent.push(Some(one.dir.into())),
            Ok(Restarted::Ended) => {
                starts.push(vec!["--project-id".into(), one.project.into(), one.dir.into()]);
            }
            Ok(Restarted::Moved(dir)) => {
                let mut start: Vec<OsString> = vec!["--restart-running".into(), dir.into()];
                if has_own_id(&one) {
                    start.extend(["--project-id".into(), one.project.into()]);
                }
                starts.push(start);
            }
        }
    }
    if !absent.is_empty() {
        starts.push(absent.into_iter().flatten().collect());
    }
    // A failure that is all there is to report is reported as that of any other command.
    if starts.is_empty() && restarted.is_empty() && failures.len() == 1 {
        return Err(failures.remove(0));
    }
    let mut exit = Exit::Code(0);
    if !(restarted.is_empty() && failures.is_empty()) {
        exit = report(invocation, &restarted, &failures, "restarted")?;
    }
    for start in starts {
        let started = start::start_projects(invocation, arguments, &start)?;
        exit = if exit.success() { started } else { exit };
    }
    Ok(exit)
}

/// The services that are to be restarted.
#[derive(Default)]
struct Wanted {
    found: Vec<Reservation>,
    /// Those that have ended, whose supervisor still runs others.
    ended: Vec<Reservation>,
    /// The projects to start because they do not run; `None` is the one that the user is in.
    absent: Vec<Option<OsString>>,
    failures: Vec<Failure>,
}

impl Wanted {
    /// Fails only without words; a word that means nothing is a failure beside the services found.
    fn resolve(
        &mut self,
        invocation: &Invocation,
        known: &[Reservation],
        words: &[String],
    ) -> Result<(), Failure> {
        let (patterns, plain): (Vec<String>, Vec<String>) =
            words.iter().cloned().partition(|word| Filter::is_pattern(word));
        if !patterns.is_empty() {
            let (found, failures) = resolve::all(invocation, known, &patterns)?;
            (self.found, self.failures) = (found, failures);
        }
        for word in &plain {
            match resolve::resolve(invocation, known, Some(word)) {
                Ok(Resolved::Running(more)) => resolve::add(&mut self.found, more),
                Ok(Resolved::Idle(_)) => {
                    let ended = ended(invocation, known, Some(word), &[State::Failed, State::Stopped]);
                    if ended.is_empty() {
                        self.absent.push(Some(word.into()));
                    }
                    resolve::add(&mut self.ended, ended);
                }
                // A service that is no package is found by its name only while its supervisor runs.
                Ok(Resolved::Unknown(failure)) | Err(failure) => {
                    let ended = ended(invocation, known, Some(word), &[State::Failed, State::Stopped]);
                    if ended.is_empty() {
                        self.failures.push(failure);
                    }
                    resolve::add(&mut self.ended, ended);
                }
            }
        }
        if !words.is_empty() {
            return Ok(());
        }
        match resolve::resolve(invocation, known, None)? {
            Resolved::Running(found) => {
                self.found = found;
                // Those that have failed beside them would be missed.
                self.ended = ended(invocation, known, None, &[State::Failed]);
            }
            Resolved::Idle(_) => self.absent.push(None),
            Resolved::Unknown(failure) => return Err(failure),
        }
        Ok(())
    }
}

/// The services that a word means that have ended so, while their supervisor still runs others.
fn ended(
    invocation: &Invocation,
    known: &[Reservation],
    word: Option<&str>,
    states: &[State],
) -> Vec<Reservation> {
    let ended = resolve::ended(invocation, known, word).into_iter();
    ended.filter(|one| states.contains(&one.state)).filter_map(|one| former(&one, known)).collect()
}

/// The projects whose services were not started yet because of others.
fn waiting(found: &[Reservation]) -> Vec<String> {
    let services = fan_out::statuses(found).into_iter();
    let waiting = services.filter(|one| matches!(one.state, State::Waiting | State::Blocked));
    waiting.map(|one| one.project_id).collect()
}

/// Whether the project has an id of its own, which it keeps.
fn has_own_id(one: &Reservation) -> bool {
    Path::new(&one.project) != one.dir
}

/// The reservation as it is after a restart, which may have changed its name and port.
fn current(ports: &Ports, one: Reservation) -> Reservation {
    ports.live(&one.project).unwrap_or(one)
}
