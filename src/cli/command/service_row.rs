//! A service as `ls` and `status` show it.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::client::{actions, fan_out};
use crate::control::{self, Status};
use crate::event::State;
use crate::launch;
use crate::port::Reservation;
use crate::process::memory;
use crate::ui;

/// One service.
pub struct Row {
    pub reservation: Option<Reservation>,
    /// The supervisor's answer, or the reason why there is none.
    pub status: Result<Status, Rc<control::ControlError>>,
}

/// Every service of the supervisors of these reservations. A silent supervisor's services are known from the reservations.
pub fn rows(reservations: &[Reservation]) -> Vec<Row> {
    let (mut rows, mut silent) = (Vec::new(), Vec::new());
    for (ours, answer) in fan_out::call(reservations) {
        match answer {
            Ok(services) => rows.extend(services.into_iter().map(|status| {
                let reservation = ours.iter().find(|one| one.project == status.project_id);
                Row { reservation: reservation.map(|one| (*one).clone()), status: Ok(status) }
            })),
            Err(error) => {
                let error = Rc::new(error);
                silent.extend(ours.into_iter().map(|one| (one, Rc::clone(&error))));
            }
        }
    }
    let row = |(one, error): (&Reservation, _)| Row { reservation: Some(one.clone()), status: Err(error) };
    rows.extend(actions::still_there(silent).into_iter().map(row));
    rows.sort_by_key(Row::port);
    rows
}

impl Row {
    /// Whether this is the service of the project; a silent supervisor's may be.
    pub fn is_of(&self, project: &str) -> bool {
        self.status.as_ref().map_or(true, |status| status.project_id == project)
    }

    fn port(&self) -> u16 {
        let reserved = self.reservation.as_ref().map(|reservation| reservation.port);
        self.status.as_ref().ok().map(|status| status.port).or(reserved).unwrap_or(0)
    }

    fn uptime(&self) -> Option<Duration> {
        let status = self.status.as_ref().ok()?;
        status.guardian?;
        let started = humantime::parse_rfc3339(&status.started_at).ok()?;
        SystemTime::now().duration_since(started).ok()
    }

    fn resident(&self) -> Option<u64> {
        self.status.as_ref().ok()?.guardian.map(memory::of_tree)
    }

    /// The service in the answers of `ls --json` and `status --json`.
    pub fn to_json(&self) -> Value {
        let mut value = match (&self.status, &self.reservation) {
            (Ok(status), _) => serde_json::to_value(status).unwrap_or_default(),
            (Err(error), Some(Reservation { project, name, dir, framework, port, pid, .. })) => json!({
                "projectId": project, "name": name, "dir": dir.to_string_lossy(), "framework": framework,
                "port": port, "url": launch::url(*port), "state": null, "pid": pid,
                "error": error.to_string(),
            }),
            (Err(_), None) => Value::Null,
        };
        if let Some(fields) = value.as_object_mut() {
            let socket = self.reservation.as_ref().map(|one| one.socket().to_string_lossy().into_owned());
            fields.insert("socket".to_owned(), socket.into());
            fields.insert("connected".to_owned(), Value::Bool(self.status.is_ok()));
            fields.insert("uptimeSeconds".to_owned(), self.uptime().map(|time| time.as_secs()).into());
            fields.insert("residentBytes".to_owned(), self.resident().into());
        }
        value
    }

    /// The cells of a line of `ls`.
    pub fn cells(&self) -> [String; 8] {
        let unknown = || "-".to_owned();
        let port = self.port();
        let (name, framework) = match (&self.status, &self.reservation) {
            (Ok(status), _) => (status.name.clone(), status.framework.clone()),
            (Err(_), Some(reservation)) => (reservation.name.clone(), reservation.framework.clone()),
            (Err(_), None) => (unknown(), unknown()),
        };
        let state = match &self.status {
            Ok(status) => word(status.state),
            Err(error) => match &**error {
                control::ControlError::Incompatible { .. } => "other version",
                control::ControlError::NotConnected { .. } | control::ControlError::Refused(_) => {
                    "not connected"
                }
            },
        };
        let by = self.status.as_ref().map_or_else(|_| unknown(), |status| status.started_by.clone());
        let uptime = self.uptime().map_or_else(unknown, ui::age);
        let memory = self.resident().map_or_else(unknown, ui::size);
        [name, framework, port.to_string(), state.to_owned(), uptime, memory, by, launch::url(port)]
    }
}

fn word(state: State) -> &'static str {
    match state {
        State::Idle => "idle",
        State::Starting => "starting",
        State::Running => "running",
        State::Stopping => "stopping",
        State::Stopped => "stopped",
        State::Failed => "failed",
    }
}
