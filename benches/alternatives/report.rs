//! Markdown, and the little arithmetic behind it.

use std::fmt;
use std::io::{self, Write};

/// One table with what it has to show.
#[derive(Debug)]
pub(crate) struct Section {
    pub title: &'static str,
    /// How it was measured.
    pub method: String,
    pub columns: &'static [&'static str],
    pub rows: Vec<Vec<String>>,
    pub budgets: Vec<Budget>,
}

/// A promise and what was measured.
#[derive(Debug)]
pub(crate) struct Budget {
    pub promise: &'static str,
    pub measured: String,
    pub met: bool,
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.title, self.method)?;
        writeln!(f, "| {} |", self.columns.join(" | "))?;
        writeln!(f, "|{}", " --- |".repeat(self.columns.len()))?;
        for row in &self.rows {
            writeln!(f, "| {} |", row.join(" | "))?;
        }
        for Budget { promise, measured, met } in &self.budgets {
            let verdict = if *met { "met" } else { "**missed**" };
            writeln!(f, "\nBudget: {promise}. Measured: {measured}, {verdict}.")?;
        }
        Ok(())
    }
}

/// The only place that prints.
pub(crate) fn print(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "nothing was measured");
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

pub(crate) fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::MIN, f64::max)
}

pub(crate) fn milliseconds(nanoseconds: f64) -> String {
    format!("{:.2} ms", nanoseconds / 1e6)
}

pub(crate) fn times(factor: f64) -> String {
    format!("{factor:.1}×")
}

#[expect(clippy::cast_precision_loss, reason = "nobody needs the 53rd bit of a measurement")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}
