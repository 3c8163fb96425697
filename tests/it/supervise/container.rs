//! bowline as the first process of a container, and after a script that has left it children.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use saphyr::{LoadableYamlNode, Yaml};

use crate::support::{
    Fifo, PATIENCE, Sandbox, Session, dev_server, end_of, is_free, read_until, run_to_end, stage, stage_of,
};

/// A shell as the first process of a pid namespace of its own; `None`, with the reason printed, where the kernel
/// or the container that the tests run in allows none.
#[expect(clippy::print_stdout, reason = "whoever reads the log has to know that nothing was tried")]
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

/// A shell command in the namespace of this process, as `docker exec` runs it.
fn within(sandbox: &Sandbox, first: Pid, line: &str) -> Command {
    let first = first.as_raw_nonzero().to_string();
    let mut command = sandbox.command("nsenter");
    let user = if nix::unistd::getuid().is_root() { &[][..] } else { &["--user", "--preserve-credentials"] };
    command.args(["--target", &first, "--pid", "--mount"]).args(user);
    command.args(["sh", "-c", &format!("cd '{}'; {line}", sandbox.project().display())]);
    command
}

fn enter(sandbox: &Sandbox, first: Pid, line: &str) -> String {
    let finished = run_to_end(&mut within(sandbox, first, line));
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
    let zombies = (0..50).map(|_| enter(&sandbox, first, ORPHANS)).find(|zombies| zombies.trim() == "0");
    assert!(zombies.is_some(), "{}", enter(&sandbox, first, "ps axo pid,ppid,stat,args"));
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
    let zombies = (0..50).map(|_| enter(&sandbox, first, ORPHANS)).find(|zombies| zombies.trim() == "0");
    assert!(zombies.is_some(), "{}", enter(&sandbox, first, "ps axo pid,ppid,stat,args"));
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
    Pid::from_raw(pid).filter(|pid| is_living(*pid))
}

/// A zombie has no command line any more.
fn is_living(pid: Pid) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
    line.is_ok_and(|line| !line.is_empty())
}

/// Runs bowline after these commands of an entry script, kills the guardian once the server is ready, and waits for
/// the end of bowline. Where a browser is to be opened, which tells its pid, the service is restarted before.
fn lose_the_guardian(sandbox: &Sandbox, entry: &str, browser: Option<&Fifo>) -> Option<Pid> {
    let options = if browser.is_some() { "--open" } else { "" };
    let mut command = sandbox.command("sh");
    command.args(["-c", &format!("{entry} exec \"$0\" --json {options}"), env!("CARGO_BIN_EXE_bowline")]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut events = child.stdout.take().unwrap();
    read_until(&mut events, "port-detected");
    let browser = browser.map(|browser| browser.pid(PATIENCE).expect("a browser"));
    if browser.is_some() {
        let restarted = sandbox.run(["restart"]);
        assert!(restarted.status.success(), "while the browser is open: {restarted:?}");
    }
    kill_process(sandbox.guardian(), Signal::KILL).unwrap();
    read_until(&mut events, "process-exited");
    let ended = end_of(&child);
    assert!(ended.recv_timeout(PATIENCE).is_ok(), "bowline does not end");
    child.wait().unwrap();
    browser
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
        lose_the_guardian(&sandbox, entry, None);
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
    let told = Fifo::create(&sandbox.root().join("home/browser"));
    let browser = lose_the_guardian(&sandbox, "", Some(&told)).unwrap();
    assert!(is_living(browser), "it does not go on");
    kill_process(browser, Signal::KILL).unwrap();
}

#[test]
fn what_a_service_has_left_without_a_trace_ends_with_it_where_it_can_be_nobody_elses() {
    let script =
        format!("env -i setsid sleep 300 & echo $! > left; exec '{}' --lifetime 200", dev_server().display());
    let (sandbox, _ports) = stage_of(&script, 1);
    lose_the_guardian(&sandbox, "", None);
    assert_eq!(living(&sandbox.project().join("left")), None);
}

const PAGE: &str = include_str!("../../../docs/containers.md");

/// The text between three backticks and this language, and three backticks.
fn block(language: &str) -> &'static str {
    let start = format!("```{language}\n");
    let (_, rest) = PAGE.split_once(&start).unwrap_or_else(|| panic!("no {language}"));
    rest.split("```").next().unwrap_or_default()
}

/// The rest of the line of the Dockerfile that begins with this word.
fn instruction(word: &str) -> &'static str {
    let found = block("dockerfile").lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("no {word}"))
}

#[test]
fn the_examples_of_the_page_agree() {
    let port = instruction("ENV").strip_prefix("PORT=").expect("the port");
    assert_eq!(instruction("EXPOSE"), port);
    let compose = Yaml::load_from_str(block("yaml")).expect("YAML").remove(0);
    let web = &compose["services"]["web"];
    assert_eq!(web["environment"]["PORT"].as_str(), Some(port));
    assert_eq!(web["ports"][0].as_str(), Some(&*format!("{port}:{port}")));
    assert!(web["build"].as_str().is_some() && web["stop_grace_period"].as_str().is_some());
    let dev: serde_json::Value = serde_json::from_str(block("json")).expect("JSON");
    assert_eq!(dev["forwardPorts"][0].to_string(), port);
    assert_eq!(dev["overrideCommand"], false);
    assert!(instruction("RUN").contains("cargo install --locked --path /bowline --root /out"));
}

#[test]
fn the_image_of_the_page_starts_is_asked_and_stops() {
    let (mut sandbox, ports) = stage("", 2);
    let command: Vec<String> = serde_json::from_str(instruction("CMD")).expect("a list");
    let (name, _) = instruction("ENV").split_once('=').expect("a variable");
    // A port of the test's own stands for the one of the page.
    let port = ports.last();
    sandbox.env(name, port.to_string());
    let program = env!("CARGO_BIN_EXE_bowline");
    assert_eq!(command[0], "bowline");
    let line = format!("exec '{program}' --json {}", command[1..].join(" "));
    let Some(started) = in_a_namespace(&sandbox, &line) else { return };
    let mut session = Session::start(started);
    assert_eq!(session.ready(), port);
    let first = first_process(&session);
    let asked = enter(&sandbox, first, &format!("'{program}' ls"));
    assert!(asked.contains(&port.to_string()) && asked.contains("running"), "{asked}");
    enter(&sandbox, first, &format!("'{program}' restart && '{program}' logs"));
    // It ends with the namespace, as its answer comes.
    run_to_end(&mut within(&sandbox, first, &format!("'{program}' stop")));
    assert_eq!(session.wait().status.code(), Some(143));
}

#[test]
fn a_start_as_the_first_process_says_that_the_container_ends_with_it_and_can_be_ended() {
    let (sandbox, _ports) = stage("--no-listen", 1);
    let line = format!("exec '{}' start", env!("CARGO_BIN_EXE_bowline"));
    let Some(mut command) = in_a_namespace(&sandbox, &line) else { return };
    command.stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    read_until(child.stderr.as_mut().unwrap(), "which ends when its services have");
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).unwrap();
    let first = Pid::from_raw(children.trim().parse().unwrap()).unwrap();
    kill_process(first, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}
