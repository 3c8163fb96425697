//! Entries as they are written in `frameworks.toml`, before defaults and inheritance.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::ops;

use semver::Version;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::catalog::{Framework, HostInput, Place, PortInput, Repeated, Role, Rules, Variant};
use super::text::{Flag, Key, OptionalFlag, Text, Variable, range, some_range, some_version};
use crate::range::Range;

/// The embedded file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Embedded {
    pub ports: Ports,
    pub agent_variables: Vec<String>,
    pub framework: Entries,
}

/// How a range follows from a default port.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Ports {
    /// The number of ports of a range.
    pub span: NonZeroU16,
    /// Default ports that belong to the user.
    pub yours: Vec<u16>,
    /// The range of those whose default port belongs to the user.
    #[serde(deserialize_with = "range")]
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

    pub(super) fn into_iter(self) -> impl Iterator<Item = (String, Entry)> {
        self.0.into_iter()
    }

    pub(super) fn get_key_value(&self, key: &str) -> Option<(&str, &Entry)> {
        self.0.iter().find(|(name, _)| name == key).map(|(name, entry)| (name.as_str(), entry))
    }

    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.get_key_value(key).map(|(_, entry)| entry)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, entry)| entry)
    }

    pub(super) fn push(&mut self, key: String, entry: Entry) {
        self.0.push((key, entry));
    }

    pub(super) fn prepend(&mut self, mut first: Self) {
        first.0.append(&mut self.0);
        *self = first;
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
                    entries.push(key.into(), map.next_value()?);
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
    pub like: Option<String>,
    pub label: Option<String>,
    #[serde(deserialize_with = "some_range")]
    pub range: Option<Range>,
    pub default_port: Option<NonZeroU16>,
    pub commands: Option<Vec<Text>>,
    pub not_commands: Option<Vec<Text>>,
    pub dependencies: Option<Vec<Text>>,
    pub without: Option<Vec<Text>>,
    pub files: Option<Vec<Text>>,
    pub needs: Option<Vec<Text>>,
    pub built_on: Option<Vec<String>>,
    pub beats: Option<Vec<String>>,
    pub role: Option<Role>,
    pub port: PortEntry,
    pub host: HostEntry,
    pub environment: BTreeMap<Variable, String>,
    pub locks: Option<Vec<Text>>,
    pub extra_ports: Option<Vec<NonZeroU16>>,
    pub versions: Option<Vec<VersionEntry>>,
    pub note: Option<String>,
}

/// The `port` of an entry.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct PortEntry {
    pub flags: Option<Vec<Flag>>,
    pub strict: Option<OptionalFlag>,
    pub flags_for: Option<Vec<Text>>,
    pub place: Option<Place>,
    pub environment: Option<Vec<Variable>>,
    pub reads_port_variable: Option<bool>,
    pub repeated: Option<Repeated>,
}

/// The `host` of an entry.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct HostEntry {
    pub flag: Option<OptionalFlag>,
    pub others: Option<Vec<Flag>>,
    pub environment: Option<Vec<Variable>>,
    pub loopback: Option<String>,
    pub all: Option<String>,
}

/// One of the `versions` of an entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct VersionEntry {
    package: Text,
    #[serde(default, deserialize_with = "some_version")]
    from: Option<Version>,
    #[serde(default, deserialize_with = "some_version")]
    below: Option<Version>,
    #[serde(default, deserialize_with = "some_range")]
    range: Option<Range>,
    default_port: Option<NonZeroU16>,
    #[serde(default)]
    port: PortEntry,
    #[serde(default)]
    host: HostEntry,
    #[serde(default)]
    environment: BTreeMap<Variable, String>,
}

/// Every field of `$top` that is absent is taken from `$below`.
macro_rules! fill {
    ($top:ident, $below:ident, $($field:ident).+) => {
        if $top.$($field).+.is_none() {
            $top.$($field).+.clone_from(&$below.$($field).+);
        }
    };
}

/// Every field of `$top` that `$stronger` has is taken out.
macro_rules! yield_to {
    ($top:ident, $stronger:ident, $($field:ident),+) => {
        $(if $stronger.$field.is_some() {
            $top.$field = None;
        })+
    };
}

impl PortEntry {
    fn yielding_to(mut self, stronger: &Self) -> Self {
        yield_to!(
            self,
            stronger,
            flags,
            strict,
            flags_for,
            place,
            environment,
            reads_port_variable,
            repeated
        );
        self
    }

    fn over(mut self, below: &Self) -> Self {
        fill!(self, below, flags);
        fill!(self, below, strict);
        fill!(self, below, flags_for);
        fill!(self, below, place);
        fill!(self, below, environment);
        fill!(self, below, reads_port_variable);
        fill!(self, below, repeated);
        self
    }

    fn input(self) -> PortInput {
        PortInput {
            flags: texts(self.flags),
            strict: self.strict.and_then(OptionalFlag::given),
            flags_for: texts(self.flags_for),
            place: self.place.unwrap_or_default(),
            environment: texts(self.environment),
            reads_port_variable: self.reads_port_variable.unwrap_or_default(),
            repeated: self.repeated.unwrap_or_default(),
        }
    }
}

impl HostEntry {
    fn yielding_to(mut self, stronger: &Self) -> Self {
        yield_to!(self, stronger, flag, environment, loopback, all);
        self
    }

    fn over(mut self, below: &Self) -> Self {
        fill!(self, below, flag);
        fill!(self, below, others);
        fill!(self, below, environment);
        fill!(self, below, loopback);
        fill!(self, below, all);
        self
    }

    fn input(self) -> HostInput {
        HostInput {
            flag: self.flag.and_then(OptionalFlag::given),
            others: texts(self.others),
            environment: texts(self.environment),
            loopback: self.loopback.filter(|text| !text.is_empty()),
            all: self.all.filter(|text| !text.is_empty()),
        }
    }
}

impl Entry {
    /// Changes the fields that `other` has.
    pub fn overlay(&mut self, other: &Self) {
        let mut top = other.clone();
        fill!(top, self, like);
        fill!(top, self, label);
        fill!(top, self, commands);
        fill!(top, self, not_commands);
        fill!(top, self, dependencies);
        fill!(top, self, without);
        fill!(top, self, files);
        fill!(top, self, needs);
        fill!(top, self, built_on);
        fill!(top, self, beats);
        fill!(top, self, role);
        fill!(top, self, locks);
        fill!(top, self, extra_ports);
        fill!(top, self, note);
        // What a user says holds for every version, unless the user tells versions apart.
        if top.versions.is_none() {
            let versions = self.versions.take().into_iter().flatten();
            top.versions = Some(versions.map(|version| version.yielding_to(other)).collect());
        }
        *self = top.over(self);
    }

    /// With what `like` hands down: where and how the port goes, not the name and the rules.
    pub fn over(mut self, below: &Self) -> Self {
        if self.range.is_none() && self.default_port.is_none() {
            self.range = below.range;
            self.default_port = below.default_port;
        }
        fill!(self, below, locks);
        fill!(self, below, like);
        self.port = self.port.over(&below.port);
        self.host = self.host.over(&below.host);
        for (name, value) in &below.environment {
            self.environment.entry(name.clone()).or_insert_with(|| value.clone());
        }
        self
    }

    /// Where its ports come from, if it says so.
    pub fn range(&self, ports: &Ports) -> Option<Range> {
        self.range.or_else(|| hundred(self.default_port?.get(), ports))
    }

    /// The finished framework.
    pub fn framework(mut self, key: String, range: Range, ports: &Ports) -> Framework {
        let conventional = match self.default_port {
            Some(port) => vec![port.get()],
            None if range == ports.instead => ports.yours.clone(),
            None => vec![range.start],
        };
        let versions = self.versions.take().unwrap_or_default();
        let versions = versions.into_iter().map(|version| version.variant(&self, range, ports)).collect();
        Framework {
            label: self.label.unwrap_or_else(|| key.clone()),
            key,
            range,
            conventional,
            rules: Rules {
                commands: texts(self.commands),
                not_commands: texts(self.not_commands),
                dependencies: texts(self.dependencies),
                without: texts(self.without),
                files: texts(self.files),
                needs: texts(self.needs),
                built_on: self.built_on.unwrap_or_default(),
                beats: self.beats.unwrap_or_default(),
                role: self.role.unwrap_or_default(),
            },
            port: self.port.input(),
            host: self.host.input(),
            environment: self.environment.into_iter().map(|(name, value)| (name.into(), value)).collect(),
            locks: texts(self.locks),
            extra_ports: self.extra_ports.into_iter().flatten().map(NonZeroU16::get).collect(),
            versions,
            note: self.note,
        }
    }
}

impl VersionEntry {
    /// Without the fields that a stronger layer has for all versions.
    fn yielding_to(mut self, stronger: &Entry) -> Self {
        if stronger.range.is_some() || stronger.default_port.is_some() {
            (self.range, self.default_port) = (None, None);
        }
        self.port = self.port.yielding_to(&stronger.port);
        self.host = self.host.yielding_to(&stronger.host);
        self.environment.retain(|name, _| !stronger.environment.contains_key(name));
        self
    }

    fn variant(self, entry: &Entry, range: Range, ports: &Ports) -> Variant {
        let own = self.range.or_else(|| hundred(self.default_port?.get(), ports));
        let mut environment = entry.environment.clone();
        environment.extend(self.environment);
        environment.retain(|_, value| !value.is_empty());
        Variant {
            package: self.package.into(),
            from: self.from,
            below: self.below,
            range: own.unwrap_or(range),
            port: self.port.over(&entry.port).input(),
            host: self.host.over(&entry.host).input(),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value)).collect(),
        }
    }
}

/// The range that goes with a default port, cut off at the last port there is.
fn hundred(default: u16, ports: &Ports) -> Option<Range> {
    if ports.yours.contains(&default) {
        return Some(ports.instead);
    }
    Range::new(default, default.saturating_add(ports.span.get() - 1))
}

/// The place of a field of an entry in the text of a file, for messages.
pub(super) fn locate(text: &str, key: &str, field: &str) -> Option<ops::Range<usize>> {
    let document = toml::de::DeTable::parse(text).ok()?;
    let value = document.get_ref().get("framework")?.get_ref().get(key)?.get_ref().get(field)?;
    Some(value.span())
}

fn texts<T: Into<String>>(list: Option<Vec<T>>) -> Vec<String> {
    list.into_iter().flatten().map(Into::into).collect()
}
