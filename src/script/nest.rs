//! Scripts that are called by other scripts.

use super::arguments::quote;
use super::leaf::{Call, Scripts};
use super::word::{UNKNOWN, Word};

/// A call of a script of the same package.
pub(super) struct Nested {
    pub name: String,
    pub call: Call,
    /// What the caller passes on, as it is pasted behind the script's text.
    pub pasted: String,
    /// Its text, if it is a script of another package.
    pub text: Option<String>,
}

/// The text that the shell gets for a nested script.
pub(super) fn text_of(scripts: &dyn Scripts, nested: &Nested) -> Option<String> {
    let text =
        nested.text.clone().or_else(|| scripts.text(&nested.name)).filter(|text| !text.contains(UNKNOWN))?;
    if nested.pasted.is_empty() { Some(text) } else { Some(format!("{text} {}", nested.pasted)) }
}

/// Arguments as a package manager pastes them, with [`UNKNOWN`] for what only the calling shell knows.
pub(super) fn pasted<'w>(words: impl Iterator<Item = &'w Word>) -> String {
    let words: Vec<String> = words.map(paste).collect();
    words.join(" ")
}

fn paste(word: &Word) -> String {
    match word.literal().or_else(|| word.pattern()) {
        Some(text) => quote(&text),
        None if word.prefix().is_empty() => UNKNOWN.to_string(),
        None => format!("{}{UNKNOWN}", quote(&word.prefix())),
    }
}
