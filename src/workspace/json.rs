//! Files of other tools, in JSON that may have comments.

use std::path::Path;

use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use crate::project::{FileError, ProjectError, read_text, read_text_if_any};

pub(super) const TURBO: [&str; 2] = ["turbo.json", "turbo.jsonc"];

/// Reads a file; `Null` if that cannot be done.
pub(super) fn read(path: &Path) -> Value {
    let text = read_text_if_any(path).unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}');
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    parsed.ok().and_then(|parsed| parsed.value).map_or(Value::Null, Value::from)
}

/// Refuses a file that the tool itself would refuse.
pub(super) fn check(path: &Path) -> Result<(), ProjectError> {
    let Some(text) = read_text(path)? else { return Ok(()) };
    let text = text.trim_start_matches('\u{feff}');
    match parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()) {
        Ok(_) => Ok(()),
        Err(error) => {
            let (offset, message) = (error.range().start, error.kind().to_string());
            Err(FileError::at_offset(path, text, offset, &message).into())
        }
    }
}

/// `tasks` of the `turbo.json` in a directory, which was `pipeline` once.
pub(super) fn turbo_tasks(dir: &Path) -> Value {
    let mut document = TURBO
        .iter()
        .map(|name| read(&dir.join(name)))
        .find(|document| !document.is_null())
        .unwrap_or_default();
    let key = if document["tasks"].is_object() { "tasks" } else { "pipeline" };
    document.get_mut(key).map(Value::take).unwrap_or_default()
}
