//! `bowline doctor`: checks of this machine, with advice.

use std::io::{self, IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Serialize;
use serde_json::json;

use crate::client::fan_out;
use crate::client::resolve;
use crate::config;
use crate::control;
use crate::exit_code::FAILURE;
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::launch;
use crate::port::listeners::holders;
use crate::port::{Ports, Reservation};
use crate::process::{Exit, Process, wait_for_end};
use crate::project::Project;
use crate::range::Range;
use crate::ui;
use crate::visible::Visible;

/// Open files that a supervisor of many services needs: pipes, guardians, clients.
const OPEN_FILES: u64 = 1024;
/// Time for a program to print its version. A package manager behind corepack may download itself first.
const VERSION: Duration = Duration::from_secs(5);
/// Watches that editors and dev servers of a few projects need. The kernel's default depends on the memory and may be 8192.
#[cfg(target_os = "linux")]
const WATCHES: u64 = 65_536;
/// Watch instances; each dev server has at least one.
#[cfg(target_os = "linux")]
const INSTANCES: u64 = 128;

/// The result of one check.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    message: String,
    /// A command, or advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Finding {
    fn good(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, ok: true, message: message.into(), mend: None }
    }

    fn bad(check: &'static str, message: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, ok: false, message: message.into(), mend: Some(mend.into()) }
    }

    fn late(check: &'static str, program: &str) -> Self {
        let command = format!("{program} --version");
        let message = format!("`{command}` has not answered within {} seconds", VERSION.as_secs());
        Self::bad(check, message, format!("{command} (it may have something to download)"))
    }
}

/// Runs all checks. The exit code is 0 if and only if all are good.
pub fn doctor(invocation: &Invocation) -> Result<Exit, Failure> {
    let state = invocation.state_to_write()?;
    let ports = invocation.ports_to_read();
    let mut findings = vec![match state.trouble() {
        None => Finding::good("state", format!("`{}` can be written", state.root().visible())),
        Some(trouble) => Finding::bad(
            "state",
            state.substitution().unwrap_or_else(|| trouble.to_string()),
            trouble.hint().unwrap_or_default(),
        ),
    }];
    findings.extend(store(&ports));
    findings.extend(leftovers(&ports));
    findings.extend(supervisors(&ports.reservations()));
    findings.extend(ranges(invocation, &ports)?);
    findings.extend(programs(invocation));
    findings.push(terminal(invocation));
    findings.extend(limits());
    show(invocation, &findings)?;
    Ok(Exit::Code(if findings.iter().all(|finding| finding.ok) { 0 } else { FAILURE }))
}

fn show(invocation: &Invocation, findings: &[Finding]) -> Result<(), Failure> {
    if invocation.json {
        let ok = findings.iter().all(|finding| finding.ok);
        ui::print(&format!("{}\n", json!({ "ok": ok, "findings": findings })))?;
        return Ok(());
    }
    let mut text = String::new();
    for Finding { check, ok, message, mend } in findings {
        let mark = if *ok { "ok " } else { "BAD" };
        text.push_str(&format!("{mark}  {check:<12} {message}\n"));
        if let Some(mend) = mend {
            text.push_str(&format!("     mend it with: {mend}\n"));
        }
    }
    ui::print(&text)?;
    Ok(())
}

fn store(ports: &Ports) -> Vec<Finding> {
    let warnings = ports.examine();
    if warnings.is_empty() {
        return vec![Finding::good("store", "what is remembered can be read")];
    }
    let bad = |warning: &crate::port::Warning| {
        let mend = warning.hint().unwrap_or("bowline ports prune");
        Finding::bad("store", warning.to_string(), mend)
    };
    warnings.iter().map(bad).collect()
}

fn leftovers(ports: &Ports) -> Vec<Finding> {
    let leftovers = ports.leftovers();
    if leftovers.is_empty() {
        return vec![Finding::good("leftovers", "no service has lost its supervisor")];
    }
    let bad = |Reservation { name, port, .. }: &Reservation| {
        let message = format!("the supervisor and the guardian of `{name}` (port {port}) were both killed");
        Finding::bad("leftovers", message, "bowline ports prune")
    };
    leftovers.iter().map(bad).collect()
}

fn supervisors(live: &[Reservation]) -> Vec<Finding> {
    let answers = fan_out::call(live);
    let bad: Vec<Finding> = answers
        .iter()
        .filter_map(|(services, answer)| Some((services.first()?.pid, answer.as_ref().err()?)))
        .map(|(pid, trouble)| {
            let mend = match trouble {
                control::ControlError::Incompatible { .. } => {
                    format!("kill {pid}")
                }
                control::ControlError::NotConnected { .. } | control::ControlError::Refused(_) => {
                    format!("kill -CONT {pid}")
                }
            };
            Finding::bad("supervisors", trouble.to_string(), mend)
        })
        .collect();
    if bad.is_empty() {
        return vec![Finding::good("supervisors", format!("{} of {} answer", answers.len(), answers.len()))];
    }
    bad
}

/// Ranges without a free port, and other holders of ports in any range.
fn ranges(invocation: &Invocation, ports: &Ports) -> Result<Vec<Finding>, Failure> {
    let catalog = config::catalog(&|name| invocation.variable(name))?;
    let mut ranges: Vec<Range> = catalog.frameworks().iter().map(|framework| framework.range).collect();
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    ranges.dedup();
    let usage = ports.usage(&ranges);
    let ours: Vec<u16> = ports.reservations().iter().map(|one| one.port).collect();
    let mut wanted: Vec<u16> = ranges.iter().flat_map(|range| range.start..=range.end).collect();
    wanted.sort_unstable();
    wanted.dedup();
    wanted.retain(|port| !ours.contains(port));
    let strangers: Vec<String> = holders(&wanted)
        .iter()
        .map(|holder| {
            let ports: Vec<String> = holder.ports.iter().map(u16::to_string).collect();
            format!("port {}: {}", ports.join(", "), resolve::describe(holder))
        })
        .collect();
    let mut findings: Vec<Finding> = usage
        .iter()
        .filter(|usage| usage.available == 0)
        .map(|usage| {
            let message = format!("no port of {} is left", usage.range);
            Finding::bad("ports", message, "bowline ls (then stop what is not needed with bowline stop)")
        })
        .collect();
    if findings.is_empty() {
        let message = format!("every one of the {} ranges has a free port", usage.len());
        findings.push(Finding::good("ports", message));
    }
    let own = ports.reservations().into_iter().map(|Reservation { name, port, pid, dir, .. }| {
        format!("port {port}: {name} (bowline, pid {pid}) in `{}`", dir.visible())
    });
    findings.extend(own.chain(strangers).map(|held| Finding::good("ports", held)));
    Ok(findings)
}

/// Node, and the package manager of the project.
fn programs(invocation: &Invocation) -> Vec<Finding> {
    let mut findings = vec![match version("node", invocation) {
        Version::Told(version) => Finding::good("node", version),
        Version::Late => Finding::late("node", "node"),
        Version::Unknown => {
            Finding::bad("node", "there is no `node` in the PATH", "install Node.js from https://nodejs.org")
        }
    }];
    let Ok(project) = Project::find(&invocation.dir) else { return findings };
    let choice = launch::choose(&project, &invocation.caller);
    let name = choice.manager.name();
    findings.push(match version(name, invocation) {
        Version::Told(version) => Finding::good("manager", format!("{name} {version}")),
        Version::Late => Finding::late("manager", name),
        Version::Unknown => {
            let message = format!("`{}` uses {name}, which is not in the PATH", project.name);
            Finding::bad("manager", message, format!("npm install --global {name}"))
        }
    });
    let modules = choice.root.join("node_modules");
    if !project.manifest.dependencies.is_empty()
        && !modules.exists()
        && !choice.root.join(".pnp.cjs").exists()
    {
        let message = format!("the dependencies of `{}` are not installed", project.name);
        findings.push(Finding::bad("manager", message, format!("{} install", choice.manager.name())));
    }
    findings
}

/// The version that a program prints.
#[derive(Debug, PartialEq, Eq)]
enum Version {
    Told(String),
    Late,
    Unknown,
}

fn version(program: &str, invocation: &Invocation) -> Version {
    let path = which::which_in(program, invocation.variable("PATH"), &invocation.dir);
    path.map_or(Version::Unknown, |path| version_of(&path, VERSION))
}

fn version_of(program: &Path, limit: Duration) -> Version {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.process_group(0).spawn() else { return Version::Unknown };
    let pid = child.id().cast_signed();
    let _ended = wait_for_end(pid, limit, || true);
    let in_time = Process::read(pid).is_none_or(|process| process.zombie);
    // Descendants may hold the pipe open. The group is its own until it is reaped.
    let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    if !in_time {
        let _status = child.wait();
        return Version::Late;
    }
    let mut text = String::new();
    let read = child.stdout.take().map(|mut output| output.read_to_string(&mut text));
    match (child.wait(), read) {
        (Ok(status), Some(Ok(_))) if status.success() => {
            Version::Told(text.lines().next().unwrap_or_default().trim().to_owned())
        }
        _ => Version::Unknown,
    }
}

fn terminal(invocation: &Invocation) -> Finding {
    use nix::fcntl::OFlag;
    if let Err(error) = nix::pty::posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY) {
        let message = format!("there are no pseudo-terminals: {error}");
        return Finding::bad("terminal", message, "mount -t devpts devpts /dev/pts");
    }
    if !io::stdout().is_terminal() {
        return Finding::good("terminal", "the output is no terminal: services get pipes");
    }
    match invocation.variable("TERM").filter(|term| !term.is_empty()) {
        Some(term) => Finding::good("terminal", term.to_string_lossy()),
        None => Finding::bad(
            "terminal",
            "TERM is not set, so nothing knows its colours",
            "export TERM=xterm-256color",
        ),
    }
}

fn limits() -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.push(match getrlimit(Resource::RLIMIT_NOFILE) {
        // Programs that need more raise the soft limit themselves, as node does when it starts. A stock macOS has a soft
        // one of 256 and a hard one without end (`bsd_init`, `bsd/kern/bsd_init.c` of xnu).
        Ok((_, hard)) if hard < OPEN_FILES => {
            let message = format!("only {hard} files may be open at once");
            Finding::bad("files", message, format!("ulimit -n {}", OPEN_FILES * 4))
        }
        Ok((soft, _)) => Finding::good("files", format!("{soft} may be open at once")),
        Err(error) => Finding::good("files", format!("the limit is not known: {error}")),
    });
    findings.extend(watches());
    findings
}

#[cfg(target_os = "linux")]
fn watches() -> Vec<Finding> {
    let limits = [
        ("max_user_watches", WATCHES, WATCHES * 8, "files can be watched for changes"),
        ("max_user_instances", INSTANCES, INSTANCES * 4, "programs can watch files for changes"),
    ];
    let look = |(name, enough, better, what): (&str, u64, u64, &str)| {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        let limit: u64 = text.trim().parse().ok()?;
        Some(if limit < enough {
            let mend = format!("sudo sysctl fs.inotify.{name}={better}");
            Finding::bad("inotify", format!("only {limit} {what}"), mend)
        } else {
            Finding::good("inotify", format!("{limit} {what}"))
        })
    };
    limits.into_iter().filter_map(look).collect()
}

/// Other systems have no such limit.
#[cfg(not(target_os = "linux"))]
fn watches() -> Vec<Finding> {
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_does_not_say_its_version_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        for (name, script, expected) in [
            ("quick", "echo ' 1.2.3'; echo more", Version::Told("1.2.3".to_owned())),
            ("wrong", "exit 1", Version::Unknown),
            ("slow", "sleep 100 & wait", Version::Late),
        ] {
            let path = dir.path().join(name);
            // Written by another process: a fork of another test could hold the file open for writing when it is executed.
            let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
            let status = Command::new("sh").args(["-c", write]).arg(&path).arg(script).status();
            assert!(status.is_ok_and(|status| status.success()));
            let limit = Duration::from_millis(if name == "slow" { 50 } else { 60_000 });
            assert_eq!(version_of(&path, limit), expected, "{name}");
        }
    }
}
