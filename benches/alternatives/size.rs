//! The size of the program.

use std::fs;
use std::path::Path;

use super::report::{Budget, Section, float};
use super::tools::{STATIC, Tools, static_program};

pub(crate) fn measure(_: &Tools) -> Section {
    let size = |program: &Path| fs::metadata(program).map_or(0, |metadata| metadata.len());
    let mebibytes = |bytes| format!("{:.2} MiB", float(bytes) / 1024.0 / 1024.0);
    let (bytes, of_static) = (size(Path::new(env!("CARGO_BIN_EXE_bowline"))), size(&static_program()));
    let of_static = if of_static == 0 { "missing".to_owned() } else { mebibytes(of_static) };
    Section {
        title: "Size of the program",
        method: "The release profile, stripped.".into(),
        columns: &["", "size"],
        rows: vec![vec!["bowline".into(), mebibytes(bytes)], vec![STATIC.into(), of_static]],
        budgets: vec![Budget {
            promise: "at most 6 MiB",
            measured: mebibytes(bytes),
            met: bytes > 0 && bytes <= 6 << 20,
        }],
    }
}
