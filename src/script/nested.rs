//! Scripts that are called by other scripts.

use super::arguments::quote;
use super::frame::Call;
use super::scripts::Scripts;
use super::word::{UNKNOWN, Word};

/// A call of another script.
pub(super) struct Nested {
    pub name: String,
    pub call: Call,
    /// The arguments that the manager pastes behind the script's text.
    pub pasted: String,
    /// The script's text, if it belongs to another package.
    pub text: Option<String>,
}

impl Nested {
    /// The text that the shell gets.
    pub fn whole_text(&self, scripts: &dyn Scripts) -> Option<String> {
        let text = self.text.clone().or_else(|| scripts.text(&self.name))?;
        if text.contains(UNKNOWN) {
            return None;
        }
        Some(if self.pasted.is_empty() { text } else { format!("{text} {}", self.pasted) })
    }
}

/// Arguments as a package manager pastes them, with [`UNKNOWN`] for parts that only the calling shell knows.
pub(super) fn pasted<'w>(words: impl IntoIterator<Item = &'w Word>) -> String {
    let paste = |word: &Word| match word.literal().or_else(|| word.pattern()) {
        Some(text) => quote(&text),
        None if word.prefix().is_empty() => UNKNOWN.to_string(),
        None => format!("{}{UNKNOWN}", quote(&word.prefix())),
    };
    words.into_iter().map(paste).collect::<Vec<_>>().join(" ")
}
