//! The size of the program.

use std::fs;
use std::path::Path;

use super::report::{Budget, Section, float};
use super::tools::Tools;

const PLATFORMS: [(&str, &str); 4] = [
    ("linux-x64", "x86_64-unknown-linux-musl"),
    ("linux-arm64", "aarch64-unknown-linux-musl"),
    ("darwin-x64", "x86_64-apple-darwin"),
    ("darwin-arm64", "aarch64-apple-darwin"),
];

pub(crate) fn measure(_: &Tools) -> Section {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let own = size(Path::new(env!("CARGO_BIN_EXE_bowline")));
    let row = |(platform, triple): (&str, &str)| {
        let archive = format!("bowline-v{}-{triple}.tar.gz", env!("CARGO_PKG_VERSION"));
        let program = size(&target.join("packaging").join(platform).join("bowline"));
        let archive = size(&target.join("release-dist").join(archive));
        vec![platform.to_owned(), mebibytes(program), mebibytes(archive)]
    };
    let own_row = vec!["this machine, for the other measurements".to_owned(), mebibytes(own), String::new()];
    Section {
        title: "Size of the program",
        method: "The release profile, stripped; for each platform as `just release-rehearsal` has built it. The archive is what a user \
                 downloads, with licences, completions and manual pages; the package for npm is as large."
            .into(),
        columns: &["platform", "program", "archive"],
        rows: PLATFORMS.into_iter().map(row).chain([own_row]).collect(),
        budgets: vec![Budget {
            promise: "at most 6 MiB",
            measured: mebibytes(own),
            met: own.is_some_and(|bytes| bytes <= 6 << 20),
        }],
    }
}

/// In bytes; `None` where it was not built.
fn size(file: &Path) -> Option<u64> {
    fs::metadata(file).ok().map(|metadata| metadata.len())
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "missing".to_owned(), |bytes| format!("{:.2} MiB", float(bytes) / 1024.0 / 1024.0))
}
