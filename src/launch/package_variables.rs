//! package.json as the `npm_package_*` variables, flattened as each package manager does it.

use serde_json::{Map, Value};

use super::changes::Changes;
use super::package_manager::{Choice, PackageManager};
use crate::project::Project;

/// The fields that npm and pnpm 10 put into the environment.
const FEW_FIELDS: [&str; 5] = ["name", "version", "config", "engines", "bin"];

/// Sets the variables of the project's manifest.
pub(super) fn set(changes: &mut Changes, project: &Project, choice: &Choice) {
    let empty = Map::new();
    let fields = project.manifest.document.as_object().unwrap_or(&empty);
    let everything = match choice.manager {
        PackageManager::Npm => {
            few(changes, fields, &npm_style());
            false
        }
        PackageManager::Pnpm if choice.major() >= 10 => {
            few(changes, fields, &pnpm_style(choice.major()));
            false
        }
        PackageManager::Pnpm => {
            all(changes, fields, &pnpm_style(choice.major()));
            true
        }
        PackageManager::Yarn if choice.is_modern_yarn() => {
            changes.set("npm_package_name", text(fields, "name"));
            changes.set("npm_package_version", text(fields, "version"));
            false
        }
        PackageManager::Yarn => {
            all(changes, fields, &yarn_style());
            changes.set("npm_package_version", text(fields, "version"));
            true
        }
        PackageManager::Bun => {
            bun(changes, fields);
            false
        }
    };
    if !everything {
        changes.set("npm_package_json", project.manifest.path.as_os_str());
    }
}

/// How one manager writes names and values.
struct Style {
    /// Characters that a shell variable cannot have become `_`.
    sanitized_names: bool,
    /// Values of several lines are written as JSON strings.
    quoted_lines: bool,
    /// What null becomes; `None` leaves the variable out.
    null: Option<&'static str>,
    /// What false becomes.
    no: &'static str,
    /// `bin` is written as an object of paths without a leading `./`.
    normalized_bin: bool,
}

fn npm_style() -> Style {
    Style { sanitized_names: false, quoted_lines: false, null: Some(""), no: "", normalized_bin: true }
}

fn pnpm_style(major: u64) -> Style {
    let null = if major >= 12 { "" } else { "null" };
    Style { sanitized_names: true, quoted_lines: true, null: Some(null), no: "false", normalized_bin: false }
}

fn yarn_style() -> Style {
    Style { sanitized_names: true, quoted_lines: true, null: None, no: "false", normalized_bin: true }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn few(changes: &mut Changes, fields: &Map<String, Value>, style: &Style) {
    for key in FEW_FIELDS {
        if let Some(value) = fields.get(key) {
            field(changes, fields, (key, value), style);
        }
    }
}

fn all(changes: &mut Changes, fields: &Map<String, Value>, style: &Style) {
    for (key, value) in fields {
        if key != "readme" && !key.starts_with('_') {
            field(changes, fields, (key, value), style);
        }
    }
}

fn field(changes: &mut Changes, fields: &Map<String, Value>, entry: (&str, &Value), style: &Style) {
    let (key, value) = entry;
    let name = format!("npm_package_{key}");
    if key == "bin" && style.normalized_bin {
        flatten(changes, &name, &normalized_bin(fields, value), style);
    } else {
        flatten(changes, &name, value, style);
    }
}

/// `bin` as npm reads it: one path is the program named like the package without its scope.
fn normalized_bin(fields: &Map<String, Value>, bin: &Value) -> Value {
    let path = |value: &Value| Value::from(value.as_str().unwrap_or_default().trim_start_matches("./"));
    if bin.is_string() {
        let name = text(fields, "name");
        let name = name.rsplit_once('/').map_or(name, |(_, name)| name);
        return Value::Object(Map::from_iter([(name.to_owned(), path(bin))]));
    }
    let programs = bin.as_object().into_iter().flatten();
    Value::Object(programs.map(|(name, value)| (name.clone(), path(value))).collect())
}

fn flatten(changes: &mut Changes, name: &str, value: &Value, style: &Style) {
    match value {
        Value::Null => {
            if let Some(text) = style.null {
                assign(changes, name, text, style);
            }
        }
        Value::Bool(false) => assign(changes, name, style.no, style),
        Value::Bool(true) => assign(changes, name, "true", style),
        Value::Number(number) => assign(changes, name, &number.to_string(), style),
        Value::String(text) if style.quoted_lines && text.contains('\n') => {
            assign(changes, name, &Value::from(text.as_str()).to_string(), style);
        }
        Value::String(text) => assign(changes, name, text, style),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(changes, &format!("{name}_{index}"), item, style);
            }
        }
        Value::Object(entries) => {
            for (key, item) in entries {
                flatten(changes, &format!("{name}_{key}"), item, style);
            }
        }
    }
}

fn assign(changes: &mut Changes, name: &str, value: &str, style: &Style) {
    if style.sanitized_names {
        changes.set(sanitized(name), value);
    } else {
        changes.set(name, value);
    }
}

/// The name with `_` for all that is neither an ASCII letter nor a digit.
pub(super) fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Bun names the package and the strings of its `config`.
fn bun(changes: &mut Changes, fields: &Map<String, Value>) {
    for key in ["name", "version"] {
        if let Some(value) = fields.get(key).and_then(Value::as_str) {
            changes.set(format!("npm_package_{key}"), value);
        }
    }
    for (key, value) in fields.get("config").and_then(Value::as_object).into_iter().flatten() {
        if let Some(value) = value.as_str() {
            changes.set(format!("npm_package_config_{key}"), value);
        }
    }
}
