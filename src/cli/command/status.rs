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
    answer(invocation, || status.clone(), || ui::align(&lines(&status)))
}

/// The fields that are shown first, in this order.
const FIRST: [&str; 10] = [
    "name", "state", "url", "blockedBy", "waitsFor", "wantedBy", "lastEnd", "attempts", "uptimeSeconds",
    "residentBytes",
];

/// The fields of a service for people: names and values, without the empty ones and those with their usual value.
fn lines(status: &Value) -> Vec<[String; 2]> {
    let fields = status.as_object().into_iter().flatten();
    let is_usual = |name: &str, value: &Value| match name {
        "connected" => *value == true,
        "dirState" => value == Whereabouts::Present.word(),
        "original" => *value == status["command"],
        _ => false,
    };
    let mut lines: Vec<(usize, [String; 2])> = fields
        .filter(|(name, value)| !is_usual(name, value))
        .map(|(name, value)| {
            let place = FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len());
            (place, [words(name), cell(name, value)])
        })
        .filter(|(_, [_, text])| text != NOTHING)
        .collect();
    lines.sort_by_key(|(place, _)| *place);
    lines.into_iter().map(|(_, line)| line).collect()
}

const NOTHING: &str = "-";

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
        (_, Value::Null) => NOTHING.to_owned(),
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
    if text.is_empty() { NOTHING.to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_for_first_comes_first_and_what_there_is_not_is_left_out() {
        let status = json!({
            "projectId": "/a", "name": "web", "movedTo": null, "state": "blocked", "blockedBy": ["api"],
            "waitsFor": [], "attempts": 0, "command": "vite", "original": "vite", "dirState": "present",
            "connected": true,
        });
        let text: Vec<String> = lines(&status).into_iter().map(|line| line.join(": ")).collect();
        let expected = [
            "name: web", "state: blocked", "blocked by: api", "attempts: 0", "project id: /a",
            "command: vite",
        ];
        assert_eq!(text, expected);
    }

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
