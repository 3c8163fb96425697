//! Output that passes through.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::report::{Budget, Section, float, median};
use super::support::{Sandbox, dev_server};
use super::tools::{STATIC, Tools, static_program};

const BYTES: u64 = 2 << 30;
const ROUNDS: usize = 3;

pub(crate) fn measure(_: &Tools) -> Section {
    let producer = format!("'{}' --produce {BYTES}", dev_server().display());
    let sandbox = Sandbox::with_script(&producer);
    let (mut through_bowline, mut through_static, mut through_cat, mut peak) =
        (Vec::new(), Vec::new(), Vec::new(), 0);
    let is_there = static_program().exists();
    for _ in 0..ROUNDS {
        let (rate, memory) = throughput(sandbox.bowline(["dev"]));
        through_bowline.push(rate);
        peak = peak.max(memory);
        if is_there {
            let mut command = sandbox.command(static_program());
            command.arg("dev");
            through_static.push(throughput(command).0);
        }
        let mut cat = sandbox.command("sh");
        cat.args(["-c", &format!("{producer} | cat")]);
        through_cat.push(throughput(cat).0);
    }
    let (bowline, cat) = (median(through_bowline), median(through_cat));
    let row = |name: &str, rate: f64| vec![name.to_owned(), format!("{rate:.2}"), percent(rate / cat)];
    let of_static = is_there.then(|| median(through_static));
    let static_row = of_static.map_or_else(
        || vec![STATIC.to_owned(), "missing".to_owned(), String::new()],
        |rate| row(STATIC, rate),
    );
    let promised =
        |promise, rate: f64| Budget { promise, measured: percent(rate / cat), met: rate / cat >= 0.8 };
    Section {
        title: "Output pass-through",
        method: format!(
            "The service writes {} GiB of 64-byte lines to a pipe; this program reads it and counts every byte. Medians of {ROUNDS} rounds.",
            BYTES >> 30
        ),
        columns: &["through", "GiB/s", "of cat's"],
        rows: vec![row("bowline", bowline), static_row, row("cat", cat)],
        budgets: [
            Some(promised("at least 80% of cat's", bowline)),
            of_static.map(|rate| promised("at least 80% of cat's, the static program", rate)),
            Some(Budget {
                promise: "memory bounded",
                measured: format!("{:.1} MiB at its highest, half-way", float(peak) / 1024.0),
                met: peak > 0 && peak <= 8 * 1024,
            }),
        ]
        .into_iter()
        .flatten()
        .collect(),
    }
}

/// GiB a second, and the highest resident memory of the command's own process half-way, in KiB.
fn throughput(mut command: Command) -> (f64, u64) {
    let start = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("bowline was built");
    let mut pipe = child.stdout.take().expect("a pipe");
    let mut buffer = vec![0; 1 << 18];
    let (mut read, mut peak) = (0, 0);
    loop {
        match pipe.read(&mut buffer).expect("a pipe that is open") {
            0 => break,
            more => read += more as u64,
        }
        if peak == 0 && read > BYTES / 2 {
            peak = highest_resident(child.id());
        }
    }
    let took = start.elapsed().as_secs_f64();
    let _ = child.wait();
    assert_eq!(read, BYTES, "{command:?} lost or added output");
    (float(BYTES >> 20) / 1024.0 / took, peak)
}

fn highest_resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn percent(fraction: f64) -> String {
    format!("{:.0}%", fraction * 100.0)
}
