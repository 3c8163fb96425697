//! Listening sockets, and the processes that have them.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

/// A socket in the state LISTEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    pub address: SocketAddr,
    /// The kernel's number for the socket, by which the processes that have it are found.
    pub socket: u64,
    pub user: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub pid: i32,
    pub listener: Listener,
}

/// A process as a message shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its id; `None` if the system does not say whose the socket is (another user's, say).
    pub pid: Option<i32>,
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

/// The program's name from the first word of a command line, else the kernel's, which for Node is `MainThread`.
pub(super) fn program(command: &[u8], kernel_name: &str) -> String {
    let first = command.split(|&byte| byte == 0).next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    let name =
        if first.starts_with('/') { first.rsplit('/').next().unwrap_or_default() } else { first.trim() };
    if name.is_empty() { kernel_name.trim().to_owned() } else { name.to_owned() }
}
