//! Memory of the processes between the user and a running service.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::report::{Budget, Section, float, times};
use super::support::{Tree, dev_server, http};
use super::tools::{Tool, Tools};

pub(crate) const MIB: f64 = 1024.0;
/// The script's own memory is nobody's overhead.
const SHELLS: [&str; 3] = ["sh", "dash", "bash"];

pub(crate) fn measure(tools: &Tools) -> Section {
    let figures: Vec<(&Tool, Memory)> =
        tools.present().filter(|tool| !tool.is_shell()).map(|tool| (tool, of_one_service(tool))).collect();
    let bowline =
        figures.iter().find(|(tool, _)| tool.is_bowline()).map_or(Memory::default(), |&(_, memory)| memory);
    let row = |(tool, memory): &(&Tool, Memory)| {
        vec![
            tool.name.to_owned(),
            mebibytes(memory.resident),
            mebibytes(memory.proportional),
            mebibytes(memory.peak),
            memory.processes.to_string(),
            times(memory.resident / bowline.resident),
        ]
    };
    let missing = tools
        .missing()
        .map(|tool| [&[tool.name.to_owned(), "missing".into()][..], &vec![String::new(); 4]].concat());
    Section {
        title: "Memory of the supervisor while one service runs",
        method: "The sum over every process of the tree except the dev server and the shell of its script (supervisor, guardian, \
                 package manager): resident memory, proportional share, and highest resident memory so far. Read from `/proc`."
            .into(),
        columns: &["tool", "resident", "proportional", "peak", "processes", "of bowline's"],
        rows: figures.iter().map(row).chain(missing).collect(),
        budgets: vec![Budget {
            promise: "at most 8 MiB resident",
            measured: mebibytes(bowline.resident),
            met: bowline.resident > 0.0 && bowline.resident <= 8.0 * MIB,
        }],
    }
}

/// In KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    pub resident: f64,
    pub proportional: f64,
    peak: f64,
    processes: usize,
}

pub(crate) fn of_one_service(tool: &Tool) -> Memory {
    let script = format!("'{}' --lifetime 60", dev_server().display());
    let sandbox = tool.project(&script);
    let mut tree = Tree::new();
    let mut command = tool.command(&sandbox, &script);
    tree.mark(&mut command);
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the tool was there before");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let port = lines.find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(&line).ok()?;
        line["listening"].as_u64()
    });
    let port = port.unwrap_or_else(|| panic!("{}: the dev server did not listen", tool.name));
    http::get(u16::try_from(port).expect("a port"));
    // Until what comes of the start has come.
    thread::sleep(Duration::from_millis(300));

    let sum = of_launcher(&tree);
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
    // Most of the tools leave the server behind, which is what bowline is for.
    if tool.is_bowline() {
        let _ = child.wait();
        tree.assert_gone(Duration::from_secs(30));
    } else {
        tree.kill();
        let _ = child.wait();
    }
    sum
}

/// The memory of every process of the tree but servers and shells.
pub(crate) fn of_launcher(tree: &Tree) -> Memory {
    let mut sum = Memory::default();
    for (pid, _) in tree.processes() {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        let name = program.file_name().unwrap_or_default();
        if program == dev_server() || SHELLS.iter().any(|shell| name == *shell) {
            continue;
        }
        sum.resident += field(pid, "status", "VmRSS");
        sum.peak += field(pid, "status", "VmHWM");
        sum.proportional += field(pid, "smaps_rollup", "Pss");
        sum.processes += 1;
    }
    sum
}

/// A line such as `VmRSS: 1234 kB`.
fn field(pid: i32, file: &str, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    number.map_or(0.0, float)
}

pub(crate) fn mebibytes(kibibytes: f64) -> String {
    format!("{:.1} MiB", kibibytes / MIB)
}
