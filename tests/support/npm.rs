//! Fixtures whose packages come from the npm registry.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use super::sandbox::copy_dir;
use super::{Finished, own_descriptors, run_within};

/// A copy of a directory of this repository with its packages, in `target/npm/`. It is installed on first use,
/// and again when a file of the original has changed. The value holds the directory's lock, and one of the few
/// turns that real frameworks take on a machine.
#[derive(Debug)]
pub struct Installed {
    pub dir: PathBuf,
    _lock: File,
    _turn: Turn,
}

/// The date as of which npm resolves a fixture without a lock file: its direct packages are of one exact version each,
/// and with this date those that they need are the same ones every time as well. A lock file for each would be
/// 200,000 lines.
const AS_OF: &str = "2026-11-24";

/// How many real frameworks run at once: much of their time is waiting.
const TURNS: usize = 3;

/// Waits for the directory and a turn, and installs where needed. Panics with npm's message where that fails.
pub fn installed(original: &str) -> Installed {
    try_installed(original).unwrap_or_else(|message| fail(original, &message))
}

/// As [`installed`], with npm's message where the packages cannot be had.
pub fn try_installed(original: &str) -> Result<Installed, String> {
    let (dir, lock) = locked(original)?;
    Ok(Installed { dir, _lock: lock, _turn: Turn::take() })
}

/// As [`installed`], for a test that uses the packages alone, as others may meanwhile.
pub fn packages(original: &str) -> Installed {
    let (dir, lock) = locked(original).unwrap_or_else(|message| fail(original, &message));
    lock.lock_shared().expect("the file system has locks");
    // Nobody who has a turn waits for a lock.
    Installed { dir, _lock: lock, _turn: Turn::take() }
}

fn fail(original: &str, message: &str) -> ! {
    panic!(
        "the packages of `{original}` could not be installed; the npm registry has to be reachable the first \
         time:\n{message}"
    )
}

/// The directory with its packages, and its lock.
fn locked(original: &str) -> Result<(PathBuf, File), String> {
    own_descriptors();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(original);
    let store = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("npm");
    fs::create_dir_all(&store).expect("target is writable");
    let name = original.replace('/', "-");
    let lock = File::create(store.join(format!("{name}.lock"))).expect("target is writable");
    lock.lock().expect("the file system has locks");
    let dir = store.join(format!("{name}-{:016x}", fingerprint(&fixture)));
    if !dir.exists() {
        remove_outdated(&store, &name);
        install(&fixture, &dir)?;
    }
    Ok((dir, lock))
}

/// One of [`TURNS`], given back with the value.
#[derive(Debug)]
struct Turn;

static TAKEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Turn {
    fn take() -> Self {
        let (taken, given_back) = &TAKEN;
        let taken = taken.lock().unwrap();
        *given_back.wait_while(taken, |taken| *taken == TURNS).unwrap() += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *TAKEN.0.lock().unwrap() -= 1;
        TAKEN.1.notify_one();
    }
}

/// Removes what earlier forms of the original left: some hundred megabytes each.
fn remove_outdated(store: &Path, name: &str) {
    for entry in fs::read_dir(store).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if file.rsplit_once('-').is_some_and(|(of, _)| of == name) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Under another name first, so that a directory of the right name is a complete one.
fn install(fixture: &Path, dir: &Path) -> Result<(), String> {
    let unfinished = dir.with_extension("unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    copy_dir(fixture, &unfinished);
    // Not `npm ci`: that refuses a lock file that lacks the optional packages of another platform, which is
    // what npm writes where a registry does not carry them. `install` keeps to the lock file as well.
    let mut npm = Command::new("npm");
    npm.args([
        "install", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1",
        "--fetch-timeout=30000",
    ]);
    if !fixture.join("package-lock.json").exists() {
        npm.arg(format!("--before={AS_OF}"));
    }
    npm.current_dir(&unfinished).stdin(Stdio::null());
    let Finished { status, stdout, stderr } = run_within(&mut npm, Duration::from_secs(600));
    if !status.success() {
        let said: Vec<&str> = stdout.lines().chain(stderr.lines()).take(12).collect();
        return Err(said.join("\n"));
    }
    fs::rename(&unfinished, dir).expect("a name of our own in target/npm");
    Ok(())
}

/// Of all names and bytes of a fixture.
fn fingerprint(fixture: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    if !fixture.join("package-lock.json").exists() {
        AS_OF.hash(&mut hasher);
    }
    let mut dirs = vec![fixture.to_owned()];
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("reading {}: {error}", dir.display()));
        for path in entries.flatten().map(|entry| entry.path()).filter(|path| !path.ends_with("node_modules"))
        {
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    for file in files {
        file.strip_prefix(fixture).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).unwrap_or_default().hash(&mut hasher);
    }
    hasher.finish()
}
