//! Entries as they are written in `frameworks.toml`, before defaults and inheritance.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU16;
use std::ops;

use semver::Version;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::framework::{Place, Repeated, Role, Word, Words};
use super::text::{
    Key, Pairs, flags, optional_flag, pairs, some_range, some_version, text, texts, variables,
};
use crate::range::Range;

include!(concat!(env!("OUT_DIR"), "/frameworks.rs"));

/// The embedded file, which `build.rs` writes as Rust: to read it at every start takes longer than all the rest of the
/// detection.
#[derive(Debug, PartialEq)]
#[cfg_attr(test, derive(Deserialize))]
#[cfg_attr(test, serde(deny_unknown_fields, rename_all = "kebab-case"))]
pub(super) struct Embedded<F = &'static [(&'static str, Entry)]> {
    pub ports: Ports,
    pub agent_variables: Words,
    pub framework: F,
}

/// How a range follows from a default port.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(test, derive(Deserialize))]
#[cfg_attr(test, serde(deny_unknown_fields, rename_all = "kebab-case"))]
pub(super) struct Ports {
    /// The number of ports of a range.
    pub span: NonZeroU16,
    /// Default ports that belong to the user.
    pub yours: Cow<'static, [u16]>,
    /// The range of those whose default port belongs to the user.
    #[cfg_attr(test, serde(deserialize_with = "super::text::range"))]
    pub instead: Range,
}

/// The `[framework.KEY]` tables of a file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(Vec<(String, Entry)>);

impl Entries {
    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            framework: Entries,
        }
        toml::from_str::<File>(text).map(|file| file.framework)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(String, Entry)> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;
        impl<'de> Visitor<'de> for Tables {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tables named by framework keys")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Entries(Vec::with_capacity(map.size_hint().unwrap_or(0)));
                while let Some(key) = map.next_key::<Key>()? {
                    entries.0.push((key.into(), map.next_value()?));
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Tables)
    }
}

/// One `[framework.KEY]` table. What is absent is inherited or has a default; an empty text takes away.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Entry {
    pub like: Option<Word>,
    pub label: Option<Word>,
    #[serde(deserialize_with = "some_range")]
    pub range: Option<Range>,
    pub default_port: Option<NonZeroU16>,
    #[serde(deserialize_with = "texts")]
    pub commands: Option<Words>,
    #[serde(deserialize_with = "texts")]
    pub not_commands: Option<Words>,
    #[serde(deserialize_with = "texts")]
    pub dependencies: Option<Words>,
    #[serde(deserialize_with = "texts")]
    pub without: Option<Words>,
    #[serde(deserialize_with = "texts")]
    pub files: Option<Words>,
    #[serde(deserialize_with = "texts")]
    pub needs: Option<Words>,
    pub built_on: Option<Words>,
    pub beats: Option<Words>,
    pub role: Option<Role>,
    pub port: PortEntry,
    pub host: HostEntry,
    #[serde(deserialize_with = "pairs")]
    pub environment: Pairs,
    #[serde(deserialize_with = "texts")]
    pub locks: Option<Words>,
    pub extra_ports: Option<Cow<'static, [NonZeroU16]>>,
    pub versions: Option<Cow<'static, [VersionEntry]>>,
    pub note: Option<Word>,
}

/// The `port` of an entry.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct PortEntry {
    #[serde(deserialize_with = "flags")]
    pub flags: Option<Words>,
    #[serde(deserialize_with = "optional_flag")]
    pub strict: Option<Word>,
    #[serde(deserialize_with = "texts")]
    pub flags_for: Option<Words>,
    pub place: Option<Place>,
    #[serde(deserialize_with = "variables")]
    pub environment: Option<Words>,
    pub reads_port_variable: Option<bool>,
    pub repeated: Option<Repeated>,
}

/// The `host` of an entry.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct HostEntry {
    #[serde(deserialize_with = "optional_flag")]
    pub flag: Option<Word>,
    #[serde(deserialize_with = "flags")]
    pub others: Option<Words>,
    #[serde(deserialize_with = "variables")]
    pub environment: Option<Words>,
    pub loopback: Option<Word>,
    pub all: Option<Word>,
}

/// One of the `versions` of an entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VersionEntry {
    #[serde(deserialize_with = "text")]
    pub package: Word,
    #[serde(default, deserialize_with = "some_version")]
    pub from: Option<Version>,
    #[serde(default, deserialize_with = "some_version")]
    pub below: Option<Version>,
    #[serde(default, deserialize_with = "some_range")]
    pub range: Option<Range>,
    pub default_port: Option<NonZeroU16>,
    #[serde(default)]
    pub port: PortEntry,
    #[serde(default)]
    pub host: HostEntry,
    #[serde(default, deserialize_with = "pairs")]
    pub environment: Pairs,
}

/// The place of a field of an entry in the text of a file, for messages.
pub(super) fn locate(text: &str, key: &str, field: &str) -> Option<ops::Range<usize>> {
    let document = toml::de::DeTable::parse(text).ok()?;
    let value = document.get_ref().get("framework")?.get_ref().get(key)?.get_ref().get(field)?;
    Some(value.span())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_is_what_the_file_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/frameworks.toml");
        let text = std::fs::read_to_string(file).expect("the file is part of the project");
        let Embedded { ports, agent_variables, framework } =
            toml::from_str::<Embedded<Entries>>(&text).expect("a sound file");
        assert_eq!((ports, agent_variables), (EMBEDDED.ports.clone(), EMBEDDED.agent_variables.clone()));
        let embedded = EMBEDDED.framework.iter().map(|(key, entry)| ((*key).to_owned(), entry.clone()));
        assert_eq!(framework, Entries(embedded.collect()));
    }
}
