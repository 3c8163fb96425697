//! How entries change each other, as TOML tables, whatever their fields are: a user's entry goes over the embedded one,
//! an entry over the one that it is `like`, a version over its entry. `build.rs` reads this file too.

use serde::Deserialize;
use toml::{Table, Value};

use super::check::{self, Words};
use super::framework::Framework;
use crate::range::Range;

/// The fields that say where ports come from: an entry takes over both or none.
const PORTS: [&str; 2] = ["range", "default-port"];
/// What a version may change.
const OF_VERSIONS: [&str; 5] = ["range", "default-port", "port", "host", "environment"];
/// What `like` hands down: where and how the port goes, not the name and the rules.
const OF_LIKE: [&str; 6] = ["range", "default-port", "port", "host", "environment", "locks"];

/// The embedded file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    pub agent_variables: Words,
    ports: Ports,
    framework: Table,
}

/// How a range follows from a default port.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ports {
    /// The number of ports of a range.
    span: u16,
    /// Default ports that belong to the user.
    yours: Vec<u16>,
    /// The range of a framework whose default port belongs to the user.
    #[serde(deserialize_with = "check::range")]
    instead: Range,
}

/// What is wrong, and in which field of which entry.
#[derive(Debug)]
pub struct Mistake {
    pub place: Option<(String, &'static str)>,
    pub message: String,
}

impl Mistake {
    fn new(message: String) -> Self {
        Self { place: None, message }
    }

    fn at(key: &str, field: &'static str, message: String) -> Self {
        Self { place: Some((key.to_owned(), field)), message }
    }
}

impl File {
    /// The frameworks of this file with the entries of `layers` over its own, the strongest layer last. A new entry comes
    /// before all that were there.
    pub fn frameworks(self, layers: Vec<Table>) -> Result<Vec<Framework>, Mistake> {
        let mut entries = Entries(tables(self.framework).collect());
        for layer in layers {
            let mut added = Vec::new();
            for (key, entry) in tables(layer) {
                match entries.0.iter_mut().find(|(present, _)| *present == key) {
                    Some((_, present)) => overlay(present, entry),
                    None => added.push((key, entry)),
                }
            }
            entries.0.splice(0..0, added);
        }
        let last = entries.0.iter().find(|(_, entry)| text(entry, "role") == Some("last"));
        let last = last.and_then(|(_, entry)| self.ports.range(entry));
        let last =
            last.ok_or_else(|| Mistake::new("no entry with the role `last` has a range".to_owned()))?;
        entries.0.iter().map(|(key, entry)| entries.framework(key, entry, &self.ports, last)).collect()
    }
}

struct Entries(Vec<(String, Table)>);

impl Entries {
    fn get(&self, key: &str) -> Option<(&str, &Table)> {
        self.0.iter().find(|(name, _)| name == key).map(|(name, entry)| (&**name, entry))
    }

    fn framework(&self, key: &str, own: &Table, ports: &Ports, last: Range) -> Result<Framework, Mistake> {
        for field in ["built-on", "beats"] {
            let others = own.get(field).and_then(Value::as_array).into_iter().flatten();
            for other in others.filter_map(Value::as_str) {
                if self.get(other).is_none() {
                    return Err(Mistake::at(key, field, format!("there is no framework `{other}`")));
                }
            }
        }
        let mut entry = self.inherited(key, own)?;
        entry.entry("label").or_insert_with(|| key.into());
        ports.complete(&mut entry, last);
        if let Some(Value::Array(mut versions)) = entry.remove("versions") {
            for version in versions.iter_mut().filter_map(Value::as_table_mut) {
                if let Some(range) = ports.range(version) {
                    version.insert("range".to_owned(), range.to_string().into());
                }
                fill(version, &entry, &OF_VERSIONS);
                if let Some(Value::Table(variables)) = version.get_mut("environment") {
                    variables.retain(|_, value| value.as_str() != Some(""));
                }
            }
            entry.insert("versions".to_owned(), versions.into());
        }
        let framework = Framework::deserialize(Value::Table(entry));
        let framework = framework.map_err(|error| Mistake::new(format!("{key}: {}", error.message())))?;
        Ok(Framework { key: key.to_owned().into(), ..framework })
    }

    /// The entry of `key` over those that it is `like`.
    fn inherited(&self, key: &str, own: &Table) -> Result<Table, Mistake> {
        let mut chain = vec![key];
        let mut entry = own.clone();
        let mut next = text(own, "like");
        while let Some(like) = next {
            let Some((name, parent)) = self.get(like) else {
                let last = chain[chain.len() - 1];
                return Err(Mistake::at(last, "like", format!("there is no framework `{like}`")));
            };
            if chain.contains(&name) {
                let circle = format!("goes round in a circle: {} → {name}", chain.join(" → "));
                return Err(Mistake::at(key, "like", circle));
            }
            chain.push(name);
            fill(&mut entry, parent, &OF_LIKE);
            next = text(parent, "like");
        }
        Ok(entry)
    }
}

impl Ports {
    /// The ports of an entry that names them.
    fn range(&self, entry: &Table) -> Option<Range> {
        if let Some(range) = text(entry, "range") {
            return check::parse_range(range);
        }
        let default = u16::try_from(entry.get("default-port")?.as_integer()?).ok()?;
        if self.yours.contains(&default) {
            return Some(self.instead);
        }
        Range::new(default, default.saturating_add(self.span - 1))
    }

    /// Fills in both fields.
    fn complete(&self, entry: &mut Table, last: Range) {
        let range = self.range(entry).unwrap_or(last);
        entry.insert("range".to_owned(), range.to_string().into());
        let yours = self.yours.first().filter(|_| range == self.instead);
        let default = i64::from(*yours.unwrap_or(&range.start));
        entry.entry("default-port").or_insert(default.into());
    }
}

fn tables(file: Table) -> impl Iterator<Item = (String, Table)> {
    file.into_iter()
        .filter_map(|(key, value)| if let Value::Table(table) = value { Some((key, table)) } else { None })
}

fn text<'a>(entry: &'a Table, field: &str) -> Option<&'a str> {
    entry.get(field)?.as_str()
}

fn names_ports(entry: &Table) -> bool {
    PORTS.iter().any(|field| entry.contains_key(*field))
}

/// Takes what `entry` does not say from `below`, of these fields.
fn fill(entry: &mut Table, below: &Table, fields: &[&str]) {
    let has_ports = names_ports(entry);
    for (field, value) in below.iter().filter(|(field, _)| fields.contains(&field.as_str())) {
        match (entry.get_mut(field), value) {
            (None, _) if has_ports && PORTS.contains(&field.as_str()) => {}
            (None, value) => {
                entry.insert(field.clone(), value.clone());
            }
            (Some(Value::Table(own)), Value::Table(below)) => {
                for (name, value) in below {
                    own.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            (Some(_), _) => {}
        }
    }
}

/// Changes the fields of `entry` that `above` has.
fn overlay(entry: &mut Table, mut above: Table) {
    // What a user says holds for every version, unless the user tells versions apart.
    let versions = entry.get_mut("versions").filter(|_| !above.contains_key("versions"));
    for version in versions.and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(version) = version.as_table_mut() {
            drop_fields(version, &above);
        }
    }
    let fields: Vec<&str> = entry.keys().map(String::as_str).collect();
    fill(&mut above, entry, &fields);
    *entry = above;
}

/// Takes out of a version what a stronger layer says for all versions.
fn drop_fields(version: &mut Table, stronger: &Table) {
    if names_ports(stronger) {
        version.retain(|field, _| !PORTS.contains(&field));
    }
    for (field, value) in version.iter_mut() {
        if let (Value::Table(own), Some(Value::Table(stronger))) = (value, stronger.get(field)) {
            own.retain(|name, _| !stronger.contains_key(name));
        }
    }
}
