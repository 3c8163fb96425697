//! `bowline doctor`: checks of this machine, with advice.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Serialize;
use serde_json::json;

use super::agents;
use super::answer::answer;
use super::ports::framework_ranges;
use crate::client::whereabouts::Whereabouts;
use crate::client::{fan_out, holder};
use crate::control::{ControlError, Status};
use crate::exit_code::FAILURE;
use crate::invocation::{Failure, Invocation};
use crate::launch;
use crate::port::listeners::holders;
use crate::port::{PortError, Ports, Reservation};
use crate::process::{Exit, Process, wait_for_end};
use crate::project::Project;
use crate::range::Range;
use crate::visible::Visible;

/// Open files that a supervisor of many services needs: pipes, guardians, clients.
const NEEDED_FILES: u64 = 1024;
/// Time for a program to print its version. A package manager behind corepack may download itself first.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);
/// Watches that editors and dev servers of a few projects need. The kernel's default depends on the memory, and
/// may be 8192.
const WATCHES: u64 = 65_536;
/// Watch instances; each dev server has at least one.
const INSTANCES: u64 = 128;

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    message: String,
    /// A command, or advice.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn good(&mut self, check: &'static str, message: impl Into<String>) {
        self.0.push(Finding { check, ok: true, message: message.into(), mend: None });
    }

    fn bad(&mut self, check: &'static str, message: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { check, ok: false, message: message.into(), mend: Some(mend.into()) });
    }

    /// Adds a good finding, unless this check has a bad one.
    fn unless_bad(&mut self, check: &'static str, message: impl Into<String>) {
        if self.0.iter().all(|finding| finding.check != check) {
            self.good(check, message);
        }
    }
}

/// Runs all checks. The exit code is 0 if and only if all are good.
pub fn doctor(invocation: &Invocation) -> Result<Exit, Failure> {
    let state = invocation.state_to_write()?;
    let ports = invocation.ports_to_read();
    let mut findings = Findings::default();
    match state.trouble() {
        None => findings.good("state", format!("`{}` can be written", state.root().visible())),
        Some(trouble) => {
            let message = state.substitution().unwrap_or_else(|| trouble.to_string());
            findings.bad("state", message, trouble.hint().unwrap_or_default());
        }
    }
    store(&mut findings, &ports);
    supervisors(&mut findings, &ports.reservations());
    ranges(&mut findings, invocation, &ports)?;
    programs(&mut findings, invocation);
    terminal(&mut findings, invocation);
    limits(&mut findings);
    for finding in agents::findings(invocation) {
        match finding {
            Ok(message) => findings.good("agents", message),
            Err((message, mend)) => findings.bad("agents", message, mend),
        }
    }
    let Findings(findings) = findings;
    let ok = findings.iter().all(|finding| finding.ok);
    answer(invocation, || json!({ "ok": ok, "findings": findings }), || describe(&findings))?;
    Ok(Exit::Code(if ok { 0 } else { FAILURE }))
}

fn describe(findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { check, ok, message, mend } in findings {
        let mark = if *ok { "ok " } else { "BAD" };
        text.push_str(&format!("{mark}  {check:<12} {message}\n"));
        if let Some(mend) = mend {
            text.push_str(&format!("     mend it with: {mend}\n"));
        }
    }
    text
}

/// The store, and services in it whose supervisor and guardian are both gone.
fn store(findings: &mut Findings, ports: &Ports) {
    if let Some(error) = ports.lock_error() {
        let mend = if let PortError::Busy { path } = &error {
            format!("fuser -v {} (end what was stopped or hangs)", path.visible())
        } else {
            error.hint().into_owned()
        };
        findings.bad("store", error.to_string(), mend);
    }
    for warning in ports.examine() {
        let mend = warning.hint().unwrap_or("bowline ports prune");
        findings.bad("store", warning.to_string(), mend);
    }
    findings.unless_bad("store", "what is remembered can be read");
    for one in ports.leftovers() {
        let place = if one.has_port() { format!(" (port {})", one.port) } else { String::new() };
        let message = format!("the supervisor and the guardian of `{}`{place} were both killed", one.name);
        findings.bad("leftovers", message, "bowline ports prune");
    }
    findings.unless_bad("leftovers", "no service has lost its supervisor");
}

fn supervisors(findings: &mut Findings, live: &[Reservation]) {
    let answers = fan_out::call(live);
    for (services, answer) in &answers {
        let Some(Reservation { pid, .. }) = services.first() else { continue };
        let error = match answer {
            Ok(statuses) => {
                versions(findings, statuses);
                continue;
            }
            Err(error) => error,
        };
        let mend = match error {
            ControlError::Incompatible { .. } => format!("kill {pid}"),
            ControlError::Suspended { .. } => format!("kill -CONT {pid}"),
            ControlError::NotConnected { .. } | ControlError::Refused(_) | ControlError::Failed(..) => {
                "bowline stop --force".to_owned()
            }
        };
        findings.bad("supervisors", error.to_string(), mend);
    }
    findings.unless_bad("supervisors", format!("{} of {} answer", answers.len(), answers.len()));
    for (services, answer) in &answers {
        let statuses = answer.as_deref().unwrap_or_default();
        for one in services {
            let status = statuses.iter().find(|status| status.project_id == one.project);
            if let Some((message, mend)) = Whereabouts::of(one, status).trouble(one) {
                findings.bad("directories", message, mend);
            }
        }
    }
    findings.unless_bad("directories", "every service runs in a directory that is where it was");
}

/// Services that go on under the version that they were started with.
fn versions(findings: &mut Findings, statuses: &[Status]) {
    let ours = env!("CARGO_PKG_VERSION");
    for Status { name, bowline: theirs, pid, .. } in statuses.iter().filter(|one| one.bowline != ours) {
        let message = format!("`{name}` runs under bowline {theirs} (pid {pid}), and this is bowline {ours}");
        findings.bad("versions", message, format!("bowline stop {name} (then start it again)"));
    }
}

/// Ranges without a free port, and who holds ports in any range.
fn ranges(findings: &mut Findings, invocation: &Invocation, ports: &Ports) -> Result<(), Failure> {
    let ranges: Vec<Range> = framework_ranges(invocation)?.into_keys().collect();
    let usage = ports.usage(&ranges);
    for range in usage.iter().filter(|usage| usage.available == 0).map(|usage| usage.range) {
        let mend = "bowline ls (then stop what is not needed with bowline stop)";
        findings.bad("ports", format!("no port of {range} is left"), mend);
    }
    findings.unless_bad("ports", format!("every one of the {} ranges has a free port", usage.len()));
    let reservations = ports.reservations();
    let mut others: BTreeSet<u16> = ranges.iter().flat_map(|range| range.start..=range.end).collect();
    for Reservation { name, port, pid, dir, .. } in reservations.iter().filter(|one| one.has_port()) {
        others.remove(port);
        let message = format!("port {port}: {name} (bowline, pid {pid}) in `{}`", dir.visible());
        findings.good("ports", message);
    }
    for holder in holders(&others.into_iter().collect::<Vec<_>>()) {
        let ports: Vec<String> = holder.ports.iter().map(u16::to_string).collect();
        let message = format!("port {}: {}", ports.join(", "), holder::describe(&holder));
        findings.good("ports", message);
    }
    Ok(())
}

fn programs(findings: &mut Findings, invocation: &Invocation) {
    let version = |program: &str| version(program, invocation);
    let mut found = |check, program: &str, version: io::Result<String>, missing: (&str, &str)| match version {
        Ok(version) => findings.good(check, version),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            let message = format!(
                "`{program} --version` has not answered within {} seconds",
                VERSION_TIMEOUT.as_secs()
            );
            findings.bad(check, message, format!("{program} --version (it may have something to download)"));
        }
        Err(_) => findings.bad(check, missing.0, missing.1),
    };
    let missing = ("there is no `node` in the PATH", "install Node.js from https://nodejs.org");
    found("node", "node", version("node"), missing);
    let Ok(project) = Project::find(&invocation.dir) else { return };
    let choice = launch::choose(&project, &invocation.caller);
    let name = choice.manager.name();
    let missing = format!("`{}` uses {name}, which is not in the PATH", project.name);
    let installation = format!("npm install --global {name}");
    let version = version(name).map(|version| format!("{name} {version}"));
    found("manager", name, version, (&missing, &installation));
    let is_installed = ["node_modules", ".pnp.cjs"].iter().any(|file| choice.root.join(file).exists());
    if !project.manifest.dependencies.is_empty() && !is_installed {
        let message = format!("the dependencies of `{}` are not installed", project.name);
        findings.bad("manager", message, format!("{name} install"));
    }
}

fn version(program: &str, invocation: &Invocation) -> io::Result<String> {
    let path = which::which_in(program, invocation.variable("PATH"), &invocation.dir);
    version_of(&path.map_err(io::Error::other)?, VERSION_TIMEOUT)
}

fn version_of(program: &Path, limit: Duration) -> io::Result<String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.process_group(0).spawn()?;
    let pid = child.id().cast_signed();
    let _ended = wait_for_end(pid, limit, || true);
    let in_time = Process::read(pid).is_none_or(|process| process.zombie);
    // Descendants may hold the pipe open. Until the child is reaped, no other process can get its group id.
    let _gone = killpg(Pid::from_raw(pid), Signal::SIGKILL);
    if !in_time {
        child.wait()?;
        return Err(io::ErrorKind::TimedOut.into());
    }
    let output = child.wait_with_output()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success());
    let text = text.ok_or(io::ErrorKind::InvalidData)?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}

fn terminal(findings: &mut Findings, invocation: &Invocation) {
    use nix::fcntl::OFlag;
    let check = "terminal";
    if let Err(error) = nix::pty::posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY) {
        let message = format!("there are no pseudo-terminals: {error}");
        findings.bad(check, message, "mount -t devpts devpts /dev/pts");
    } else if !io::stdout().is_terminal() {
        findings.good(check, "the output is no terminal: services get pipes");
    } else if let Some(term) = invocation.variable("TERM").filter(|term| !term.is_empty()) {
        findings.good(check, term.to_string_lossy());
    } else {
        findings.bad(check, "TERM is not set, so nothing knows its colours", "export TERM=xterm-256color");
    }
}

fn limits(findings: &mut Findings) {
    match getrlimit(Resource::RLIMIT_NOFILE) {
        // Programs that need more raise the soft limit themselves, as node does when it starts. A stock macOS has
        // a soft one of 256 and a hard one without end (`bsd_init`, `bsd/kern/bsd_init.c` of xnu).
        Ok((_, hard)) if hard < NEEDED_FILES => {
            let message = format!("only {hard} files may be open at once");
            findings.bad("files", message, format!("ulimit -n {}", NEEDED_FILES * 4));
        }
        Ok((soft, _)) => findings.good("files", format!("{soft} may be open at once")),
        Err(error) => findings.good("files", format!("the limit is not known: {error}")),
    }
    // Other systems have no such limit, and no such file.
    for (name, enough, better, what) in [
        ("max_user_watches", WATCHES, WATCHES * 8, "files can be watched for changes"),
        ("max_user_instances", INSTANCES, INSTANCES * 4, "programs can watch files for changes"),
    ] {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).unwrap_or_default();
        match text.trim().parse::<u64>() {
            Ok(limit) if limit < enough => {
                let mend = format!("sudo sysctl fs.inotify.{name}={better}");
                findings.bad("inotify", format!("only {limit} {what}"), mend);
            }
            Ok(limit) => findings.good("inotify", format!("{limit} {what}")),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_waited_for_only_so_long() {
        let dir = tempfile::tempdir().unwrap();
        for (name, script, expected) in [
            ("quick", "echo ' 1.2.3'; echo more", Ok("1.2.3")),
            ("wrong", "exit 1", Err(io::ErrorKind::InvalidData)),
            ("slow", "sleep 100 & wait", Err(io::ErrorKind::TimedOut)),
        ] {
            let path = dir.path().join(name);
            // Written by another process: were it this one, a fork of another test could hold the file open for
            // writing, and executing it would fail (ETXTBSY).
            let write = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod +x \"$0\"";
            let status = Command::new("sh").args(["-c", write]).arg(&path).arg(script).status();
            assert!(status.is_ok_and(|status| status.success()));
            let limit = Duration::from_millis(if name == "slow" { 50 } else { 60_000 });
            let version = version_of(&path, limit).map_err(|error| error.kind());
            assert_eq!(version, expected.map(str::to_owned), "{name}");
        }
    }
}
