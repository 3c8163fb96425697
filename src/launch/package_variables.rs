//! package.json as the `npm_package_*` variables, flattened as each package manager does it.

use serde_json::{Map, Value};

use super::changes::Changes;
use super::package_manager::ChosenManager;
use crate::project::Project;
use crate::script::PackageManager;

/// The fields that npm and pnpm 10 put into the environment.
const FEW_FIELDS: [&str; 5] = ["name", "version", "config", "engines", "bin"];

/// Sets the variables of the project's manifest.
pub(super) fn set(changes: &mut Changes, project: &Project, choice: &ChosenManager) {
    let empty = Map::new();
    let fields = project.manifest.document.as_object().unwrap_or(&empty);
    let mut has_all = false;
    match choice.manager {
        PackageManager::Npm => few(changes, fields, &npm_style()),
        PackageManager::Pnpm if choice.major() >= 10 => few(changes, fields, &pnpm_style(choice.major())),
        PackageManager::Pnpm => {
            has_all = true;
            all(changes, fields, &pnpm_style(choice.major()));
        }
        PackageManager::Yarn if choice.is_modern_yarn() => {
            changes.set("npm_package_name", text(fields, "name"));
            changes.set("npm_package_version", text(fields, "version"));
        }
        PackageManager::Yarn => {
            has_all = true;
            all(changes, fields, &yarn_style());
            changes.set("npm_package_version", text(fields, "version"));
        }
        PackageManager::Bun => bun(changes, fields),
    }
    if !has_all {
        changes.set("npm_package_json", project.manifest.path.as_os_str());
    }
}

/// How one manager writes names and values.
struct Style {
    /// `_` stands for characters that a shell variable cannot have.
    sanitized_names: bool,
    /// Values of several lines are written as JSON strings.
    quoted_lines: bool,
    /// The text for null; `None` leaves the variable out.
    null: Option<&'static str>,
    /// The text for false.
    false_text: &'static str,
    /// `bin` is written as an object of paths without a leading `./`.
    normalized_bin: bool,
}

fn npm_style() -> Style {
    Style {
        sanitized_names: false,
        quoted_lines: false,
        null: Some(""),
        false_text: "",
        normalized_bin: true,
    }
}

fn pnpm_style(major: u64) -> Style {
    let null = if major >= 12 { "" } else { "null" };
    Style {
        sanitized_names: true,
        quoted_lines: true,
        null: Some(null),
        false_text: "false",
        normalized_bin: false,
    }
}

fn yarn_style() -> Style {
    Style { sanitized_names: true, quoted_lines: true, null: None, false_text: "false", normalized_bin: true }
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn few(changes: &mut Changes, fields: &Map<String, Value>, style: &Style) {
    for (key, value) in FEW_FIELDS.into_iter().filter_map(|key| fields.get_key_value(key)) {
        field(changes, fields, (key, value), style);
    }
}

fn all(changes: &mut Changes, fields: &Map<String, Value>, style: &Style) {
    for (key, value) in fields.into_iter().filter(|(key, _)| *key != "readme" && !key.starts_with('_')) {
        field(changes, fields, (key, value), style);
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

/// `bin` as npm reads it: a single path is the program with the package's name, the scope left out.
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
        Value::Null => style.null.into_iter().for_each(|text| assign(changes, name, text, style)),
        Value::Bool(false) => assign(changes, name, style.false_text, style),
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
    changes.set(if style.sanitized_names { sanitized(name) } else { name.to_owned() }, value);
}

/// The name with `_` for everything but ASCII letters and digits.
pub(super) fn sanitized(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// Bun sets the package's name and version, and the strings of its `config`.
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
