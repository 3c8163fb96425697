//! `bowline status`.

use serde_json::Value;

use super::service_row::{Row, rows};
use crate::cli::args::One;
use crate::client::resolve;
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::process::Exit;
use crate::ui;

/// Prints all about one service.
pub fn status(invocation: &Invocation, which: &One) -> Result<Exit, Failure> {
    let live = invocation.ports_to_read().reservations();
    let word = which.project.as_deref();
    let row = match resolve::one(invocation, &live, word) {
        Ok(reservation) => {
            let mut rows = rows(std::slice::from_ref(&reservation));
            rows.retain(|row| row.is_of(&reservation.project));
            rows.pop().ok_or_else(|| resolve::not_running(&reservation.name))?
        }
        Err(failure) => match &resolve::ended(invocation, &live, word)[..] {
            [one] => Row { reservation: None, status: Ok(one.clone()) },
            _ => return Err(failure),
        },
    };
    if let Err(error) = row.status {
        return Err(Failure::from(&*error));
    }
    let Value::Object(fields) = row.to_json() else { return Ok(Exit::Code(0)) };
    if invocation.json {
        ui::print(&format!("{}\n", Value::Object(fields)))?;
        return Ok(Exit::Code(0));
    }
    let row = |(name, value)| match value {
        Value::String(text) => [name, text],
        Value::Null => [name, "-".to_owned()],
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => [name, value.to_string()],
    };
    let lines: Vec<[String; 2]> = fields.into_iter().map(row).collect();
    ui::print(&ui::align(&lines))?;
    Ok(Exit::Code(0))
}
