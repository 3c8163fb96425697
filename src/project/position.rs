//! A position in a text file, and the error that shows it.

use std::path::{Path, PathBuf};

use crate::visible::Visible;

/// A mistake in a file, with its place.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}:{column}: {message}\n{excerpt}", path.visible())]
pub struct FileError {
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    /// The line, with a caret below the place.
    pub excerpt: String,
}

impl FileError {
    /// The error at a byte of `text`, which is the content of `path`.
    pub fn at_offset(path: &Path, text: &str, offset: usize, message: &str) -> Self {
        Self::new(path.to_path_buf(), Position::at_offset(text, offset), message.to_owned(), text)
    }

    pub(super) fn new(path: PathBuf, at: Position, message: String, text: &str) -> Self {
        Self { path, line: at.line, column: at.column, message, excerpt: at.excerpt(text) }
    }
}

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub line: usize,
    pub column: usize,
}

/// How many characters of a line an excerpt shows; a minified file is one line of a megabyte.
const WIDTH: usize = 100;

impl Position {
    /// The position of a byte of `text`; past the end, the end.
    fn at_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }

    /// The line with a caret below the column.
    fn excerpt(self, text: &str) -> String {
        let line = text.lines().nth(self.line - 1).unwrap_or_default();
        let skipped = (self.column - 1).saturating_sub(WIDTH / 2);
        // Tabs are shown as one space, so that the caret stands below its column.
        let shown: String =
            line.chars().skip(skipped).take(WIDTH).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let (number, indent) = (self.line.to_string(), self.column - 1 - skipped);
        format!("{number} | {}\n{:pad$} | {:indent$}^", shown.trim_end(), "", "", pad = number.len())
    }
}
