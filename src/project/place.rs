//! A place in a text file, as errors show it.

use std::fmt::Write;

/// A line and a column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// How many characters of a line an excerpt shows; a minified file is one line of a megabyte.
const WIDTH: usize = 100;

impl Place {
    /// The place of a byte of `text`; past the end, the end.
    pub fn at_offset(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.rsplit('\n').next().unwrap_or(before);
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }

    /// The line with a caret below the column.
    pub fn excerpt(self, text: &str) -> String {
        let line = text.lines().nth(self.line - 1).unwrap_or_default();
        let skipped = (self.column - 1).saturating_sub(WIDTH / 2);
        // Tabs are shown as one space, so that the caret stands below its column.
        let shown: String =
            line.chars().skip(skipped).take(WIDTH).map(|c| if c.is_control() { ' ' } else { c }).collect();
        let number = self.line.to_string();
        let mut excerpt = format!("{number} | {}\n", shown.trim_end());
        let _ = write!(
            excerpt,
            "{:pad$} | {:indent$}^",
            "",
            "",
            pad = number.len(),
            indent = self.column - 1 - skipped
        );
        excerpt
    }
}
