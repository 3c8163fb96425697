//! An error that shows its position in a text file.

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

/// How many characters of a line an excerpt shows; a minified file is one line of a megabyte.
const WIDTH: usize = 100;

impl FileError {
    /// The error at a byte of `text`, which is the content of `path`; past the end, at the end.
    pub fn at_offset(path: &Path, text: &str, offset: usize, message: &str) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        let position = (before.matches('\n').count() + 1, line.chars().count() + 1);
        Self::new(path.to_path_buf(), position, message.to_owned(), text)
    }

    /// The position is a line and a column, both from 1; columns count characters.
    pub(super) fn new(path: PathBuf, (line, column): (usize, usize), message: String, text: &str) -> Self {
        Self { path, line, column, message, excerpt: excerpt(text, line, column) }
    }
}

/// The line with a caret below the column.
fn excerpt(text: &str, line: usize, column: usize) -> String {
    let content = text.lines().nth(line - 1).unwrap_or_default().chars();
    let skipped = (column - 1).saturating_sub(WIDTH / 2);
    // Tabs are shown as one space, so that the caret stands below its column.
    let shown = content.skip(skipped).take(WIDTH).map(|c| if c.is_control() { ' ' } else { c });
    let (number, indent) = (line.to_string(), column - 1 - skipped);
    let shown: String = shown.collect();
    format!("{number} | {}\n{:pad$} | {:indent$}^", shown.trim_end(), "", "", pad = number.len())
}
