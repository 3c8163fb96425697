//! `bowline ls` and `bowline status`.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::cli::args::One;
use crate::client::actions;
use crate::client::ended;
use crate::client::fan_out;
use crate::client::resolve;
use crate::control::{self, Status};
use crate::event::State;
use crate::invocation::Surroundings;
use crate::invocation::failure::{End, Failure};
use crate::launch;
use crate::port::Reservation;
use crate::process::memory;
use crate::ui;
use crate::visible;

/// One line of the list.
struct Row {
    reservation: Option<Reservation>,
    /// Or why its supervisor cannot be spoken to.
    status: Result<Status, Rc<control::Error>>,
}

/// `bowline ls`.
pub fn list(around: &Surroundings) -> Result<End, Failure> {
    let rows = rows(&around.ports_to_read().reservations());
    if around.json {
        let services: Vec<Value> = rows.iter().map(Row::to_json).collect();
        ui::print(&format!("{}\n", json!({ "services": services })))?;
        return Ok(End::Code(0));
    }
    let mut table =
        vec![["NAME", "FRAMEWORK", "PORT", "STATE", "UPTIME", "MEMORY", "STARTED", "URL"].map(str::to_owned)];
    table.extend(rows.iter().map(Row::cells));
    if rows.is_empty() {
        return ui::print("nothing is running\n").map(|()| End::Code(0)).map_err(Into::into);
    }
    ui::print(&align(&table))?;
    Ok(End::Code(0))
}

/// `bowline status`.
pub fn status(around: &Surroundings, which: &One) -> Result<End, Failure> {
    let live = around.ports_to_read().reservations();
    let word = which.project.as_deref();
    let row = match resolve::one(around, &live, word) {
        Ok(reservation) => {
            let project = &reservation.project;
            let mut rows = rows(std::slice::from_ref(&reservation));
            rows.retain(|row| row.status.as_ref().map_or(true, |status| status.project_id == *project));
            rows.pop().ok_or_else(|| resolve::not_running(&reservation.name))?
        }
        Err(failure) => match &ended::meant(around, &live, word)[..] {
            [one] => Row { reservation: None, status: Ok(one.clone()) },
            _ => return Err(failure),
        },
    };
    if let Err(error) = row.status {
        return Err(Failure::from(&*error));
    }
    let Value::Object(fields) = row.to_json() else { return Ok(End::Code(0)) };
    if around.json {
        ui::print(&format!("{}\n", Value::Object(fields)))?;
        return Ok(End::Code(0));
    }
    let lines: Vec<[String; 2]> = fields
        .into_iter()
        .map(|(name, value)| match value {
            Value::String(text) => [name, text],
            Value::Null => [name, "-".to_owned()],
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                [name, value.to_string()]
            }
        })
        .collect();
    ui::print(&align(&lines))?;
    Ok(End::Code(0))
}

/// Every service of every supervisor; what those say that cannot be spoken to their reservations say.
fn rows(reservations: &[Reservation]) -> Vec<Row> {
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
    // One whose supervisor has been killed meanwhile is no service any more.
    let row = |(one, error): (&Reservation, _)| Row { reservation: Some(one.clone()), status: Err(error) };
    rows.extend(actions::still_there(silent).into_iter().map(row));
    rows.sort_by_key(Row::port);
    rows
}

impl Row {
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

    fn to_json(&self) -> Value {
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

    fn cells(&self) -> [String; 8] {
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
                control::Error::Incompatible { .. } => "other version",
                control::Error::NotConnected { .. } | control::Error::Refused(_) => "not connected",
            },
        };
        let by = self.status.as_ref().map_or_else(|_| unknown(), |status| status.started_by.clone());
        let uptime = self.uptime().map_or_else(unknown, age);
        let memory = self.resident().map_or_else(unknown, size);
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

/// A time in its two largest units.
pub fn age(time: Duration) -> String {
    let whole = humantime::format_duration(Duration::from_secs(time.as_secs())).to_string();
    whole.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn size(bytes: u64) -> String {
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    if mebibytes < 1024.0 { format!("{mebibytes:.1} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

/// Columns as wide as their longest cell, the last but as it is.
fn align<const N: usize>(table: &[[String; N]]) -> String {
    let table: Vec<[String; N]> =
        table.iter().map(|row| row.each_ref().map(|cell| visible::line(cell).into_owned())).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in table {
        for (column, cell) in row.iter().enumerate() {
            let padding = if column + 1 == N { 0 } else { widths[column] + 2 - cell.chars().count() };
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let table = [["a", "bb", "c"], ["aaa", "b", "cc"]].map(|row| row.map(str::to_owned));
        assert_eq!(align(&table), "a    bb  c\naaa  b   cc\n");
    }

    #[test]
    fn times_and_sizes_are_short() {
        assert_eq!(age(Duration::from_millis(400)), "0s");
        assert_eq!(age(Duration::from_secs(3 * 3600 + 61)), "3h 1m");
        assert_eq!(size(5 << 20), "5.0 MiB");
        assert_eq!(size(3 << 30), "3.0 GiB");
    }
}
