//! The configuration of users and projects: `bowline.toml` and the user's `frameworks.toml`, read once.
//!
//! Order of precedence: flags, the environment, `bowline.toml`, the user's file, the defaults. This module reads
//! the two files; `cli` puts flags and environment above them.

use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Value;

use crate::detect::catalog::{Catalog, CatalogError, Companion, Framework, Layer};
use crate::detect::{Entries, ServiceKind};
use crate::paths::{self, Environment};
use crate::project::{Project, ProjectError, read_text};
use crate::script::Wrapper;
use crate::supervise::restart::Policy;
use crate::visible::Visible;

pub const FILE: &str = "bowline.toml";

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    File(#[from] ProjectError),
    #[error("{}: {message}", path.visible())]
    Invalid {
        path: PathBuf,
        /// The mistake, with line, column and excerpt.
        message: String,
    },
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl ConfigError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Invalid { .. } => Some("correct the file at that place".to_owned()),
            Self::Catalog(error) => error.hint(),
        }
    }
}

/// A `[project.NAME]` table of `bowline.toml`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ProjectSettings {
    pub script: Option<String>,
    /// The exact port, as with `--port`.
    #[serde(deserialize_with = "port")]
    pub port: Option<NonZeroU16>,
    pub framework: Option<String>,
    #[serde(deserialize_with = "policy")]
    pub restart: Option<Policy>,
    /// How long the service may take to end before it is killed.
    #[serde(deserialize_with = "duration")]
    pub grace: Option<Duration>,
    pub ready: Ready,
    pub env: BTreeMap<String, String>,
    pub kind: Option<ServiceKind>,
    /// What to run in place of a script; a service that is no package has to have one.
    pub command: Option<String>,
    /// Where to run it, relative to the file [default: the package's directory, else that of the file].
    pub dir: Option<PathBuf>,
    /// Arguments for the script or command.
    pub args: Vec<String>,
    /// Services that are started too, and waited for: ready, or done.
    pub needs: Vec<String>,
    /// Services that are started too, and not waited for.
    pub with: Vec<String>,
    /// A command that runs before each start.
    pub before: Option<String>,
    /// A command that runs when the service has ended, however it ended.
    pub after: Option<String>,
}

/// When a service counts as ready.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Ready {
    /// How long it may take to become ready.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// A path or URL that its own listener answers with 200 to 399.
    pub http: Option<String>,
    /// A regular expression that a line of its output matches.
    pub log: Option<String>,
    /// A command that ends with 0.
    pub exec: Option<String>,
    /// A file that exists.
    pub file: Option<PathBuf>,
}

/// The `[workspace]` table of `bowline.toml`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct WorkspaceSettings {
    /// What bare `bowline` at the root runs, in the grammar of `--filter`.
    pub filter: Vec<String>,
    pub build: Build,
    pub orchestrator: Option<Orchestrator>,
    pub fail_fast: bool,
}

/// When the packages that others depend on are built before those start.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Build {
    /// Where the entry of a package is missing.
    #[default]
    Auto,
    Always,
    Never,
}

/// Who runs the packages of a workspace whose root script fans out over them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Orchestrator {
    Bowline,
    /// The root script, as it is.
    Script,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    workspace: WorkspaceSettings,
    project: BTreeMap<String, ProjectSettings>,
    framework: Entries<Framework>,
    wrapper: Entries<Wrapper>,
    companion: Entries<Companion>,
}

#[derive(Debug)]
pub struct Config {
    /// All frameworks, the user's and the project's included.
    pub catalog: Catalog,
    pub settings: ProjectSettings,
    /// That of the workspace's root.
    #[expect(dead_code, reason = "its readers follow")]
    pub workspace: WorkspaceSettings,
    /// The tables for projects of other names: file and name of each.
    pub others: Vec<(PathBuf, String)>,
    /// Whether there is a table for this project.
    pub is_named: bool,
}

impl Config {
    /// Reads the user's file and the `bowline.toml` of workspace root and project; the nearest one wins.
    pub fn read(project: &Project, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let mut layers: Vec<Layer> = user_layer(environment)?.into_iter().collect();
        let root = project.workspace.as_ref().map(|workspace| workspace.root.as_path());
        let mut settings = ProjectSettings::default();
        let mut workspace = WorkspaceSettings::default();
        let (mut others, mut is_named) = (Vec::new(), false);
        for dir in root.filter(|root| *root != project.dir).into_iter().chain([project.dir.as_path()]) {
            let path = dir.join(FILE);
            let Some(text) = read_text(&path)? else { continue };
            let file: File = toml::from_str(&text).map_err(|error| ConfigError::Invalid {
                path: path.clone(),
                message: error.to_string().trim_end().to_owned(),
            })?;
            if root.is_none_or(|root| root == dir) {
                workspace = file.workspace;
            }
            for (name, found) in file.project {
                if name == project.name {
                    (settings, is_named) = (found, true);
                } else {
                    others.push((path.clone(), name));
                }
            }
            layers.push(Layer::new(&path, text, &file.framework, &file.wrapper, &file.companion));
        }
        Ok(Self { catalog: Catalog::load(&layers)?, settings, workspace, others, is_named })
    }
}

/// The frameworks outside of any project: the embedded ones and the user's.
pub fn catalog(environment: Environment<'_>) -> Result<Catalog, ConfigError> {
    let layers: Vec<Layer> = user_layer(environment)?.into_iter().collect();
    Ok(Catalog::load(&layers)?)
}

fn user_layer(environment: Environment<'_>) -> Result<Option<Layer>, ConfigError> {
    let Some(dir) = paths::config_dir(environment) else { return Ok(None) };
    let path = dir.join("frameworks.toml");
    let text = read_text(&path)?;
    Ok(text.map(|text| Layer::parse(&path, text)).transpose()?)
}

/// A port as it is written on a command line.
pub fn parse_port(text: &str) -> Result<NonZeroU16, String> {
    text.parse().map_err(|_| format!("not a port from 1 to 65535: `{text}`"))
}

/// A time span as it is written on a command line.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| not_a_time(text))
}

fn not_a_time(given: &str) -> String {
    format!("not a time like `10s` or `500ms`: `{given}`")
}

fn port<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU16>, D::Error> {
    // Only an integer is written in TOML as the text that [`parse_port`] takes: a string has quotes.
    let value = Value::deserialize(deserializer)?;
    parse_port(&value.to_string()).map(Some).map_err(D::Error::custom)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let time = value.as_str().map_or_else(|| Err(not_a_time(&value.to_string())), parse_duration);
    time.map(Some).map_err(D::Error::custom)
}

fn policy<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Policy>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.as_str() {
        "never" => Ok(Some(Policy::Never)),
        "on-failure" => Ok(Some(Policy::OnFailure)),
        "always" => Ok(Some(Policy::Always)),
        _ => Err(D::Error::custom(format!("`{text}` is none of \"never\", \"on-failure\", \"always\""))),
    }
}
