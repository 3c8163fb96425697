//! macOS: libproc. A normal user gets no list of all sockets, so every question looks through the file descriptors
//! of processes; those of other users' processes are invisible.
//!
//! Written after `bsd/sys/proc_info.h` and `bsd/kern/proc_info.c` of Apple's xnu. It compiles; it has never run.

use std::io;
use std::mem::{MaybeUninit, offset_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::ptr;
use std::time::{Duration, Instant};

use nix::libc::{self, c_int, proc_fdinfo};

use super::listener::{Held, Holder, Listener, program};
use crate::process::macos::{bsd_info, name};
use crate::process::{Identity, all_pids, executable};

/// How old the list of all listeners may be that [`Listeners::seen`] answers from. Making it takes thousands of
/// system calls, one for each descriptor of this user's processes.
const EVERYBODY_MAX_AGE: Duration = Duration::from_millis(200);

/// Reads listeners from the processes that have them.
#[derive(Debug, Default)]
pub struct Listeners {
    everybody: Option<(Instant, Vec<Held>)>,
}

impl Listeners {
    /// The listeners on one port, on IPv4 and IPv6.
    pub fn on(&mut self, port: u16) -> io::Result<Vec<Listener>> {
        Ok(self.all()?.into_iter().filter(|listener| listener.address.port() == port).collect())
    }

    /// Every listener of the processes that this user can see.
    pub fn all(&mut self) -> io::Result<Vec<Listener>> {
        Ok(distinct(self.of(&all_pids())?))
    }

    /// The listeners of these processes, a row for each process that has the socket.
    pub fn of(&mut self, pids: &[i32]) -> io::Result<Vec<Held>> {
        Ok(pids.iter().flat_map(|&pid| listeners_of(pid)).collect())
    }

    /// Which of these processes listen on the port.
    pub fn among(&mut self, port: u16, pids: &[i32]) -> io::Result<Vec<Held>> {
        Ok(self.of(pids)?.into_iter().filter(|held| held.listener.address.port() == port).collect())
    }

    /// The first of `pids` that listens on the port, with its listener; if there is none, every listener on it. A
    /// stranger's may be missing for [`EVERYBODY_MAX_AGE`] after its start; one that is closed is never returned.
    pub fn seen(
        &mut self,
        port: u16,
        pids: impl FnOnce() -> Vec<i32>,
    ) -> io::Result<(Option<Held>, Vec<Listener>)> {
        if let Some(&held) = self.among(port, &pids())?.first() {
            return Ok((Some(held), vec![held.listener]));
        }
        let rows = match self.everybody.take() {
            Some(recent) if recent.0.elapsed() < EVERYBODY_MAX_AGE => recent,
            Some(_) | None => (Instant::now(), self.of(&all_pids())?),
        };
        let on_port = rows.1.iter().filter(|held| held.listener.address.port() == port);
        let holders: Vec<i32> = on_port.map(|held| held.pid).collect();
        self.everybody = Some(rows);
        Ok((None, distinct(self.among(port, &holders)?)))
    }

    /// Whether somebody may listen on the port. To find out costs as much as [`Listeners::seen`].
    #[expect(clippy::unused_self, reason = "on Linux it asks the kernel")]
    pub fn may_have(&mut self, _port: u16) -> bool {
        true
    }
}

fn distinct(held: Vec<Held>) -> Vec<Listener> {
    let mut listeners: Vec<Listener> = held.into_iter().map(|held| held.listener).collect();
    listeners.sort_unstable_by_key(|listener| listener.socket);
    listeners.dedup_by_key(|listener| listener.socket);
    listeners
}

/// Left-over connections have no process, so libproc does not list them.
pub fn has_connections(_port: u16) -> Option<bool> {
    None
}

/// Which of the processes have one of the sockets open.
pub fn owners(listeners: &[Listener], pids: &[i32]) -> Vec<Held> {
    let wanted = |held: &Held| listeners.iter().any(|listener| listener.socket == held.listener.socket);
    pids.iter().flat_map(|&pid| listeners_of(pid)).filter(wanted).collect()
}

/// The description of a process in messages.
pub fn describe(pid: i32) -> Holder {
    let path = executable(pid).unwrap_or_default();
    let kernel_name = bsd_info(pid).as_ref().map(name).unwrap_or_default();
    Holder {
        pid: Some(pid),
        name: program(path.as_os_str().as_bytes(), &kernel_name),
        started: Identity::of(pid).and_then(Identity::since),
        ..Holder::default()
    }
}

fn listeners_of(pid: i32) -> Vec<Held> {
    let Some(user) = bsd_info(pid).map(|process| process.pbi_uid) else { return Vec::new() };
    descriptors(pid)
        .into_iter()
        .filter(|descriptor| descriptor.proc_fdtype.cast_signed() == libc::PROX_FDTYPE_SOCKET)
        .filter_map(|descriptor| socket(pid, descriptor.proc_fd))
        .filter_map(|socket| socket.listener(user))
        .map(|listener| Held { pid, listener })
        .collect()
}

#[expect(unsafe_code, reason = "libc has the call, and nobody a safe one")]
fn descriptors(pid: i32) -> Vec<proc_fdinfo> {
    let kind = libc::PROC_PIDLISTFDS;
    // SAFETY: without a buffer only the size is answered, with room for some more descriptors (`proc_pidfdlist`).
    let wanted = unsafe { libc::proc_pidinfo(pid, kind, 0, ptr::null_mut(), 0) };
    let count = |bytes: c_int| usize::try_from(bytes).unwrap_or(0) / size_of::<proc_fdinfo>();
    let mut all = vec![proc_fdinfo { proc_fd: 0, proc_fdtype: 0 }; count(wanted)];
    // SAFETY: the kernel writes at most `wanted` bytes, which `all` has.
    let written = unsafe { libc::proc_pidinfo(pid, kind, 0, all.as_mut_ptr().cast(), wanted) };
    all.truncate(count(written));
    all
}

/// `PROC_PIDFDSOCKETINFO`, `SOCKINFO_TCP`, `TSI_S_LISTEN` and `AF_INET` of `proc_info.h` and `socket.h`.
const SOCKET_INFO: c_int = 3;
const TCP: i32 = 2;
const LISTEN: i32 = 1;
const INET: i32 = 2;

/// `struct socket_fdinfo` of `proc_info.h` with the variant `pri_tcp` of its union: the fields used here, and
/// padding for the others.
#[derive(Clone, Copy)]
#[repr(C)]
struct Socket {
    _file: [u64; 3],
    _stat: [u64; 17],
    handle: u64,
    _control_block: u64,
    _type_and_protocol: [i32; 2],
    family: i32,
    _options: [u16; 8],
    _out_of_band: u32,
    _buffers: [u32; 12],
    kind: i32,
    _reserved: u32,
    _foreign_port: i32,
    local_port: i32,
    _flags: [u32; 6],
    _foreign_address: [u8; 16],
    local_address: [u8; 16],
    _hops: [u32; 4],
    state: i32,
    _rest: [u32; 111],
}

const _: () = assert!(size_of::<Socket>() == 792, "the kernel refuses a buffer of another size");
const _: () = assert!(offset_of!(Socket, kind) == 256 && offset_of!(Socket, state) == 344);

#[expect(unsafe_code, reason = "libc has the call, and nobody a safe one")]
fn socket(pid: i32, descriptor: i32) -> Option<Socket> {
    let mut answer = MaybeUninit::<Socket>::zeroed();
    let size = c_int::try_from(size_of::<Socket>()).ok()?;
    // SAFETY: the kernel writes at most `size` bytes, and a socket is made of integers alone.
    unsafe {
        let written = libc::proc_pidfdinfo(pid, descriptor, SOCKET_INFO, answer.as_mut_ptr().cast(), size);
        (written == size).then(|| answer.assume_init())
    }
}

impl Socket {
    fn listener(&self, user: u32) -> Option<Listener> {
        if self.kind != TCP || self.state != LISTEN {
            return None;
        }
        // In network order, in the low half of an `int`.
        let port = u16::from_be(u16::try_from(self.local_port & 0xffff).ok()?);
        let [.., a, b, c, d] = self.local_address;
        let ip = match self.family {
            // `struct in4in6_addr`: twelve bytes of padding first.
            INET => IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            _ => IpAddr::V6(Ipv6Addr::from(self.local_address)),
        };
        Some(Listener { address: SocketAddr::new(ip, port), socket: self.handle, user })
    }
}
