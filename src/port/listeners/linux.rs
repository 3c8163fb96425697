//! Linux: `NETLINK_SOCK_DIAG`, and `/proc` for what it does not tell.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::listener::{Held, Holder, Listener, program};
use crate::process::Identity;

const TCP_LISTEN: u32 = 10;
const LISTENING: u32 = 1 << TCP_LISTEN;
/// The states from established (1) to closing (11), except close (7) and listen (10): a server's connections,
/// which may outlive it.
const CONNECTED: u32 = 0b1011_0111_1110;

/// How long one answer about all ports serves. The kernel goes through every listener even when asked about one port, and
/// the services of a run are asked about at the same time.
const NOBODY_MAX_AGE: Duration = Duration::from_millis(2);

/// Asks the kernel for listeners over a socket that is kept open: about 20 µs a question.
#[derive(Debug)]
pub struct Listeners {
    /// The ports that somebody listened on, and when.
    ports: Option<(Instant, Vec<u16>)>,
    /// `None` where the system refuses such sockets (a sandbox, say); `/proc/net` serves then.
    diag: Option<OwnedFd>,
    buffer: Vec<u8>,
}

impl Default for Listeners {
    fn default() -> Self {
        let diag = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        );
        Self { ports: None, diag: diag.ok(), buffer: Vec::new() }
    }
}

impl Listeners {
    /// The listeners on one port, on IPv4 and IPv6.
    pub fn on(&mut self, port: u16) -> io::Result<Vec<Listener>> {
        self.sockets(port, LISTENING)
    }

    /// Every listener of this machine (of this network namespace).
    pub fn all(&mut self) -> io::Result<Vec<Listener>> {
        self.sockets(0, LISTENING)
    }

    /// The listeners of these processes, a row for each process that has the socket.
    pub fn of(&mut self, pids: &[i32]) -> io::Result<Vec<Held>> {
        Ok(owners(&self.all()?, pids))
    }

    /// Which of these processes listen on the port.
    pub fn among(&mut self, port: u16, pids: &[i32]) -> io::Result<Vec<Held>> {
        let listeners = self.on(port)?;
        Ok(if listeners.is_empty() { Vec::new() } else { owners(&listeners, pids) })
    }

    /// The first of `pids` that listens on the port, and every listener on it. `pids` is called only if there is
    /// one.
    pub fn seen(
        &mut self,
        port: u16,
        pids: impl FnOnce() -> Vec<i32>,
    ) -> io::Result<(Option<Held>, Vec<Listener>)> {
        let listeners = self.on(port)?;
        let held = if listeners.is_empty() { None } else { owners(&listeners, &pids()).first().copied() };
        Ok((held, listeners))
    }

    /// Whether somebody may listen on the port: false if nobody did less than [`NOBODY_MAX_AGE`] ago.
    pub fn may_have(&mut self, port: u16) -> bool {
        let recent = self.ports.take().filter(|(since, _)| since.elapsed() < NOBODY_MAX_AGE);
        let now = || {
            let listeners = self.all().ok()?;
            Some((Instant::now(), listeners.iter().map(|listener| listener.address.port()).collect()))
        };
        self.ports = recent.or_else(now);
        self.ports.as_ref().is_none_or(|(_, ports)| ports.contains(&port))
    }

    /// Port 0 asks for all ports.
    fn sockets(&mut self, port: u16, states: u32) -> io::Result<Vec<Listener>> {
        let mut found = Vec::new();
        if let Some(diag) = &self.diag {
            let mut ask = |family| dump(diag, &mut self.buffer, (family, port, states), &mut found);
            if ask(AF_INET).and_then(|()| ask(AF_INET6)).is_ok() {
                return Ok(found);
            }
            self.diag = None;
            found.clear();
        }
        read_table("/proc/net/tcp", port, states, &mut found)?;
        match read_table("/proc/net/tcp6", port, states, &mut found) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(found),
        }
    }
}

/// Whether the port has connections, left-over ones included.
pub fn has_connections(port: u16) -> Option<bool> {
    Listeners::default().sockets(port, CONNECTED).ok().map(|sockets| !sockets.is_empty())
}

/// One byte in the messages.
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const HEADER: usize = 16;
/// `struct inet_diag_msg` up to and including the inode.
const ANSWER: usize = 72;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST_DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;

/// One `inet_diag_req_v2` dump; appends what the kernel answers.
fn dump(
    diag: &OwnedFd,
    buffer: &mut Vec<u8>,
    (family, port, states): (u8, u16, u32),
    found: &mut Vec<Listener>,
) -> Result<(), Errno> {
    const IPPROTO_TCP: u8 = 6;
    let mut request = [0_u8; HEADER + 56];
    request[0..4].copy_from_slice(&72_u32.to_ne_bytes());
    request[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request[6..8].copy_from_slice(&NLM_F_REQUEST_DUMP.to_ne_bytes());
    request[16] = family;
    request[17] = IPPROTO_TCP;
    request[20..24].copy_from_slice(&states.to_ne_bytes());
    request[24..26].copy_from_slice(&port.to_be_bytes());
    send(diag.as_raw_fd(), &request, MsgFlags::empty())?;
    buffer.resize(32 * 1024, 0);
    loop {
        let length = match recv(diag.as_raw_fd(), buffer, MsgFlags::empty()) {
            Err(Errno::EINTR) => continue,
            other => other?,
        };
        if read_answers(&buffer[..length], found)? {
            return Ok(());
        }
    }
}

/// Reads one datagram of answers; `true` when it was the last.
fn read_answers(mut bytes: &[u8], found: &mut Vec<Listener>) -> Result<bool, Errno> {
    if bytes.is_empty() {
        return Err(Errno::EPROTO);
    }
    while bytes.len() >= HEADER {
        let length = usize::try_from(u32_at(bytes, 0)).unwrap_or(usize::MAX);
        if length < HEADER || length > bytes.len() {
            return Err(Errno::EPROTO);
        }
        let (message, rest) = (&bytes[HEADER..length], bytes.get(length.next_multiple_of(4)..));
        match u16::from_ne_bytes([bytes[4], bytes[5]]) {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => return Err(Errno::EPROTO),
            SOCK_DIAG_BY_FAMILY if message.len() >= ANSWER => found.push(listener(message)),
            _ => {}
        }
        bytes = rest.unwrap_or_default();
    }
    Ok(false)
}

/// Decodes `struct inet_diag_msg`.
fn listener(message: &[u8]) -> Listener {
    let port = u16::from_be_bytes([message[4], message[5]]);
    let mut octets = [0_u8; 16];
    octets.copy_from_slice(&message[8..24]);
    let [a, b, c, d, ..] = octets;
    let ip = if message[0] == AF_INET { IpAddr::from([a, b, c, d]) } else { IpAddr::from(octets) };
    Listener {
        address: SocketAddr::new(ip, port),
        user: u32_at(message, 64),
        socket: u64::from(u32_at(message, 68)),
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn read_table(path: &str, port: u16, states: u32, found: &mut Vec<Listener>) -> io::Result<()> {
    let text = fs::read_to_string(path)?;
    let is_wanted = |(state, listener): &(u32, Listener)| {
        *state < 32 && states & (1 << state) != 0 && (port == 0 || listener.address.port() == port)
    };
    found.extend(text.lines().skip(1).filter_map(parse_row).filter(is_wanted).map(|(_, listener)| listener));
    Ok(())
}

/// `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …`
fn parse_row(line: &str) -> Option<(u32, Listener)> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (ip, port) = fields.get(1)?.split_once(':')?;
    let listener = Listener {
        address: SocketAddr::new(parse_ip(ip)?, u16::from_str_radix(port, 16).ok()?),
        user: fields.get(7)?.parse().ok()?,
        socket: fields.get(9)?.parse().ok()?,
    };
    Some((u32::from_str_radix(fields.get(3)?, 16).ok()?, listener))
}

/// The kernel prints addresses as words in its own byte order.
fn parse_ip(hex: &str) -> Option<IpAddr> {
    let words: Option<Vec<[u8; 4]>> = (0..hex.len() / 8)
        .map(|word| Some(u32::from_str_radix(hex.get(word * 8..word * 8 + 8)?, 16).ok()?.to_ne_bytes()))
        .collect();
    match words?.as_slice() {
        [word] => Some(IpAddr::from(*word)),
        words @ [_, _, _, _] => Some(IpAddr::from(<[u8; 16]>::try_from(words.concat()).ok()?)),
        _ => None,
    }
}

/// Which of the processes have one of the sockets open.
pub fn owners(listeners: &[Listener], pids: &[i32]) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for &pid in pids {
        // The process is gone, or is another user's.
        let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for descriptor in descriptors.flatten() {
            let Ok(target) = fs::read_link(descriptor.path()) else { continue };
            let Some(socket) = socket_number(target.as_os_str().as_bytes()) else { continue };
            let Some(&listener) = listeners.iter().find(|listener| listener.socket == socket) else {
                continue;
            };
            let row = Held { pid, listener };
            if !held.contains(&row) {
                held.push(row);
            }
        }
    }
    held
}

fn socket_number(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The description of a process in messages.
pub fn describe(pid: i32) -> Holder {
    let proc = Path::new("/proc").join(pid.to_string());
    let command = fs::read(proc.join("cmdline")).unwrap_or_default();
    let kernel_name = fs::read_to_string(proc.join("comm")).unwrap_or_default();
    Holder {
        pid: Some(pid),
        name: program(&command, &kernel_name),
        dir: fs::read_link(proc.join("cwd")).ok(),
        started: Identity::of(pid).and_then(Identity::since),
        ..Holder::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn netless() -> Listeners {
        Listeners { ports: None, diag: None, buffer: Vec::new() }
    }

    #[test]
    fn the_kernel_and_proc_say_the_same() {
        let sockets = ["127.0.0.1:0", "0.0.0.0:0", "[::1]:0", "[::]:0", "127.0.0.2:0"].map(TcpListener::bind);
        for socket in sockets.into_iter().flatten() {
            let address = socket.local_addr().unwrap();
            let mut answers = (0..100).map(|_| {
                let netlink = Listeners::default().on(address.port()).unwrap();
                (netlink, netless().on(address.port()).unwrap())
            });
            // Other tests open and close listeners between the two questions, now and then on this port.
            let (found, _) = answers.find(|(netlink, proc)| netlink == proc).expect("once the same");
            let mine = found.iter().find(|listener| listener.address == address).expect("listed");
            assert_eq!(mine.user, nix::unistd::getuid().as_raw());
        }
    }

    #[test]
    fn a_listener_is_found_by_port_by_process_and_among_all() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let me = i32::try_from(std::process::id()).unwrap();
        let mut listeners = Listeners::default();
        let held = listeners.among(port, &[me]).unwrap();
        assert_eq!(held.len(), 1);
        assert!(listeners.of(&[me]).unwrap().contains(&held[0]));
        assert_eq!(listeners.among(port, &[1]).unwrap().len(), 0, "a stranger does not listen on it");
        assert_eq!(listeners.seen(port, || vec![me]).unwrap(), (Some(held[0]), vec![held[0].listener]));
        assert_eq!(listeners.seen(port, || vec![1]).unwrap(), (None, vec![held[0].listener]));
        drop(socket);
        // A child that another test starts just now has it until its exec.
        let begun = Instant::now();
        while !listeners.on(port).unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it is still listed");
        }
        assert_eq!(listeners.seen(port, || unreachable!("nobody listens")).unwrap(), (None, Vec::new()));
    }

    #[test]
    fn a_listener_that_has_just_started_is_noticed_soon() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut listeners = Listeners { ports: Some((Instant::now(), Vec::new())), ..Listeners::default() };
        let begun = Instant::now();
        while !listeners.may_have(port) {
            assert!(begun.elapsed() < NOBODY_MAX_AGE * 1000, "never noticed");
        }
    }

    #[test]
    fn a_holder_is_named() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let holders = super::super::holders(&[port]);
        let me = i32::try_from(std::process::id()).unwrap();
        assert_eq!(holders.len(), 1);
        assert_eq!((holders[0].pid, holders[0].ports.as_slice()), (Some(me), [port].as_slice()));
        assert_eq!(holders[0].dir, std::env::current_dir().ok());
        let age = holders[0].started.unwrap().elapsed().unwrap_or_default();
        assert!(age < Duration::from_secs(3600), "{age:?}");
    }

    #[test]
    fn names_come_from_the_command_line() {
        assert_eq!(program(b"/usr/bin/node\0server.js\0", "MainThread"), "node");
        assert_eq!(program(b"next-server (v16.1.0)\0\0", "MainThread"), "next-server (v16.1.0)");
        assert_eq!(program(b"", "kworker/0:1\n"), "kworker/0:1");
    }

    #[test]
    fn broken_answers_are_errors_and_never_a_panic() {
        let mut found = Vec::new();
        assert!(read_answers(&[], &mut found).is_err());
        for length in 0..=200_u32 {
            for kind in 0..=21_u16 {
                let mut bytes = vec![0_u8; 88];
                bytes[..4].copy_from_slice(&length.to_ne_bytes());
                bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
                let _ = read_answers(&bytes, &mut found);
            }
        }
        assert_eq!(parse_row("garbage"), None);
        assert_eq!(parse_ip("é0000000"), None);
    }
}
