//! Services that have ended while their supervisor still runs others, which may wait for them: that supervisor starts
//! them again.

use super::actions::is_gone;
use super::connection::Connection;
use super::fan_out;
use crate::control::{ControlError, ControlRequest, Status, Verb};
use crate::event::{State, What};
use crate::port::{Ports, Reservation};

/// The result of starting a service again.
pub struct StartedAgain {
    /// The outcome: see [`Connection::outcome`].
    pub what: What,
    pub changes: Option<String>,
}

/// The reservation that a service had, by that of another service of its supervisor.
pub fn former(status: &Status, live: &[Reservation]) -> Option<Reservation> {
    let beside = live.iter().find(|one| one.session.as_str() == status.session)?;
    Some(Reservation {
        port: status.port.unwrap_or_default(),
        project: status.project_id.clone(),
        name: status.name.clone(),
        dir: (&status.dir).into(),
        directory: None,
        framework: status.framework.clone(),
        ..beside.clone()
    })
}

/// The services of the supervisors that hold these reservations that have failed or were stopped.
pub fn ended_beside(running: &[Reservation]) -> Vec<Reservation> {
    let services = fan_out::call(running).into_iter().filter_map(|(_, answer)| answer.ok()).flatten();
    let ended = services.filter(|one| matches!(one.state, State::Failed | State::Stopped));
    ended.filter_map(|one| former(&one, running)).collect()
}

/// Of the services beside these that have failed or were stopped, those that others of their supervisor wait for.
pub fn needed_beside(running: &[Reservation]) -> Vec<Reservation> {
    let services = fan_out::call(running).into_iter().filter_map(|(_, answer)| answer.ok()).flatten();
    let services: Vec<Status> = services.collect();
    let is_needed = |one: &&Status| {
        let waits = |other: &Status| other.session == one.session && other.blocked_by.contains(&one.name);
        matches!(one.state, State::Failed | State::Stopped) && services.iter().any(waits)
    };
    services.iter().filter(is_needed).filter_map(|one| former(one, running)).collect()
}

/// Has its supervisor start a service again, and waits until it is ready or has failed. `None` if the supervisor is
/// gone. Its users are told that the command `by` did it.
pub fn start_again(
    ports: &Ports,
    ended: &Reservation,
    by: &str,
) -> Result<Option<StartedAgain>, ControlError> {
    let request = ControlRequest {
        by: Some(by.to_owned()),
        ..ControlRequest::new(Verb::Restart, Some(&ended.project))
    };
    let ask = || {
        let mut connection = Connection::open(ended, None)?;
        connection.send(&request)?;
        let what = connection.outcome(None)?;
        Ok(StartedAgain { what, changes: connection.remark })
    };
    match ask() {
        Ok(again) => Ok(Some(again)),
        // The files are wrong.
        Err(error @ ControlError::Failed(..)) => Err(error),
        Err(_) if is_gone(ports, ended) => Ok(None),
        Err(error) => Err(error),
    }
}
