//! bowline as the first process of a container, and after a script that has left it children.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    PATIENCE, Sandbox, Session, dev_server, end_of, is_free, read_until, run_to_end, stage, stage_of,
};

/// A program as the first process of a pid namespace of its own; `None`, with the reason printed, where the kernel
/// or the container that the tests run in allows none.
fn in_a_namespace(sandbox: &Sandbox, line: &str) -> Option<Command> {
    let unshare = |line: &str| {
        let mut command = sandbox.command("unshare");
        let user = if nix::unistd::getuid().is_root() { &[][..] } else { &["--user", "--map-root-user"] };
        command.args(user).args(["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", line]);
        command
    };
    let tried = unshare("exit 0").output();
    if tried.as_ref().is_ok_and(|output| output.status.success()) {
        return Some(unshare(line));
    }
    println!("skipped: no pid namespace can be made here: {tried:?}");
    None
}

/// The first process of the namespace that this `unshare` has made.
fn first_process(session: &Session) -> Pid {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", session.id())).unwrap();
    children.trim().parse().ok().and_then(Pid::from_raw).unwrap_or_else(|| panic!("children: {children}"))
}

/// Runs a shell command in the namespace of this process, as `docker exec` does.
fn enter(first: Pid, line: &str) -> String {
    let first = first.as_raw_nonzero().to_string();
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &first, "--user", "--preserve-credentials", "--pid", "--mount", "sh", "-c", line]);
    if nix::unistd::getuid().is_root() {
        command = Command::new("nsenter");
        command.args(["--target", &first, "--pid", "--mount", "sh", "-c", line]);
    }
    let finished = run_to_end(command.stdin(Stdio::null()));
    assert!(finished.status.success(), "{finished:?}");
    finished.stdout
}

/// The zombies of the namespace. The command that asks waits for the end of five orphans first: each holds a copy
/// of the pipe that it reads to the end.
const ORPHANS: &str = "for orphan in 1 2 3 4 5; do (sh -c '(sleep 0.2; exit 3) & exit 0'); done | cat; \
                       cat /proc/[0-9]*/stat | grep -c ' Z ' || true";

#[test]
fn the_first_process_reaps_every_orphan_passes_signals_on_and_ends_as_the_server_does() {
    let (sandbox, ports) = stage("", 1);
    let bowline = env!("CARGO_BIN_EXE_bowline");
    let line = format!("(sleep 0.1; exit 5) & exec '{bowline}' --json");
    let Some(command) = in_a_namespace(&sandbox, &line) else { return };
    let mut session = Session::start(command);
    assert_eq!(session.ready(), ports.first());
    let first = first_process(&session);
    // Of the last of them, the kernel may tell bowline while the command looks already.
    let zombies = (0..50).map(|_| enter(first, ORPHANS)).find(|zombies| zombies.trim() == "0");
    assert!(zombies.is_some(), "{}", enter(first, "ps axo pid,ppid,stat,args"));
    kill_process(first, Signal::TERM).unwrap();
    let ended = session.wait();
    // The stand-in dies of the signal, and the first process of a namespace cannot.
    assert_eq!(ended.status.code(), Some(143), "{ended:#?}");
    assert_eq!(ended.of("process-exited")[0]["state"], "stopped", "{ended:#?}");
}

#[test]
fn a_runner_that_is_the_first_process_reaps_too() {
    let (sandbox, _ports) = stage("", 1);
    let bowline = env!("CARGO_BIN_EXE_bowline");
    let Some(mut command) = in_a_namespace(&sandbox, &format!("(sleep 0.1) & exec '{bowline}' runner"))
    else {
        return;
    };
    command.stdin(Stdio::piped());
    let mut session = Session::start(command);
    session.event("runner-status");
    let first = first_process(&session);
    let zombies = (0..50).map(|_| enter(first, ORPHANS)).find(|zombies| zombies.trim() == "0");
    assert!(zombies.is_some(), "{}", enter(first, "ps axo pid,ppid,stat,args"));
    kill_process(first, Signal::TERM).unwrap();
    assert_eq!(session.wait().status.code(), Some(143));
}

/// The process whose pid this file has, if it lives.
fn living(file: &Path) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        .trim()
        .parse()
        .unwrap();
    // A zombie has no command line any more.
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    Pid::from_raw(pid).filter(|_| !line.is_empty())
}

/// Runs bowline after these commands of an entry script, kills the guardian once the server is ready, and waits for
/// the end of bowline.
fn lose_the_guardian(sandbox: &Sandbox, entry: &str, options: &str) {
    let mut command = sandbox.command("sh");
    command.args(["-c", &format!("{entry} exec \"$0\" --json {options}"), env!("CARGO_BIN_EXE_bowline")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut events = child.stdout.take().unwrap();
    read_until(&mut events, "port-detected");
    if options == "--open" {
        let restarted = sandbox.run(["restart"]);
        assert!(restarted.status.success(), "while the browser is open: {restarted:?}");
    }
    kill_process(sandbox.guardian(), Signal::KILL).unwrap();
    read_until(&mut events, "process-exited");
    let ended = end_of(&child);
    assert!(ended.recv_timeout(PATIENCE).is_ok(), "bowline does not end");
    child.wait().unwrap();
}

#[test]
fn a_helper_that_an_entry_script_has_left_outlives_the_service() {
    for entry in [
        "sleep 300 & echo $! > helper;",
        "(sleep 300 & echo $! > helper);",
        "setsid sleep 300 & echo $! > helper;",
        "env -i setsid sleep 300 & echo $! > helper;",
    ] {
        let (sandbox, ports) = stage("", 1);
        lose_the_guardian(&sandbox, entry, "");
        let helper = living(&sandbox.project().join("helper"));
        kill_process(
            helper.unwrap_or_else(|| panic!("ended, though nobody asked for it: {entry}")),
            Signal::KILL,
        )
        .unwrap();
        assert!(ports.all().all(is_free), "{entry}");
    }
}

#[test]
fn a_browser_outlives_the_service_and_keeps_none_from_being_restarted() {
    let (mut sandbox, _ports) = stage("", 1);
    sandbox.program("xdg-open", "echo $$ > \"$HOME/browser\"; exec sleep 300");
    lose_the_guardian(&sandbox, "", "--open");
    let browser = living(&sandbox.root().join("home/browser"));
    kill_process(browser.expect("a browser that goes on"), Signal::KILL).unwrap();
}

#[test]
fn what_a_service_has_left_without_a_trace_ends_with_it_where_it_can_be_nobody_elses() {
    let script =
        format!("env -i setsid sleep 300 & echo $! > left; exec '{}' --lifetime 200", dev_server().display());
    let (sandbox, _ports) = stage_of(&script, 1);
    lose_the_guardian(&sandbox, "", "");
    assert_eq!(living(&sandbox.project().join("left")), None);
}
