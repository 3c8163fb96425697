//! The size of the program.

use std::fs;

use super::report::{Budget, Section, float};
use super::tools::Tools;

pub(crate) fn measure(_: &Tools) -> Section {
    let bytes = fs::metadata(env!("CARGO_BIN_EXE_bowline")).map_or(0, |metadata| metadata.len());
    let mebibytes = float(bytes) / 1024.0 / 1024.0;
    Section {
        title: "Size of the program",
        method: "The release profile, stripped.".into(),
        columns: &["", "size"],
        rows: vec![vec!["bowline".into(), format!("{mebibytes:.2} MiB")]],
        budgets: vec![Budget {
            promise: "at most 6 MiB",
            measured: format!("{mebibytes:.2} MiB"),
            met: bytes > 0 && mebibytes <= 6.0,
        }],
    }
}
