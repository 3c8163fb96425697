//! The manifest of a project.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::{FileError, ProjectError};
use super::file;
use crate::visible;

/// A `package.json`, read once.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub path: PathBuf,
    pub name: Option<String>,
    /// `scripts`, in the order of the file.
    pub scripts: Vec<(String, String)>,
    /// `dependencies`, `devDependencies` and `optionalDependencies` with their ranges; peers are not installed.
    pub dependencies: BTreeMap<String, String>,
    /// The whole document, for what only package managers read.
    pub document: Value,
}

/// The types of the fields. Deserialized only to locate a field of another type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only whether they can be read counts")]
struct Shape<Script> {
    name: Option<String>,
    scripts: Option<BTreeMap<String, Script>>,
    workspaces: Option<Patterns>,
    dependencies: Option<HashMap<String, Value>>,
    dev_dependencies: Option<HashMap<String, Value>>,
    optional_dependencies: Option<HashMap<String, Value>>,
}

/// A script that can be given to a shell. Deserialized only to locate one that cannot.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Text(#[expect(dead_code, reason = "only whether it can be read counts")] String);

impl TryFrom<String> for Text {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains('\0') { Err("a NUL character") } else { Ok(Self(text)) }
    }
}

/// `workspaces`: a list of patterns, or an object that may have one. Not an untagged enum, whose errors would have
/// no position.
struct Patterns;

impl<'de> Deserialize<'de> for Patterns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Patterns {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of directories, or an object with such a list as `packages`")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<String>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            if key == "packages" {
                object.next_value::<Option<Vec<String>>>()?;
            } else {
                object.next_value::<IgnoredAny>()?;
            }
        }
        Ok(self)
    }
}

impl Manifest {
    /// The manifest in `dir`, if there is one.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, ProjectError> {
        let path = dir.join("package.json");
        file::bytes(&path)?.map(|bytes| Self::parse(path, bytes)).transpose()
    }

    /// A manifest without content.
    pub(super) fn empty(path: PathBuf) -> Self {
        Self {
            path,
            name: None,
            scripts: Vec::new(),
            dependencies: BTreeMap::new(),
            document: Value::Object(serde_json::Map::new()),
        }
    }

    /// Whether there is such a file: a command can be run in a directory without one.
    pub fn exists(&self) -> bool {
        self.path.is_file()
    }

    fn parse(path: PathBuf, bytes: Vec<u8>) -> Result<Self, ProjectError> {
        let text = file::decoded(&path, bytes)?;
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let document =
            serde_json::from_slice(json.as_bytes()).map_err(|error| located(&path, &error, json))?;
        let mut manifest = Self { document, ..Self::empty(path) };
        let Err(message) = manifest.take_fields() else { return Ok(manifest) };
        let at = if manifest.document.is_object() { position_of_mistake::<String>(json) } else { START };
        Err(FileError::new(&manifest.path, at, message, json).into())
    }

    /// Reads the fields from the document; `null` counts as absent, as for package managers.
    fn take_fields(&mut self) -> Result<(), String> {
        let object = self.document.as_object().ok_or("has to hold an object")?;
        let table = |field: &str| match object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(table)) => Ok(Some(table)),
            Some(_) => Err(format!("`{field}` has to be an object")),
        };
        self.name = match object.get("name") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err("`name` has to be a text".to_owned()),
        };
        for (name, text) in table("scripts")?.into_iter().flatten() {
            let text = text.as_str().ok_or_else(|| format!("the script `{name}` has to be a text"))?;
            self.scripts.push((name.clone(), text.to_owned()));
        }
        if let Some(workspaces) = object.get("workspaces")
            && let Err(error) = Option::<Patterns>::deserialize(workspaces)
        {
            return Err(format!("`workspaces`: {error}"));
        }
        for field in ["optionalDependencies", "devDependencies", "dependencies"] {
            let entries = table(field)?.into_iter().flatten();
            let entries =
                entries.map(|(name, range)| (name.clone(), range.as_str().unwrap_or("").to_owned()));
            self.dependencies.extend(entries);
        }
        Ok(())
    }

    /// An error if the text of this script cannot be given to a shell. Its position is that in the current file.
    pub fn ensure_runnable(&self, name: &str, script: &str) -> Result<(), ProjectError> {
        if !script.contains('\0') {
            return Ok(());
        }
        let text = file::text(&self.path).ok().flatten().unwrap_or_default();
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let at = position_of_mistake::<Text>(json);
        let name = visible::line(name);
        let message = format!("the script `{name}` has a NUL character, which no program can be given");
        Err(FileError::new(&self.path, at, message, json).into())
    }
}

const START: (usize, usize) = (1, 1);

/// The position of the first field of another type.
fn position_of_mistake<'a, Script: Deserialize<'a>>(json: &'a str) -> (usize, usize) {
    serde_json::from_slice::<Shape<Script>>(json.as_bytes())
        .err()
        .map_or(START, |error| position_of(&error, json))
}

/// An error of `serde_json`, whose own text ends in the position.
pub(super) fn located(path: &Path, error: &serde_json::Error, text: &str) -> ProjectError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    FileError::new(path, position_of(error, text), message.to_owned(), text).into()
}

/// `serde_json` counts bytes, and its column is that after the last byte read.
fn position_of(error: &serde_json::Error, text: &str) -> (usize, usize) {
    let line = error.line().max(1);
    let bytes = text.lines().nth(line - 1).unwrap_or_default().as_bytes();
    let before = &bytes[..error.column().saturating_sub(1).min(bytes.len())];
    (line, String::from_utf8_lossy(before).chars().count() + 1)
}
