//! All rows of the matrix, and their page.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::matrix::rows::rows;
use crate::matrix::trial::Outcome;
use crate::matrix::{page, run};

/// Tries the rows that `BOWLINE_MATRIX` names, or all, and writes the page.
#[test]
#[ignore = "installs gigabytes and takes long: `just matrix`"]
fn matrix() {
    let wanted = std::env::var("BOWLINE_MATRIX").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let unknown: Vec<&&str> =
        wanted.iter().filter(|name| rows().iter().all(|row| row.name != **name)).collect();
    assert!(unknown.is_empty(), "no such rows: {unknown:?}");
    let mut failed = Vec::new();
    for row in rows().iter().filter(|row| wanted.is_empty() || wanted.contains(&row.name.as_str())) {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(row))).unwrap_or(Outcome::Fails);
        if matches!(outcome, Outcome::Fails) || matches!(outcome, Outcome::Missing(_)) && !row.missing {
            failed.push(&row.name);
        }
        page::write(row, &outcome);
    }
    assert!(failed.is_empty(), "these failed: {failed:?}");
}
