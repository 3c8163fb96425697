//! A start of what runs already.

use super::args::Launch;
use super::failure::{End, Failure};
use super::follow::{self, Left};
use super::foreground;
use super::surroundings::Surroundings;
use super::world::{Candidate, allocate};
use crate::control::{Connection, Request, Verb};
use crate::launch;
use crate::port::{Error as PortError, Lease, Ports, Reservation};
use crate::ui;

/// What came of a start.
pub enum Started<'a> {
    /// The candidates that are to run, and their ports.
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
        let running = match allocate(|terms| ports.allocate(&requests, terms)) {
            Ok(lease) => return Ok(Started::Reserved(candidates, lease)),
            Err(PortError::AlreadyRunning(running)) => running,
            Err(error) => return Err(foreground::refused(around, error, &candidates)),
        };
        if launch.restart_running {
            for reservation in &running {
                stop(ports, reservation, false)?;
            }
        } else if running.len() < candidates.len() {
            for reservation in &running {
                say(around, reservation, "");
            }
            candidates.retain(|candidate| running.iter().all(|one| one.project != candidate.request.project));
        } else {
            match follow::follow(around, ports, &running, "is already running")? {
                Left::With(end) => return Ok(Started::Followed(end)),
                // It was ending, or has ended before it could be followed: now it can be started.
                Left::Gone => {}
            }
        }
    }
}

/// Says that a service runs already.
pub fn say(around: &Surroundings, reservation: &Reservation, more: &str) {
    if !around.quiet {
        let Reservation { name, port, pid, .. } = reservation;
        let url = around.style.strong(launch::url(*port));
        ui::complain(&format!(
            "{}  {name} is already running (pid {pid}){more}   {url}",
            around.style.name()
        ));
    }
}

/// Stops a service and returns when it has ended.
pub fn stop(ports: &Ports, reservation: &Reservation, force: bool) -> Result<(), Failure> {
    let request = Request { force, ..Request::new(Verb::Stop, Some(&reservation.project)) };
    match Connection::open(reservation).and_then(|mut connection| connection.ask(&request, None)) {
        Ok(_) => Ok(()),
        // The supervisor is gone, and its guardian ends the service.
        Err(_) if ports.live(&reservation.project).is_none_or(|live| live.session != reservation.session) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
