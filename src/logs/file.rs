//! Names of files.

use std::path::{Path, PathBuf};

use crate::fingerprint::fnv;

/// How large one of the two files of a service may grow, in bytes.
pub(super) const LIMIT: u64 = 4 * 1024 * 1024;

/// The file of the project with this id: a name for people, and a hash of the id because names are not unique.
pub fn file(logs: &Path, project: &str, name: &str) -> PathBuf {
    logs.join(format!("{}-{:016x}.log", readable(name), fnv(project.bytes())))
}

/// The files of all projects that ever had this name.
pub fn named(logs: &Path, name: &str) -> Vec<PathBuf> {
    let name = readable(name);
    let is_meant = |path: &PathBuf| {
        let stem = path.file_name().and_then(|file| file.to_str()?.strip_suffix(".log"));
        stem.and_then(|stem| stem.rsplit_once('-')).is_some_and(|(readable, _)| readable == name)
    };
    let entries = std::fs::read_dir(logs).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_meant).collect()
}

fn readable(name: &str) -> String {
    let readable: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .take(60)
        .collect();
    readable.trim_matches(['-', '.']).to_owned()
}

/// The file that one which has grown to its limit becomes.
pub(super) fn older(file: &Path) -> PathBuf {
    file.with_extension("log.1")
}
