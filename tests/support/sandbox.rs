//! A world of the test's own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Pid;
use tempfile::TempDir;

use super::{Finished, Ports, Session, dev_server, own_descriptors, run_to_end};

/// The variables that a command gets from whoever runs the tests: no agent's marks, no `PORT`, no npm's.
const INHERITED: [&str; 5] = ["PATH", "LANG", "LC_ALL", "TMPDIR", "LLVM_PROFILE_FILE"];

/// A project directory, a home and a state directory, all temporary. Paths are short enough for sockets.
#[derive(Debug)]
pub struct Sandbox {
    root: TempDir,
    state: TempDir,
    project: PathBuf,
    variables: Vec<(OsString, OsString)>,
}

impl Sandbox {
    /// With an empty project directory.
    pub fn new() -> Self {
        Self::in_directory("app")
    }

    /// With an empty project directory of this name.
    pub fn in_directory(name: &str) -> Self {
        own_descriptors();
        let temporary = |place: &Path| {
            tempfile::Builder::new().prefix("bl").tempdir_in(place).expect("a temporary directory")
        };
        let (root, state) = (temporary(Path::new("/tmp")), temporary(memory()));
        let project = root.path().join(name);
        for dir in [&project, &root.path().join("home"), &root.path().join("config/bowline")] {
            fs::create_dir_all(dir).expect("a directory of our own");
        }
        Self { root, state, project, variables: Vec::new() }
    }

    /// With a project whose dev script is this one.
    pub fn with_script(script: &str) -> Self {
        let package = serde_json::json!({ "name": "app", "version": "1.0.0", "scripts": { "dev": script } });
        let mut sandbox = Self::new();
        sandbox.file("package.json", &format!("{package:#}\n"));
        sandbox
    }

    /// With a project whose dev script is the stand-in server with these arguments, in a shell that waits for it.
    pub fn with_dev_server(arguments: &str) -> Self {
        Self::with_script(&format!("'{}' --lifetime 200 {arguments}", dev_server().display()))
    }

    /// With a copy of a directory of `fixtures/`.
    pub fn with_fixture(name: &str) -> Self {
        let sandbox = Self::new();
        copy_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name), &sandbox.project);
        sandbox
    }

    /// With a project that lies elsewhere and outlives the test.
    pub fn with_project(dir: &Path) -> Self {
        Self { project: dir.to_owned(), ..Self::new() }
    }

    /// Writes a file, and the directories it needs, below the project.
    pub fn file(&mut self, path: impl AsRef<Path>, text: &str) -> &mut Self {
        write(&self.project.join(path), text);
        self
    }

    /// Writes a shell script that comes first in the `PATH` of every command.
    pub fn program(&mut self, name: &str, script: &str) -> &mut Self {
        let bin = self.root.path().join("bin");
        let program = bin.join(name);
        write(&program, &format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a file of our own");
        let others = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&others)));
        self.env("PATH", path.expect("no directory of the PATH has a colon in its name"))
    }

    /// Writes a file of the user's own configuration: `frameworks.toml`.
    pub fn user_file(&mut self, name: &str, text: &str) -> &mut Self {
        write(&self.root.path().join("config/bowline").join(name), text);
        self
    }

    /// Sets a variable for every command.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.variables.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Makes these the ports of a framework.
    pub fn range(&mut self, framework: &str, ports: &Ports) -> &mut Self {
        let text = format!("[framework.{framework}]\nrange = \"{}-{}\"\n", ports.first(), ports.last());
        self.user_file("frameworks.toml", &text)
    }

    /// The same with ports of its own.
    pub fn with_ports(mut self, framework: &str, count: u16) -> (Self, Ports) {
        let ports = Ports::claim(count);
        self.range(framework, &ports);
        (self, ports)
    }

    /// Another project beside the first, with the same files.
    pub fn sibling(&self, name: &str) -> PathBuf {
        let dir = self.root.path().join(name);
        copy_dir(&self.project, &dir);
        dir
    }

    /// The project's directory.
    pub fn project(&self) -> &Path {
        &self.project
    }

    /// Where bowline keeps its state.
    pub fn state_dir(&self) -> PathBuf {
        self.state.path().join("state")
    }

    /// The files of sessions in the state directory that end in `.` and this.
    pub fn session_files(&self, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.state_dir().join("run")).into_iter().flatten().flatten();
        let paths = entries.map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
    }

    /// The guardian of the only session, as its lock names it.
    pub fn guardian(&self) -> Pid {
        let lock = self.session_files("guard").pop().expect("a guardian's lock");
        let text = fs::read_to_string(lock).expect("a file of our own");
        let pid = text.split_whitespace().next().and_then(|pid| pid.parse().ok());
        pid.and_then(Pid::from_raw).expect("the guardian's pid")
    }

    /// The temporary directory that holds all but the state.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// `bowline` in the project's directory, with nothing on standard input.
    pub fn bowline<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_bowline"));
        command.args(arguments);
        command
    }

    /// Any program in the same place with the same environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.project).stdin(Stdio::null()).env_clear();
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command
            .env("HOME", self.root.path().join("home"))
            .env("XDG_CONFIG_HOME", self.root.path().join("config"))
            // Every bowline of a user takes the lock of the spare state directory here.
            .env("XDG_RUNTIME_DIR", self.state.path())
            .env("BOWLINE_STATE_DIR", self.state_dir());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a `bowline` command that answers.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Finished {
        run_to_end(&mut self.bowline(arguments))
    }

    /// A server on this port that somebody else has started.
    pub fn foreign_server(&self, port: u16) -> Session {
        let mut command = self.command(dev_server());
        command.args(["--lifetime", "200", "--port", &port.to_string()]);
        let mut session = Session::start(command);
        session.until("listening", |line| line["listening"].is_u64());
        session
    }

    /// Starts a `bowline --json` command that runs.
    pub fn start<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Session {
        let mut command = self.bowline(["--json"]);
        command.args(arguments);
        Session::start(command)
    }
}

/// Where state lies in memory, if there is such a place: a start waits for the disk many times, and no test
/// pulls the plug. Benchmarks keep to the disk (`cfg(test)` holds for them too).
pub fn memory() -> &'static Path {
    let (memory, disk) = (Path::new("/dev/shm"), Path::new("/tmp"));
    let room = rustix::fs::statvfs(memory).map_or(0, |system| system.f_bavail * system.f_frsize);
    if crate::STATE_IN_MEMORY && room > 1 << 30 { memory } else { disk }
}

fn write(path: &Path, text: &str) {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).expect("a directory of our own");
    }
    fs::write(path, text).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}

/// Copies files and directories, but for `node_modules`.
pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap_or_else(|error| panic!("creating {}: {error}", to.display()));
    let entries = fs::read_dir(from).unwrap_or_else(|error| panic!("reading {}: {error}", from.display()));
    for entry in entries.flatten().filter(|entry| entry.file_name() != "node_modules") {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target)
                .unwrap_or_else(|error| panic!("copying {}: {error}", entry.path().display()));
        }
    }
}
