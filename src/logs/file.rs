//! Names of files.

use std::path::{Path, PathBuf};

use crate::fingerprint::fnv;

/// How large one of the two files of a service may grow, in bytes.
pub(super) const LIMIT: u64 = 4 * 1024 * 1024;

/// The file of the project with this id. Its name has the project's name for people, and a hash of the id because
/// names are not unique.
pub fn file(logs: &Path, project: &str, name: &str) -> PathBuf {
    logs.join(format!("{}-{}.log", readable(name), hash(project)))
}

/// The files of all projects that ever had this name.
pub fn named(logs: &Path, name: &str) -> Vec<PathBuf> {
    let name = readable(name);
    files(logs, |readable, _| readable == name)
}

/// The files of the project with this id, under whatever names it had.
pub(super) fn of_id(logs: &Path, project: &str) -> Vec<PathBuf> {
    let project = hash(project);
    files(logs, |_, hash| hash == project)
}

/// The files whose name and hash match.
fn files(logs: &Path, is_match: impl Fn(&str, &str) -> bool) -> Vec<PathBuf> {
    let is_match = |path: &PathBuf| {
        let stem = path.file_name().and_then(|file| file.to_str()?.strip_suffix(".log"));
        stem.and_then(|stem| stem.rsplit_once('-')).is_some_and(|(name, hash)| is_match(name, hash))
    };
    let entries = std::fs::read_dir(logs).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_match).collect()
}

fn hash(project: &str) -> String {
    format!("{:016x}", fnv(project.bytes()))
}

fn readable(name: &str) -> String {
    let readable: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(60)
        .collect();
    readable.trim_matches(['-', '.']).to_owned()
}

/// The name that a file gets when it has grown to its limit.
pub(super) fn older(file: &Path) -> PathBuf {
    file.with_extension("log.1")
}
