//! A package script that a task runner starts through a package manager, and bowline in the place of that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::launch::{Runner, race};
use super::memory::{self, mebibytes};
use super::report::{Budget, Section, milliseconds};
use super::support::Sandbox;
use super::tools::{CAUGHT, CAUGHT_STATIC, Tool, Tools, static_program};

const ROUNDS: usize = 31;
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn measure(tools: &Tools) -> Section {
    let mut outer = vec![(CAUGHT, Outer::start(Path::new(env!("CARGO_BIN_EXE_bowline"))))];
    if static_program().exists() {
        outer.push((CAUGHT_STATIC, Outer::start(&static_program())));
    }
    let caught = outer.iter().map(|(name, outer)| Tool::caught(name, &outer.shims));
    let managers = tools.present().filter(|tool| !tool.is_bowline() && tool.name != "node --run");
    let all: Vec<Tool> = caught.chain(managers.cloned()).collect();
    let mut runners: Vec<Runner> = all.iter().map(Runner::new).collect();
    race(&mut runners, ROUNDS);
    let shell = runners.iter().find(|runner| runner.tool.is_shell()).map_or(f64::NAN, Runner::median);
    let figures: Vec<(&Tool, f64, f64)> = runners
        .iter()
        .map(|runner| {
            let is_shell = runner.tool.is_shell();
            let proportional = if is_shell { 0.0 } else { memory::of_one_service(runner.tool).proportional };
            (runner.tool, runner.median(), proportional)
        })
        .collect();
    let row = |&(tool, start, proportional): &(&Tool, f64, f64)| {
        vec![
            tool.name.to_owned(),
            milliseconds(start),
            milliseconds(start - shell),
            if tool.is_shell() { String::new() } else { mebibytes(proportional) },
        ]
    };
    let own = figures.first().map_or((f64::NAN, f64::NAN), |&(_, start, memory)| (start, memory));
    let others = || figures.iter().filter(|(tool, ..)| !tool.is_bowline() && !tool.is_shell());
    let least = |what: fn(&(&Tool, f64, f64)) -> f64| others().map(what).fold(f64::INFINITY, f64::min);
    let (start, proportional) = (least(|figure| figure.1), least(|figure| figure.2));
    Section {
        title: "A script that is caught, and the package manager in its place",
        method: format!(
            "A task runner starts the script of a package; beneath a script that runs as it is, bowline runs it in the package manager's \
             place, reserves a port and supervises it. Start: to the first instruction of the script's program, medians of {ROUNDS} \
             rounds, each with all in turn. Memory: proportional, of every process but the server and the shell of its script, while it runs."
        ),
        columns: &["what runs the script", "start", "over `sh -c`", "proportional"],
        rows: figures.iter().map(row).collect(),
        budgets: vec![
            Budget {
                promise: "starts before every package manager",
                measured: format!("{} to {}", milliseconds(own.0), milliseconds(start)),
                met: own.0 < start,
            },
            Budget {
                promise: "less memory than every package manager",
                measured: format!("{} to {}", mebibytes(own.1), mebibytes(proportional)),
                met: own.1 < proportional,
            },
        ],
    }
}

/// A run whose root script runs as it is, with its shims.
#[derive(Debug)]
struct Outer {
    child: Child,
    shims: PathBuf,
    _sandbox: Sandbox,
}

impl Outer {
    fn start(bowline: &Path) -> Self {
        let mut sandbox = Sandbox::new();
        let script = "printf %s \"${PATH%%:*}\" > shims.tmp && mv shims.tmp shims && exec sleep 1000";
        let manifest =
            serde_json::json!({ "name": "root", "workspaces": ["packages/*"], "scripts": { "dev": script } });
        sandbox.file("package.json", &manifest.to_string());
        sandbox.file("packages/one/package.json", r#"{"name":"one"}"#);
        sandbox.file("bowline.toml", "[workspace]\norchestrator = \"script\"\n");
        let mut command: Command = sandbox.command(bowline);
        command.arg("dev").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("bowline starts");
        let file = sandbox.project().join("shims");
        let begin = Instant::now();
        while !file.exists() {
            assert!(begin.elapsed() < PATIENCE, "the script of the root did not start");
            thread::sleep(Duration::from_millis(10));
        }
        let shims = fs::read_to_string(&file).expect("a path").into();
        Self { child, shims, _sandbox: sandbox }
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
