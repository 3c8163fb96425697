//! The frameworks as data: `frameworks.toml`, embedded, and what users and projects add to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use super::entry::{Embedded, Entries, Entry};
use crate::range::Range;

/// The embedded catalog, turned into JSON by `build.rs` because that is read ten times faster than TOML.
const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/frameworks.json"));

/// One entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// The name used in flags, files and JSON: `next`.
    pub key: String,
    /// The name people use: `Next.js`.
    pub label: String,
    /// Where its ports come from.
    pub range: Range,
    /// How it is recognised.
    pub rules: Rules,
    /// How it is told its port.
    pub port: PortInput,
    /// How it is told its address.
    pub host: HostInput,
    /// Variables that keep it from prompting, opening a browser unasked or daemonizing. What the user's own
    /// environment already says about one of them is left as it is.
    pub environment: BTreeMap<String, String>,
    /// Files in which it notes that it runs in this directory, as globs relative to the project.
    pub locks: Vec<String>,
    /// Ports that it opens beside the one it is given, if they are free.
    pub extra_ports: Vec<u16>,
    /// Where versions of it differ. Apply them with [`Framework::for_versions`].
    pub versions: Vec<Variant>,
    /// What a user should know about it, for the documentation.
    pub note: Option<String>,
}

/// How a framework is recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The command words of a dev script that mean this framework, a subcommand included where the word
    /// alone is ambiguous: `next dev`, `vite`, `ng serve`. A word with a leading dash is an argument that
    /// has to be there, wherever it stands.
    pub commands: Vec<String>,
    /// Exceptions to `commands`: `vite build`.
    pub not_commands: Vec<String>,
    /// Packages, any of which means this framework.
    pub dependencies: Vec<String>,
    /// Packages, any of which means that it is not this framework.
    pub without: Vec<String>,
    /// Files beside package.json, as globs, any of which means this framework.
    pub files: Vec<String>,
    /// Packages or files, one of which has to be there besides everything else.
    pub needs: Vec<String>,
    /// Keys that this framework is built on, and wins over even when their word is in the script.
    pub built_on: Vec<String>,
    /// Keys that this framework wins over when only files and dependencies speak.
    pub beats: Vec<String>,
    /// How much its evidence weighs.
    pub role: Role,
}

/// How much the evidence for a framework weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The server that people mean when they say "the app".
    #[default]
    Main,
    /// A server beside the app or below it (Storybook, wrangler): its files and dependencies count only where
    /// nothing else is found.
    Side,
    /// A program that runs any code: it counts where no framework is found.
    Runtime,
    /// What is left when nothing matches.
    Last,
}

/// How a framework is told its port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInput {
    /// The flags that it reads its port from, the one to use first: `--port`, `-p`. Empty: none. The value
    /// follows as the next argument, or at once where the flag ends in `=`.
    pub flags: Vec<String>,
    /// The flag that makes a taken port an error instead of a silent move to another one.
    pub strict: Option<String>,
    /// The commands of the framework that take these flags, if not all do.
    pub flags_for: Vec<String>,
    /// Where the flags go.
    pub place: Place,
    /// Variables it reads beside `PORT` and `DEV_SERVER_PORT`, which are always set.
    pub environment: Vec<String>,
    /// Whether it listens to `PORT` at all.
    pub reads_port_variable: bool,
    /// What it does when the flag stands on the command line twice.
    pub repeated: Repeated,
}

/// Where a flag goes in a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// After all arguments.
    #[default]
    End,
    /// Directly after the command word and its subcommand, as what follows a file belongs to that file's program.
    AfterCommand,
}

/// What a tool does with a port flag that stands on the command line twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeated {
    /// The last one counts.
    #[default]
    LastWins,
    /// The first one counts.
    FirstWins,
    /// Neither counts, and the default port is used.
    BothIgnored,
    /// The tool fails.
    Fails,
}

/// How a framework is told the address to listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInput {
    /// The flag, followed by an address: `--host`, `--hostname`.
    pub flag: Option<String>,
    /// Variables it reads an address from. They are removed from the environment unless the user says
    /// `--host`, as a `HOST` that happens to be set must not expose a server.
    pub environment: Vec<String>,
    /// What to pass where neither the user nor the script says anything, because the framework would listen
    /// on every address: by the flag, or by the first variable where there is no flag.
    pub loopback: Option<String>,
    /// What to pass for every address, if `0.0.0.0` is not understood. Where this is a word, the tool knows
    /// words only, and every address but loopback becomes this one.
    pub all: Option<String>,
}

/// What differs in some versions of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The package whose version decides.
    pub package: String,
    /// The first version concerned.
    pub from: Option<Version>,
    /// The first version no longer concerned.
    pub below: Option<Version>,
    /// Where its ports come from.
    pub range: Range,
    /// How it is told its port.
    pub port: PortInput,
    /// How it is told its address.
    pub host: HostInput,
}

impl Variant {
    fn concerns(&self, version: &Version) -> bool {
        // A pre-release of 2.0.0 behaves like 2.0.0, though semver sorts it below.
        let release = Version::new(version.major, version.minor, version.patch);
        self.from.as_ref().is_none_or(|from| release >= *from)
            && self.below.as_ref().is_none_or(|below| release < *below)
    }
}

impl Framework {
    /// The entry as it is for the versions in use; a version that is not known changes nothing.
    pub fn for_versions(&self, mut version_of: impl FnMut(&str) -> Option<Version>) -> Self {
        let mut actual = self.clone();
        for variant in &self.versions {
            if version_of(&variant.package).is_some_and(|version| variant.concerns(&version)) {
                actual.range = variant.range;
                actual.port = variant.port.clone();
                actual.host = variant.host.clone();
            }
        }
        actual
    }
}

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
    agent_variables: Vec<String>,
}

impl Catalog {
    /// The embedded catalog with `layers` over it, the strongest last. An entry changes, field by field, the
    /// one of the same key; a new one comes before all that were there.
    pub fn load(layers: &[Layer]) -> Result<Self, CatalogError> {
        let mut embedded: Embedded = serde_json::from_str(EMBEDDED)
            .map_err(|error| CatalogError::Embedded { message: error.to_string() })?;
        for layer in layers {
            let mut added = Entries::default();
            for (key, entry) in layer.entries.iter() {
                match embedded.framework.get_mut(key) {
                    Some(present) => present.overlay(entry),
                    None => added.push(key.clone(), entry.clone()),
                }
            }
            embedded.framework.prepend(added);
        }
        let resolver = Resolver { embedded: &embedded, layers };
        let keys = embedded.framework.iter().map(|(key, _)| key);
        let frameworks = keys.map(|key| resolver.resolve(key)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { frameworks, agent_variables: embedded.agent_variables })
    }

    /// All entries, in order of precedence.
    pub fn frameworks(&self) -> &[Framework] {
        &self.frameworks
    }

    /// The variables by which tools notice that a coding agent runs them, to be removed from the environment.
    pub fn agent_variables(&self) -> &[String] {
        &self.agent_variables
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
            let distance = if named { 0 } else { distance(&wanted, &framework.key) };
            let inside = wanted.len() > 1 && framework.key.contains(&wanted);
            let package = framework.rules.dependencies.iter().any(|package| *package == wanted);
            if distance <= 2.min(wanted.chars().count() / 2) || inside || package {
                near.push((if package { 0 } else { distance }, &framework.key));
            }
        }
        near.sort_unstable();
        near.into_iter().take(3).map(|(_, key)| key.to_owned()).collect()
    }
}

/// How many characters have to be changed, added or left out to turn `a` into `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// Turns entries as written into frameworks as meant.
struct Resolver<'a> {
    embedded: &'a Embedded,
    layers: &'a [Layer],
}

impl Resolver<'_> {
    fn resolve(&self, key: &str) -> Result<Framework, CatalogError> {
        let entry = self.inherited(key)?;
        for (field, keys) in [("built-on", &entry.built_on), ("beats", &entry.beats)] {
            for other in keys.iter().flatten() {
                if self.embedded.framework.get(other).is_none() {
                    return Err(self.error(key, field, format!("there is no framework `{other}`")));
                }
            }
        }
        let range = entry.range(&self.embedded.ports).or_else(|| self.last_range());
        let range =
            range.ok_or_else(|| self.error(key, "default-port", "leaves no room for a range".to_owned()))?;
        Ok(entry.framework(key, range, &self.embedded.ports))
    }

    /// The entry of `key` over the ones that it is `like`.
    fn inherited(&self, key: &str) -> Result<Entry, CatalogError> {
        let mut chain = vec![key];
        let mut entry = self.embedded.framework.get(key).cloned().unwrap_or_default();
        while let Some(like) = entry.like.take() {
            let Some((name, parent)) = self.embedded.framework.get_key_value(&like) else {
                return Err(self.error(
                    chain[chain.len() - 1],
                    "like",
                    format!("there is no framework `{like}`"),
                ));
            };
            if chain.contains(&name) {
                return Err(self.error(
                    key,
                    "like",
                    format!("goes round in a circle: {}", chain.join(" → ")),
                ));
            }
            chain.push(name);
            entry = entry.over(parent);
        }
        Ok(entry)
    }

    fn last_range(&self) -> Option<Range> {
        let last = self.embedded.framework.iter().find(|(_, entry)| entry.role == Some(Role::Last));
        last.and_then(|(_, entry)| entry.range(&self.embedded.ports))
    }

    /// An error in a field of an entry, located in the last layer that has this field.
    fn error(&self, key: &str, field: &str, message: String) -> CatalogError {
        let message = format!("`framework.{key}.{field}` {message}");
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
    #[error("{}:{line}:{column}: {message}\n{excerpt}", path.display())]
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
