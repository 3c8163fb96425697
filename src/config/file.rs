//! One `bowline.toml`: its tables, and the places in its text.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::de::{DeTable, DeValue};

use super::error::ConfigError;
use super::settings::{ProjectSettings, WorkspaceSettings};
use super::values::table;
use crate::detect::catalog::{Companion, Framework, Layer};
use crate::detect::{Entries, OfTable};
use crate::project::{FileError, ProjectError, read_text};
use crate::script::Wrapper;
use crate::visible::Visible;

/// The name of the file.
pub const FILE: &str = "bowline.toml";

/// Its JSON schema, which the tests write.
pub const SCHEMA: &str = include_str!("../../bowline.schema.json");

/// The tables of the file.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "bowline.toml"))]
#[serde(deny_unknown_fields, default, expecting = "tables")]
pub(super) struct Tables {
    #[serde(deserialize_with = "table")]
    #[cfg_attr(test, schemars(with = "WorkspaceSettings"))]
    pub workspace: WorkspaceSettings,
    /// Services: packages, and new ones with a `command`.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, ProjectSettings>"))]
    pub project: Projects,
    /// Frameworks, changed or added for this project alone: see docs/frameworks.md.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, Framework>"))]
    pub framework: Entries<Framework>,
    /// Programs that run another command.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, Wrapper>"))]
    pub wrapper: Entries<Wrapper>,
    /// Programs whose arguments name the port of a server.
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, Companion>"))]
    pub companion: Entries<Companion>,
}

/// The tables `[project.NAME]`, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Projects(pub Vec<(String, ProjectSettings)>);

impl<'de> Deserialize<'de> for Projects {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de> Visitor<'de> for Projects {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tables named by services")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, OfTable(settings))) = map.next_entry()? {
            self.0.push((name, settings));
        }
        Ok(self)
    }
}

/// A `bowline.toml` that could be read.
#[derive(Debug)]
pub struct ConfigFile {
    pub path: PathBuf,
    text: String,
    pub workspace: WorkspaceSettings,
    /// The tables `[project.NAME]`, in their order.
    pub projects: Vec<(String, ProjectSettings)>,
    pub(super) layer: Layer,
}

/// The text of a file that people write, without the mark that some editors put at its beginning.
pub(super) fn text_of(path: &Path) -> Result<Option<String>, ProjectError> {
    let text = read_text(path)?;
    Ok(text.map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

/// A place in the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilePlace<'a> {
    /// The keys that lead to a value: `project`, `web`, `needs`.
    pub keys: &'a [&'a str],
    /// An element of the value, which is a list.
    pub index: Option<usize>,
    /// A part of the value, which is a text.
    pub part: Option<&'a str>,
}

impl<'a> FilePlace<'a> {
    /// The whole value.
    pub const fn at(keys: &'a [&'a str]) -> Self {
        Self { keys, index: None, part: None }
    }
}

impl ConfigFile {
    /// The file in `dir`, if there is one.
    pub fn read(dir: &Path) -> Result<Option<Self>, ConfigError> {
        let path = dir.join(FILE);
        let Some(text) = text_of(&path)? else { return Ok(None) };
        let tables: Tables =
            toml::from_str(&text).map_err(|error| ConfigError::of_toml(&path, &text, &error))?;
        let layer = Layer::new(&path, text.clone(), &tables.framework, &tables.wrapper, &tables.companion);
        let Tables { workspace, project: Projects(projects), .. } = tables;
        let within = |(name, settings): (String, ProjectSettings)| (name, settings.within(dir));
        Ok(Some(Self { path, text, workspace, projects: projects.into_iter().map(within).collect(), layer }))
    }

    pub fn settings(&self, name: &str) -> Option<&ProjectSettings> {
        self.projects.iter().find(|(key, _)| key == name).map(|(_, settings)| settings)
    }

    /// Whether the value is in the file.
    pub fn has(&self, keys: &[&str]) -> bool {
        self.span(&FilePlace::at(keys)).is_some()
    }

    pub fn mistake(&self, place: &FilePlace<'_>, message: &str, hint: String) -> ConfigError {
        let offset = self.span(place).map_or(0, |span| span.start);
        ConfigError::Invalid { error: FileError::at_offset(&self.path, &self.text, offset, message), hint }
    }

    /// A mistake in the name of a table `[project.NAME]`.
    pub fn mistaken_name(&self, name: &str, message: &str, hint: String) -> ConfigError {
        let document = DeTable::parse(&self.text).ok();
        let span = document.as_ref().and_then(|document| {
            let DeValue::Table(projects) = document.get_ref().get("project")?.get_ref() else { return None };
            Some(projects.get_key_value(name)?.0.span())
        });
        let offset = span.map_or(0, |span| span.start);
        ConfigError::Invalid { error: FileError::at_offset(&self.path, &self.text, offset, message), hint }
    }

    /// A mistake in the `dir` of a table `[project.NAME]`.
    pub(super) fn no_directory(&self, name: &str, dir: &Path) -> ConfigError {
        let message = format!("no such directory: `{}`", dir.visible());
        let hint = "name a directory, relative to this file";
        self.mistake(&FilePlace::at(&["project", name, "dir"]), &message, hint.to_owned())
    }

    fn span(&self, place: &FilePlace<'_>) -> Option<Range<usize>> {
        let document = DeTable::parse(&self.text).ok()?;
        let (first, rest) = place.keys.split_first()?;
        let mut value = document.get_ref().get(*first)?;
        for key in rest {
            value = value.get_ref().get(key)?;
        }
        if let Some(index) = place.index {
            value = value.get_ref().get(index)?;
        }
        let span = value.span();
        let part = place.part.and_then(|part| self.text.get(span.clone())?.find(part));
        Some(span.start + part.unwrap_or_default()..span.end)
    }
}
