//! Values of entries, checked while they are read, so that errors have a position. `build.rs` includes this file.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use crate::range::Range;

/// A text of the catalog: borrowed from the program, or owned if a user's file has it.
pub type CatalogText = Cow<'static, str>;
pub type CatalogTexts = Cow<'static, [CatalogText]>;
/// Variables with their values, in the order of their names.
pub type Pairs = Cow<'static, [(CatalogText, CatalogText)]>;
/// A release of a package: major, minor and patch.
pub type Release = (u64, u64, u64);

/// Declares a type for a checked text. As a type, not a check of the whole list, so that an error has the position
/// of the element.
macro_rules! checked {
    ($name:ident, $valid:expr, $wanted:literal) => {
        #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(format!("`{text}` is not {}", $wanted)) }
            }
        }

        impl From<$name> for CatalogText {
            fn from(checked: $name) -> Self {
                Self::Owned(checked.0)
            }
        }
    };
}

checked!(
    Key,
    |text| {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed)
    },
    "a framework key: small letters, digits and dashes"
);
checked!(Text, |text| !text.trim().is_empty(), "a name, a command or a file name");
checked!(Flag, is_flag, "a flag, which begins with a dash");
checked!(
    OptionalFlag,
    |text| text.is_empty() || is_flag(text),
    "a flag, which begins with a dash, nor empty, for none"
);
checked!(
    Variable,
    |text| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(allowed)
    },
    "the name of an environment variable"
);

checked!(
    PortForm,
    |text| text.matches("{port}").count() == 1 && (1..=2).contains(&text.split_whitespace().count()),
    "one word or two, one of them with `{port}`"
);

/// A regular expression.
#[derive(Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern(String);

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match regex_lite::Regex::new(&text) {
            Ok(_) => Ok(Self(text)),
            Err(error) => Err(format!("`{text}` is not a regular expression: {error}")),
        }
    }
}

impl From<Pattern> for CatalogText {
    fn from(pattern: Pattern) -> Self {
        Self::Owned(pattern.0)
    }
}

fn is_flag(text: &str) -> bool {
    text.trim_start_matches('-').len() < text.len()
        && !text.trim_matches(['-', '=']).is_empty()
        && !text.contains(char::is_whitespace)
}

pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CatalogText, D::Error> {
    Text::deserialize(deserializer).map(Into::into)
}

pub fn list<'de, T: Deserialize<'de> + Into<CatalogText>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<CatalogTexts, D::Error> {
    Ok(Vec::<T>::deserialize(deserializer)?.into_iter().map(Into::into).collect())
}

/// A text, or `None` for an empty one.
pub fn unless_empty<'de, T: Deserialize<'de> + Into<CatalogText>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<CatalogText>, D::Error> {
    let text: CatalogText = T::deserialize(deserializer)?.into();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

pub fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
    let pairs = BTreeMap::<Variable, CatalogText>::deserialize(deserializer)?;
    Ok(pairs.into_iter().map(|(name, value)| (name.into(), value)).collect())
}

/// The pairs without those whose value is empty.
pub fn full_pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
    Ok(pairs(deserializer)?.into_owned().into_iter().filter(|(_, value)| !value.is_empty()).collect())
}

pub fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    NonZeroU16::deserialize(deserializer).map(NonZeroU16::get)
}

pub fn ports<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, [u16]>, D::Error> {
    Ok(Vec::<NonZeroU16>::deserialize(deserializer)?.into_iter().map(NonZeroU16::get).collect())
}

pub fn range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Range, D::Error> {
    let text = String::deserialize(deserializer)?;
    let error = || D::Error::custom(format!("`{text}` is not a range of ports such as \"4000-4099\""));
    parse_range(&text).ok_or_else(error)
}

/// A range such as `4000-4099`.
pub fn parse_range(text: &str) -> Option<Range> {
    let (start, end) = text.split_once('-')?;
    Range::new(start.trim().parse().ok()?, end.trim().parse().ok()?)
}

pub fn release<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Release>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let error = || D::Error::custom(format!("`{text}` is not a version such as \"2\" or \"1.121\""));
    let version = crate::project::lowest_version(&text).ok_or_else(error)?;
    Ok(Some((version.major, version.minor, version.patch)))
}
