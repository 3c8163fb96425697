//! The frameworks as data: the embedded `frameworks.toml`, and the entries of users and projects over it.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::de::DeTable;

use super::check::Key;
pub use super::check::{CatalogText, CatalogTexts};
pub use super::companion::{Companion, Names};
use super::embedded::{
    AGENT_VARIABLES, COMPANION_ENTRIES, COMPANIONS, ENTRIES, FRAMEWORKS, HTTPS, NAMES, PORTS, WRAPPER_ENTRIES,
};
pub use super::framework::{
    FlagPosition, Framework, HostInput, HttpsSigns, PortInput, Repeated, Role, Variant,
};
use super::resolve::{self, Entry, Mistake};
use super::table::OfTable;
use crate::project::FileError;
use crate::script::{WRAPPERS, Wrapper};

/// The tables of one kind in a file, `[framework.KEY]`, validated. Only whether there are any is kept:
/// [`Catalog::load`] reads the text again, untyped.
#[derive(Debug)]
pub struct Entries<T> {
    exist: bool,
    of: PhantomData<T>,
}

impl<T> Default for Entries<T> {
    fn default() -> Self {
        Self { exist: false, of: PhantomData }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables named by keys")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<Key, OfTable<T>>()?.is_some() {
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
    /// Whether it has tables of any kind.
    has_entries: bool,
}

impl Layer {
    /// A file whose tables have been read already.
    pub fn new(
        path: &Path,
        text: String,
        frameworks: &Entries<Framework>,
        wrappers: &Entries<Wrapper>,
        companions: &Entries<Companion>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            text,
            has_entries: frameworks.exist || wrappers.exist || companions.exist,
        }
    }

    pub fn has_entries(&self) -> bool {
        self.has_entries
    }

    /// Reads the text of a `frameworks.toml`, which holds tables of the catalog and nothing else.
    pub fn parse(path: &Path, text: String) -> Result<Self, CatalogError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            framework: Entries<Framework>,
            #[serde(default)]
            wrapper: Entries<Wrapper>,
            #[serde(default)]
            companion: Entries<Companion>,
        }
        let file: File = toml::from_str(&text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            FileError::at_offset(path, &text, offset, error.message())
        })?;
        Ok(Self::new(path, text, &file.framework, &file.wrapper, &file.companion))
    }

    fn located(&self, key: &str, field: &str, message: &str) -> Option<CatalogError> {
        let document = DeTable::parse(&self.text).ok()?;
        let value = document.get_ref().get("framework")?.get_ref().get(key)?.get_ref().get(field)?;
        Some(FileError::at_offset(&self.path, &self.text, value.span().start, message).into())
    }
}

/// All entries, in order of precedence.
#[derive(Clone, Debug)]
pub struct Catalog {
    frameworks: Cow<'static, [Framework]>,
    wrappers: Cow<'static, [Wrapper]>,
    companions: Cow<'static, [Companion]>,
}

impl Catalog {
    /// The embedded catalog with `layers` over it, the strongest last. An entry overrides the fields of the entry
    /// with the same key; a new entry comes before all others.
    pub fn load(layers: &[Layer]) -> Result<Self, CatalogError> {
        let layers: Vec<&Layer> = layers.iter().filter(|layer| layer.has_entries).collect();
        Ok(Self {
            frameworks: Self::frameworks_of(&layers)?,
            wrappers: overlaid(&layers, ("wrapper", WRAPPER_ENTRIES), &WRAPPERS, |key, wrapper| Wrapper {
                key,
                ..wrapper
            })?,
            companions: overlaid(
                &layers,
                ("companion", COMPANION_ENTRIES),
                &COMPANIONS,
                |key, companion| Companion { key, ..companion },
            )?,
        })
    }

    fn frameworks_of(layers: &[&Layer]) -> Result<Cow<'static, [Framework]>, CatalogError> {
        let tables: Vec<_> = layers.iter().map(|layer| resolve::entries(&layer.text, "framework")).collect();
        if tables.iter().all(Vec::is_empty) {
            return Ok(FRAMEWORKS.clone());
        }
        let mut entries = affected(&tables);
        for layer in tables {
            resolve::overlay(&mut entries, layer);
        }
        let embedded = |key: &str| FRAMEWORKS.iter().any(|framework| framework.key == key);
        let changed = resolve::frameworks(&entries, &PORTS, embedded);
        let changed = changed.map_err(|mistake| located(layers, mistake))?;
        let (changed, mut frameworks): (Vec<_>, Vec<_>) =
            changed.into_iter().partition(|framework| embedded(&framework.key));
        frameworks.extend(FRAMEWORKS.iter().map(|framework| {
            changed.iter().find(|changed| changed.key == framework.key).unwrap_or(framework).clone()
        }));
        Ok(frameworks.into())
    }

    /// All frameworks, in order of precedence.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// All wrappers, in order of precedence.
    pub fn wrappers(&self) -> &[Wrapper] {
        &self.wrappers
    }

    /// All programs that are no servers, in order of precedence.
    pub fn companions(&self) -> &[Companion] {
        &self.companions
    }

    pub fn names(&self) -> &Names {
        &NAMES
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

/// The entries of a `kind` that inherits nothing, with `layers` over the embedded ones. Their text is `TEXT` in
/// `(KIND, TEXT)`.
fn overlaid<T: Clone + for<'de> Deserialize<'de>>(
    layers: &[&Layer],
    (kind, text): (&str, &'static str),
    embedded: &'static [T],
    with_key: impl Fn(CatalogText, T) -> T,
) -> Result<Cow<'static, [T]>, CatalogError> {
    let tables: Vec<_> = layers.iter().map(|layer| resolve::entries(&layer.text, kind)).collect();
    if tables.iter().all(Vec::is_empty) {
        return Ok(embedded.into());
    }
    let mut entries = resolve::entries(text, kind);
    for layer in tables {
        resolve::overlay(&mut entries, layer);
    }
    let typed = entries.into_iter().map(|(key, entry)| Ok(with_key(key, resolve::plain(&entry)?)));
    let typed: Result<Vec<T>, toml::de::Error> = typed.collect();
    Ok(typed.map_err(|error| CatalogError::Embedded { message: error.to_string() })?.into())
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
        let file = include_str!("../../frameworks.toml");
        let entries = resolve::entries(file, "framework");
        assert_eq!(resolve::frameworks(&entries, &PORTS, |_| false).unwrap(), *FRAMEWORKS);
        let texts: Vec<DeTable<'_>> =
            ENTRIES.split('\0').map(|text| DeTable::parse(text).unwrap().into_inner()).collect();
        let keys = FRAMEWORKS.iter().map(|framework| framework.key.clone());
        let entries: Vec<Entry<'_>> = keys.zip(texts).collect();
        assert_eq!(resolve::frameworks(&entries, &PORTS, |_| false).unwrap(), *FRAMEWORKS);
    }

    #[test]
    fn embedded_wrappers_and_companions_are_those_of_the_file() {
        let file = include_str!("../../frameworks.toml");
        for text in [file, WRAPPER_ENTRIES] {
            let entries = resolve::entries(text, "wrapper").into_iter();
            let wrappers = entries.map(|(key, entry)| Wrapper { key, ..resolve::plain(&entry).unwrap() });
            assert_eq!(wrappers.collect::<Vec<_>>(), *WRAPPERS);
        }
        for text in [file, COMPANION_ENTRIES] {
            let entries = resolve::entries(text, "companion").into_iter();
            let companions = entries.map(|(key, entry)| Companion { key, ..resolve::plain(&entry).unwrap() });
            assert_eq!(companions.collect::<Vec<_>>(), *COMPANIONS);
        }
    }
}
