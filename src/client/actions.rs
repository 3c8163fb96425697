//! Requests to the supervisors of running services: stop, restart, wait.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::fan_out;
use super::whereabouts::Whereabouts;
use crate::control::{ControlError, ControlRequest, Verb};
use crate::event::{State, What, how_ended};
use crate::exit_code::{FAILURE, NOT_READY};
use crate::invocation::failure::Failure;
use crate::port::{GUARDIAN_PATIENCE, Ports, Reservation, SessionState};
use crate::process::{Identity, Signal, leftovers, signal};
use crate::project::defining_directory;
use crate::visible::{self, Visible};

/// How often, and with which pause, to look whether a killed supervisor is gone.
const ATTEMPTS: u32 = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// Sends a request about a service and waits for its outcome (see [`Connection::outcome`]); `None` at the
/// deadline.
pub fn ask(
    reservation: &Reservation,
    verb: Verb,
    deadline: Option<Instant>,
) -> Result<Option<What>, ControlError> {
    send(reservation, &ControlRequest::new(verb, Some(&reservation.project)), deadline)
}

fn send(
    reservation: &Reservation,
    request: &ControlRequest,
    deadline: Option<Instant>,
) -> Result<Option<What>, ControlError> {
    let send = || {
        let mut connection = Connection::open(reservation, deadline)?;
        connection.send(request)?;
        connection.outcome(deadline)
    };
    match send() {
        Err(ControlError::NotConnected { .. })
            if deadline.is_some_and(|deadline| deadline <= Instant::now()) =>
        {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

/// Waits for the end of a service if it is ending. False if it is not, or if it is only being restarted.
pub fn await_if_ending(ports: &Ports, reservation: &Reservation) -> Result<bool, Failure> {
    let request = ControlRequest::new(Verb::Status, Some(&reservation.project));
    let states = Connection::open(reservation, None).and_then(|mut open| open.status(&request, None));
    let outcome = match states {
        Ok(states) if states.iter().all(|status| status.state.is_alive()) => return Ok(false),
        Ok(_) => ask(reservation, Verb::Wait, None),
        Err(error) => Err(error),
    };
    match outcome {
        Ok(Some(What::PortDetected { .. } | What::Ready { .. })) => Ok(false),
        Ok(_) => Ok(true),
        Err(_) if is_gone(ports, reservation) => await_guardian(reservation).map(|()| true),
        Err(error) => Err(error.into()),
    }
}

/// Whether a reservation no longer holds. Looks for a moment: a killed supervisor's lock may outlive its
/// connections.
pub fn is_gone(ports: &Ports, reservation: &Reservation) -> bool {
    let is_there =
        || ports.live(&reservation.project).is_some_and(|live| live.session == reservation.session);
    is_soon(|| !is_there())
}

/// Of supervisors that do not answer, the reservations that still hold after a moment.
pub fn still_there<T>(mut silent: Vec<(&Reservation, T)>) -> Vec<(&Reservation, T)> {
    is_soon(|| {
        silent.retain(|(one, _)| one.is_live());
        silent.is_empty()
    });
    silent
}

fn is_soon(mut is_so: impl FnMut() -> bool) -> bool {
    (0..ATTEMPTS).any(|_| {
        let is_so = is_so();
        if !is_so {
            std::thread::sleep(PAUSE);
        }
        is_so
    })
}

/// Waits until the guardian of a killed supervisor has ended the service.
fn await_guardian(reservation: &Reservation) -> Result<(), Failure> {
    if reservation.is_live() {
        // The supervisor lives on with other services.
        return Ok(());
    }
    match reservation.await_guardian(GUARDIAN_PATIENCE) {
        SessionState::Ending => {
            let message = format!("`{}` has not ended: its guardian is still at it", reservation.name);
            let hint = "look for what is left with `bowline doctor`".to_owned();
            Err(Failure::new(FAILURE, message, Some(hint)))
        }
        SessionState::Orphaned => {
            leftovers::end(reservation.session.as_str());
            Ok(())
        }
        SessionState::Live | SessionState::Over => Ok(()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    Ended,
    /// It waited for others, or was blocked by them.
    NeverStarted,
}

/// Stops services; a supervisor ends what needs others of them first. Returns when each has ended or cannot be
/// stopped. The supervisors tell their users that the command `by` did it.
pub fn stop(
    ports: &Ports,
    reservations: &[Reservation],
    force: bool,
    by: &str,
) -> Vec<Result<Stopped, Failure>> {
    let request = |one: &Reservation| {
        let beside = reservations.iter().filter(|other| other.session == one.session);
        ControlRequest {
            force,
            by: Some(by.to_owned()),
            along: beside.map(|other| other.project.clone()).collect(),
            ..ControlRequest::new(Verb::Stop, Some(&one.project))
        }
    };
    fan_out::at_once(reservations, |one| match send(one, &request(one), None) {
        Ok(Some(What::ProcessExited { exit_code: None, signal: None, .. })) => Ok(Stopped::NeverStarted),
        Ok(_) => Ok(Stopped::Ended),
        Err(_) if is_gone(ports, one) => await_guardian(one).map(|()| Stopped::Ended),
        Err(ControlError::NotConnected { .. } | ControlError::Suspended { .. })
            if force && kill_supervisor(one) && is_gone(ports, one) =>
        {
            await_guardian(one).map(|()| Stopped::Ended)
        }
        Err(error) => Err(error.into()),
    })
}

/// Kills a supervisor that does not answer, for instance a suspended one; its guardian then ends the service.
fn kill_supervisor(reservation: &Reservation) -> bool {
    let supervisor = i32::try_from(reservation.pid).ok().and_then(Identity::of);
    // In this order: if the lock is still held once the pid has been looked up, the pid was the supervisor's.
    supervisor.is_some_and(|supervisor| {
        reservation.is_live() && signal::send(supervisor, Signal::SIGKILL).unwrap_or_default()
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restarted {
    /// With what has changed in its files.
    Ready(Option<String>),
    /// It was ending already, and has ended. The caller has to start it.
    Ended,
    /// Its directory lies here now, and its supervisor knows the former path alone. The caller has to replace it.
    Moved(PathBuf),
}

/// Restarts a service. Returns when it is ready.
pub fn restart(ports: &Ports, reservation: &Reservation) -> Result<Restarted, Failure> {
    if await_if_ending(ports, reservation)? {
        return Ok(Restarted::Ended);
    }
    if let Whereabouts::Moved(path) = whereabouts(reservation, None) {
        return Ok(Restarted::Moved(path));
    }
    start_again(ports, reservation)
}

/// Has its supervisor start a service again, running or ended. Returns when it is ready.
pub fn start_again(ports: &Ports, reservation: &Reservation) -> Result<Restarted, Failure> {
    match ask_to_restart(ports, reservation, "bowline restart")? {
        Some(RestartAnswer { what, changes }) => {
            ready(reservation, Some(what)).map(|()| Restarted::Ready(changes))
        }
        None => await_guardian(reservation).map(|()| Restarted::Ended),
    }
}

/// The answer to a request for a restart.
pub struct RestartAnswer {
    /// The outcome: see [`Connection::outcome`].
    pub what: What,
    /// The differences in the files of the service since its last start.
    pub changes: Option<String>,
}

/// Asks its supervisor to start a service again, in the name of the command `by`, and waits for the outcome. `None` if
/// the supervisor is gone.
pub fn ask_to_restart(
    ports: &Ports,
    reservation: &Reservation,
    by: &str,
) -> Result<Option<RestartAnswer>, ControlError> {
    let by = Some(by.to_owned());
    let request = ControlRequest { by, ..ControlRequest::new(Verb::Restart, Some(&reservation.project)) };
    let ask = || {
        let mut connection = Connection::open(reservation, None)?;
        connection.send(&request)?;
        let what = connection.outcome(None)?;
        Ok(RestartAnswer { what, changes: connection.remark })
    };
    match ask() {
        Ok(answer) => Ok(Some(answer)),
        // The files are wrong. A service that runs goes on.
        Err(error @ ControlError::Failed(..)) => Err(error),
        Err(_) if is_gone(ports, reservation) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits until a service is ready. One whose directory was removed or replaced never is.
pub fn wait(ports: &Ports, reservation: &Reservation, deadline: Option<Instant>) -> Result<(), Failure> {
    whereabouts(reservation, deadline).ensure_there(reservation)?;
    match ask(reservation, Verb::Wait, deadline) {
        Err(_) if is_gone(ports, reservation) => Err(not_ready(reservation, "has ended")),
        answer => ready(reservation, answer?),
    }
}

/// The same reservations as they are now: while a service was waited for, its port or scheme may have changed.
pub fn latest(ports: &Ports, reservations: &[Reservation]) -> Vec<Reservation> {
    let live = ports.reservations();
    let latest = |one: &Reservation| {
        let same = |now: &&Reservation| now.session == one.session && now.project == one.project;
        live.iter().find(same).unwrap_or(one).clone()
    };
    reservations.iter().map(latest).collect()
}

/// Asks the supervisor only about a directory that is not where it was.
fn whereabouts(reservation: &Reservation, deadline: Option<Instant>) -> Whereabouts {
    let known = Whereabouts::of(reservation, None);
    if known == Whereabouts::Present {
        return known;
    }
    let request = ControlRequest::new(Verb::Status, Some(&reservation.project));
    let answer = Connection::open(reservation, deadline).and_then(|mut open| open.status(&request, deadline));
    Whereabouts::of(reservation, answer.unwrap_or_default().first())
}

/// Turns the outcome of a request into a failure, unless the service is ready or done.
pub fn ready(reservation: &Reservation, answer: Option<What>) -> Result<(), Failure> {
    match answer {
        // It has done its work.
        Some(What::ProcessExited { state: State::Done, .. }) => Ok(()),
        Some(What::ProcessExited { exit_code, signal, message, stderr, .. }) => {
            let how = how_ended(exit_code, signal.as_deref(), message);
            let lines = stderr.map_or_else(String::new, |lines| format!("\n{lines}"));
            Err(not_ready(reservation, &format!("{how}{lines}")))
        }
        Some(What::Blocked { message, root_causes, .. }) => Err(blocked(reservation, &message, &root_causes)),
        Some(_) => Ok(()),
        None => Err(not_ready(reservation, "is not ready in time")),
    }
}

/// A blocked service has no output; it starts once its needs have been started again.
fn blocked(reservation: &Reservation, why: &str, causes: &[String]) -> Failure {
    let restart = format!("bowline restart {}", causes.join(" "));
    let hint = format!("start that again with `{}`, and this one starts by itself", visible::line(&restart));
    Failure::new(NOT_READY, format!("`{}` {}", reservation.name, visible::line(why)), Some(hint))
}

fn not_ready(reservation: &Reservation, how: &str) -> Failure {
    // Its directory says nothing of a service that is no package.
    let is_package = defining_directory(&reservation.project).is_none();
    let word = if is_package { reservation.dir.visible() } else { reservation.name.visible() };
    let hint = format!("look at its output with `bowline logs {word}`");
    Failure::new(NOT_READY, format!("`{}` {how}", reservation.name), Some(hint))
}
