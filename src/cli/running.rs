//! A start of what runs already.

use std::time::{Duration, Instant};

use super::args::Launch;
use super::failure::{End, Failure, NO_PORT};
use super::follow::{self, Left, Manner};
use super::foreground;
use super::surroundings::{Keeper, Surroundings};
use super::world::{Candidate, PATIENCE, allocate};
use crate::control::{Answer, Connection, Error, Request, Verb};
use crate::event::{Event, What};
use crate::launch;
use crate::port::{Choice, Error as PortError, Lease, Ports, Reservation};
use crate::ui;

/// How often and after which pauses it is looked whether a supervisor is gone.
const LOOKS: u32 = 20;
const LOOK: Duration = Duration::from_millis(10);

/// What came of a start.
pub enum Started<'a> {
    /// The candidates that are to run, and their ports, unsettled.
    Reserved(Vec<Candidate<'a>>, Lease),
    /// They ran already, and were followed for as long as somebody wanted.
    Followed(End),
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
            Err(error) => return Err(foreground::refused(around, error, &candidates)),
        };
        if launch.restart_running {
            stop(ports, &running, false)?;
        } else if let Some(failure) = misplaced(&candidates, &running) {
            return Err(failure);
        } else if running.len() < candidates.len() {
            say(around, &running);
            candidates.retain(|candidate| running.iter().all(|one| one.project != candidate.request.project));
        } else if around.keeper == Keeper::Nobody {
            say(around, &running);
            match await_ready(&running) {
                Ok(true) => return Ok(Started::Followed(End::Code(0))),
                Ok(false) => {}
                Err(_) if running.iter().all(|one| is_gone(ports, one)) => {}
                Err(failure) => return Err(failure),
            }
        } else {
            match follow::follow(around, ports, &running, &Manner::Attach("is already running"))? {
                Left::With(end) => return Ok(Started::Followed(end)),
                // It was ending, or has ended before it could be followed: now it can be started.
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

/// Says that services run already.
fn say(around: &Surroundings, running: &[Reservation]) {
    for Reservation { name, port, pid, .. } in running.iter().filter(|_| !around.quiet) {
        let url = around.style.strong(launch::url(*port));
        ui::complain(&format!("{}  {name} is already running (pid {pid})   {url}", around.style.name()));
    }
}

/// Waits until the services are ready, which then is told, or one has ended.
fn await_ready(running: &[Reservation]) -> Result<bool, Failure> {
    for (reservation, outcome) in ask_all(running, Verb::Wait, false)? {
        match outcome.result(None)? {
            Some(Answer::PortDetected { port, .. }) => {
                let framework = reservation.framework.clone();
                let what = What::PortDetected { port, framework, after: Duration::ZERO };
                ui::print(&format!("{}\n", Event::now(&reservation.project, what).to_json()))?;
            }
            Some(_) | None => return Ok(false),
        }
    }
    Ok(true)
}

/// A request that was sent to the supervisor of a service.
pub struct Sent(Connection);

impl Sent {
    /// What came of it, see [`Connection::outcome`].
    pub fn result(mut self, deadline: Option<Instant>) -> Result<Option<Answer>, Error> {
        self.0.outcome(deadline)
    }
}

/// Sends a request to the supervisors of all these services before the answer of any is waited for.
pub fn ask_all(
    reservations: &[Reservation],
    verb: Verb,
    force: bool,
) -> Result<Vec<(&Reservation, Sent)>, Error> {
    reservations.iter().map(|one| Ok((one, ask(one, verb, force)?))).collect()
}

fn ask(reservation: &Reservation, verb: Verb, force: bool) -> Result<Sent, Error> {
    let mut connection = Connection::open(reservation)?;
    connection.send(&Request { force, ..Request::new(verb, Some(&reservation.project)) })?;
    Ok(Sent(connection))
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

/// Those of the reservations that go on to hold although their supervisors do not answer.
pub fn still_there(mut silent: Vec<&Reservation>) -> Vec<&Reservation> {
    for _ in 0..LOOKS {
        silent.retain(|one| one.is_live());
        if silent.is_empty() {
            break;
        }
        std::thread::sleep(LOOK);
    }
    silent
}

/// Stops services and returns when they have ended. One whose supervisor does not answer keeps none of the others from
/// being stopped.
pub fn stop(ports: &Ports, reservations: &[Reservation], force: bool) -> Result<(), Failure> {
    let sent: Vec<_> = reservations.iter().map(|one| (one, ask(one, Verb::Stop, force))).collect();
    let mut outcome = Ok(());
    for (reservation, sent) in sent {
        match sent.and_then(|sent| sent.result(None)) {
            Ok(_) => {}
            // Its supervisor is gone, and its guardian ends it.
            Err(_) if is_gone(ports, reservation) => reservation.await_guardian(PATIENCE),
            Err(error) => outcome = outcome.and(Err(error.into())),
        }
    }
    outcome
}
