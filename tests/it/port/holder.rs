//! Processes that hold ports.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bowline::port::{AllocateOptions, Lease, PortChoice, PortRequest, Ports};
use bowline::range::Range;

use super::support::{Place, allocate, evidence, open, port};

/// A process that holds a port; see [`child`].
pub struct Holder {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

/// The role of a process that holds a port.
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
    /// Listens on all ports of the range until the end of its stdin, and reserves none.
    Stranger,
}

impl Holder {
    pub fn start(place: &Place, project: &str, range: Range, role: Role) -> Self {
        place.request(project, range);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "port::holder::child", "--nocapture", "--test-threads=1"])
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

    pub fn id(&self) -> u32 {
        self.process.id()
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
    let request = PortRequest {
        dir: temp.join("projects").join(&project),
        name: project.clone(),
        project,
        framework: "next".to_owned(),
        evidence: evidence(1),
        range: Range::new(start.parse().unwrap(), end.parse().unwrap()).unwrap(),
        choice: PortChoice::Any,
        exclude: Vec::new(),
        beside: Vec::new(),
        part_of: None,
    };
    let role = std::env::var("BOWLINE_TEST_ROLE").unwrap();
    if role == "Stranger" {
        let range = request.range;
        let listeners: Vec<_> =
            (range.start..=range.end).map(|port| TcpListener::bind(("127.0.0.1", port)).unwrap()).collect();
        say("port", &range.start);
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        return drop(listeners);
    }
    let ports = Ports::new(Arc::new(open(&temp.join("state"), &temp)));
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
        let terms =
            AllocateOptions { now: SystemTime::now(), patience: Duration::ZERO, end_leftovers: &|_| {} };
        let projects = [request.project.clone()];
        let mut lease = ports.allocate(&projects, |_, _| request.clone(), terms).unwrap();
        if role == "Unsettled" {
            assert!(lease.commit().is_empty());
        }
        say("port", &port(&lease));
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).unwrap();
        lease.close_store();
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
