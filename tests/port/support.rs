//! Ranges of a test's own, state directories, and processes that hold ports.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, SystemTime};

use bowline::fingerprint::Fingerprint;
use bowline::paths::StateDir;
use bowline::port::{Choice, Error, Lease, Ports, Probe, Pruned, Request, SessionId, Terms, Verdict};
use bowline::range::Range;

/// A block of free ports that no other test has: its first port is listened on for as long as this
/// lives, and that is what keeps others away.
pub struct Block {
    pub range: Range,
    _claim: TcpListener,
}

const SIZE: u16 = 128;

/// A range of `length` ports, below those that the kernel hands out by itself.
pub fn block(length: u16) -> Block {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    assert!(length < SIZE);
    let blocks = (30_000 - 10_240) / SIZE;
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

/// A process that is being started has a copy of every lock of every thread for a moment, and so
/// keeps them when their owners let go. bowline has one thread; here, tests that start processes run
/// alone.
static STARTING: RwLock<()> = RwLock::new(());

#[expect(dead_code, reason = "held, not read")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

/// What a framework was detected by; nothing of it is the same for another number.
pub fn evidence(number: u64) -> Fingerprint {
    Fingerprint::new(vec![format!("rule {number}")], vec![format!("file {number}")])
}

/// A temporary directory with state, a spare state directory, and projects.
pub struct Place {
    pub temp: tempfile::TempDir,
    _turn: Turn,
}

impl Place {
    /// For a test that starts no process.
    pub fn new() -> Self {
        let turn = STARTING.read().unwrap_or_else(PoisonError::into_inner);
        Self { temp: tempfile::tempdir().unwrap(), _turn: Turn::Shared(turn) }
    }

    /// For a test that does.
    pub fn alone() -> Self {
        let turn = STARTING.write().unwrap_or_else(PoisonError::into_inner);
        Self { temp: tempfile::tempdir().unwrap(), _turn: Turn::Alone(turn) }
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
    pub fn request(&self, project: &str, range: Range) -> Request {
        let dir = self.temp.path().join("projects").join(project);
        std::fs::create_dir_all(&dir).unwrap();
        Request {
            project: project.to_owned(),
            name: project.to_owned(),
            dir,
            framework: "next".to_owned(),
            yields: false,
            evidence: evidence(1),
            range,
            choice: Choice::Any,
            exclude: Vec::new(),
        }
    }

    pub fn allocate(&self, request: &Request) -> Result<Lease, Error> {
        allocate(&self.ports(), std::slice::from_ref(request))
    }

    /// Runs and ends the project, and says which port it had.
    pub fn visit(&self, request: &Request) -> u16 {
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

pub fn allocate(ports: &Ports, requests: &[Request]) -> Result<Lease, Error> {
    allocate_at(ports, requests, SystemTime::now())
}

pub fn allocate_at(ports: &Ports, requests: &[Request], now: SystemTime) -> Result<Lease, Error> {
    ports.allocate(requests, &mut Terms { now, patience: Duration::ZERO, end_leftovers: &mut |_| {} })
}

pub fn port(lease: &Lease) -> u16 {
    lease.grants()[0].port
}

/// A process that holds a port; see [`child`].
pub struct Holder {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// What a process that holds a port does.
#[derive(Clone, Copy, Debug)]
pub enum Role {
    /// Reserves, says so, and releases at the end of its stdin.
    Supervisor,
    /// The same, but forks a guardian first, which outlives it until the end of stdin.
    WithGuardian,
    /// Reserves and releases without end.
    Restless,
    /// Reserves, commits, says so, and settles at the end of its stdin.
    Unsettled,
    /// The same, but for the commit.
    Uncommitted,
}

impl Holder {
    pub fn start(place: &Place, project: &str, range: Range, role: Role) -> Self {
        place.request(project, range);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "support::child", "--nocapture", "--test-threads=1"])
            .env("BOWLINE_TEST_PLACE", place.temp.path())
            .env("BOWLINE_TEST_PROJECT", project)
            .env("BOWLINE_TEST_RANGE", range.to_string())
            .env("BOWLINE_TEST_ROLE", format!("{role:?}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdin, stdout }
    }

    /// Waits for the port that the process got, or for why it got none.
    pub fn answer(&mut self) -> Result<u16, String> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).unwrap() > 0 {
            if let Some((_, port)) = line.split_once("port=") {
                return Ok(port.trim().parse().unwrap());
            }
            if let Some((_, error)) = line.split_once("error=") {
                return Err(error.trim().to_owned());
            }
            line.clear();
        }
        panic!("the process ended without an answer");
    }

    pub fn port(&mut self) -> u16 {
        self.answer().unwrap()
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends its stdin, and so what it waits for, and the process with it.
    pub fn finish(mut self) {
        self.end_stdin();
        self.process.wait().unwrap();
    }

    pub fn end_stdin(&mut self) {
        self.stdin = None;
    }

    /// Waits until nobody has its stdout any more.
    pub fn await_silence(&mut self) {
        std::io::copy(&mut self.stdout, &mut std::io::sink()).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn say(key: &str, value: &dyn std::fmt::Display) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{key}={value}").unwrap();
    out.flush().unwrap();
}

/// Not a test: what [`Holder::start`] runs in a process of its own.
#[test]
fn child() {
    let Some(temp) = std::env::var_os("BOWLINE_TEST_PLACE") else { return };
    let temp = PathBuf::from(temp);
    let project = std::env::var("BOWLINE_TEST_PROJECT").unwrap();
    let range = std::env::var("BOWLINE_TEST_RANGE").unwrap();
    let (start, end) = range.split_once('-').unwrap();
    let request = Request {
        dir: temp.join("projects").join(&project),
        name: project.clone(),
        project,
        framework: "next".to_owned(),
        yields: false,
        evidence: evidence(1),
        range: Range::new(start.parse().unwrap(), end.parse().unwrap()).unwrap(),
        choice: Choice::Any,
        exclude: Vec::new(),
    };
    let ports = Ports::new(Arc::new(open(&temp.join("state"), &temp)));
    let role = std::env::var("BOWLINE_TEST_ROLE").unwrap();
    if role == "Restless" {
        // Until it is killed, or nobody listens any more.
        loop {
            let lease = allocate(&ports, std::slice::from_ref(&request)).unwrap();
            assert!(lease.warnings().is_empty(), "{:?}", lease.warnings());
            say("port", &port(&lease));
            lease.release(SystemTime::now()).unwrap();
        }
    }
    if role.starts_with("Un") {
        let mut terms =
            Terms { now: SystemTime::now(), patience: Duration::ZERO, end_leftovers: &mut |_| {} };
        let mut lease = ports.allocate_unsettled(&[request], &mut terms).unwrap();
        if role == "Unsettled" {
            assert!(lease.commit().is_empty());
        }
        say("port", &port(&lease));
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        lease.settle();
        return say("port", &port(&lease));
    }
    let lease = match allocate(&ports, &[request]) {
        Ok(lease) => lease,
        Err(error) => return say("error", &error),
    };
    if role == "WithGuardian" {
        return with_guardian(lease);
    }
    say("port", &port(&lease));
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
    lease.release(SystemTime::now()).unwrap();
}

/// The forked child ends by `_exit`, so that nothing of the test harness runs twice.
#[expect(unsafe_code, clippy::exit, reason = "a guardian is forked")]
fn with_guardian(lease: Lease) {
    // SAFETY: the child only does what the parent's single test thread could do, and then exits.
    match unsafe { nix::unistd::fork() }.unwrap() {
        nix::unistd::ForkResult::Child => {
            let number = port(&lease);
            let mut guard = lease.guard().unwrap();
            drop(lease);
            guard.begin(Duration::ZERO).unwrap();
            say("port", &number);
            std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
            guard.finish();
            std::process::exit(0);
        }
        nix::unistd::ForkResult::Parent { .. } => loop {
            nix::unistd::pause();
        },
    }
}

pub fn prune(ports: &Ports, now: SystemTime) -> Pruned {
    ports.prune(&mut Terms { now, patience: Duration::ZERO, end_leftovers: &mut |_| {} }).unwrap()
}

/// Waits for guardians, and says for which sessions leftovers were to be ended.
pub fn sessions_ended(ports: &Ports, request: &Request) -> (Vec<SessionId>, Result<Lease, Error>) {
    let mut ended = Vec::new();
    let lease = ports.allocate(
        std::slice::from_ref(request),
        &mut Terms {
            now: SystemTime::now(),
            patience: Duration::from_secs(20),
            end_leftovers: &mut |session| ended.push(session.clone()),
        },
    );
    (ended, lease)
}
