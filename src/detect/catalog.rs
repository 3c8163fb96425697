//! The frameworks as data: `frameworks.toml`, embedded, and what users and projects add to it.

use std::path::{Path, PathBuf};

use super::entry::{EMBEDDED, Embedded, Entries, Entry};
pub use super::framework::{
    Framework, HostInput, Place, PortInput, Repeated, Role, Rules, Variant, Word, Words,
};
use super::merge::Layered;
use crate::range::Range;
use crate::visible::Visible;

/// A file of users' entries, as given to [`Catalog::load`].
#[derive(Clone, Debug)]
pub struct Layer {
    /// Where the entries come from.
    pub path: PathBuf,
    /// The text of that file, in which errors are located.
    pub text: String,
    /// Its `[framework.KEY]` tables.
    pub entries: Entries,
}

impl Layer {
    /// Reads a `frameworks.toml`, which holds `[framework.KEY]` tables and nothing else.
    pub fn parse(path: &Path, text: String) -> Result<Self, CatalogError> {
        match Entries::parse(&text) {
            Ok(entries) => Ok(Self { path: path.to_path_buf(), text, entries }),
            Err(error) => Err(CatalogError::at(path, &text, error.span(), error.message().to_owned())),
        }
    }
}

/// All frameworks, in the order that decides between equals.
#[derive(Clone, Debug)]
pub struct Catalog {
    frameworks: Vec<Framework>,
    agent_variables: &'static [Word],
}

impl Catalog {
    /// The embedded catalog with `layers` over it, the strongest last. An entry changes, field by field, the
    /// one of the same key; a new one comes before all that were there.
    pub fn load(layers: &[Layer]) -> Result<Self, CatalogError> {
        let Embedded { ports, agent_variables, framework } = &EMBEDDED;
        let mut entries: Vec<(Word, Layered)> =
            framework.iter().map(|(key, entry)| (Word::Borrowed(key), Layered::Embedded(entry))).collect();
        for layer in layers {
            let mut added = Vec::new();
            for (key, entry) in layer.entries.iter() {
                match entries.iter_mut().find(|(present, _)| present == key) {
                    Some((_, present)) => present.overlay(entry),
                    None => added.push((Word::Owned(key.clone()), Layered::Own(Box::new(entry.clone())))),
                }
            }
            entries.splice(0..0, added);
        }
        let resolver = Resolver { entries: &entries, layers };
        let last = resolver.last_range()?;
        let inherited = resolver.inherited()?;
        let frameworks = entries.iter().zip(inherited).map(|((key, own), inherited)| {
            let entry = inherited.unwrap_or_else(|| Entry::clone(own));
            let range = entry.range(ports).unwrap_or(last);
            entry.framework(key.clone(), range, ports)
        });
        Ok(Self { frameworks: frameworks.collect(), agent_variables })
    }

    /// All entries, in order of precedence.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// The variables by which tools notice that a coding agent runs them, to be removed from the environment.
    pub fn agent_variables(&self) -> &[Word] {
        self.agent_variables
    }

    /// The entry with this key.
    pub fn get(&self, key: &str) -> Option<&Framework> {
        self.frameworks.iter().find(|framework| framework.key == key)
    }

    /// The entry with this key, which a user typed.
    pub fn find(&self, key: &str) -> Result<&Framework, CatalogError> {
        self.get(key).ok_or_else(|| CatalogError::Unknown { key: key.to_owned(), near: self.near(key) })
    }

    /// Up to three keys that look like `key`, the likeliest first.
    fn near(&self, key: &str) -> Vec<String> {
        let wanted = key.to_lowercase();
        let mut near: Vec<(usize, &str)> = Vec::new();
        for framework in &self.frameworks {
            let named = framework.key == wanted || framework.label.to_lowercase() == wanted;
            let distance = if named { 0 } else { strsim::osa_distance(&wanted, &framework.key) };
            let inside = wanted.len() > 1 && framework.key.contains(&wanted);
            let package = framework.rules.dependencies.iter().any(|name| *name == wanted);
            if distance <= 2.min(wanted.chars().count() / 2) || inside || package {
                near.push((if package { 0 } else { distance }, &framework.key));
            }
        }
        near.sort_unstable();
        near.into_iter().take(3).map(|(_, key)| key.to_owned()).collect()
    }
}

/// Looks up what entries say of each other.
struct Resolver<'a> {
    entries: &'a [(Word, Layered)],
    layers: &'a [Layer],
}

impl Resolver<'_> {
    fn get(&self, key: &str) -> Option<(&str, &Entry)> {
        self.entries.iter().find(|(name, _)| name == key).map(|(name, entry)| (&**name, &**entry))
    }

    /// In the order of the entries: those that are `like` another one, over that one.
    fn inherited(&self) -> Result<Vec<Option<Entry>>, CatalogError> {
        let inherited = self.entries.iter().map(|(key, entry)| {
            for (field, keys) in [("built-on", &entry.built_on), ("beats", &entry.beats)] {
                for other in keys.iter().flat_map(|keys| keys.iter()) {
                    if self.get(other).is_none() {
                        return Err(self.error(key, field, &format!("there is no framework `{other}`")));
                    }
                }
            }
            entry.like.is_some().then(|| self.over_others(key, entry)).transpose()
        });
        inherited.collect()
    }

    /// The entry of `key` over those that it is `like`.
    fn over_others(&self, key: &str, entry: &Entry) -> Result<Entry, CatalogError> {
        let mut chain = vec![key];
        let mut entry = entry.clone();
        while let Some(like) = entry.like.take() {
            let Some((name, parent)) = self.get(&like) else {
                let last = chain[chain.len() - 1];
                return Err(self.error(last, "like", &format!("there is no framework `{like}`")));
            };
            if chain.contains(&name) {
                let circle = format!("goes round in a circle: {} → {name}", chain.join(" → "));
                return Err(self.error(key, "like", &circle));
            }
            chain.push(name);
            entry = entry.over(parent);
        }
        Ok(entry)
    }

    /// The range of the entry that is left when nothing matches, which all without a range share.
    fn last_range(&self) -> Result<Range, CatalogError> {
        let mut entries = self.entries.iter();
        let last = entries.find(|(_, entry)| entry.role == Some(Role::Last));
        last.and_then(|(_, entry)| entry.range(&EMBEDDED.ports)).ok_or_else(|| CatalogError::Embedded {
            message: "no entry with the role `last` has a range".to_owned(),
        })
    }

    /// An error in a field of an entry, located in the last layer that has this field.
    fn error(&self, key: &str, field: &str, message: &str) -> CatalogError {
        let message = format!("`framework.{key}.{field}`: {message}");
        for layer in self.layers.iter().rev() {
            if let Some(span) = super::entry::locate(&layer.text, key, field) {
                return CatalogError::at(&layer.path, &layer.text, Some(span), message);
            }
        }
        CatalogError::Embedded { message }
    }
}

/// What can be wrong with frameworks that users write or name.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A file of entries does not mean anything.
    #[error("{}:{line}:{column}: {message}\n{excerpt}", path.visible())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// From 1, in characters.
        column: usize,
        /// What is wrong.
        message: String,
        /// The line, with a caret below the place.
        excerpt: String,
    },
    /// The embedded catalog is broken, which the tests exclude.
    #[error("the embedded frameworks.toml is broken: {message}")]
    Embedded {
        /// What is wrong.
        message: String,
    },
    /// No entry has this key.
    #[error("unknown framework: `{key}`")]
    Unknown {
        /// What was asked for.
        key: String,
        /// Keys that look like it.
        near: Vec<String>,
    },
}

impl CatalogError {
    fn at(path: &Path, text: &str, span: Option<std::ops::Range<usize>>, message: String) -> Self {
        let place = crate::project::Place::at_offset(text, span.map_or(0, |span| span.start));
        Self::Invalid {
            path: path.to_path_buf(),
            line: place.line,
            column: place.column,
            message,
            excerpt: place.excerpt(text),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { .. } => Some("see docs/frameworks.md for the fields of an entry".to_owned()),
            Self::Embedded { .. } => None,
            Self::Unknown { near, .. } if near.is_empty() => {
                Some("add it to frameworks.toml, or see docs/frameworks.md for the keys there are".to_owned())
            }
            Self::Unknown { near, .. } => Some(format!("did you mean `{}`?", near.join("`, `"))),
        }
    }
}
