//! What is published: the packages for npm, the archives, and what installs them.

mod bin;
mod install;
mod npm;
mod release;

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{SigHandler, Signal, signal};
use tempfile::TempDir;

use crate::support::run_to_end;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The platforms as npm calls them, with their Rust targets.
fn targets() -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join("packaging/targets")).expect("a file of the repository");
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.map(|(platform, target)| (platform.to_owned(), target.to_owned())).collect()
}

/// This machine's.
fn platform() -> String {
    let cpu = if ARCH == "aarch64" { "arm64" } else { "x64" };
    format!("{}-{cpu}", if OS == "macos" { "darwin" } else { OS })
}

/// Writes an executable file, and the directories it needs. Another process does: were it this one, a fork of another
/// test could hold the file open for writing, and executing it would fail (ETXTBSY).
fn executable(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a file's path")).expect("a directory of our own");
    let draft = path.with_extension("draft");
    fs::write(&draft, text).expect("a directory of our own");
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).expect("a file of our own");
    let status = Command::new("cp").arg("-p").args([&draft, path]).status();
    assert!(status.is_ok_and(|status| status.success()));
    fs::remove_file(draft).expect("a file of our own");
}

/// Lets the command heed an interrupt, even where the tests run in the background of a script, whose jobs
/// ignore it.
pub fn heed_interrupts(command: &mut Command) -> &mut Command {
    #[expect(unsafe_code, reason = "only the child is changed")]
    // SAFETY: signal is async-signal-safe.
    unsafe {
        command.pre_exec(|| signal(Signal::SIGINT, SigHandler::SigDfl).map(drop).map_err(Into::into))
    }
}

/// `packaging/assemble npm` or `release` for all platforms. A script that starts the built program stands for each
/// program: nothing here depends on what they consist of.
fn assembled(what: &str) -> TempDir {
    let dir = TempDir::new().expect("a temporary directory");
    let program = dir.path().join("program");
    executable(&program, &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_bowline")));
    let mut command = Command::new(root().join("packaging/assemble"));
    command.arg(what).arg("--out").arg(dir.path().join("out"));
    for platform in targets().keys() {
        command.arg("--program").arg(format!("{platform}={}", program.display()));
    }
    let finished = run_to_end(&mut command);
    assert!(finished.status.success(), "{finished:?}");
    dir
}

/// All files below a directory, by their path within it.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for path in fs::read_dir(next).expect("a directory of our own").map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                pending.push(path);
            } else {
                found.push(path.strip_prefix(dir).expect("a path within").to_owned());
            }
        }
    }
    found.sort();
    found
}
