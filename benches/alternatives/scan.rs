//! Finding the free port of a range in which 99 of 100 are taken.

use std::net::{Ipv6Addr, TcpListener};
use std::time::SystemTime;

use bowline::paths::StateDir;
use bowline::port::{PortRequest, Probe, Verdict};
use bowline::range::Range;
use serde_json::Value;

use super::launch::monotonic_nanos;
use super::remembered::{request, reserve};
use super::report::{Budget, Section, float, median, milliseconds, times};
use super::support::{Finished, Ports, Sandbox, run_to_end};
use super::tools::Tools;

const ROUNDS: u32 = 51;

pub(crate) fn measure(tools: &Tools) -> Section {
    let ports = Ports::claim(100);
    let strangers: Vec<TcpListener> =
        (ports.first()..ports.last()).map(|port| everywhere(&ports, port)).collect();
    let allocator = Allocator::new(&ports);
    let median_of = |act: &dyn Fn() -> f64| median((0..=ROUNDS).map(|_| act()).skip(1).collect());
    let probed = median_of(&|| probe(&ports));
    let bowline = median_of(&|| allocator.look_up());
    let allocated = median_of(&|| allocator.allocate());
    let row = |what: &str, took: f64| {
        vec![what.to_owned(), milliseconds(took), times(took / bowline), String::new()]
    };
    let mut rows = vec![
        row("bowline", bowline),
        row("bowline, probes alone", probed),
        row("bowline, reserved durably as well", allocated),
    ];
    let mut fastest_other = f64::MAX;
    for (name, answer) in nodes_scans(tools, &ports) {
        let took = 1e6
            * median(
                answer["milliseconds"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect(),
            );
        let remark = if answer["port"] == ports.last() {
            fastest_other = fastest_other.min(took);
            String::new()
        } else {
            format!("did not scan the range: answered {}", answer["port"])
        };
        rows.push(vec![name, milliseconds(took), times(took / bowline), remark]);
    }
    drop(strangers);
    let factor = fastest_other / bowline;
    Section {
        title: "Scan of a range with 99 of 100 ports taken",
        method: format!(
            "The last port of the range is free; the others have a listener on `::` (or `0.0.0.0`). Medians of \
             {ROUNDS} scans within one process that already runs, so the start of node does not count. For bowline: \
             `Ports::lookup`, which also respects other projects' reservations and remembered ports; then only the bind \
             probes of that scan; then `Ports::allocate`, which commits the reservation to the disk, which none of the \
             others does."
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

/// bowline's allocator, without and with all that makes the port the project's own.
struct Allocator {
    ports: bowline::port::Ports,
    request: PortRequest,
    _sandbox: Sandbox,
}

impl Allocator {
    fn new(ports: &Ports) -> Self {
        let sandbox = Sandbox::new();
        let dir = StateDir::create(Some(&sandbox.state_dir()), &|_| None).expect("a state directory");
        let range = Range::new(ports.first(), ports.last()).expect("a hundred ports");
        let request = request(sandbox.project(), range);
        Self { ports: bowline::port::Ports::new(dir.into()), request, _sandbox: sandbox }
    }

    /// Which port it would be: what the alternatives answer too.
    fn look_up(&self) -> f64 {
        timed(|| {
            self.ports.lookup(std::slice::from_ref(&self.request), SystemTime::now()).expect("a port is free")
        })
    }

    /// With the reservation in the store, on the disk.
    fn allocate(&self) -> f64 {
        let allocate = || reserve(&self.ports, std::slice::from_ref(&self.request));
        let mut lease = None;
        let took = timed(|| lease = Some(allocate().expect("a port is free")));
        if let Some(lease) = lease {
            lease.release(SystemTime::now()).expect("the store can be written");
        }
        // Else the next one would take it at once.
        self.ports.forget(&self.request.project).expect("the store can be written");
        took
    }
}

/// The order of the scan and the probe of each port, and nothing else.
fn probe(ports: &Ports) -> f64 {
    let mut probe = Probe::default();
    let free = |port: &u16| matches!(probe.check(*port), Ok(Verdict::Free));
    timed(|| assert_eq!(ports.all().find(free), Some(ports.last())))
}

fn timed<T>(act: impl FnOnce() -> T) -> f64 {
    let start = monotonic_nanos();
    let answer = act();
    let took = monotonic_nanos() - start;
    drop(answer);
    float(took)
}
