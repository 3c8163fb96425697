//! What is wrong with a configuration, and what to do about it.

use std::path::Path;

use super::values::{
    HAS_NUL, IS_EMPTY, NO_PAGE, NO_TEMPLATES, NO_TIME, NOT_A_PORT, NOT_A_TIME, NOT_A_VARIABLE,
};
use crate::detect::catalog::CatalogError;
use crate::project::{FileError, ProjectError, similar};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error(transparent)]
    File(#[from] ProjectError),
    /// A mistake in `bowline.toml` or a Procfile.
    #[error("{error}")]
    Invalid { error: FileError, hint: String },
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl ConfigError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) => error.hint(),
            Self::Invalid { hint, .. } => Some(hint.clone()),
            Self::Catalog(error) => error.hint(),
        }
    }

    /// A mistake that the reader of TOML has found in `text`, which is the content of `path`.
    pub(super) fn of_toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        let message = error.message();
        // The hint says what there is.
        let shown = if is_unknown(message) { message.split(", expected").next() } else { None };
        let error = FileError::at_offset(path, text, offset, &in_words_of_toml(shown.unwrap_or(message)));
        Self::Invalid { error, hint: advice(message) }
    }
}

fn is_unknown(message: &str) -> bool {
    message.starts_with("unknown field ") || message.starts_with("unknown variant ")
}

/// What to do about a message of the reader. That of an unknown word has the word, then those that there are, all in
/// backticks.
fn advice(message: &str) -> String {
    let words: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match &words[..] {
        [given, known @ ..] if is_unknown(message) => did_you_mean(given, known.iter().copied()),
        _ => {
            let known = ADVICE.iter().find(|(part, _)| message.contains(part));
            known.map_or("correct the file at that place", |(_, advice)| advice).to_owned()
        }
    }
}

/// Parts of the reader's messages, and what to do.
const ADVICE: [(&str, &str); 18] = [
    (NOT_A_PORT, "write `true` for a port of its own, `false` for none, or its number"),
    (NOT_A_TIME, "write a number and its unit in quotes, as in `\"10s\"`, `\"500ms\"` or `\"2m\"`"),
    (NO_PAGE, "write a path, as in `/healthz`, or a URL with `{{self.port}}`"),
    (NO_TIME, "give it longer, or leave it out"),
    (IS_EMPTY, "write something between the quotes, or leave the key out"),
    (NOT_A_VARIABLE, "write a name that a program can look up, as in `API_URL`"),
    (NO_TEMPLATES, "write it in `env`, `args`, `command`, `ready`, `before` or `after`"),
    (HAS_NUL, "leave the `\\u0000` out"),
    ("not a regular expression", "put a `\\` before a character that is meant as it is"),
    ("nonzero u16", "write a number from 1 to 65535"),
    ("expected a string", "write a text in quotes"),
    ("expected path string", "write a path in quotes"),
    ("expected a sequence", "write a list, as in `[\"api\", \"db\"]`"),
    ("expected a boolean", "write `true` or `false`, without quotes"),
    ("expected a map", "write a table, as in `{ NAME = \"value\" }`"),
    ("expected a table", "write a table, as in `{ key = \"value\" }`"),
    ("wanted string or table", "write one of its words in quotes: see docs/frameworks.md"),
    ("duplicate key", "make one of the two"),
];

/// The message with the words of TOML in place of those of the reader.
fn in_words_of_toml(message: &str) -> String {
    let words = [
        ("invalid type: sequence", "invalid type: list"),
        ("invalid type: map", "invalid type: table"),
        ("expected a sequence", "expected a list"),
        ("expected a map", "expected a table"),
        ("expected path string", "expected a string"),
        ("wanted string or table", "expected a word in quotes"),
    ];
    words.iter().fold(message.to_owned(), |message, (readers, own)| message.replace(readers, own))
}

/// The known words that resemble this one, else all of them.
pub fn did_you_mean<'k>(given: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    match similar(given, known.clone()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => {
            let all: Vec<&str> = known.collect();
            if all.is_empty() {
                "correct the file at that place".to_owned()
            } else {
                format!("choose one of: {}", all.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_is_compared_with_those_there_are() {
        for (message, expected) in [
            ("unknown field `prot`, expected one of `script`, `port`", "did you mean `port`?"),
            ("unknown field `Port`, expected `port`", "did you mean `port`?"),
            ("unknown field `colour`, expected `script` or `port`", "choose one of: script, port"),
            ("unknown variant `sometimes`, expected `always` or `never`", "choose one of: always, never"),
            ("invalid type: integer `5`, expected a string", "write a text in quotes"),
            ("missing field `x`", "correct the file at that place"),
        ] {
            assert_eq!(advice(message), expected, "{message}");
        }
        let known = ["@acme/web", "api"];
        assert_eq!(did_you_mean("wbe", known.into_iter()), "did you mean `@acme/web`?");
    }
}
