//! Whether a port is free, proved by binding it.
//!
//! What Linux answers was tried out for every kind of socket: a listener on any local address, with
//! or without `SO_REUSEADDR` or `SO_REUSEPORT`, refuses the wildcard bind of its family, and a
//! dual-stack listener on `::` that of both. The connections of a server that has ended refuse a
//! plain bind for a minute (`TIME_WAIT`), but not one with `SO_REUSEADDR`, which is how every server
//! binds. So does a socket that is bound with that option and does not listen yet; it is told from
//! left-over connections by asking whether there are any.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use socket2::{Domain, Socket, Type};

/// What a probe found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every address of the machine's families can be bound.
    Free,
    /// Somebody has it, on at least one address.
    InUse,
    /// This user may not bind it.
    Privileged,
}

/// Tries ports. A socket that failed to bind is used again: a scan of taken ports costs one
/// system call a port.
#[derive(Debug, Default)]
pub struct Probe {
    spare_v4: Option<Socket>,
    spare_v6: Option<Socket>,
}

impl Probe {
    /// Binds the port on `0.0.0.0`, `::`, `127.0.0.1` and `::1`, one after the other. A family that
    /// the machine lacks does not count. Port 0 is never free: it means "any".
    pub fn check(&mut self, port: u16) -> io::Result<Verdict> {
        if port == 0 {
            return Ok(Verdict::InUse);
        }
        // The wildcards first: they alone notice listeners on other addresses, and nearly all.
        let addresses = [
            SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
        ];
        for address in addresses {
            match self.bind(address, Reuse::Yes) {
                Ok(()) => {}
                Err(error) if is_absence(&error) => {}
                Err(error) => return verdict(error),
            }
        }
        if cfg!(target_os = "linux") && self.is_claimed_quietly(&addresses[..2]) {
            return Ok(Verdict::InUse);
        }
        Ok(Verdict::Free)
    }

    /// Whether a socket holds the port without listening.
    fn is_claimed_quietly(&mut self, wildcards: &[SocketAddr]) -> bool {
        wildcards.iter().any(|&address| {
            self.bind(address, Reuse::No).is_err_and(|error| errno(&error) == Errno::EADDRINUSE)
                && super::listeners::has_connections(address.port()) == Some(false)
        })
    }

    fn bind(&mut self, address: SocketAddr, reuse: Reuse) -> io::Result<()> {
        let spare = if address.is_ipv4() { &mut self.spare_v4 } else { &mut self.spare_v6 };
        let socket = match (spare.take(), reuse) {
            (Some(socket), Reuse::Yes) => socket,
            (_, Reuse::Yes | Reuse::No) => open(address, reuse)?,
        };
        let result = socket.bind(&address.into());
        if result.is_err() && reuse == Reuse::Yes {
            *spare = Some(socket);
        }
        result
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Reuse {
    Yes,
    No,
}

fn open(address: SocketAddr, reuse: Reuse) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if reuse == Reuse::Yes {
        socket.set_reuse_address(true)?;
    }
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

fn errno(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

/// The family or the address does not exist on this machine.
fn is_absence(error: &io::Error) -> bool {
    matches!(errno(error), Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL | Errno::EPROTONOSUPPORT)
}

fn verdict(error: io::Error) -> io::Result<Verdict> {
    match errno(&error) {
        Errno::EADDRINUSE => Ok(Verdict::InUse),
        Errno::EACCES | Errno::EPERM => Ok(Verdict::Privileged),
        _ => Err(error),
    }
}
