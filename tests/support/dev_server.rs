//! Where the stand-in server's program is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The program of `fixtures/dev-server`. A plain `cargo test` has built it; where only one test target was
/// asked for, cargo did not, and it is built here.
pub fn dev_server() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_bowline")).with_file_name("examples").join("dev-server");
        if modified(&program).is_none_or(|built| built < newest_source()) {
            build();
        }
        assert!(program.exists(), "cargo built no {}", program.display());
        program
    })
}

fn build() {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--example", "dev-server"]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo can be started");
    assert!(status.success(), "building the stand-in server: {status}");
}

fn newest_source() -> SystemTime {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/dev-server");
    let entries = fs::read_dir(sources).expect("the stand-in server has sources");
    entries.flatten().filter_map(|entry| modified(&entry.path())).max().expect("at least one file")
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}
