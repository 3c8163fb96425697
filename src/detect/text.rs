//! The values in an entry, checked as they are read, so that an error shows where they stand.

use std::borrow::Cow;
use std::collections::BTreeMap;

use semver::Version;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::catalog::{Word, Words};
use crate::range::Range;

/// Declares a text that is checked as it is read, so that an error shows where it stands.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $valid:expr, $wanted:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
        #[serde(try_from = "String")]
        pub(super) struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(format!("`{text}` is not {}", $wanted)) }
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }
    };
}

checked!(
    /// A framework's key.
    Key,
    |text| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed)
    },
    "a framework key: small letters, digits and dashes"
);
checked!(
    /// Any text but an empty one.
    Text,
    |text| !text.trim().is_empty(),
    "a name, a command or a file name"
);
checked!(
    /// A flag of a command.
    Flag,
    is_flag,
    "a flag, which begins with a dash"
);
checked!(
    /// A flag, or an empty text for none.
    OptionalFlag,
    |text| text.is_empty() || is_flag(text),
    "a flag, which begins with a dash, nor empty, for none"
);
checked!(
    /// The name of an environment variable.
    Variable,
    |text| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(allowed)
    },
    "the name of an environment variable"
);

fn is_flag(text: &str) -> bool {
    text.trim_start_matches('-').len() < text.len()
        && !text.trim_matches(['-', '=']).is_empty()
        && !text.contains(char::is_whitespace)
}

/// A list of texts of one kind.
fn list<'de, T: Deserialize<'de> + Into<String>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Words>, D::Error> {
    let texts = Vec::<T>::deserialize(deserializer)?;
    Ok(Some(texts.into_iter().map(|text| Word::Owned(text.into())).collect()))
}

pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
    Text::deserialize(deserializer).map(|text| Word::Owned(text.0))
}

pub(super) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Words>, D::Error> {
    list::<Text, D>(deserializer)
}

pub(super) fn flags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Words>, D::Error> {
    list::<Flag, D>(deserializer)
}

pub(super) fn optional_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Word>, D::Error> {
    OptionalFlag::deserialize(deserializer).map(|flag| Some(Word::Owned(flag.0)))
}

pub(super) fn variables<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Words>, D::Error> {
    list::<Variable, D>(deserializer)
}

/// Variables with their values, in the order of their names.
pub(super) type Pairs = Cow<'static, [(Word, Word)]>;

pub(super) fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
    let pairs = BTreeMap::<Variable, String>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|(name, value)| (Word::Owned(name.0), Word::Owned(value))).collect())
}

pub(super) fn range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Range, D::Error> {
    let text = String::deserialize(deserializer)?;
    let ends = text
        .split_once('-')
        .and_then(|(start, end)| Some((start.trim().parse::<u16>().ok()?, end.trim().parse::<u16>().ok()?)));
    let range = ends.and_then(|(start, end)| Range::new(start, end));
    range.ok_or_else(|| D::Error::custom(format!("`{text}` is not a range of ports such as \"4000-4099\"")))
}

pub(super) fn some_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Range>, D::Error> {
    range(deserializer).map(Some)
}

pub(super) fn some_version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Version>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let version = crate::project::lowest_version(&text);
    version
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("`{text}` is not a version such as \"2\" or \"1.121\"")))
}
