//! Values as people write them, in files and on command lines.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::{Error as _, IntoDeserializer, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Value;

use crate::detect::OfTable;
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
pub(super) const NOT_A_TIME: &str = "not a time like `10s` or `500ms`";
pub(super) const NO_TIME: &str = "nothing is ready in no time";
pub(super) const NOT_A_VARIABLE: &str = "not a name for a variable";
pub(super) const HAS_NUL: &str = "no program can be given a NUL character";
pub(super) const NO_TEMPLATES: &str = "no address is filled in here";
pub(super) const IS_EMPTY: &str = "the text is empty";
pub(super) const NO_PAGE: &str = "not a path with a `/` at its beginning, nor a URL";

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
    format!("{NOT_A_TIME}: `{given}`")
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

/// A time within which something is to happen.
pub(super) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let limit = duration(deserializer)?;
    if limit.is_some_and(|limit| limit.is_zero()) { Err(D::Error::custom(NO_TIME)) } else { Ok(limit) }
}

/// One of the words of an enum. The reader of TOML would take a table for it as well.
pub(super) fn word<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let given = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    T::deserialize(given.into_deserializer())
}

pub(super) fn optional_word<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    word(deserializer).map(Some)
}

pub(super) fn table<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    OfTable::deserialize(deserializer).map(|table| table.0)
}

/// A text that is not blank, and that a program can be given.
fn non_empty(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err(IS_EMPTY.to_owned());
    }
    without_nul(text)
}

fn without_nul(text: &str) -> Result<String, String> {
    if text.contains('\0') { Err(HAS_NUL.to_owned()) } else { Ok(text.to_owned()) }
}

pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    deserializer.deserialize_str(Checked(non_empty)).map(Some)
}

/// A path or URL, as far as can be seen before its templates are filled in.
pub(super) fn page<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let check = |text: &str| {
        let begins = ["/", "http://", "https://", "{{"].iter().any(|beginning| text.starts_with(beginning));
        let text = non_empty(text)?;
        if begins { Ok(text) } else { Err(format!("{NO_PAGE}: `{}`", visible::line(&text))) }
    };
    deserializer.deserialize_str(Checked(check)).map(Some)
}

pub(super) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    Ok(text(deserializer)?.map(PathBuf::from))
}

/// A regular expression, which is compiled to see whether it is one.
pub(super) fn expression<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = deserializer.deserialize_str(Checked(non_empty))?;
    let with_numbers = template::fill(&text, |_, _| Some("0".to_owned()));
    match regex_lite::Regex::new(&with_numbers) {
        Ok(_) => Ok(Some(text)),
        Err(error) => Err(D::Error::custom(format!("not a regular expression: {error}: `{text}`"))),
    }
}

/// Reads a text that has to pass a check. The check is a visitor, as only a visitor's error keeps the place of the
/// text within a list.
struct Checked<T>(fn(&str) -> Result<T, String>);

impl<T> Visitor<'_> for Checked<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

/// A name that the operating system can tell from others.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Variable(String);

impl<'de> Deserialize<'de> for Variable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Checked(|name| {
            if name.is_empty() || name.contains(['=', '\0']) || name.contains("{{") {
                return Err(format!("{NOT_A_VARIABLE}: `{}`", visible::line(name)));
            }
            Ok(Self(name.to_owned()))
        }))
    }
}

/// A text that a program can be given.
struct Argument(String);

impl<'de> Deserialize<'de> for Argument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Checked(|text| without_nul(text).map(Self)))
    }
}

pub(super) fn variables<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let variables = BTreeMap::<Variable, Argument>::deserialize(deserializer)?;
    Ok(variables.into_iter().map(|(name, value)| (name.0, value.0)).collect())
}

pub(super) fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let arguments = Vec::<Argument>::deserialize(deserializer)?;
    Ok(arguments.into_iter().map(|argument| argument.0).collect())
}

/// A text that is not blank, and without templates.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Checked(|text| {
            if text.contains("{{") {
                return Err(format!("{NO_TEMPLATES}: `{}`", visible::line(text)));
            }
            non_empty(text).map(Self)
        }))
    }
}

pub(super) fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Name::deserialize(deserializer).map(|name| Some(name.0))
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<Name>::deserialize(deserializer)?;
    Ok(names.into_iter().map(|name| name.0).collect())
}

pub(super) fn dir<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    Name::deserialize(deserializer).map(|name| Some(name.0.into()))
}
