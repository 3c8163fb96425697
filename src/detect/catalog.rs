//! The frameworks as data: the embedded `frameworks.toml`, and the entries of users and projects over it.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::de::DeTable;

use super::check::Key;
pub use super::check::{CatalogText, CatalogTexts};
use super::embedded::{AGENT_VARIABLES, ENTRIES, FRAMEWORKS, HTTPS, PORTS};
pub use super::framework::{
    FlagPosition, Framework, HostInput, HttpsSigns, PortInput, Repeated, Role, Variant,
};
use super::resolve::{self, Entry, Mistake};
use crate::project::FileError;

/// The `[framework.KEY]` tables of a file, validated. Only whether there are any is kept: [`Catalog::load`] reads
/// the text again, untyped.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entries {
    exist: bool,
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Entries {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables named by framework keys")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Key, Framework>()?.is_some() {
            self.exist = true;
        }
        Ok(self)
    }
}

/// A file of users' entries, as given to [`Catalog::load`].
#[derive(Clone, Debug)]
pub struct Layer {
    pub path: PathBuf,
    /// Its text, in which errors are located.
    pub text: String,
    /// Its `[framework.KEY]` tables.
    pub entries: Entries,
}

impl Layer {
    /// Reads the text of a `frameworks.toml`, which holds `[framework.KEY]` tables and nothing else.
    pub fn parse(path: &Path, text: String) -> Result<Self, CatalogError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            framework: Entries,
        }
        let file: File = toml::from_str(&text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            FileError::at_offset(path, &text, offset, error.message())
        })?;
        Ok(Self { path: path.to_owned(), text, entries: file.framework })
    }

    fn located(&self, key: &str, field: &str, message: &str) -> Option<CatalogError> {
        let document = DeTable::parse(&self.text).ok()?;
        let value = document.get_ref().get("framework")?.get_ref().get(key)?.get_ref().get(field)?;
        Some(FileError::at_offset(&self.path, &self.text, value.span().start, message).into())
    }
}

/// All frameworks, in order of precedence.
#[derive(Clone, Debug)]
pub struct Catalog {
    frameworks: Cow<'static, [Framework]>,
}

impl Catalog {
    /// The embedded catalog with `layers` over it, the strongest last. An entry overrides the fields of the entry
    /// with the same key; a new entry comes before all others.
    pub fn load(layers: &[Layer]) -> Result<Self, CatalogError> {
        let layers: Vec<&Layer> = layers.iter().filter(|layer| layer.entries.exist).collect();
        if layers.is_empty() {
            return Ok(Self { frameworks: FRAMEWORKS.clone() });
        }
        let tables: Vec<_> = layers.iter().map(|layer| resolve::entries(&layer.text)).collect();
        let mut entries = affected(&tables);
        for layer in tables {
            resolve::overlay(&mut entries, layer);
        }
        let embedded = |key: &str| FRAMEWORKS.iter().any(|framework| framework.key == key);
        let changed = resolve::frameworks(&entries, &PORTS, embedded);
        let changed = changed.map_err(|mistake| located(&layers, mistake))?;
        let (changed, mut frameworks): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|framework| embedded(&framework.key));
        frameworks.extend(FRAMEWORKS.iter().map(|framework| {
            changed.iter().find(|changed| changed.key == framework.key).unwrap_or(framework).clone()
        }));
        Ok(Self { frameworks: frameworks.into() })
    }

    /// All entries, in order of precedence.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// The variables by which tools notice that a coding agent runs them. They are removed from the environment.
    pub fn agent_variables(&self) -> &[CatalogText] {
        &AGENT_VARIABLES
    }

    /// The signs that a server speaks TLS.
    pub fn https_signs(&self) -> &HttpsSigns {
        &HTTPS
    }

    /// Ports of what programs open beside their server, whatever framework they have.
    pub fn ports_beside(&self) -> impl Iterator<Item = u16> + '_ {
        let extra = self.frameworks().iter().flat_map(|framework| framework.extra_ports.iter());
        PORTS.beside.iter().chain(extra).copied()
    }

    pub fn get(&self, key: &str) -> Option<&Framework> {
        self.frameworks().iter().find(|framework| framework.key == key)
    }

    pub fn find(&self, key: &str) -> Result<&Framework, CatalogError> {
        self.get(key).ok_or_else(|| CatalogError::Unknown { key: key.to_owned(), near: self.near(key) })
    }

    /// Up to three keys that look like `key`, the likeliest first.
    fn near(&self, key: &str) -> Vec<String> {
        let wanted = key.to_lowercase();
        let mut near: Vec<(usize, &str)> = Vec::new();
        for framework in self.frameworks() {
            let is_named = framework.key == wanted || framework.label.to_lowercase() == wanted;
            let distance = if is_named { 0 } else { strsim::osa_distance(&wanted, &framework.key) };
            let inside = wanted.len() > 1 && framework.key.contains(&wanted);
            let package = framework.dependencies.iter().any(|name| *name == wanted);
            if distance <= 2.min(wanted.chars().count() / 2) || inside || package {
                near.push((if package { 0 } else { distance }, &framework.key));
            }
        }
        near.sort_unstable();
        near.into_iter().take(3).map(|(_, key)| key.to_owned()).collect()
    }
}

/// The embedded entries that `layers` can change: those with the same keys, those connected to them by `like`, and
/// those that have the default range, which is that of the entry with the role `last`.
fn affected(layers: &[Vec<Entry<'_>>]) -> Vec<Entry<'static>> {
    let named = layers.iter().flatten().flat_map(|(key, entry)| [Some(&**key), resolve::text(entry, "like")]);
    let mut keys: Vec<&str> = named.flatten().collect();
    let pairs = || FRAMEWORKS.iter().filter_map(|one| Some((&*one.key, one.like.as_deref()?)));
    while let Some((key, like)) = pairs().find(|(key, like)| keys.contains(key) != keys.contains(like)) {
        keys.push(if keys.contains(&key) { like } else { key });
    }
    let last = FRAMEWORKS.iter().find(|framework| framework.role == Role::Last);
    let all = FRAMEWORKS.iter().zip(ENTRIES.split('\0')).filter(|(framework, _)| {
        keys.contains(&&*framework.key) || last.is_some_and(|last| last.range == framework.range)
    });
    all.filter_map(|(framework, text)| Some((framework.key.clone(), DeTable::parse(text).ok()?.into_inner())))
        .collect()
}

/// The error, located in the strongest layer that has the field.
fn located(layers: &[&Layer], Mistake { field, message }: Mistake) -> CatalogError {
    let Some((key, field)) = field else { return CatalogError::Embedded { message } };
    let message = format!("`framework.{key}.{field}`: {message}");
    let error = layers.iter().rev().find_map(|layer| layer.located(&key, field, &message));
    error.unwrap_or(CatalogError::Embedded { message })
}

#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error(transparent)]
    Invalid(#[from] FileError),
    /// The embedded file is broken, which tests exclude, or its last entry was changed.
    #[error("the embedded frameworks.toml is broken: {message}")]
    Embedded { message: String },
    #[error("unknown framework: `{key}`")]
    Unknown { key: String, near: Vec<String> },
}

impl CatalogError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid(_) => Some("see docs/frameworks.md for the fields of an entry".to_owned()),
            Self::Embedded { .. } => None,
            Self::Unknown { near, .. } if near.is_empty() => {
                Some("add it to frameworks.toml, or see docs/frameworks.md for the keys there are".to_owned())
            }
            Self::Unknown { near, .. } => Some(format!("did you mean `{}`?", near.join("`, `"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_frameworks_are_those_of_the_file() {
        let entries = resolve::entries(include_str!("../../frameworks.toml"));
        assert_eq!(resolve::frameworks(&entries, &PORTS, |_| false).unwrap(), *FRAMEWORKS);
        let texts: Vec<DeTable<'_>> =
            ENTRIES.split('\0').map(|text| DeTable::parse(text).unwrap().into_inner()).collect();
        let keys = FRAMEWORKS.iter().map(|framework| framework.key.clone());
        let entries: Vec<Entry<'_>> = keys.zip(texts).collect();
        assert_eq!(resolve::frameworks(&entries, &PORTS, |_| false).unwrap(), *FRAMEWORKS);
    }
}
