//! Values as people write them, in files and on command lines.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value;

use crate::{template, visible};

/// Whether a service has a port, and which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSetting {
    /// One of its own.
    Own,
    /// This one, as with `--port`.
    Exact(NonZeroU16),
    None,
}

/// Whether there is a port, and which.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is used")]
pub enum Port {
    /// One of its own, or none.
    Own(bool),
    /// Exactly this one.
    Exact(NonZeroU16),
}

/// A port as it is written on a command line.
pub fn parse_port(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| format!("{NOT_A_PORT}: `{text}`"))
}

pub(super) const NOT_A_PORT: &str = "not a port from 1 to 65535";

/// The longest time span: a later moment than in a year is beyond what some clocks can tell.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A time span as it is written on a command line.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time > LONGEST => Err(format!("longer than a year: `{text}`")),
        found => found.map_err(|_| not_a_time(text)),
    }
}

fn not_a_time(given: &str) -> String {
    format!("not a time like `10s` or `500ms`: `{given}`")
}

pub(super) fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PortSetting>, D::Error> {
    // Only an integer is written in TOML as the text that [`parse_port`] takes: a string has quotes.
    let value = Value::deserialize(deserializer)?;
    match value.as_bool() {
        Some(true) => Ok(Some(PortSetting::Own)),
        Some(false) => Ok(Some(PortSetting::None)),
        None => parse_port(&value.to_string())
            .map(|port| Some(PortSetting::Exact(port)))
            .map_err(D::Error::custom),
    }
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let time = value.as_str().map_or_else(|| Err(not_a_time(&value.to_string())), parse_duration);
    time.map(Some).map_err(D::Error::custom)
}

/// A regular expression, which is compiled to see whether it is one.
pub(super) fn expression<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let with_numbers = template::fill(&text, |_, _| Some("0".to_owned()));
    match regex_lite::Regex::new(&with_numbers) {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(D::Error::custom(format!("not a regular expression: {error}: `{text}`"))),
    }
}

/// Variables, which the operating system can tell apart.
pub(super) fn variables<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let variables = BTreeMap::<String, String>::deserialize(deserializer)?;
    for (name, value) in &variables {
        if name.is_empty() || name.contains(['=', '\0']) {
            let shown = visible::line(name);
            return Err(D::Error::custom(format!("not a name for a variable: `{shown}`")));
        }
        if value.contains('\0') {
            return Err(D::Error::custom(format!("`{name}` {HAS_NUL}")));
        }
    }
    Ok(variables)
}

/// Arguments that a program can be given.
pub(super) fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let arguments = Vec::<String>::deserialize(deserializer)?;
    if arguments.iter().any(|argument| argument.contains('\0')) {
        return Err(D::Error::custom(format!("an argument {HAS_NUL}")));
    }
    Ok(arguments)
}

const HAS_NUL: &str = "has a NUL character, which no program can be given";

/// A command, which has a word.
pub(super) fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(D::Error::custom("the command is empty"));
    }
    if text.contains('\0') {
        return Err(D::Error::custom(format!("the command {HAS_NUL}")));
    }
    Ok(Some(text))
}
