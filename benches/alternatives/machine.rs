//! The machine that the figures were measured on.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::tools::Tools;

/// Date, machine, and the versions of everything measured.
pub(crate) fn describe(tools: &Tools) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}, bowline {}\n", said_by("date", &["-u", "+%F"]), env!("CARGO_PKG_VERSION"));
    let _ = writeln!(text, "| machine | |\n| --- | --- |");
    let _ = writeln!(text, "| processor | {} |", line_of("/proc/cpuinfo", "model name"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let _ = writeln!(text, "| cores | {cores} |");
    let _ = writeln!(text, "| memory | {} |", line_of("/proc/meminfo", "MemTotal"));
    let _ = writeln!(text, "| system | {} |", said_by("uname", &["-srm"]));
    let _ = writeln!(
        text,
        "| load before | {} |",
        fs::read_to_string("/proc/loadavg").unwrap_or_default().trim()
    );
    let _ = writeln!(text, "| node | {} |", said_by("node", &["--version"]));
    for tool in tools.all() {
        let _ = writeln!(text, "| {} | {} |", tool.name, tool.version.as_deref().unwrap_or("missing"));
    }
    text
}

fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map_or_else(|_| "unknown".into(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The value after the colon of the first line that starts so.
fn line_of(file: &str, start: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(start));
    line.and_then(|line| line.split_once(':'))
        .map_or_else(|| "unknown".into(), |(_, value)| value.trim().to_owned())
}
