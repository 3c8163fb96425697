//! Whether a port is free, proved by binding it.
//!
//! Found by trying every kind of socket on Linux: a listener on any local address, with or without `SO_REUSEADDR`
//! or `SO_REUSEPORT`, refuses the wildcard bind of its family, and a dual-stack listener on `::` that of both. The
//! connections of a server that has ended refuse a plain bind for a minute (`TIME_WAIT`), but not a bind with
//! `SO_REUSEADDR`, which every server uses. A socket that is bound with that option and does not listen yet
//! behaves the same; whether there are connections tells the two apart.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::libc::{EACCES, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EPERM, EPROTONOSUPPORT};
use socket2::{Domain, Socket, Type};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every address of the machine's families can be bound.
    Free,
    /// Another socket is bound to it, on at least one address.
    InUse,
    Privileged,
}

/// Tries ports. A socket that failed to bind is used again: a taken port costs one system call.
#[derive(Debug, Default)]
pub struct Probe {
    /// For IPv4 and for IPv6.
    spares: [Option<Socket>; 2],
}

impl Probe {
    /// Binds the port on `0.0.0.0`, `::`, `127.0.0.1` and `::1`, one after the other. A family that
    /// the machine lacks does not count. Port 0 is never free: it means "any".
    ///
    /// # Errors
    /// No socket can be opened, or a bind fails for another reason than the port.
    pub fn check(&mut self, port: u16) -> io::Result<Verdict> {
        if port == 0 {
            return Ok(Verdict::InUse);
        }
        // The wildcards first: they notice nearly every listener, and they alone notice those on other addresses.
        let addresses = [
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ];
        for address in addresses {
            let Err(error) = self.bind(address) else { continue };
            match error.raw_os_error() {
                // This machine lacks the family or the address.
                Some(EAFNOSUPPORT | EADDRNOTAVAIL | EPROTONOSUPPORT) => {}
                Some(EADDRINUSE) => return Ok(Verdict::InUse),
                Some(EACCES | EPERM) => return Ok(Verdict::Privileged),
                Some(_) | None => return Err(error),
            }
        }
        if cfg!(target_os = "linux") && is_bound_silently(&addresses[..2]) {
            return Ok(Verdict::InUse);
        }
        Ok(Verdict::Free)
    }

    fn bind(&mut self, address: SocketAddr) -> io::Result<()> {
        let spare = &mut self.spares[usize::from(address.is_ipv6())];
        let socket = match spare.take() {
            Some(socket) => socket,
            None => open(address, true)?,
        };
        let result = socket.bind(&address.into());
        if result.is_err() {
            *spare = Some(socket);
        }
        result
    }
}

/// Whether a socket is bound to the port without listening.
fn is_bound_silently(wildcards: &[SocketAddr]) -> bool {
    wildcards.iter().any(|&address| {
        let bound = open(address, false).and_then(|socket| socket.bind(&address.into()));
        bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
            && super::listeners::has_connections(address.port()) == Some(false)
    })
}

fn open(address: SocketAddr, reuse: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(reuse)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}
