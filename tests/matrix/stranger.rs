//! Somebody else's server on a framework's default port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};

use crate::support::is_free;

/// Listens on a port, on every address that it can have.
pub struct Stranger {
    listeners: Vec<TcpListener>,
}

impl Stranger {
    /// Takes the port. Where another program has it on some address, that one is a stranger as well.
    pub fn on(port: u16) -> Self {
        let addresses: [IpAddr; 4] = [
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv6Addr::LOCALHOST.into(),
            Ipv4Addr::LOCALHOST.into(),
        ];
        loop {
            let listeners: Vec<TcpListener> =
                addresses.iter().filter_map(|&address| TcpListener::bind((address, port)).ok()).collect();
            // Another test's stranger may have had it, and be gone since.
            if !listeners.is_empty() || !is_free(port) {
                return Self { listeners };
            }
        }
    }

    /// Fails where it does not answer any more.
    pub fn assert_unharmed(&self) {
        for listener in &self.listeners {
            let here = listener.local_addr().expect("it listens");
            let address: IpAddr = match here {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            let caller =
                TcpStream::connect(SocketAddr::new(address, here.port())).expect("a stranger answers");
            let caller = caller.local_addr().expect("a connection");
            // Servers may have looked in before.
            while listener.accept().expect("a caller").1 != caller {}
        }
    }
}
