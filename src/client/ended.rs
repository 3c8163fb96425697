//! Services that have ended while their supervisor still runs others, which may wait for them. That supervisor can
//! start them again.

use super::fan_out;
use crate::control::Status;
use crate::event::State;
use crate::port::Reservation;

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
pub fn beside(running: &[Reservation]) -> Vec<Reservation> {
    let services = fan_out::statuses(running).into_iter();
    let ended = services.filter(|one| matches!(one.state, State::Failed | State::Stopped));
    ended.filter_map(|one| former(&one, running)).collect()
}

/// Those of them that other services of their supervisor wait for.
pub fn needed_beside(running: &[Reservation]) -> Vec<Reservation> {
    let services = fan_out::statuses(running);
    let is_needed = |one: &&Status| {
        let waits = |other: &Status| other.session == one.session && other.blocked_by.contains(&one.name);
        matches!(one.state, State::Failed | State::Stopped) && services.iter().any(waits)
    };
    services.iter().filter(is_needed).filter_map(|one| former(one, running)).collect()
}
