//! The table of package managers that `just release-rehearsal` prints.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::packages::{Trial, trials};

/// Tries all, and prints a row for each way to use the package.
#[test]
#[ignore = "takes minutes: `just release-rehearsal`"]
fn package_managers() {
    let trials = trials();
    let managers: Vec<&str> =
        trials.chunk_by(|a, b| a.manager == b.manager).map(|row| row[0].manager).collect();
    let mut text =
        format!("| under | {} |\n| --- |{}\n", managers.join(" | "), " --- |".repeat(managers.len()));
    let first = trials.iter().filter(|trial| trial.manager == managers[0]);
    for way in first.map(|trial| trial.way) {
        let cells = trials.iter().filter(|trial| trial.way == way).map(|trial| match &trial.outcome {
            None => "·",
            Some(Ok(())) => "✓",
            Some(Err(_)) => "**failed**",
        });
        let _ = writeln!(text, "| {way} | {} |", cells.collect::<Vec<_>>().join(" | "));
    }
    let _ = std::io::stdout().write_all(format!("\n{text}\n").as_bytes());
    let failed: Vec<String> = trials.iter().filter_map(Trial::failure).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}
