//! From the service's `listen()` to bowline's event.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::launch::monotonic_nanos;
use super::report::{Budget, Section, float, largest, median, milliseconds};
use super::support::Sandbox;
use super::tools::Tools;

const ROUNDS: usize = 40;

pub(crate) fn measure(_: &Tools) -> Section {
    let latencies: Vec<f64> = (0..ROUNDS).map(latency).collect();
    let slowest = largest(&latencies);
    let median = median(latencies);
    Section {
        title: "`listen()` to ready",
        method: format!(
            "From the monotonic time that the service records right after its `listen()` to the time at which this program has \
             read `port-detected`. {ROUNDS} starts; the server listens between 0 and 200 ms after its own start."
        ),
        columns: &["", "latency"],
        rows: vec![
            vec!["median".into(), milliseconds(median)],
            vec!["slowest".into(), milliseconds(slowest)],
        ],
        budgets: vec![Budget {
            promise: "at most 25 ms",
            measured: milliseconds(slowest),
            met: slowest <= 25e6,
        }],
    }
}

fn latency(round: usize) -> f64 {
    let sandbox = Sandbox::with_dev_server(&format!("--delay {}", round * 200 / ROUNDS));
    let mut command = sandbox.bowline(["dev", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("bowline was built");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let (mut listening, mut ready) = (None, None);
    while listening.is_none() || ready.is_none() {
        let line = lines.next().expect("an event for each");
        let now = monotonic_nanos();
        let event: Value = serde_json::from_str(&line).expect("a line of JSON");
        if event["type"] == "port-detected" {
            ready = Some(now);
        } else if event["type"] == "log-chunk" {
            let printed =
                serde_json::from_str::<Value>(event["data"].as_str().unwrap_or_default()).unwrap_or_default();
            listening = printed["monotonicNanos"].as_u64().or(listening);
        }
    }
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM);
    }
    lines.for_each(drop);
    let _ = child.wait();
    float(ready.unwrap_or_default().saturating_sub(listening.unwrap_or_default()))
}
