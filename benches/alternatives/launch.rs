//! From starting the tool to the first instruction of the dev command.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use tempfile::TempDir;

use super::report::{Budget, Section, float, median, milliseconds, times};
use super::support::{Sandbox, dev_server};
use super::tools::{Tool, Tools};

const ROUNDS: usize = 31;

pub(crate) fn measure(tools: &Tools) -> Section {
    let mut runners: Vec<Runner> = tools.present().map(Runner::new).collect();
    race(&mut runners, ROUNDS);
    let medians: Vec<(&Tool, f64, f64)> =
        runners.iter().map(|runner| (runner.tool, runner.median(), runner.fastest())).collect();
    let of = |name: &str| medians.iter().find(|(tool, ..)| tool.name == name).map(|&(_, median, _)| median);
    let (bowline, shell) = (of("bowline").unwrap_or(f64::NAN), of("sh -c").unwrap_or(f64::NAN));
    let row = |&(tool, median, fastest): &(&Tool, f64, f64)| {
        vec![
            tool.name.to_owned(),
            milliseconds(median),
            milliseconds(median - shell),
            times(median / bowline),
            milliseconds(fastest),
        ]
    };
    let missing = tools.missing().map(|tool| {
        vec![tool.name.to_owned(), "missing".into(), String::new(), String::new(), String::new()]
    });
    let mut budgets = vec![Budget {
        promise: "at most 5 ms over `sh -c`",
        measured: milliseconds(bowline - shell),
        met: bowline - shell <= 5e6,
    }];
    if let Some(npm) = of("npm run") {
        budgets.push(Budget {
            promise: "at least 25× less than `npm run`",
            measured: times(npm / bowline),
            met: npm / bowline >= 25.0,
        });
    }
    Section {
        title: "Start to the first instruction of the dev command",
        method: format!(
            "The dev command is native, and reads the monotonic clock first of all. Medians of {ROUNDS} rounds, each with all tools in \
             turn. In this time bowline detects the framework and reserves a port durably."
        ),
        columns: &["tool", "start", "over `sh -c`", "of bowline's", "fastest"],
        rows: medians.iter().map(row).chain(missing).collect(),
        budgets,
    }
}

/// Runs the same launch again and again.
#[derive(Debug)]
pub(crate) struct Runner<'a> {
    pub tool: &'a Tool,
    pub sandbox: Sandbox,
    script: String,
    stamp: PathBuf,
    times: Vec<f64>,
    _dir: TempDir,
}

impl<'a> Runner<'a> {
    /// With a project whose dev command writes its stamp and ends.
    pub fn new(tool: &'a Tool) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let stamp = dir.path().join("stamp");
        let script = format!("'{}' --stamp '{}'", dev_server().display(), stamp.display());
        let sandbox = tool.project(&script);
        Self { tool, sandbox, script, stamp, times: Vec::new(), _dir: dir }
    }

    /// The median, in nanoseconds.
    pub fn median(&self) -> f64 {
        median(self.times.clone())
    }

    /// The result of an undisturbed machine, in nanoseconds.
    pub fn fastest(&self) -> f64 {
        self.times.iter().copied().fold(f64::MAX, f64::min)
    }

    /// Nanoseconds to the first instruction of the dev command.
    fn run(&self) -> f64 {
        let _ = fs::remove_file(&self.stamp);
        let mut command = self.tool.command(&self.sandbox, &self.script);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let name = self.tool.name;
        let before = monotonic_nanos();
        let status = command.status().unwrap_or_else(|error| panic!("starting {name}: {error}"));
        let text = fs::read_to_string(&self.stamp)
            .unwrap_or_else(|error| panic!("{name} did not run the dev command ({status}): {error}"));
        float(text.parse::<u64>().expect("nanoseconds").saturating_sub(before))
    }
}

/// Runs all in turn, so that what disturbs the machine disturbs all of them.
pub(crate) fn race(runners: &mut [Runner<'_>], rounds: usize) {
    for round in 0..=rounds {
        for runner in &mut *runners {
            let took = runner.run();
            // The first round fills the page cache and is not counted.
            if round > 0 {
                runner.times.push(took);
            }
        }
    }
}

/// The clock of the stand-in server's stamps.
pub(crate) fn monotonic_nanos() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(now.tv_sec * 1_000_000_000 + now.tv_nsec).unwrap_or_default()
}
