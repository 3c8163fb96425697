//! Listening sockets and the processes that have them.

use std::net::SocketAddr;

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
