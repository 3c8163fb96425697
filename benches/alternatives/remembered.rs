//! Whether a launch costs more on a machine that has seen many projects.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bowline::fingerprint::Fingerprint;
use bowline::paths::StateDir;
use bowline::port::{AllocateOptions, Lease, PortChoice, PortError, PortRequest, Ports};
use bowline::range::Range;

use super::launch::{Runner, race};
use super::report::{Budget, Section, milliseconds, times};
use super::tools::Tools;

const ROUNDS: usize = 31;
/// Where the ranges begin, of a hundred ports each; the first is that of the measured project.
const STARTS: [u16; 10] = [6000, 3101, 4321, 5173, 7000, 8000, 8100, 9000, 12_000, 13_000];
/// How many projects are started and stopped together.
const BATCH: usize = 50;
const FEW: usize = 10;
const MANY: usize = 10_000;

pub(crate) fn measure(tools: &Tools) -> Section {
    let bowline = tools.all().iter().find(|tool| tool.is_bowline()).expect("bowline is one of the tools");
    let mut runners = [FEW, MANY].map(|count| {
        let runner = Runner::new(bowline);
        remember(&runner, count);
        runner
    });
    race(&mut runners, ROUNDS);
    let [few, many] = runners.map(|runner| runner.median());
    Section {
        title: "A launch among many remembered projects",
        method: format!(
            "`bowline dev` to the first instruction of the dev command, as above. Medians of {ROUNDS} rounds in turn."
        ),
        columns: &["remembered projects", "start", "of the first"],
        rows: vec![
            vec![FEW.to_string(), milliseconds(few), times(1.0)],
            vec![MANY.to_string(), milliseconds(many), times(many / few)],
        ],
        budgets: vec![Budget {
            promise: "at most 1.5×",
            measured: times(many / few),
            met: many / few <= 1.5,
        }],
    }
}

/// Fills the store as so many projects would have that were started and stopped, each in a directory that
/// exists: fifty at a time in ten ranges, one of which is the measured project's.
fn remember(runner: &Runner<'_>, count: usize) {
    let dirs = runner.sandbox.root().join("projects");
    let state = StateDir::create(Some(&runner.sandbox.state_dir()), &|_| None).expect("a state directory");
    let ports = Ports::new(state.into());
    for batch in 0..count.div_ceil(BATCH) {
        let start = STARTS[batch % STARTS.len()];
        let range = Range::new(start, start + 99).expect("a hundred ports");
        let numbers = batch * BATCH..count.min((batch + 1) * BATCH);
        let requests: Vec<PortRequest> =
            numbers.map(|number| request(&dirs.join(number.to_string()), range)).collect();
        for request in &requests {
            fs::create_dir_all(&request.dir).expect("a directory of our own");
        }
        let lease = reserve(&ports, &requests).expect("half of the range is free");
        lease.release(SystemTime::now()).expect("the store can be written");
    }
}

/// The request of the project in this directory.
pub(crate) fn request(dir: &Path, range: Range) -> PortRequest {
    let id = dir.to_string_lossy().into_owned();
    PortRequest {
        project: id.clone(),
        name: id,
        dir: dir.to_owned(),
        framework: "default".into(),
        evidence: Fingerprint::new(Vec::new(), Vec::new()),
        range,
        choice: PortChoice::Any,
        exclude: Vec::new(),
        beside: Vec::new(),
        part_of: None,
    }
}

/// Ports for all of these, on the disk.
pub(crate) fn reserve(ports: &Ports, requests: &[PortRequest]) -> Result<Lease, PortError> {
    let projects: Vec<String> = requests.iter().map(|request| request.project.clone()).collect();
    let terms = AllocateOptions { now: SystemTime::now(), patience: Duration::ZERO, end_leftovers: &|_| {} };
    let mut lease = ports.allocate(&projects, |at, _| requests[at].clone(), terms)?;
    lease.close_store();
    Ok(lease)
}
