//! Ports for one test alone.

use std::fs::{self, File};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
#[cfg(not(target_os = "linux"))]
use std::time::{Duration, Instant};

use super::own_descriptors;

/// Below what Linux and macOS give to outgoing connections, above what servers have by convention.
const FIRST: u16 = 20_000;
const BLOCK: u16 = 128;
const BLOCKS: u16 = 96;

/// Consecutive ports that are free and that no other test on this machine uses while this value lives: a
/// lock on the block's file says so to other test programs, whichever checkout they come from.
#[derive(Debug)]
pub struct Ports {
    first: u16,
    count: u16,
    _claim: File,
}

impl Ports {
    /// Claims `count` ports, at most 128.
    pub fn claim(count: u16) -> Self {
        own_descriptors();
        assert!((1..=BLOCK).contains(&count), "a block has {BLOCK} ports");
        let user = rustix::process::getuid();
        let locks = std::env::temp_dir().join(format!("bowline-test-ports-{}", user.as_raw()));
        fs::create_dir_all(&locks).expect("the temporary directory is writable");
        // Neighbours start at different blocks, so that a port just closed is not the next one used.
        let offset = u16::try_from(std::process::id() % u32::from(BLOCKS)).unwrap_or(0);
        for block in (0..BLOCKS).map(|number| (number + offset) % BLOCKS) {
            let lock = locks.join(format!("{block}.lock"));
            let claim = File::options().create(true).append(true).open(lock).expect("a lock file");
            let first = FIRST + block * BLOCK;
            if claim.try_lock().is_ok() && (first..first + count).all(is_free) {
                return Self { first, count, _claim: claim };
            }
        }
        panic!("none of {BLOCKS} blocks of ports is free: are other tests running?");
    }

    pub fn first(&self) -> u16 {
        self.first
    }

    pub fn last(&self) -> u16 {
        self.first + self.count - 1
    }

    pub fn all(&self) -> RangeInclusive<u16> {
        self.first..=self.last()
    }

    pub fn contains(&self, port: u16) -> bool {
        self.all().contains(&port)
    }

    /// A server of somebody else's on this port, until the value is dropped.
    pub fn stranger(&self, port: u16) -> TcpListener {
        assert!(self.contains(port), "{port} is not one of this test's ports");
        let bound = patiently(|| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
        bound.unwrap_or_else(|error| panic!("taking port {port}: {error}"))
    }

    /// Strangers on every port.
    pub fn fill(&self) -> Vec<TcpListener> {
        self.all().map(|port| self.stranger(port)).collect()
    }
}

/// Whether the port can be bound on every address that this machine has.
pub fn is_free(port: u16) -> bool {
    own_descriptors();
    patiently(|| if can_be_bound(port) { Ok(()) } else { Err(()) }).is_ok()
}

/// Tries once.
#[cfg(target_os = "linux")]
fn patiently<T, E>(attempt: impl Fn() -> Result<T, E>) -> Result<T, E> {
    attempt()
}

/// Tries again for a while: a child that another thread starts at this moment has copies of our own probes
/// until its exec.
#[cfg(not(target_os = "linux"))]
fn patiently<T, E>(attempt: impl Fn() -> Result<T, E>) -> Result<T, E> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => std::thread::park_timeout(Duration::from_millis(5)),
            result => return result,
        }
    }
}

fn can_be_bound(port: u16) -> bool {
    let addresses: [SocketAddr; 4] = [
        (Ipv4Addr::LOCALHOST, port).into(),
        (Ipv4Addr::UNSPECIFIED, port).into(),
        (Ipv6Addr::LOCALHOST, port).into(),
        (Ipv6Addr::UNSPECIFIED, port).into(),
    ];
    addresses.iter().all(|address| match TcpListener::bind(address) {
        Ok(_) => true,
        // A machine without IPv6 says so in one of these ways.
        Err(error) => {
            matches!(error.kind(), std::io::ErrorKind::AddrNotAvailable | std::io::ErrorKind::Unsupported)
                || rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::AFNOSUPPORT)
        }
    })
}
