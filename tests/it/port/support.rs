//! Ranges of a test's own and state directories.

use std::cell::RefCell;
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, SystemTime};

use bowline::fingerprint::Fingerprint;
use bowline::paths::StateDir;
use bowline::port::{
    AllocateOptions, Lease, PortChoice, PortError, PortRequest, Ports, Probe, Pruned, SessionId, Verdict,
};
use bowline::range::Range;

use crate::support::{memory, own_descriptors};

/// A block of free ports that no other test has: its first port is listened on for as long as this
/// lives, and that is what keeps others away.
pub struct Block {
    pub range: Range,
    _claim: TcpListener,
}

const SIZE: u16 = 128;

/// A range of `length` ports, below those of [`crate::support::Ports`], which are not listened on all the time.
pub fn block(length: u16) -> Block {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    own_descriptors();
    assert!(length < SIZE);
    let blocks = (20_000 - 10_240) / SIZE;
    let salt = u16::try_from(std::process::id() % 1000).unwrap().wrapping_mul(7);
    for _ in 0..blocks {
        let at = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(salt) % blocks;
        let base = 10_240 + at * SIZE;
        let Ok(claim) = TcpListener::bind(("127.0.0.1", base)) else { continue };
        let range = Range::new(base + 1, base + length).unwrap();
        let mut probe = Probe::default();
        if (range.start..=range.end).all(|port| matches!(probe.check(port), Ok(Verdict::Free))) {
            return Block { range, _claim: claim };
        }
    }
    panic!("no free block of ports");
}

/// The evidence for a framework; that for another number has nothing in common with it.
pub fn evidence(number: u64) -> Fingerprint {
    Fingerprint::new(vec![format!("rule {number}")], vec![format!("file {number}")])
}

/// A temporary directory with state, a spare state directory, and projects.
pub struct Place {
    pub temp: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        own_descriptors();
        Self { temp: tempfile::tempdir_in(memory()).unwrap() }
    }

    pub fn root(&self) -> PathBuf {
        self.temp.path().join("state")
    }

    pub fn spare(&self) -> PathBuf {
        self.temp.path().join("bowline")
    }

    pub fn ports(&self) -> Ports {
        Ports::new(Arc::new(self.dir()))
    }

    pub fn dir(&self) -> StateDir {
        open(&self.root(), self.temp.path())
    }

    /// A request of a project whose directory exists.
    pub fn request(&self, project: &str, range: Range) -> PortRequest {
        let dir = self.temp.path().join("projects").join(project);
        std::fs::create_dir_all(&dir).unwrap();
        PortRequest {
            project: project.to_owned(),
            name: project.to_owned(),
            dir,
            framework: "next".to_owned(),
            evidence: evidence(1),
            range,
            choice: PortChoice::Any,
            exclude: Vec::new(),
            beside: Vec::new(),
            part_of: None,
        }
    }

    pub fn allocate(&self, request: &PortRequest) -> Result<Lease, PortError> {
        allocate(&self.ports(), std::slice::from_ref(request))
    }

    /// Runs and ends the project, and says which port it had.
    pub fn visit(&self, request: &PortRequest) -> u16 {
        let lease = self.allocate(request).unwrap();
        let port = port(&lease);
        lease.release(SystemTime::now()).unwrap();
        port
    }

    pub fn run_files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.root().join("run")).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn open(root: &Path, runtime: &Path) -> StateDir {
    let env = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| OsString::from(runtime));
    StateDir::create(Some(root), &env).unwrap()
}

pub fn allocate(ports: &Ports, requests: &[PortRequest]) -> Result<Lease, PortError> {
    allocate_at(ports, requests, SystemTime::now())
}

pub fn allocate_at(ports: &Ports, requests: &[PortRequest], now: SystemTime) -> Result<Lease, PortError> {
    reserve(ports, requests, AllocateOptions { now, patience: Duration::ZERO, end_leftovers: &|_| {} })
}

/// Allocates, commits and closes the store, as a start does.
pub fn reserve(
    ports: &Ports,
    requests: &[PortRequest],
    terms: AllocateOptions<'_>,
) -> Result<Lease, PortError> {
    let projects: Vec<String> = requests.iter().map(|request| request.project.clone()).collect();
    let mut lease = ports.allocate(&projects, |at, _| requests[at].clone(), terms)?;
    lease.close_store();
    Ok(lease)
}

pub fn port(lease: &Lease) -> u16 {
    lease.grants()[0].port
}

pub fn prune(ports: &Ports, now: SystemTime) -> Pruned {
    ports.prune(AllocateOptions { now, patience: Duration::ZERO, end_leftovers: &|_| {} }).unwrap()
}

/// Waits for guardians, and says for which sessions leftovers were to be ended.
pub fn sessions_ended(ports: &Ports, request: &PortRequest) -> (Vec<SessionId>, Result<Lease, PortError>) {
    let ended = RefCell::new(Vec::new());
    let lease = reserve(
        ports,
        std::slice::from_ref(request),
        AllocateOptions {
            now: SystemTime::now(),
            patience: Duration::from_secs(20),
            end_leftovers: &|session| ended.borrow_mut().push(session.clone()),
        },
    );
    (ended.into_inner(), lease)
}
