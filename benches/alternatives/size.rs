//! The size of the program.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::report::{Budget, Section, float};
use super::support::run_to_end;
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
        let package = packed(&target.join("npm-dist/@bowline").join(platform));
        vec![platform.to_owned(), mebibytes(program), mebibytes(archive), mebibytes(package)]
    };
    let main = mebibytes(packed(&target.join("npm-dist/bowline")));
    let main_row = vec!["any, the package `bowline`".to_owned(), String::new(), String::new(), main];
    let own_row = vec![
        "this machine, for the other measurements".to_owned(),
        mebibytes(own),
        String::new(),
        String::new(),
    ];
    Section {
        title: "Size of the program",
        method: "The release profile, stripped; for each platform as `just release-rehearsal` has built it. The archive is what a user \
                 downloads, with licences, completions and manual pages; at npm, a user downloads the package of the platform and the \
                 package `bowline`."
            .into(),
        columns: &["platform", "program", "archive", "package for npm"],
        rows: PLATFORMS.into_iter().map(row).chain([main_row, own_row]).collect(),
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

/// The size in bytes of the package that `npm pack` would make; `None` where it was not assembled.
fn packed(dir: &Path) -> Option<u64> {
    fs::metadata(dir).ok()?;
    let mut npm = Command::new("npm");
    npm.args(["pack", "--dry-run", "--json"]).current_dir(dir).stdin(Stdio::null());
    let finished = run_to_end(&mut npm);
    let listed: serde_json::Value = serde_json::from_str(&finished.stdout).ok()?;
    // npm 12 names the package in place of a list.
    let package =
        listed.as_array().and_then(|list| list.first()).or_else(|| listed.as_object()?.values().next());
    package?["size"].as_u64()
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "missing".to_owned(), |bytes| format!("{:.2} MiB", float(bytes) / 1024.0 / 1024.0))
}
