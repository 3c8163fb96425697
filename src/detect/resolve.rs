//! How entries override each other, as TOML tables, whatever their fields: a user's entry overrides the embedded
//! one, an entry the one that it is `like`, a version its entry. `build.rs` includes this file.

use std::borrow::Cow;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::check::{self, CatalogText};
use super::framework::Framework;
use crate::range::Range;

/// The fields that say where ports come from: an entry inherits both or none.
const PORTS: [&str; 2] = ["range", "default-port"];
/// The fields that `like` hands down: where and how the port goes, not the name and the rules.
const OF_LIKE: [&str; 6] = ["range", "default-port", "port", "host", "environment", "locks"];
/// The fields that a version inherits from its entry, besides the range.
const OF_VERSIONS: [&str; 3] = ["port", "host", "environment"];

/// An entry of a file, with its key.
pub type Entry<'i> = (CatalogText, DeTable<'i>);

/// How a range follows from a default port.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortsEntry {
    /// The number of ports of a range.
    pub span: u16,
    /// Default ports that belong to the user.
    #[serde(deserialize_with = "check::ports")]
    pub yours: Cow<'static, [u16]>,
    /// The range of a framework whose default port belongs to the user.
    #[serde(deserialize_with = "check::range")]
    pub instead: Range,
    /// Ports of what programs open beside their server, whatever framework they have.
    #[serde(deserialize_with = "check::ports")]
    pub beside: Cow<'static, [u16]>,
}

/// A mistake in the entries, with the key and field of the entry that has it, if it is one's.
#[derive(Debug)]
pub struct Mistake {
    pub field: Option<(CatalogText, &'static str)>,
    pub message: String,
}

fn mistake(key: &CatalogText, field: &'static str, message: String) -> Mistake {
    Mistake { field: Some((key.clone(), field)), message }
}

/// The tables of one `kind` in a valid file: `[framework.KEY]`.
pub fn entries<'i>(text: &'i str, kind: &str) -> Vec<Entry<'i>> {
    let file = DeTable::parse(text).ok().and_then(|file| file.into_inner().remove(kind));
    let Some(DeValue::Table(tables)) = file.map(Spanned::into_inner) else { return Vec::new() };
    let entries = tables.into_iter().filter_map(|(key, entry)| {
        let DeValue::Table(entry) = entry.into_inner() else { return None };
        Some((key.into_inner().into_owned().into(), entry))
    });
    entries.collect()
}

/// Puts the entries of a stronger layer over `entries`. A new entry comes before all that were there.
pub fn overlay<'i>(entries: &mut Vec<Entry<'i>>, layer: Vec<Entry<'i>>) {
    let mut added = Vec::new();
    for (key, mut above) in layer {
        let Some((_, entry)) = entries.iter_mut().find(|(present, _)| *present == key) else {
            added.push((key, above));
            continue;
        };
        // A user's field holds for every version, unless the user's entry has versions of its own.
        if !above.contains_key("versions") {
            versions(entry).for_each(|version| drop_fields(version, &above));
        }
        fill(&mut above, entry, |_| true);
        *entry = above;
    }
    entries.splice(0..0, added);
}

/// The frameworks of `entries`. These include every entry that one of them is `like`; `exists` says whether a key
/// that is not among them exists.
pub fn frameworks(
    entries: &[Entry<'_>],
    ports: &PortsEntry,
    exists: impl Fn(&str) -> bool,
) -> Result<Vec<Framework>, Mistake> {
    let last = entries.iter().find(|(_, entry)| text(entry, "role") == Some("last"));
    let last = last.and_then(|(_, entry)| ports.range(entry));
    let last = last.ok_or_else(|| Mistake {
        field: None,
        message: "no entry with the role `last` has a range".to_owned(),
    })?;
    let framework = |(key, own): &Entry<'_>| {
        for field in ["built-on", "beats"] {
            let others = own.get(field).and_then(|field| field.get_ref().as_array());
            for other in others.into_iter().flat_map(|others| others.iter()) {
                let other = other.get_ref().as_str().unwrap_or_default();
                if get(entries, other).is_none() && !exists(other) {
                    return Err(mistake(key, field, format!("there is no framework `{other}`")));
                }
            }
        }
        let entry = inherited(entries, key, own)?;
        ports
            .framework(key, entry, last)
            .map_err(|error| Mistake { field: None, message: format!("{key}: {error}") })
    };
    entries.iter().map(framework).collect()
}

/// An entry of a kind that inherits nothing, typed.
pub fn plain<T: for<'de> Deserialize<'de>>(entry: &DeTable<'_>) -> Result<T, toml::de::Error> {
    let entry = Spanned::new(0..0, DeValue::Table(entry.clone()));
    T::deserialize(ValueDeserializer::from(entry))
}

/// The entry of `key` over those that it is `like`.
fn inherited<'i>(
    entries: &[Entry<'i>],
    key: &CatalogText,
    own: &DeTable<'i>,
) -> Result<DeTable<'i>, Mistake> {
    let mut chain = vec![key];
    let mut entry = own.clone();
    let mut next = text(own, "like");
    while let Some(like) = next {
        let Some((name, parent)) = get(entries, like) else {
            let message = format!("there is no framework `{like}`");
            return Err(mistake(chain[chain.len() - 1], "like", message));
        };
        if chain.contains(&name) {
            let chain: Vec<&str> = chain.into_iter().map(|key| &**key).collect();
            let circle = format!("goes round in a circle: {} → {name}", chain.join(" → "));
            return Err(mistake(key, "like", circle));
        }
        chain.push(name);
        fill(&mut entry, parent, |field| OF_LIKE.contains(&field));
        next = text(parent, "like");
    }
    Ok(entry)
}

impl PortsEntry {
    fn framework(
        &self,
        key: &CatalogText,
        mut entry: DeTable<'_>,
        last: Range,
    ) -> Result<Framework, toml::de::Error> {
        let range = self.range(&entry).unwrap_or(last);
        put(&mut entry, "range", range.to_string());
        if !entry.contains_key("label") {
            put(&mut entry, "label", key.to_string());
        }
        let whole = entry.clone();
        for version in versions(&mut entry) {
            let range = self.range(version).unwrap_or(range);
            put(version, "range", range.to_string());
            fill(version, &whole, |field| OF_VERSIONS.contains(&field));
        }
        let entry = Spanned::new(0..0, DeValue::Table(entry));
        let mut framework = Framework::deserialize(ValueDeserializer::from(entry))?;
        framework.key.clone_from(key);
        if framework.default_port == 0 {
            let yours = self.yours.first().filter(|_| range == self.instead);
            framework.default_port = *yours.unwrap_or(&range.start);
        }
        Ok(framework)
    }

    /// The ports of an entry that names them.
    fn range(&self, entry: &DeTable<'_>) -> Option<Range> {
        if let Some(range) = text(entry, "range") {
            return check::parse_range(range);
        }
        let default = entry.get("default-port")?.get_ref().as_integer()?;
        let default = u16::from_str_radix(default.as_str(), default.radix()).ok()?;
        if self.yours.contains(&default) {
            return Some(self.instead);
        }
        Range::new(default, default.saturating_add(self.span - 1))
    }
}

fn get<'a, 'i>(entries: &'a [Entry<'i>], key: &str) -> Option<&'a Entry<'i>> {
    entries.iter().find(|(name, _)| name == key)
}

pub fn text<'a>(entry: &'a DeTable<'_>, field: &str) -> Option<&'a str> {
    entry.get(field)?.get_ref().as_str()
}

fn put(entry: &mut DeTable<'_>, field: &'static str, text: String) {
    entry.insert(Spanned::new(0..0, field.into()), Spanned::new(0..0, DeValue::String(text.into())));
}

fn versions<'a, 'i>(entry: &'a mut DeTable<'i>) -> impl Iterator<Item = &'a mut DeTable<'i>> {
    let field = entry.get_mut("versions").map(Spanned::get_mut);
    let list =
        field.and_then(|field| if let DeValue::Array(list) = field { Some(list.as_mut()) } else { None });
    list.into_iter().flatten().filter_map(|version| {
        if let DeValue::Table(version) = version.get_mut() { Some(version) } else { None }
    })
}

fn names_ports(entry: &DeTable<'_>) -> bool {
    PORTS.iter().any(|field| entry.contains_key(*field))
}

/// Takes the fields that `entry` lacks from `below`: those that `is_meant` picks.
fn fill<'i>(entry: &mut DeTable<'i>, below: &DeTable<'i>, is_meant: impl Fn(&str) -> bool) {
    let has_ports = names_ports(entry);
    for (field, value) in below.iter().filter(|(field, _)| is_meant(field.get_ref())) {
        match (entry.get_mut(field).map(Spanned::get_mut), value.get_ref()) {
            (None, _) if has_ports && PORTS.contains(&&**field.get_ref()) => {}
            (None, _) => {
                entry.insert(field.clone(), value.clone());
            }
            (Some(DeValue::Table(own)), DeValue::Table(below)) => {
                for (name, value) in below {
                    own.entry(name.clone()).or_insert_with(|| value.clone());
                }
            }
            (Some(_), _) => {}
        }
    }
}

/// Removes the fields of a version that a stronger layer sets for all versions.
fn drop_fields<'i>(version: &mut DeTable<'i>, stronger: &DeTable<'i>) {
    if names_ports(stronger) {
        for field in PORTS {
            version.remove(field);
        }
    }
    for (field, value) in version.iter_mut() {
        let stronger = stronger.get(field.get_ref().as_ref()).and_then(|field| field.get_ref().as_table());
        if let (DeValue::Table(own), Some(stronger)) = (value.get_mut(), stronger) {
            for (name, _) in stronger {
                own.remove(name);
            }
        }
    }
}
