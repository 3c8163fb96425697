//! `bowline status`.

use serde_json::{Value, json};

use super::answer::answer;
use super::service_row::{Row, rows};
use crate::client::framework_mcp;
use crate::client::resolve::{self, Resolved};
use crate::client::whereabouts::Whereabouts;
use crate::invocation::{Failure, Invocation};
use crate::process::Exit;
use crate::ui;

pub fn status(invocation: &Invocation, word: Option<&str>) -> Result<Exit, Failure> {
    let live = invocation.ports_to_read().reservations();
    let row = match resolve::resolve(invocation, &live, word)? {
        Resolved::Running(found) => {
            let reservation = resolve::single(word, found)?;
            let mut rows = rows(std::slice::from_ref(&reservation));
            rows.retain(|row| row.is_of(&reservation.project));
            rows.pop().ok_or_else(|| resolve::not_running(&reservation.name))?
        }
        Resolved::Idle(failure) | Resolved::Unknown(failure) => {
            match &resolve::ended(invocation, &live, word)[..] {
                [one] => Row {
                    socket: None,
                    whereabouts: Whereabouts::Present,
                    part_of: None,
                    status: Ok(one.clone()),
                },
                _ => return Err(failure),
            }
        }
    };
    if let Err(silent) = row.status {
        return Err(Failure::from(&*silent.error));
    }
    let mut status = row.to_json();
    if let Some(url) = row.status.as_ref().ok().and_then(framework_mcp::url) {
        status["frameworkMcp"] = json!(url);
    }
    let text = || {
        let cell = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
        };
        let fields = status.as_object().into_iter().flatten();
        ui::align(&fields.map(|(name, value)| [name.clone(), cell(value)]).collect::<Vec<_>>())
    };
    answer(invocation, || status.clone(), text)
}
