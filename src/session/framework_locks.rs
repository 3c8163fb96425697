//! Lock files of frameworks: Next, Nuxt and Astro allow one server a directory.
//!
//! Next locks its file in the kernel; Nuxt and Astro test whether the pid in the file exists. Once that pid
//! belongs to another process they refuse to start, so a stale file has to go.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

use super::prepared::Prepared;
use crate::port::Scheme;
use crate::port::listeners::Listeners;
use crate::process::Process;
use crate::visible::Visible;

/// Slack between process start times and file times, which come from different clocks.
const TOLERANCE: Duration = Duration::from_secs(2);
/// Larger files are no lock files, in bytes.
const LARGEST: u64 = 64 * 1024;

/// The fields that all three frameworks write, and the URL that Next writes.
#[derive(Debug, Deserialize)]
struct Lock {
    pid: i32,
    port: Option<u16>,
    #[serde(default, rename = "appUrl")]
    url: String,
}

impl Lock {
    fn scheme(&self) -> Scheme {
        self.url.split_once("://").and_then(|(name, _)| Scheme::from_name(name)).unwrap_or_default()
    }
}

/// The hint for a failed service if another server has locked the project's directory and still runs.
pub fn hint(prepared: &Prepared<'_>) -> Option<String> {
    files(prepared).into_iter().find_map(|path| {
        let lock = read(&path).filter(|lock| is_owner_alive(&path, lock))?;
        let file = path.strip_prefix(&prepared.project().dir).unwrap_or(&path).visible();
        let pid = lock.pid;
        let on = lock.port.map_or_else(String::new, |port| format!(" on port {port}"));
        let using = lock.port.map_or_else(String::new, |port| format!("use it at {}, or ", lock.scheme().url(port)));
        Some(format!(
            "another server runs in this directory already, as pid {pid}{on} says `{file}`; {using}stop it with `kill {pid}`"
        ))
    })
}

/// Removes lock files whose pid belongs to another process now. They lie in the framework's own output directory.
pub fn clear(prepared: &Prepared<'_>) {
    for path in files(prepared) {
        let Some(lock) = read(&path) else { continue };
        let stale = Process::read(lock.pid).is_some() && !is_owner_alive(&path, &lock);
        // A server in a container wrote its pid there, which means nothing here; its port does.
        let served =
            lock.port.is_some_and(|port| Listeners::default().on(port).is_ok_and(|seen| !seen.is_empty()));
        if stale && !served && std::fs::remove_file(&path).is_ok() {
            tracing::info!("removed `{}`: pid {} is another process now", path.visible(), lock.pid);
        }
    }
}

fn files(prepared: &Prepared<'_>) -> Vec<PathBuf> {
    // An unreadable directory must not prevent a start.
    prepared.project().present(&prepared.detected().inputs.locks).unwrap_or_default()
}

fn read(path: &Path) -> Option<Lock> {
    path.metadata().ok().filter(|metadata| metadata.len() <= LARGEST)?;
    let lock: Lock = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    (lock.pid > 1).then_some(lock)
}

/// Whether the process with this pid exists and can have written the file, being the older of the two.
fn is_owner_alive(path: &Path, lock: &Lock) -> bool {
    let Some(process) = Process::read(lock.pid).filter(|process| !process.zombie) else { return false };
    let written = path.metadata().and_then(|file| file.modified()).unwrap_or_else(|_| SystemTime::now());
    process.identity.since().is_none_or(|since| since <= written + TOLERANCE)
}
