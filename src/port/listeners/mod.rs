//! Who listens on a port, as the kernel knows it: no connection is made to anybody.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;

#[cfg(target_os = "macos")]
mod macos;
#[cfg(target_os = "macos")]
use macos as system;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

pub use system::Listeners;

/// A socket in the state LISTEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where it listens.
    pub address: SocketAddr,
    /// The kernel's number for the socket, by which the processes that have it are found.
    pub socket: u64,
    /// The user who made it.
    pub user: u32,
}

/// A process and a port that it listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The process.
    pub pid: i32,
    /// Its listener.
    pub listener: Listener,
}

/// A process as a message shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id; `None` if the system does not say whose the socket is (another user's, say).
    pub pid: Option<i32>,
    /// The name of its program.
    pub name: String,
    /// Its working directory, as far as it can be seen.
    pub dir: Option<PathBuf>,
    /// When it was started, as far as it can be seen.
    pub started: Option<SystemTime>,
    /// The ports in question that it listens on, ascending.
    pub ports: Vec<u16>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "{} (pid {pid})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Who holds which of these ports, found by looking at every process: for messages, not for the
/// start path. Ports that nobody listens on are missing from the answer.
pub fn holders(ports: &[u16]) -> Vec<Holder> {
    let mut listeners = Listeners::new();
    let Ok(mut wanted) = listeners.all() else { return Vec::new() };
    wanted.retain(|listener| ports.contains(&listener.address.port()));
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut holders: Vec<Holder> = Vec::new();
    let mut known = Vec::new();
    for Held { pid, listener } in system::owners(&wanted, &system::pids()) {
        known.push(listener.socket);
        add(&mut holders, Some(pid), listener.address.port(), || system::describe(pid));
    }
    for listener in wanted.iter().filter(|listener| !known.contains(&listener.socket)) {
        let unknown = || Holder {
            pid: None,
            name: format!("a process of user {}", listener.user),
            dir: None,
            started: None,
            ports: Vec::new(),
        };
        add(&mut holders, None, listener.address.port(), unknown);
    }
    for holder in &mut holders {
        holder.ports.sort_unstable();
        holder.ports.dedup();
    }
    holders
}

fn add(holders: &mut Vec<Holder>, pid: Option<i32>, port: u16, describe: impl FnOnce() -> Holder) {
    match pid.and_then(|pid| holders.iter_mut().find(|holder| holder.pid == Some(pid))) {
        Some(holder) => holder.ports.push(port),
        None => {
            let new = describe();
            match holders.iter_mut().find(|holder| pid.is_none() && holder.name == new.name) {
                Some(same) => same.ports.push(port),
                None => holders.push(Holder { ports: vec![port], ..new }),
            }
        }
    }
}

/// Whether the port has connections that outlived their listener; `None` if nobody can say.
pub(super) fn has_connections(port: u16) -> Option<bool> {
    system::has_connections(port)
}

/// The program's name from the first word of a command line, else the kernel's name for it.
///
/// Node calls its main thread `MainThread`, and that is then the kernel's name for the process.
fn program(command: &[u8], kernel_name: &str) -> String {
    let first = command.split(|&byte| byte == 0).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let name =
        if first.starts_with('/') { first.rsplit('/').next().unwrap_or_default() } else { first.trim() };
    if name.is_empty() { kernel_name.trim().to_owned() } else { name.to_owned() }
}
