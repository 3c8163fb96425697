//! Services that run already, asked over their sockets: all at the same time, so that none keeps another waiting.

use std::time::{Duration, Instant};

use crate::cli::args::Launch;
use crate::client::connection::Connection;
use crate::client::fan_out;
use crate::client::follow::{self, Left, Manner};
use crate::control::{Answer, Error, Request, Status, Verb};
use crate::event::{Event, What};
use crate::invocation::failure::{End, Failure, NO_PORT, NOT_READY, OTHER};
use crate::invocation::{Keeper, Surroundings};
use crate::launch;
use crate::port::{Choice, Error as PortError, Lease, Life, Ports, Remembered, Reservation};
use crate::process::{Identity, Signal, leftovers, signal};
use crate::session::backend::{PATIENCE, allocate};
use crate::session::prepared::Candidate;
use crate::session::run;
use crate::ui;
use crate::visible::Visible;

/// How often and after which pauses it is looked whether a supervisor is gone.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(10);

/// What came of a start.
pub enum Started<'a> {
    /// The candidates that are to run, and their ports, unsettled.
    Reserved(Vec<Candidate<'a>>, Lease),
    /// They ran already, and were followed for as long as somebody wanted.
    Followed(End),
    /// Other frameworks are remembered for some of those that yield to them, by the projects' ids.
    Remembered(Vec<(String, Remembered)>),
}

/// Reserves ports for the candidates. Those that run already are followed if that is true of all, else left alone; with
/// `--restart-running` they are stopped first.
pub fn reserve<'a>(
    around: &Surroundings,
    launch: &Launch,
    ports: &Ports,
    mut candidates: Vec<Candidate<'a>>,
) -> Result<Started<'a>, Failure> {
    loop {
        let requests: Vec<_> = candidates.iter().map(|candidate| candidate.request.clone()).collect();
        let running = match allocate(|terms| ports.allocate_unsettled(&requests, terms)) {
            Ok(lease) => return Ok(Started::Reserved(candidates, lease)),
            Err(PortError::AlreadyRunning(running)) => running,
            Err(PortError::Remembered(rows)) => return Ok(Started::Remembered(rows)),
            Err(error) => return Err(run::refused(around, error, &candidates)),
        };
        if launch.restart_running {
            stop(ports, &running, false).into_iter().collect::<Result<(), _>>()?;
            continue;
        }
        // What is ending can be started once it has ended.
        let over = fan_out::at_once(&running, |one| outlast(ports, one));
        if over.into_iter().collect::<Result<Vec<_>, _>>()?.contains(&true) {
            continue;
        }
        if let Some(failure) = misplaced(&candidates, &running) {
            return Err(failure);
        }
        let unlike = |status: &Status| unlike(&candidates, status);
        if running.len() < candidates.len() {
            say(around, &running, &unlike);
            candidates.retain(|candidate| running.iter().all(|one| one.project != candidate.request.project));
        } else if around.keeper == Keeper::Nobody {
            say(around, &running, &unlike);
            if await_ready(ports, &running)? {
                return Ok(Started::Followed(End::Code(0)));
            }
        } else {
            match follow::follow(around, ports, &running, &Manner::Join(&unlike))? {
                Left::With(end) => return Ok(Started::Followed(end)),
                // It has ended before it could be followed: now it can be started.
                Left::Gone => {}
            }
        }
    }
}

/// Whether a service that runs has another port than the one that is ordered for it now.
fn misplaced(candidates: &[Candidate<'_>], running: &[Reservation]) -> Option<Failure> {
    running.iter().find_map(|one| {
        let candidate = candidates.iter().find(|candidate| candidate.request.project == one.project)?;
        let Choice::Order(ordered) = candidate.request.choice else { return None };
        (ordered != one.port).then(|| {
            let message =
                format!("`{}` is already running on port {}, not on port {ordered}", one.name, one.port);
            let hint = "move it there with `--restart-running`, or leave the port out to follow it";
            Failure::new(NO_PORT, message, Some(hint.to_owned()))
        })
    })
}

/// That a service which runs is something else than what was to be started, if it is: another script, or the same with other
/// arguments.
fn unlike(candidates: &[Candidate<'_>], status: &Status) -> Option<String> {
    let of_it = |candidate: &&Candidate<'_>| candidate.request.project == status.project_id;
    let (runs, wanted) = (status.original.as_deref()?, candidates.iter().find(of_it)?.reading.command());
    (!is_same(runs, &wanted)).then(|| {
        format!(
            "`{}` runs `{runs}`, and not `{wanted}`: replace it with `--restart-running`, or run both by giving one an id \
             with `--project-id`",
            status.name
        )
    })
}

/// Whether two commands are the same but for quotes, or one is a `bowline exec` of the other.
fn is_same(one: &str, other: &str) -> bool {
    let words = |text| shell_words::split(text).unwrap_or_else(|_| vec![text.to_owned()]);
    let (one, other) = (words(one), words(other));
    let wraps = |outer: &[String], inner: &[String]| {
        outer.first().is_some_and(|program| program == "bowline") && outer.ends_with(inner)
    };
    one == other || wraps(&one, &other) || wraps(&other, &one)
}

/// Says that services run already.
fn say(around: &Surroundings, running: &[Reservation], unlike: &dyn Fn(&Status) -> Option<String>) {
    for Reservation { name, port, pid, .. } in running.iter().filter(|_| !around.quiet) {
        let url = around.style.strong(launch::url(*port));
        ui::complain(&format!("{}  {name} is already running (pid {pid})   {url}", around.style.name()));
    }
    let statuses = fan_out::call(running).into_iter().filter_map(|(_, answer)| answer.ok()).flatten();
    for warning in statuses.filter_map(|status| unlike(&status)) {
        around.warn(&warning, None);
    }
}

/// Waits until the services are ready, which then is told; false if one has ended.
fn await_ready(ports: &Ports, running: &[Reservation]) -> Result<bool, Failure> {
    let answers = fan_out::at_once(running, |one| ask(one, Verb::Wait, false, None));
    for (reservation, answer) in running.iter().zip(answers) {
        match answer {
            Ok(Some(Answer::PortDetected { port, .. })) => {
                let framework = reservation.framework.clone();
                let what = What::PortDetected { port, framework, after: Duration::ZERO };
                ui::print(&format!("{}\n", Event::now(&reservation.project, what).to_json()))?;
            }
            Ok(Some(_) | None) => return Ok(false),
            Err(_) if is_gone(ports, reservation) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

/// Asks the supervisor of a service for something, and waits for what comes of it, see [`Connection::outcome`]; nothing if
/// that did not come before `deadline`.
pub fn ask(
    reservation: &Reservation,
    verb: Verb,
    force: bool,
    deadline: Option<Instant>,
) -> Result<Option<Answer>, Error> {
    let ask = || {
        let mut connection = Connection::open(reservation, deadline)?;
        connection.send(&Request { force, ..Request::new(verb, Some(&reservation.project)) })?;
        connection.outcome(deadline)
    };
    match ask() {
        Err(Error::NotConnected { .. }) if deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// Waits for the end of a service that is ending, and says whether it was: one that is being restarted stays.
pub fn outlast(ports: &Ports, reservation: &Reservation) -> Result<bool, Failure> {
    let project = Some(reservation.project.as_str());
    let states = Connection::open(reservation, None).and_then(|mut open| open.status(project, None));
    let outcome = match states {
        Ok(states) if states.iter().all(|status| status.state.is_alive()) => return Ok(false),
        Ok(_) => ask(reservation, Verb::Wait, false, None),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Some(Answer::PortDetected { .. })) => Ok(false),
        Ok(_) => Ok(true),
        Err(_) if is_gone(ports, reservation) => finish(reservation).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

/// Whether a service is no longer what it was when it was looked up. A supervisor that has just been killed may keep
/// its lock for a moment longer than its connections.
pub fn is_gone(ports: &Ports, reservation: &Reservation) -> bool {
    let is_there =
        || ports.live(&reservation.project).is_some_and(|live| live.session == reservation.session);
    for _ in 0..LOOKS {
        if !is_there() {
            return true;
        }
        std::thread::sleep(LOOK);
    }
    false
}

/// Those of the reservations, each with what belongs to it, that go on to hold although their supervisors do not answer.
pub fn still_there<T>(mut silent: Vec<(&Reservation, T)>) -> Vec<(&Reservation, T)> {
    for _ in 0..LOOKS {
        silent.retain(|(one, _)| one.is_live());
        if silent.is_empty() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    silent
}

/// Returns when nothing is left of a service whose supervisor is gone: its guardian ends it, within the grace period.
fn finish(reservation: &Reservation) -> Result<(), Failure> {
    if reservation.is_live() {
        // It has other services, and this one has ended in order.
        return Ok(());
    }
    match reservation.await_guardian(PATIENCE) {
        Life::Ending => {
            let message = format!("`{}` has not ended: its guardian is still at it", reservation.name);
            let hint = "look for what is left with `bowline doctor`".to_owned();
            Err(Failure::new(OTHER, message, Some(hint)))
        }
        Life::Orphaned => {
            leftovers::end(reservation.session.as_str());
            Ok(())
        }
        Life::Live | Life::Over => Ok(()),
    }
}

/// Stops services, all at the same time, and returns what came of it when each has ended or cannot be stopped.
pub fn stop(ports: &Ports, reservations: &[Reservation], force: bool) -> Vec<Result<(), Failure>> {
    fan_out::at_once(reservations, |one| match ask(one, Verb::Stop, force, None) {
        Ok(_) => Ok(()),
        // It has ended meanwhile, or its supervisor is gone and the guardian ends it.
        Err(_) if is_gone(ports, one) => finish(one),
        Err(Error::NotConnected { .. }) if force && kill_supervisor(one) && is_gone(ports, one) => {
            finish(one)
        }
        Err(error) => Err(error.into()),
    })
}

/// Kills a supervisor that does not answer, as one that was stopped with Ctrl-Z; its guardian then ends the service.
fn kill_supervisor(reservation: &Reservation) -> bool {
    let supervisor = i32::try_from(reservation.pid).ok().and_then(Identity::of);
    // Its lock is looked at last: the process that is known by then holds it.
    supervisor.is_some_and(|supervisor| {
        reservation.is_live() && signal::send(supervisor, Signal::SIGKILL).unwrap_or_default()
    })
}

/// What came of a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restarted {
    /// It is ready again.
    Ready,
    /// It was ending, and has ended: it is to be started as what does not run.
    Over,
}

/// Restarts a service, and returns when it is ready.
pub fn restart(ports: &Ports, reservation: &Reservation) -> Result<Restarted, Failure> {
    if outlast(ports, reservation)? {
        return Ok(Restarted::Over);
    }
    match ask(reservation, Verb::Restart, false, None) {
        Err(_) if is_gone(ports, reservation) => finish(reservation).map(|()| Restarted::Over),
        answer => ready(reservation, answer?).map(|()| Restarted::Ready),
    }
}

/// Waits until a service is ready.
pub fn wait(ports: &Ports, reservation: &Reservation, deadline: Option<Instant>) -> Result<(), Failure> {
    match ask(reservation, Verb::Wait, false, deadline) {
        Err(_) if is_gone(ports, reservation) => Err(not_ready(reservation, "has ended")),
        answer => ready(reservation, answer?),
    }
}

/// Whether this answer says that the service is ready.
fn ready(reservation: &Reservation, answer: Option<Answer>) -> Result<(), Failure> {
    match answer {
        Some(Answer::ProcessExited { failure_reason, stderr, .. }) => {
            let reason = failure_reason.map_or_else(String::new, |reason| format!(": {reason}"));
            let lines = stderr.map_or_else(String::new, |lines| format!("\n{lines}"));
            Err(not_ready(reservation, &format!("has ended{reason}{lines}")))
        }
        Some(_) => Ok(()),
        None => Err(not_ready(reservation, "is not ready in time")),
    }
}

fn not_ready(reservation: &Reservation, how: &str) -> Failure {
    let hint = format!("look at its output with `bowline logs {}`", reservation.dir.visible());
    Failure::new(NOT_READY, format!("`{}` {how}", reservation.name), Some(hint))
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn commands_are_the_same_but_for_quotes_and_a_bowline_around_them() {
        for (one, other, same) in [
            ("vite", "vite", true),
            ("vite --body \"x y\"", "vite --body 'x y'", true),
            ("bowline exec -- vite --body \"x y\"", "vite --body 'x y'", true),
            ("next dev", "next dev --turbo", false),
            ("vitepress", "vite", false),
            ("npm exec -- vite", "vite", false),
            ("echo 'open", "echo 'open", true),
        ] {
            assert_eq!((is_same(one, other), is_same(other, one)), (same, same), "{one} and {other}");
        }
    }
}
