//! A workspace of thirty services: until the last one runs, the memory of the launcher, and Ctrl-C.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{process::Child, thread};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::launch::monotonic_nanos;
use super::memory::{self, Memory, mebibytes};
use super::report::{Budget, Section, float, median, milliseconds};
use super::support::npm::{self, Installed};
use super::support::{Sandbox, Tree, dev_server};
use super::tools::{STATIC, Tools, static_program};

const SERVICES: usize = 30;
const ROUNDS: usize = 3;
/// After which a launcher is said not to start, or to leave something behind.
const PATIENCE: Duration = Duration::from_secs(20);
/// In which what comes of the start comes.
const SETTLING: Duration = Duration::from_millis(500);

/// The shell that starts all of them itself: what the kernel and the services cost.
const SHELL: &str = "30 × `sh -c`";
const BOWLINE: &str = "bowline";
const PNPM: &str = "pnpm -r --parallel";

pub(crate) fn measure(_: &Tools) -> Section {
    let packages = npm::installed("benches/workspace-tools");
    let launchers = launchers(&packages);
    let mut runs: Vec<(&Launcher, Vec<Run>)> =
        launchers.iter().map(|launcher| (launcher, Vec::new())).collect();
    for round in 0..=ROUNDS {
        for (launcher, measured) in &mut runs {
            let run = launcher.run();
            // The first round fills the page cache and is not counted.
            if round > 0 {
                measured.push(run);
            }
        }
    }
    let of = |measured: &[Run], what: fn(&Run) -> f64| median(measured.iter().map(what).collect());
    let medians: Vec<(&str, [f64; 4])> = runs
        .iter()
        .map(|(launcher, measured)| {
            let what: [fn(&Run) -> f64; 4] = [
                |run| run.started,
                |run| run.memory.proportional,
                |run| run.memory.resident,
                |run| run.ended.unwrap_or(f64::INFINITY),
            ];
            (launcher.name, what.map(|what| of(measured, what)))
        })
        .collect();
    let find = |name: &str| medians.iter().find(|(found, _)| *found == name).map(|(_, values)| *values);
    let (shell, bowline) = (find(SHELL).unwrap_or([f64::NAN; 4]), find(BOWLINE).unwrap_or([f64::NAN; 4]));
    let row = |(name, [started, proportional, resident, ended]): &(&str, [f64; 4])| {
        vec![
            (*name).to_owned(),
            milliseconds(*started),
            milliseconds(started - shell[0]),
            mebibytes(*proportional),
            mebibytes(*resident),
            if ended.is_finite() { milliseconds(*ended) } else { "processes are left".to_owned() },
        ]
    };
    Section {
        title: "A workspace of thirty services",
        method: format!(
            "{SERVICES} packages, each with the stand-in server as its dev script. Medians of {ROUNDS} rounds, each with all \
             launchers in turn: from the start to the first instruction of the last service; the memory of all processes that are \
             neither a server nor the shell of a script; from SIGINT to the process group, as Ctrl-C sends it (SIGTERM for the shells, whose background ignores that), to no process left. The \
             servers end at once when they are asked to."
        ),
        columns: &["launcher", "start", "over the shell", "proportional", "resident", "Ctrl-C"],
        rows: medians.iter().map(row).collect(),
        budgets: vec![
            Budget {
                promise: "at most 50 ms over thirty `sh -c`",
                measured: milliseconds(bowline[0] - shell[0]),
                met: bowline[0] - shell[0] <= 50e6,
            },
            Budget {
                promise: "at most 20 MiB for thirty services, proportional",
                measured: mebibytes(bowline[1]),
                met: bowline[1] <= 20.0 * memory::MIB,
            },
        ],
    }
}

#[derive(Debug)]
struct Launcher {
    name: &'static str,
    sandbox: Sandbox,
    stamps: TempDir,
    program: PathBuf,
    arguments: Vec<String>,
}

#[derive(Debug)]
struct Run {
    /// Nanoseconds to the first instruction of the last service.
    started: f64,
    memory: Memory,
    /// Nanoseconds from SIGINT to no process left; none if some were.
    ended: Option<f64>,
}

fn launchers(packages: &Installed) -> Vec<Launcher> {
    let bin = |name: &str| packages.dir.join("node_modules/.bin").join(name);
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let every = |command: &dyn Fn(usize) -> String| (0..SERVICES).map(command).collect::<Vec<_>>();
    let launcher = |name, program: PathBuf, arguments: Vec<String>| {
        let stamps = TempDir::new().expect("a temporary directory");
        Launcher {
            name,
            sandbox: workspace(&packages.dir, &stamps, name == PNPM),
            stamps,
            program,
            arguments,
        }
    };
    let mut all = vec![
        launcher(BOWLINE, env!("CARGO_BIN_EXE_bowline").into(), words("dev")),
        launcher("turbo run dev", bin("turbo"), words("run dev --concurrency=40 --ui=stream")),
        launcher("nx run-many", bin("nx"), words("run-many -t dev --parallel=40 --tui=false")),
        launcher(PNPM, bin("pnpm"), words("-r --parallel run dev")),
        launcher(
            "concurrently",
            bin("concurrently"),
            every(&|service| format!("cd packages/s{service:02} && npm run dev")),
        ),
        launcher("npm -ws &", "sh".into(), vec!["-c".to_owned(), in_background("npm run dev")]),
    ];
    if static_program().exists() {
        all.insert(1, launcher(STATIC, static_program(), words("dev")));
    }
    let mut shell = launcher(SHELL, "sh".into(), Vec::new());
    shell.arguments = vec!["-c".to_owned(), in_background(&format!("sh -c \"{}\"", script(&shell.stamps)))];
    all.push(shell);
    all
}

/// `npm -ws run dev` starts one after the other, so it never comes to the second server.
fn in_background(command: &str) -> String {
    let each = (0..SERVICES).map(|service| format!("(cd packages/s{service:02} && exec {command}) & "));
    each.collect::<String>() + "wait"
}

/// Stamps its start under the name of the package's directory, and serves.
fn script(stamps: &TempDir) -> String {
    let (server, stamps) = (dev_server().display(), stamps.path().display());
    format!("{server} --stamp {stamps}/$(basename $PWD) && exec {server} --lifetime 120")
}

fn workspace(packages: &Path, stamps: &TempDir, is_pnpm: bool) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let modules = packages.join("node_modules");
    if !is_pnpm {
        symlink(&modules, sandbox.project().join("node_modules")).expect("a new directory");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    // turbo looks for the package manager there, and nx for itself in node_modules.
    sandbox.env("PATH", format!("{}:{path}", modules.join(".bin").display()));
    sandbox.env("NO_UPDATE_NOTIFIER", "1").env("npm_config_update_notifier", "false");
    sandbox.env("TURBO_TELEMETRY_DISABLED", "1").env("NX_DAEMON", "false");
    sandbox.env("pnpm_config_verify_deps_before_run", "false");
    let mut root = serde_json::json!({ "name": "root", "private": true, "workspaces": ["packages/*"] });
    if is_pnpm {
        // With a `packageManager`, pnpm asks the registry for that version, and ends if it has no answer.
        sandbox.file("pnpm-workspace.yaml", "packages: [packages/*]\n");
        sandbox.file("pnpm-lock.yaml", "lockfileVersion: '9.0'\n");
    } else {
        root["packageManager"] = "npm@11.19.1".into();
        sandbox.file("package-lock.json", r#"{"name":"root","lockfileVersion":3,"packages":{}}"#);
    }
    sandbox.file("package.json", &root.to_string());
    sandbox.file("turbo.json", r#"{"tasks":{"dev":{"cache":false,"persistent":true}}}"#);
    sandbox.file("nx.json", r#"{"targetDefaults":{"dev":{"cache":false}}}"#);
    for service in 0..SERVICES {
        let manifest = serde_json::json!({
            "name": format!("s{service:02}"), "version": "1.0.0", "scripts": { "dev": script(stamps) },
        });
        sandbox.file(format!("packages/s{service:02}/package.json"), &manifest.to_string());
    }
    sandbox
}

impl Launcher {
    fn run(&self) -> Run {
        for entry in fs::read_dir(self.stamps.path()).expect("the stamps").flatten() {
            let _ = fs::remove_file(entry.path());
        }
        let tree = Tree::new();
        let mut command = self.command();
        tree.mark(&mut command);
        let before = monotonic_nanos();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let last = self.last_stamp(&mut child);
        thread::sleep(SETTLING);
        let memory = memory::of_launcher(&tree);

        let asked = Instant::now();
        let group = Pid::from_raw(child.id().cast_signed()).expect("a pid");
        // A shell makes what it starts in the background ignore SIGINT.
        let is_shell = self.program == Path::new("sh");
        let _ = kill_process_group(group, if is_shell { Signal::TERM } else { Signal::INT });
        let _ = child.wait();
        let left = tree.left(PATIENCE.saturating_sub(asked.elapsed()));
        let ended = left.is_empty().then(|| asked.elapsed().as_secs_f64() * 1e9);
        tree.kill();
        Run { started: float(last.saturating_sub(before)), memory, ended }
    }

    fn command(&self) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = self.sandbox.command(&self.program);
        command.args(&self.arguments).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The latest stamp, once every service has written its own.
    fn last_stamp(&self, child: &mut Child) -> u64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stamps: Vec<u64> = stamps(self.stamps.path());
            if stamps.len() == SERVICES {
                return stamps.into_iter().max().unwrap_or_default();
            }
            let ended = child.try_wait().ok().flatten();
            assert!(
                Instant::now() < deadline,
                "{}: only {} services were started ({ended:?})",
                self.name,
                stamps.len()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

fn stamps(dir: &Path) -> Vec<u64> {
    let entries = fs::read_dir(dir).expect("the stamps").flatten();
    entries.filter_map(|entry| fs::read_to_string(entry.path()).ok()?.parse().ok()).collect()
}
