//! Finding the free port of a range in which 99 of 100 are taken.

use std::net::{Ipv6Addr, TcpListener};

use serde_json::Value;

use super::launch::monotonic_nanos;
use super::report::{Budget, Section, float, median, milliseconds, times};
use super::support::{Finished, Ports, Sandbox, run_to_end};
use super::tools::Tools;

const ROUNDS: u32 = 51;

pub(crate) fn measure(tools: &Tools) -> Section {
    let ports = Ports::claim(100);
    let strangers: Vec<TcpListener> =
        (ports.first()..ports.last()).map(|port| everywhere(&ports, port)).collect();
    let bowline = median((0..=ROUNDS).map(|_| bowlines_scan(&ports)).skip(1).collect());
    let mut rows = vec![vec!["bowline".to_owned(), milliseconds(bowline), times(1.0), String::new()]];
    let mut slowest_promised = f64::MAX;
    for (name, answer) in nodes_scans(tools, &ports) {
        let took = 1e6
            * median(
                answer["milliseconds"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect(),
            );
        let remark = if answer["port"] == ports.last() {
            slowest_promised = slowest_promised.min(took);
            String::new()
        } else {
            format!("did not scan the range: answered {}", answer["port"])
        };
        rows.push(vec![name, milliseconds(took), times(took / bowline), remark]);
    }
    drop(strangers);
    let factor = slowest_promised / bowline;
    Section {
        title: "Scan of a range with 99 of 100 ports taken",
        method: format!(
            "The last port of the range is free; the others have a listener on `::` (or `0.0.0.0`). {ROUNDS} scans each within one \
             process that runs already, medians: starting node is not counted."
        ),
        columns: &["tool", "scan", "of bowline's", ""],
        rows,
        budgets: vec![Budget {
            promise: "at least 20× faster than get-port and portfinder",
            measured: times(factor),
            met: factor >= 20.0,
        }],
    }
}

/// A stranger as most dev servers are: on both families.
fn everywhere(ports: &Ports, port: u16) -> TcpListener {
    TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).unwrap_or_else(|_| ports.stranger(port))
}

fn nodes_scans(tools: &Tools, ports: &Ports) -> Vec<(String, Value)> {
    let sandbox = Sandbox::new();
    let mut node = sandbox.command("node");
    node.arg(tools.packages().join("scan.mjs"));
    node.args([ports.first().to_string(), ports.last().to_string(), ROUNDS.to_string()]);
    let Finished { status, stdout, stderr } = run_to_end(&mut node);
    let answers: Value =
        serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("scan.mjs: {status}\n{stderr}"));
    answers.as_object().into_iter().flatten().map(|(name, answer)| (name.clone(), answer.clone())).collect()
}

/// The order and the probe of bowline's allocator, without the store.
fn bowlines_scan(ports: &Ports) -> f64 {
    let start = monotonic_nanos();
    ports.all().find(|&port| super::support::is_free(port));
    float(monotonic_nanos() - start)
}
