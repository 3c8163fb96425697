//! `bowline status`.

use std::time::Duration;

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
        let fields = status.as_object().into_iter().flatten();
        ui::align(&fields.map(|(name, value)| [words(name), cell(name, value)]).collect::<Vec<_>>())
    };
    answer(invocation, || status.clone(), text)
}

/// The name of a field as people write it: `started by` for `startedBy`.
fn words(name: &str) -> String {
    match name {
        "uptimeSeconds" => return "uptime".to_owned(),
        "residentBytes" => return "memory".to_owned(),
        "env" => return "variables".to_owned(),
        _ => {}
    }
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn cell(name: &str, value: &Value) -> String {
    match (name, value) {
        (_, Value::Null) => "-".to_owned(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Bool(yes)) => (if *yes { "yes" } else { "no" }).to_owned(),
        ("uptimeSeconds", Value::Number(number)) => {
            ui::age(Duration::from_secs(number.as_u64().unwrap_or_default()))
        }
        ("residentBytes", Value::Number(number)) => ui::size(number.as_u64().unwrap_or_default()),
        (_, Value::Number(number)) => number.to_string(),
        (_, Value::Array(values)) => joined(values.iter().map(|value| cell("", value))),
        (_, Value::Object(fields)) => {
            joined(fields.iter().map(|(name, value)| format!("{name}={}", cell("", value))))
        }
    }
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    let text = parts.collect::<Vec<_>>().join(", ");
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_read_words_and_no_json() {
        for (name, value, expected) in [
            ("startedBy", json!("caught"), ["started by", "caught"]),
            ("waitsFor", json!(["api", "db"]), ["waits for", "api, db"]),
            ("blockedBy", json!([]), ["blocked by", "-"]),
            ("env", json!({ "A": "1", "B": "2" }), ["variables", "A=1, B=2"]),
            ("uptimeSeconds", json!(7), ["uptime", "7s"]),
            ("port", json!(null), ["port", "-"]),
            ("connected", json!(true), ["connected", "yes"]),
        ] {
            assert_eq!([words(name), cell(name, &value)], expected, "{name}");
        }
    }
}
