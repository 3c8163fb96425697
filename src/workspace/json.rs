//! Files of other tools, whose mistakes are for those to tell.

use std::path::Path;

use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use crate::project::read_text_if_any;

/// A file of JSON that may have comments; `Null` if it cannot be read.
pub(super) fn read(path: &Path) -> Value {
    let text = read_text_if_any(path).unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}');
    let parsed = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
    parsed.ok().and_then(|parsed| parsed.value).map_or(Value::Null, Value::from)
}
