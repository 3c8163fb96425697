//! The files in which frameworks note that a server of theirs runs in a directory.
//!
//! Frameworks look after a server that has ended: Next locks its file in the kernel, Nuxt and Astro ask whether the noted
//! pid exists. That answer is wrong once the pid is another process's, and then they refuse to start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use crate::port::listeners::Listeners;
use crate::process::Process;
use crate::session::prepared::Candidate;
use crate::visible::Visible;

/// What differences between two clocks of one machine, and between a note and its file, come to.
const TOLERANCE: Duration = Duration::from_secs(2);
/// A file that is larger is no such note.
const LARGEST: u64 = 64 * 1024;

/// What such files have in common.
#[derive(Debug, Deserialize)]
struct Note {
    pid: i32,
    port: Option<u16>,
}

/// A server of the project that bowline did not start.
#[derive(Debug)]
pub struct Holder {
    file: PathBuf,
    note: Note,
}

impl Holder {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let stop = format!("stop it with `kill {}`", self.note.pid);
        match self.note.port {
            Some(port) => format!("{self}; use it at http://localhost:{port}, or {stop}"),
            None => format!("{self}; {stop}"),
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.note.port.map_or_else(String::new, |port| format!(" on port {port}"));
        let file = self.file.visible();
        write!(
            f,
            "another server runs in this directory already, as pid {}{port} says `{file}`",
            self.note.pid
        )
    }
}

/// The server that keeps others out of the project's directory, if one lives.
pub fn holder(candidate: &Candidate<'_>) -> Option<Holder> {
    let dir = &candidate.subject.project.dir;
    files(candidate).into_iter().find_map(|path| {
        let note = read(&path)?;
        let file = path.strip_prefix(dir).unwrap_or(&path).to_owned();
        lives(&path, &note).then_some(Holder { file, note })
    })
}

/// Removes the notes of servers that are gone, where their framework could not see that. The files lie in its own
/// output, and it writes them anew.
pub fn clear(candidate: &Candidate<'_>) {
    for path in files(candidate) {
        let Some(note) = read(&path) else { continue };
        let misleading = Process::read(note.pid).is_some() && !lives(&path, &note);
        // A server in a container has a pid of its own there, but its port here.
        let served =
            note.port.is_some_and(|port| Listeners::new().on(port).is_ok_and(|seen| !seen.is_empty()));
        if misleading && !served && std::fs::remove_file(&path).is_ok() {
            tracing::info!("removed `{}`: pid {} is another process now", path.visible(), note.pid);
        }
    }
}

fn files(candidate: &Candidate<'_>) -> Vec<PathBuf> {
    // A directory that cannot be read holds nobody up.
    candidate.subject.project.present(&candidate.inputs.locks).unwrap_or_default()
}

fn read(path: &Path) -> Option<Note> {
    let size = path.metadata().ok()?.len();
    if size > LARGEST {
        return None;
    }
    let note: Note = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (note.pid > 1).then_some(note)
}

/// Whether the process that wrote the note can be the one that has its pid now: that one is older than the file.
fn lives(path: &Path, note: &Note) -> bool {
    let Some(process) = Process::read(note.pid).filter(|process| !process.zombie) else { return false };
    let written =
        path.metadata().and_then(|metadata| metadata.modified()).unwrap_or_else(|_| SystemTime::now());
    process.identity.since().is_none_or(|since| since <= written + TOLERANCE)
}
