//! One project, tried in all ways.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::rows::Row;
use super::stranger::Stranger;
use crate::support::{Ports, Sandbox, Session, Terminal, Tree, http, is_free, npm};

/// More than the ten seconds that a service has to end in.
const AFTER_A_KILL: Duration = Duration::from_secs(30);

/// The result of a row.
pub enum Outcome {
    Works(Figures),
    /// Its packages cannot be had, in npm's words.
    Missing(String),
    /// It said so before.
    Fails,
}

/// Figures that are measured and never asserted.
pub struct Figures {
    pub versions: Vec<String>,
    pub megabytes: u64,
    /// How the server is told its port.
    pub way: &'static str,
    /// From the start of bowline to its ready line: the first time, and again.
    pub ready: [Duration; 2],
}

/// A project with its packages, and a world around it.
pub struct Trial<'a> {
    row: &'a Row,
    sandbox: Sandbox,
    ports: Ports,
    installed: npm::Installed,
}

impl<'a> Trial<'a> {
    /// With npm's words where the packages cannot be had.
    pub fn prepare(row: &'a Row) -> Result<Self, String> {
        let installed = npm::try_installed(&row.fixture())?;
        let ports = Ports::claim(3);
        let mut sandbox = Sandbox::with_project(&installed.dir);
        sandbox.range(&row.framework, &ports);
        // Nothing here may depend on the network once the packages are there.
        for (name, value) in QUIET {
            sandbox.env(name, value);
        }
        Ok(Self { row, sandbox, ports, installed })
    }

    pub fn run(self) -> Figures {
        let before = self.files();
        self.is_detected();
        let first = self.is_ready_and_stops();
        let way = self.way();
        let again = self.passes_a_stranger_and_a_kill();
        self.ends_by_a_key();
        let after = self.files();
        for (path, text) in &before {
            assert!(after.get(path) == Some(text), "{}: {} was written to", self.row.name, path.display());
        }
        Figures {
            versions: self.row.packages.iter().map(|package| self.version(package)).collect(),
            megabytes: size(&self.installed.dir.join("node_modules")) / 1_000_000,
            way,
            ready: [first, again],
        }
    }

    /// A command that runs this project's script.
    fn arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["dev"];
        if self.row.asks {
            arguments.extend(["--script", &self.row.script]);
        }
        arguments
    }

    fn is_detected(&self) {
        let mut arguments = self.arguments();
        arguments.extend(["--dry-run", "--json"]);
        let plan = self.answer(&arguments);
        assert_eq!(plan["framework"], self.row.framework, "{plan}");
        assert_eq!(plan["script"], self.row.script, "{plan}");
        assert_eq!(plan["port"], self.ports.first(), "{plan}");
        if !self.row.asks {
            let answer = self.answer(&["detect", "--json"]);
            assert_eq!(answer["framework"], self.row.framework, "{answer}");
            assert_eq!(answer["script"], self.row.script, "{answer}");
        }
    }

    fn answer(&self, arguments: &[&str]) -> Value {
        let finished = self.sandbox.run(arguments);
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
    }

    fn is_ready_and_stops(&self) -> Duration {
        let (session, ready) = self.serves();
        session.stop();
        self.port_is_free("a stop");
        ready
    }

    fn passes_a_stranger_and_a_kill(&self) -> Duration {
        let stranger = Stranger::on(self.row.port);
        let (session, ready) = self.serves();
        stranger.assert_unharmed();
        session.kill(AFTER_A_KILL);
        stranger.assert_unharmed();
        self.port_is_free("a kill");
        ready
    }

    /// Ready on the reserved port, where the app answers.
    fn serves(&self) -> (Session, Duration) {
        let start = Instant::now();
        let mut session = self.sandbox.start(self.arguments());
        let event = session.event("port-detected");
        let ready = start.elapsed();
        assert_eq!(event["framework"], self.row.framework, "{event}");
        assert_eq!(event["port"], self.ports.first(), "{event}");
        self.answers();
        if let Some(text) = &self.row.builds_until {
            session.output(text);
        }
        let page = http::get_path(self.ports.first(), &self.row.path);
        assert!(page.status == 200 && page.body.contains(&self.row.page), "{}: {page:?}", self.row.name);
        (session, ready)
    }

    /// Many build only once they are asked, some say so.
    fn answers(&self) {
        http::get(self.ports.first());
    }

    /// At a terminal servers ask questions, and read keys.
    fn ends_by_a_key(&self) {
        let mut terminal = Terminal::new(40, 120);
        let mut command = self.sandbox.bowline(["--color", "never"]);
        command.args(self.arguments()).env("TERM", "xterm-256color");
        terminal.seat(&mut command);
        let mut seat = Seat::take(command);
        terminal.until("bowline  ready in");
        http::get(self.ports.first());
        terminal.keys("\x03");
        seat.child.wait().expect("a child of our own");
        seat.tree.assert_gone(Duration::from_secs(1));
        self.port_is_free("Ctrl-C");
    }

    fn port_is_free(&self, after: &str) {
        let port = self.ports.first();
        assert!(is_free(port), "{}: port {port} is held after {after}", self.row.name);
    }

    /// As the next start would do it: what the first has taught is known.
    fn way(&self) -> &'static str {
        let mut arguments = self.arguments();
        arguments.extend(["--dry-run", "--json"]);
        let plan = self.answer(&arguments);
        let port = self.ports.first().to_string();
        let argv: Vec<&str> =
            plan["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if plan["env"]["NODE_OPTIONS"].is_string() {
            "listener moved"
        } else if argv.iter().any(|word| word.contains(&port)) {
            "flag"
        } else {
            "environment"
        }
    }

    /// The project's own files: those of the fixture, and npm's lock file.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(self.row.fixture());
        let mut names = Vec::new();
        list(&fixture, Path::new(""), &mut names);
        names.push("package-lock.json".into());
        let dir = &self.installed.dir;
        names.into_iter().map(|name| (name.clone(), fs::read(dir.join(name)).unwrap_or_default())).collect()
    }

    fn version(&self, package: &str) -> String {
        let manifest = self.installed.dir.join("node_modules").join(package).join("package.json");
        let manifest: Value =
            fs::read(manifest).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        format!("{package} {}", manifest["version"].as_str().unwrap_or("?"))
    }
}

/// Variables that keep servers from calling home.
const QUIET: [(&str, &str); 9] = [
    ("NEXT_TELEMETRY_DISABLED", "1"),
    ("ASTRO_TELEMETRY_DISABLED", "1"),
    ("NUXT_TELEMETRY_DISABLED", "1"),
    ("STORYBOOK_DISABLE_TELEMETRY", "1"),
    ("EXPO_NO_TELEMETRY", "1"),
    ("EXPO_OFFLINE", "1"),
    ("WRANGLER_SEND_METRICS", "false"),
    ("GATSBY_TELEMETRY_DISABLED", "1"),
    ("NO_UPDATE_NOTIFIER", "1"),
];

/// A bowline at a terminal.
struct Seat {
    child: Child,
    tree: Tree,
}

impl Seat {
    fn take(mut command: Command) -> Self {
        let tree = Tree::new();
        tree.mark(&mut command);
        Self { child: command.spawn().expect("bowline starts"), tree }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.tree.kill();
        let _ = self.child.wait();
    }
}

/// The files below a directory, but for installed packages.
fn list(root: &Path, below: &Path, names: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(root.join(below)).expect("a fixture");
    for entry in entries.flatten().filter(|entry| entry.file_name() != "node_modules") {
        let name = below.join(entry.file_name());
        if entry.path().is_dir() { list(root, &name, names) } else { names.push(name) }
    }
}

/// The bytes that a directory takes on the disk. A file with two names counts once.
fn size(dir: &Path) -> u64 {
    fn add(dir: &Path, seen: &mut HashSet<u64>) -> u64 {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => add(&entry.path(), seen),
                Ok(metadata) if metadata.is_file() && seen.insert(metadata.ino()) => metadata.blocks() * 512,
                _ => 0,
            })
            .sum()
    }
    add(dir, &mut HashSet::new())
}
