//! `package.json`, read once.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::ProjectError;
use super::file;
use super::position::{FileError, Position};
use crate::visible;

/// A `package.json`, read once.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Where it lies.
    pub path: PathBuf,
    /// `name`.
    pub name: Option<String>,
    /// `scripts`, in the order of the file.
    pub scripts: Vec<(String, String)>,
    /// `dependencies`, `devDependencies` and `optionalDependencies` with their ranges; peers are not installed.
    pub dependencies: BTreeMap<String, String>,
    /// The whole document, for what only package managers read.
    pub document: Value,
}

/// The fields that have to be what they are meant to be. Read only to locate one that is not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only whether they can be read counts")]
struct Shape {
    name: Option<String>,
    scripts: Option<BTreeMap<String, String>>,
    workspaces: Option<Patterns>,
    dependencies: Option<HashMap<String, Value>>,
    dev_dependencies: Option<HashMap<String, Value>>,
    optional_dependencies: Option<HashMap<String, Value>>,
}

/// Scripts that a shell can be given. Read only to locate one that is not.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only whether they can be read counts")]
struct Runnable {
    scripts: HashMap<String, Text>,
}

/// A text without a NUL character.
struct Text(#[expect(dead_code, reason = "only whether it can be read counts")] String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.contains('\0') { Err(D::Error::custom("a NUL character")) } else { Ok(Self(text)) }
    }
}

/// `workspaces`: a list of patterns, or an object that may have one. Read as it comes, so that an error has its
/// place.
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

    /// What stands for the manifest of a directory that has none.
    pub(super) fn empty(dir: &Path) -> Self {
        let path = dir.join("package.json");
        Self {
            path,
            name: None,
            scripts: Vec::new(),
            dependencies: BTreeMap::new(),
            document: Value::Object(serde_json::Map::new()),
        }
    }

    /// A manifest out of the bytes of `path`.
    pub fn parse(path: PathBuf, bytes: Vec<u8>) -> Result<Self, ProjectError> {
        let text = file::decoded(&path, bytes)?;
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let document: Value = match serde_json::from_str(json) {
            Ok(document) => document,
            Err(error) => return Err(located(path, &error, json)),
        };
        match Fields::out_of(&document) {
            Ok(Fields { name, scripts, dependencies }) => {
                Ok(Self { path, name, scripts, dependencies, document })
            }
            Err(message) => {
                let place = serde_json::from_str::<Shape>(json).err().filter(|_| document.is_object());
                let place = place.map_or(Position { line: 1, column: 1 }, |error| position_of(&error, json));
                Err(FileError::new(path, place, message, json).into())
            }
        }
    }
}

impl Manifest {
    /// A script that no shell can be given, with its place in the file as that is now.
    pub(super) fn not_runnable(&self, name: &str) -> ProjectError {
        let text = file::text(&self.path).ok().flatten().unwrap_or_default();
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let place = serde_json::from_str::<Runnable>(json).err();
        let place = place.map_or(Position { line: 1, column: 1 }, |error| position_of(&error, json));
        let name = visible::line(name);
        let message = format!("the script `{name}` has a NUL character, which no program can be given");
        FileError::new(self.path.clone(), place, message, json).into()
    }
}

/// What is taken out of the document.
struct Fields {
    name: Option<String>,
    scripts: Vec<(String, String)>,
    dependencies: BTreeMap<String, String>,
}

impl Fields {
    /// The fields, or what is wrong with one. `null` is as good as nothing, as package managers have it.
    fn out_of(document: &Value) -> Result<Self, String> {
        let object = document.as_object().ok_or("has to hold an object")?;
        let table = |field: &str| match object.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(table)) => Ok(Some(table)),
            Some(_) => Err(format!("`{field}` has to be an object")),
        };
        let name = match object.get("name") {
            None | Some(Value::Null) => None,
            Some(Value::String(name)) => Some(name.clone()),
            Some(_) => return Err("`name` has to be a text".to_owned()),
        };
        let mut scripts = Vec::new();
        for (name, text) in table("scripts")?.into_iter().flatten() {
            let text = text.as_str().ok_or_else(|| format!("the script `{name}` has to be a text"))?;
            scripts.push((name.clone(), text.to_owned()));
        }
        if let Some(workspaces) = object.get("workspaces")
            && let Err(error) = Option::<Patterns>::deserialize(workspaces)
        {
            return Err(format!("`workspaces`: {error}"));
        }
        let mut dependencies = BTreeMap::new();
        for field in ["optionalDependencies", "devDependencies", "dependencies"] {
            let entries = table(field)?.into_iter().flatten();
            dependencies
                .extend(entries.map(|(name, range)| (name.clone(), range.as_str().unwrap_or("").to_owned())));
        }
        Ok(Self { name, scripts, dependencies })
    }
}

/// An error of `serde_json`, whose own text ends in the place.
pub(super) fn located(path: PathBuf, error: &serde_json::Error, text: &str) -> ProjectError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    FileError::new(path, position_of(error, text), message.to_owned(), text).into()
}

/// `serde_json` counts bytes, and stands behind the last one read.
fn position_of(error: &serde_json::Error, text: &str) -> Position {
    let line = error.line().max(1);
    let bytes = text.lines().nth(line - 1).unwrap_or_default().as_bytes();
    let before = &bytes[..error.column().saturating_sub(1).min(bytes.len())];
    Position { line, column: String::from_utf8_lossy(before).chars().count() + 1 }
}
