//! What services wrote, on disk: a file per service, bounded and rotated, with stream and time.
//!
//! A file is a sequence of records, each a head line and the bytes as they came:
//!
//! ```text
//! <milliseconds since the epoch> <o|e|s> <length in bytes>\n
//! <bytes>\n
//! ```
//!
//! `o` and `e` are the standard output and error. An `s` record holds a cursor (see [`crate::event::cursor`]): the session
//! that wrote what follows, and how many bytes it had written before. Each session and each file begins with one, so
//! that every byte that is kept has its place.
//!
//! One record holds what one read gave, so writing costs one system call per read whatever the number of lines, and
//! the bytes stay as they were. A record that a crash cut short ends the file and is read as far as it goes. When a
//! file has grown to its limit it takes the place of the one before it. What a service writes in a flood, more in a second than
//! the files can hold, is left out but for its end; the `s` record behind the gap says how much that was.

mod read;
mod record;

pub use read::{Record, from, read};
pub use record::{Recorded, Recorder};

use std::path::{Path, PathBuf};

/// How large one of the two files of a service may grow, in bytes.
pub const LIMIT: u64 = 4 * 1024 * 1024;

/// The file of the project with this id: its name for people, and a hash of the id because names are not unique.
pub fn file(logs: &Path, project: &str, name: &str) -> PathBuf {
    logs.join(format!("{}-{:016x}.log", readable(name), fnv(project.as_bytes())))
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

/// Where a file goes when it has grown to its limit.
pub fn older(file: &Path) -> PathBuf {
    file.with_extension("log.1")
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo), which is the same in every version of this program.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
