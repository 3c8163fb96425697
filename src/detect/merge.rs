//! How entries change each other, and how they become frameworks.

use std::collections::BTreeMap;
use std::ops::Deref;

use super::entry::{Entry, HostEntry, PortEntry, Ports, VersionEntry};
use super::framework::{Framework, HostInput, PortInput, Rules, Variant, Word};
use super::text::Pairs;
use crate::range::Range;

/// An entry of the embedded file, or one that users have changed or added.
#[derive(Debug)]
pub(super) enum Layered {
    Embedded(&'static Entry),
    Own(Box<Entry>),
}

impl Deref for Layered {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        match self {
            Self::Embedded(entry) => entry,
            Self::Own(entry) => entry,
        }
    }
}

impl Layered {
    /// Changes the fields that `other` has.
    pub fn overlay(&mut self, other: &Entry) {
        let mut entry = Entry::clone(self);
        entry.overlay(other);
        *self = Self::Own(Box::new(entry));
    }
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
            flags: self.flags.unwrap_or_default(),
            strict: given(self.strict),
            flags_for: self.flags_for.unwrap_or_default(),
            place: self.place.unwrap_or_default(),
            environment: self.environment.unwrap_or_default(),
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
            flag: given(self.flag),
            others: self.others.unwrap_or_default(),
            environment: self.environment.unwrap_or_default(),
            loopback: given(self.loopback),
            all: given(self.all),
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
            let versions = self.versions.take().unwrap_or_default().into_owned().into_iter();
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
        self.environment = over(self.environment, &below.environment);
        self
    }

    /// Where its ports come from, if it says so.
    pub fn range(&self, ports: &Ports) -> Option<Range> {
        self.range.or_else(|| hundred(self.default_port?.get(), ports))
    }

    /// The finished framework.
    pub fn framework(mut self, key: Word, range: Range, ports: &Ports) -> Framework {
        let conventional = match self.default_port {
            Some(port) => vec![port.get()],
            None if range == ports.instead => ports.yours.to_vec(),
            None => vec![range.start],
        };
        let versions = self.versions.take().unwrap_or_default();
        let versions = versions.iter().map(|version| version.clone().variant(&self, range, ports)).collect();
        Framework {
            label: self.label.unwrap_or_else(|| key.clone()),
            key,
            range,
            conventional,
            rules: Rules {
                commands: self.commands.unwrap_or_default(),
                not_commands: self.not_commands.unwrap_or_default(),
                dependencies: self.dependencies.unwrap_or_default(),
                without: self.without.unwrap_or_default(),
                files: self.files.unwrap_or_default(),
                needs: self.needs.unwrap_or_default(),
                built_on: self.built_on.unwrap_or_default(),
                beats: self.beats.unwrap_or_default(),
                role: self.role.unwrap_or_default(),
            },
            port: self.port.input(),
            host: self.host.input(),
            environment: variables_of(&self.environment),
            locks: self.locks.unwrap_or_default(),
            extra_ports: self.extra_ports.unwrap_or_default().iter().map(|port| port.get()).collect(),
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
        let has = |name: &Word| stronger.environment.iter().any(|(other, _)| other == name);
        if self.environment.iter().any(|(name, _)| has(name)) {
            self.environment.to_mut().retain(|(name, _)| !has(name));
        }
        self
    }

    fn variant(self, entry: &Entry, range: Range, ports: &Ports) -> Variant {
        let own = self.range.or_else(|| hundred(self.default_port?.get(), ports));
        let mut environment = variables_of(&over(self.environment, &entry.environment));
        environment.retain(|_, value| !value.is_empty());
        Variant {
            package: self.package,
            from: self.from,
            below: self.below,
            range: own.unwrap_or(range),
            port: self.port.over(&entry.port).input(),
            host: self.host.over(&entry.host).input(),
            environment,
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

/// A text, unless it is empty, for none.
fn given(text: Option<Word>) -> Option<Word> {
    text.filter(|text| !text.is_empty())
}

/// The variables of `top`, and those of `below` that are not among them.
fn over(mut top: Pairs, below: &[(Word, Word)]) -> Pairs {
    let missing = below.iter().filter(|(name, _)| top.iter().all(|(other, _)| other != name));
    let missing: Vec<_> = missing.cloned().collect();
    if !missing.is_empty() {
        top.to_mut().extend(missing);
    }
    top
}

fn variables_of(pairs: &[(Word, Word)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| (name.clone().into_owned(), value.clone().into_owned())).collect()
}
