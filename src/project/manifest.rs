//! `package.json`, read once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use semver::Version;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::error::ProjectError;
use super::place::Place;

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
    dependencies: Option<BTreeMap<String, IgnoredAny>>,
    dev_dependencies: Option<BTreeMap<String, IgnoredAny>>,
    optional_dependencies: Option<BTreeMap<String, IgnoredAny>>,
}

impl Manifest {
    /// The manifest in `dir`, if there is one.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, ProjectError> {
        let path = dir.join("package.json");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                    io::ErrorKind::IsADirectory => Err(ProjectError::ManifestIsDirectory { path }),
                    _ => Err(ProjectError::unreadable(&path, error)),
                };
            }
        };
        Self::parse(path, bytes).map(Some)
    }

    /// A manifest out of the bytes of `path`.
    pub fn parse(path: PathBuf, bytes: Vec<u8>) -> Result<Self, ProjectError> {
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let readable = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
                let place = Place::at_offset(&readable, valid);
                return Err(ProjectError::invalid(path, place, "is not UTF-8 text".to_owned(), &readable));
            }
        };
        let json = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let document: Value = match serde_json::from_str(json) {
            Ok(document) => document,
            Err(error) => return Err(located(path, &error, json)),
        };
        match Self::out_of(&document) {
            Some((name, scripts, dependencies)) => Ok(Self { path, name, scripts, dependencies, document }),
            None => Err(match serde_json::from_str::<Shape>(json) {
                Err(error) => located(path, &error, json),
                Ok(_) => {
                    let start = Place { line: 1, column: 1 };
                    ProjectError::invalid(path, start, "expected an object".to_owned(), json)
                }
            }),
        }
    }

    /// The fields, or nothing if one of them is not what it has to be.
    #[expect(clippy::type_complexity, reason = "three fields on their way into the struct")]
    fn out_of(document: &Value) -> Option<(Option<String>, Vec<(String, String)>, BTreeMap<String, String>)> {
        let object = document.as_object()?;
        let table = |field: &str| match object.get(field) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_object().map(Some),
        };
        let name = match object.get("name") {
            None | Some(Value::Null) => None,
            Some(value) => Some(value.as_str()?.to_owned()),
        };
        let mut scripts = Vec::new();
        for (name, text) in table("scripts")?.into_iter().flatten() {
            scripts.push((name.clone(), text.as_str()?.to_owned()));
        }
        let mut dependencies = BTreeMap::new();
        for field in ["optionalDependencies", "devDependencies", "dependencies"] {
            let entries = table(field)?.into_iter().flatten();
            dependencies
                .extend(entries.map(|(name, range)| (name.clone(), range.as_str().unwrap_or("").to_owned())));
        }
        Some((name, scripts, dependencies))
    }
}

/// An error of `serde_json`, whose own text ends in the place.
fn located(path: PathBuf, error: &serde_json::Error, text: &str) -> ProjectError {
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
    let line = error.line().max(1);
    // serde_json counts bytes, and stands behind the last one read.
    let bytes = text.lines().nth(line - 1).unwrap_or_default().as_bytes();
    let before = &bytes[..error.column().saturating_sub(1).min(bytes.len())];
    let place = Place { line, column: String::from_utf8_lossy(before).chars().count() + 1 };
    ProjectError::invalid(path, place, message.to_owned(), text)
}

/// The lowest version that a range allows, as far as its first number tells: `^1.7`, `>=2 <3`, `npm:x@~4.0.1`,
/// `2.x`. Nothing for tags, links and `workspace:*`.
pub fn lowest_version(range: &str) -> Option<Version> {
    let range = range.rsplit_once('@').map_or(range, |(_, version)| version);
    let range = range.strip_prefix("workspace:").unwrap_or(range);
    let number = range.trim().trim_start_matches(['^', '~', '>', '=', 'v', ' ']);
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let mut parts = number[..end].split('.').map(str::parse::<u64>);
    let major = parts.next()?.ok()?;
    let mut part = || parts.next().and_then(Result::ok).unwrap_or(0);
    Some(Version::new(major, part(), part()))
}
