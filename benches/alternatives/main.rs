//! `cargo bench`: bowline against what people use today, in one run on one machine.
//!
//! Prints Markdown. `cargo bench -- launch memory` measures only those. The alternatives come from the npm
//! registry on first use; what is not there is said to be missing.

#[path = "../../tests/support/mod.rs"]
mod support;

mod bin;
mod burst;
mod caught;
mod launch;
mod machine;
mod memory;
mod output;
mod ready;
mod remembered;
mod report;
mod scan;
mod size;
mod tools;
mod workspace;

use std::env;

use report::{Section, print};
use tools::Tools;

/// See [`support::memory`].
const STATE_IN_MEMORY: bool = false;

/// A name to ask for it by, and the measurement.
type Measurement = (&'static str, fn(&Tools) -> Section);

const MEASUREMENTS: [Measurement; 11] = [
    ("launch", launch::measure),
    ("bin", bin::measure),
    ("scan", scan::measure),
    ("memory", memory::measure),
    ("ready", ready::measure),
    ("burst", burst::measure),
    ("remembered", remembered::measure),
    ("output", output::measure),
    ("workspace", workspace::measure),
    ("caught", caught::measure),
    ("size", size::measure),
];

fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| MEASUREMENTS.iter().all(|(known, _)| known != name)) {
        let known = MEASUREMENTS.map(|(name, _)| name).join(", ");
        print(&format!("no measurement is called `{unknown}`: there are {known}"));
        return;
    }
    let tools = Tools::installed();
    print(&machine::describe(&tools));
    for (name, measure) in MEASUREMENTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            print(&measure(&tools).to_string());
        }
    }
}
