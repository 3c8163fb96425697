//! macOS: `libproc`. Written from its manual pages and headers; it has not been run yet.
//!
//! There is no list of all sockets for a normal user, so every question goes over the file
//! descriptors of processes, and other users' processes stay invisible.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use libproc::bsd_info::BSDInfo;
use libproc::file_info::{ListFDs, ProcFDType, pidfdinfo};
use libproc::net_info::{SocketFDInfo, SocketInfoKind, TcpSIState};
use libproc::proc_pid::{listpidinfo, name, pidinfo, pidpath};
use libproc::processes::{ProcFilter, pids_by_type};

use super::{Held, Holder, Listener, program};

/// Reads listeners from the processes that have them.
#[derive(Debug, Default)]
pub struct Listeners;

impl Listeners {
    /// Nothing is asked yet.
    pub fn new() -> Self {
        Self
    }

    /// The listeners on one port, on IPv4 and IPv6.
    pub fn on(&mut self, port: u16) -> io::Result<Vec<Listener>> {
        Ok(self.all()?.into_iter().filter(|listener| listener.address.port() == port).collect())
    }

    /// Every listener of the processes that this user can see.
    pub fn all(&mut self) -> io::Result<Vec<Listener>> {
        let mut all: Vec<Listener> = self.of(&pids())?.into_iter().map(|held| held.listener).collect();
        all.sort_unstable_by_key(|listener| listener.socket);
        all.dedup_by_key(|listener| listener.socket);
        Ok(all)
    }

    /// The listeners of these processes, a row for each process that has the socket.
    pub fn of(&mut self, pids: &[i32]) -> io::Result<Vec<Held>> {
        Ok(pids.iter().flat_map(|&pid| listeners_of(pid)).collect())
    }

    /// Which of these processes listen on the port.
    pub fn among(&mut self, port: u16, pids: &[i32]) -> io::Result<Vec<Held>> {
        Ok(self.of(pids)?.into_iter().filter(|held| held.listener.address.port() == port).collect())
    }
}

/// Left-over connections have no process, so nobody can say.
pub fn has_connections(_port: u16) -> Option<bool> {
    None
}

/// Every process.
pub fn pids() -> Vec<i32> {
    let pids = pids_by_type(ProcFilter::All).unwrap_or_default();
    pids.into_iter().filter_map(|pid| i32::try_from(pid).ok()).collect()
}

/// Which of the processes have one of the sockets open.
pub fn owners(listeners: &[Listener], pids: &[i32]) -> Vec<Held> {
    let wanted = |held: &Held| listeners.iter().any(|listener| listener.socket == held.listener.socket);
    pids.iter().flat_map(|&pid| listeners_of(pid)).filter(wanted).collect()
}

/// What a message says about a process.
pub fn describe(pid: i32) -> Holder {
    let bsd = pidinfo::<BSDInfo>(pid, 0).ok();
    let path = pidpath(pid).unwrap_or_default();
    Holder {
        pid: Some(pid),
        name: program(path.as_bytes(), &name(pid).unwrap_or_default()),
        dir: None::<PathBuf>,
        started: bsd.and_then(|bsd| UNIX_EPOCH.checked_add(Duration::from_secs(bsd.pbi_start_tvsec))),
        ports: Vec::new(),
    }
}

fn listeners_of(pid: i32) -> Vec<Held> {
    let Ok(bsd) = pidinfo::<BSDInfo>(pid, 0) else { return Vec::new() };
    let Ok(count) = usize::try_from(bsd.pbi_nfiles) else { return Vec::new() };
    let Ok(descriptors) = listpidinfo::<ListFDs>(pid, count) else { return Vec::new() };
    descriptors
        .iter()
        .filter(|descriptor| matches!(ProcFDType::from(descriptor.proc_fdtype), ProcFDType::Socket))
        .filter_map(|descriptor| pidfdinfo::<SocketFDInfo>(pid, descriptor.proc_fd).ok())
        .filter_map(|socket| listener(&socket, bsd.pbi_uid))
        .map(|listener| Held { pid, listener })
        .collect()
}

#[expect(unsafe_code, reason = "the kernel's answer is a C union, told apart by `soi_kind`")]
fn listener(socket: &SocketFDInfo, user: u32) -> Option<Listener> {
    const AF_INET: i32 = 2;
    if !matches!(SocketInfoKind::from(socket.psi.soi_kind), SocketInfoKind::Tcp) {
        return None;
    }
    // SAFETY: `soi_kind` says that the union holds the TCP variant.
    let tcp = unsafe { socket.psi.soi_proto.pri_tcp };
    if !matches!(TcpSIState::from(tcp.tcpsi_state), TcpSIState::Listen) {
        return None;
    }
    // The port is in network order in the low half of an `int`.
    let port = u16::from_be(u16::try_from(tcp.tcpsi_ini.insi_lport & 0xffff).ok()?);
    // SAFETY: both variants of the address are plain bytes; the family says which one was written.
    let ip = unsafe {
        if socket.psi.soi_family == AF_INET {
            let word = tcp.tcpsi_ini.insi_laddr.ina_46.i46a_addr4.s_addr;
            IpAddr::V4(Ipv4Addr::from(word.to_ne_bytes()))
        } else {
            IpAddr::V6(Ipv6Addr::from(tcp.tcpsi_ini.insi_laddr.ina_6.s6_addr))
        }
    };
    Some(Listener { address: SocketAddr::new(ip, port), socket: socket.psi.soi_so, user })
}
