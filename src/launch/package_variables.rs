//! package.json as the `npm_package_*` variables, flattened as each package manager does it.

use serde_json::{Map, Value};

use super::changes::Changes;
use super::package_manager::ChosenManager;
use crate::project::Project;
use crate::script::PackageManager;

/// The fields that npm and pnpm 10 put into the environment.
const FEW_FIELDS: [&str; 5] = ["name", "version", "config", "engines", "bin"];

pub(super) fn set(changes: &mut Changes, project: &Project, choice: &ChosenManager) {
    let document = &project.manifest.document;
    let text = |key: &str| document[key].as_str();
    let has_all = match choice.manager {
        PackageManager::Pnpm => choice.major() < 10,
        PackageManager::Yarn => choice.major() < 2,
        PackageManager::Npm | PackageManager::Bun => false,
    };
    match choice.manager {
        PackageManager::Bun => {
            let own = ["name", "version"].map(|key| (key.to_owned(), &document[key]));
            let config = document["config"].as_object().into_iter().flatten();
            let config = config.map(|(key, value)| (format!("config_{key}"), value));
            for (key, value) in own.into_iter().chain(config) {
                if let Some(value) = value.as_str() {
                    changes.set(format!("npm_package_{key}"), value);
                }
            }
        }
        PackageManager::Yarn if !has_all => {
            changes.set("npm_package_name", text("name").unwrap_or_default());
        }
        PackageManager::Npm | PackageManager::Pnpm | PackageManager::Yarn => {
            let is_exported = |key: &str| {
                if has_all { key != "readme" && !key.starts_with('_') } else { FEW_FIELDS.contains(&key) }
            };
            for (key, value) in document.as_object().into_iter().flatten() {
                let name = format!("npm_package_{key}");
                if key == "bin" && choice.manager != PackageManager::Pnpm {
                    flatten(changes, &name, &normalized_bin(document, value), choice);
                } else if is_exported(key) {
                    flatten(changes, &name, value, choice);
                }
            }
        }
    }
    if choice.manager == PackageManager::Yarn {
        changes.set("npm_package_version", text("version").unwrap_or_default());
    }
    if !has_all {
        changes.set("npm_package_json", project.manifest.path.as_os_str());
    }
}

/// `bin` as npm reads it: a single path is the program with the package's name, the scope left out.
fn normalized_bin(document: &Value, bin: &Value) -> Value {
    let path = |value: &Value| Value::from(value.as_str().unwrap_or_default().trim_start_matches("./"));
    if bin.is_string() {
        let name = document["name"].as_str().unwrap_or_default();
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        return Value::Object(Map::from_iter([(name.to_owned(), path(bin))]));
    }
    let programs = bin.as_object().into_iter().flatten();
    Value::Object(programs.map(|(name, value)| (name.clone(), path(value))).collect())
}

/// npm passes names and values unchanged. The others replace characters that a shell does not allow in names, and
/// write values of several lines as JSON.
fn flatten(changes: &mut Changes, name: &str, value: &Value, choice: &ChosenManager) {
    let is_npm = choice.manager == PackageManager::Npm;
    let text = match value {
        Value::Null => match choice.manager {
            PackageManager::Npm => String::new(),
            PackageManager::Pnpm if choice.major() >= 12 => String::new(),
            PackageManager::Pnpm => "null".to_owned(),
            PackageManager::Yarn | PackageManager::Bun => return,
        },
        Value::Bool(false) if is_npm => String::new(),
        Value::String(text) if is_npm || !text.contains('\n') => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(changes, &format!("{name}_{index}"), item, choice);
            }
            return;
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                flatten(changes, &format!("{name}_{key}"), item, choice);
            }
            return;
        }
    };
    changes.set(if is_npm { name.to_owned() } else { sanitized(name) }, text);
}

pub(super) fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// A name as it stands in the variables about a sibling.
pub(super) fn variable_part(name: &str) -> String {
    sanitized(name.trim_start_matches('@')).to_ascii_uppercase()
}
