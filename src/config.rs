//! What users and projects have configured: `bowline.toml` and the user's `frameworks.toml`, read once.
//!
//! Flags win over the environment, that over `bowline.toml`, that over the user's file, that over the defaults; this
//! module gives the two files, and `cli` puts the others above them.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::detect::Entries;
use crate::detect::catalog::{Catalog, CatalogError, Layer};
use crate::paths::{self, Environment};
use crate::project::Project;
use crate::supervise::restart::Policy;
use crate::visible::Visible;

/// The name of a project's configuration.
pub const FILE: &str = "bowline.toml";

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that exists cannot be read.
    #[error("could not read `{}`: {source}", path.visible())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file does not say what it has to say.
    #[error("{}: {message}", path.visible())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column and the place itself.
        message: String,
    },
    /// A framework's entry is wrong.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => Some("check the permissions".to_owned()),
            Self::Invalid { .. } => Some("correct the file at that place".to_owned()),
            Self::Catalog(error) => error.hint(),
        }
    }
}

/// What `bowline.toml` says of one project.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ProjectSettings {
    /// The script to run.
    pub script: Option<String>,
    /// The port to have, and no other.
    #[serde(deserialize_with = "port")]
    pub port: Option<NonZeroU16>,
    /// The key of the framework.
    pub framework: Option<String>,
    /// When to start it again.
    #[serde(deserialize_with = "policy")]
    pub restart: Option<Policy>,
    /// How long it may take to end.
    #[serde(deserialize_with = "duration")]
    pub grace: Option<Duration>,
    /// When it counts as ready.
    pub ready: Ready,
    /// Variables it gets.
    pub env: BTreeMap<String, String>,
}

/// When a service counts as ready.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// How long it may take before it is given up.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    project: BTreeMap<String, ProjectSettings>,
    framework: Entries,
}

/// The configuration that holds for one project.
#[derive(Debug)]
pub struct Config {
    /// All frameworks, the user's and the project's included.
    pub catalog: Catalog,
    /// What is said of the project itself.
    pub settings: ProjectSettings,
}

impl Config {
    /// Reads the user's file and the `bowline.toml` of the workspace root and of the project, the nearest strongest.
    ///
    /// # Errors
    /// A file that cannot be read or does not say what it has to say.
    pub fn read(project: &Project, environment: Environment<'_>) -> Result<Self, Error> {
        let mut layers: Vec<Layer> = user_layer(environment)?.into_iter().collect();
        let root = project.workspace.as_ref().map(|workspace| workspace.root.as_path());
        let mut settings = ProjectSettings::default();
        for dir in root.filter(|root| *root != project.dir).into_iter().chain([project.dir.as_path()]) {
            let path = dir.join(FILE);
            let Some(text) = read(&path)? else { continue };
            let file: File = toml::from_str(&text).map_err(|error| Error::Invalid {
                path: path.clone(),
                message: error.to_string().trim_end().to_owned(),
            })?;
            if let Some(found) = file.project.get(&project.name) {
                settings = found.clone();
            }
            layers.push(Layer { path, text, entries: file.framework });
        }
        Ok(Self { catalog: Catalog::load(&layers)?, settings })
    }
}

/// The frameworks that the user has, wherever they are.
///
/// # Errors
/// As for [`Config::read`].
pub fn catalog(environment: Environment<'_>) -> Result<Catalog, Error> {
    let layers: Vec<Layer> = user_layer(environment)?.into_iter().collect();
    Ok(Catalog::load(&layers)?)
}

fn user_layer(environment: Environment<'_>) -> Result<Option<Layer>, Error> {
    let Some(dir) = paths::config_dir(environment) else { return Ok(None) };
    let path = dir.join("frameworks.toml");
    let text = read(&path)?;
    Ok(text.map(|text| Layer::parse(&path, text)).transpose()?)
}

/// The text of a file, `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
    }
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU16>, D::Error> {
    let number = i64::deserialize(deserializer)?;
    let port = u16::try_from(number).ok().and_then(NonZeroU16::new);
    port.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{number} is no port from 1 to 65535")))
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map(Some).map_err(|error| {
        serde::de::Error::custom(format!("`{text}` is no time like \"10s\" or \"500ms\": {error}"))
    })
}

fn policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Policy>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "never" => Ok(Some(Policy::Never)),
        "on-failure" => Ok(Some(Policy::OnFailure)),
        "always" => Ok(Some(Policy::Always)),
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is none of \"never\", \"on-failure\", \"always\""
        ))),
    }
}
