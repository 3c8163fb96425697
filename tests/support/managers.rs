//! Package managers, which are packages themselves: installed into `target/package-managers` on first use, from the
//! registry that npm is set up for.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{Finished, run_within};

/// The directory with the program of a package such as `npm@11`. `node` is the first version of node that it runs on;
/// where the machine's is older, that one is installed as well.
pub fn package_manager(package: &str, program: &str, node: Option<u32>) -> PathBuf {
    let newer = node.filter(|needed| node_major() < *needed).map(|needed| format!("node@{needed}"));
    installed(package, program, newer.as_deref(), "{}")
}

/// The same with this `package.json`, and with a further package.
pub fn installed(package: &str, program: &str, further: Option<&str>, manifest: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let name = package.replace(['/', '@'], "_");
    let dir = target.join("package-managers").join(&name);
    let bin = dir.join("node_modules/.bin");
    fs::create_dir_all(&dir).expect("a directory");
    let lock = File::create(dir.with_file_name(format!("{name}.lock"))).expect("target is writable");
    lock.lock().expect("the file system has locks");
    if !bin.join(program).exists() {
        fs::write(dir.join("package.json"), manifest).expect("a package.json");
        let mut npm = Command::new("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", package]).args(further);
        npm.current_dir(&dir).stdin(Stdio::null());
        let Finished { status, stderr, .. } = run_within(&mut npm, Duration::from_secs(600));
        assert!(status.success(), "npm install {package}: {stderr}");
    }
    bin
}

/// The major version of the machine's node.
fn node_major() -> u32 {
    let output = Command::new("node").arg("--version").output().expect("node");
    let text = String::from_utf8(output.stdout).expect("a version");
    let major = text.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    major.expect("a version like v22.1.0")
}
