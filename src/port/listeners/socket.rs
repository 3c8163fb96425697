//! Listening sockets and the processes that have them.

use std::net::SocketAddr;

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
