//! A supervisor that is killed has given up its grace: its tree gets a second.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{
    Fifo, Ports, Sandbox, Session, agent, dev_server, is_free, side_by_side, stage, stage_of,
};

const DEAF: &str = "--ignore TERM --ignore INT --ignore HUP --ignore QUIT";
/// The promise is a second and a half, on a machine that has time; the grace period is far longer.
const SOON: Duration = Duration::from_secs(20);

fn server(shape: &str) -> String {
    format!("'{}' --lifetime 200 {shape}", dev_server().display())
}

#[test]
fn the_tree_of_a_killed_supervisor_is_gone_soon_whatever_the_server_does() {
    let deaf = server(DEAF);
    let scripts = [
        format!("exec {deaf}"),
        deaf.clone(),
        format!("{deaf} & {deaf} --port 0 --children 4 --children-escape & wait"),
        format!("exec {}", server(&format!("{DEAF} --setsid"))),
        format!("exec {}", server(&format!("{DEAF} --daemonize"))),
        format!("exec {}", server(&format!("{DEAF} --leader-leaves"))),
        format!("trap '' TERM HUP; {deaf} & while :; do sleep 0.01 & done"),
        format!(
            "trap '' TERM HUP; {deaf} & setsid sh -c 'trap \"\" TERM HUP; while :; do setsid sleep 0.02; done'"
        ),
    ];
    side_by_side(2, &scripts, |script| {
        let (sandbox, ports) = Sandbox::with_script(script).with_ports("default", 1);
        let mut session = sandbox.start(["dev", "--grace", "90s", "--framework", "default"]);
        session.ready();
        session.kill(SOON);
        assert!(ports.all().all(is_free), "{script}");
    });
}

#[test]
fn a_stopped_server_is_gone_soon_as_well() {
    let (sandbox, ports) = stage(&format!("{DEAF} --report"), 1);
    let mut session = sandbox.start(["dev", "--grace", "90s"]);
    session.ready();
    let pid = pid_of_server(&sandbox);
    kill_process(pid, Signal::STOP).unwrap();
    session.kill(SOON);
    assert!(is_free(ports.first()));
}

/// The only child of the guardian.
fn pid_of_server(sandbox: &Sandbox) -> Pid {
    let guardian = sandbox.guardian();
    let children = std::fs::read_to_string(format!("/proc/{guardian}/task/{guardian}/children")).unwrap();
    children.trim().parse().ok().and_then(Pid::from_raw).expect("one child")
}

#[test]
fn a_server_that_ends_in_order_still_can() {
    let script = "trap 'touch done; exit 0' TERM; echo armed; while :; do sleep 100 & wait; done";
    let (sandbox, _ports) = stage_of(script, 1);
    let mut session = sandbox.start(["dev", "--grace", "90s"]);
    session.output("armed");
    session.kill(SOON);
    assert!(sandbox.project().join("done").exists());
}

#[test]
fn a_guardian_that_is_asked_to_end_gives_the_whole_grace_until_its_supervisor_is_killed() {
    let mut sandbox = Sandbox::new();
    let alive = Fifo::create(&sandbox.root().join("alive"));
    let script = format!("exec {} --tell '{}'", server(DEAF), alive.path.display());
    sandbox.file(
        "package.json",
        &serde_json::json!({ "name": "app", "scripts": { "dev": script } }).to_string(),
    );
    let ports = Ports::claim(1);
    sandbox.range("default", &ports);
    let mut session = sandbox.start(["dev", "--grace", "90s"]);
    session.ready();
    alive.pid(SOON).unwrap();
    kill_process(sandbox.guardian(), Signal::TERM).unwrap();
    session.output("SIGTERM");
    assert!(!alive.ends(Instant::now() + Duration::from_secs(2)), "its supervisor lives");
    session.kill(SOON);
}

#[test]
fn a_stop_that_was_under_way_is_cut_short() {
    let (sandbox, ports) = stage(DEAF, 1);
    let mut session = sandbox.start(["dev", "--grace", "90s"]);
    session.ready();
    session.signal(Signal::TERM);
    session.output("SIGTERM");
    session.kill(SOON);
    assert!(is_free(ports.first()));
}

#[test]
fn the_next_start_waits_no_longer_than_that() {
    let (sandbox, ports) = stage(DEAF, 1);
    let mut session = sandbox.start(["dev", "--grace", "90s"]);
    session.ready();
    session.signal(Signal::KILL);
    let mut next = sandbox.start(["dev"]);
    assert_eq!(next.ready(), ports.first());
    session.wait();
    next.kill(SOON);
}

#[test]
fn a_runner_that_is_killed_gives_its_services_a_second_too() {
    let (mut sandbox, ports) = Sandbox::with_script("true").with_ports("default", 1);
    sandbox.file("bowline.toml", "[project.app]\ngrace = \"90s\"\n");
    let mut command = sandbox.bowline(["runner"]);
    command.stdin(Stdio::piped());
    let mut runner = Session::start(command);
    runner.event("runner-status");
    let payload = serde_json::json!({ "runCommand": server(DEAF), "workingDirectory": sandbox.project() });
    let start =
        serde_json::json!({ "id": "1", "type": "start-dev-server", "projectId": "p", "payload": payload });
    runner.write(&format!("{start}\n"));
    runner.event("port-detected");
    runner.kill(SOON);
    assert!(ports.all().all(is_free));
}

#[test]
fn the_caller_of_a_runner_that_is_killed_takes_its_services_along() {
    let (mut sandbox, ports) = Sandbox::with_script("true").with_ports("default", 1);
    sandbox.file("bowline.toml", "[project.app]\ngrace = \"90s\"\n");
    let payload = serde_json::json!({ "runCommand": server(DEAF), "workingDirectory": sandbox.project() });
    let start =
        serde_json::json!({ "id": "1", "type": "start-dev-server", "projectId": "p", "payload": payload });
    sandbox.file("start", &format!("{start}\n"));
    // Its input stays open, and ends with its caller or not.
    for input in ["cat start -", "{ cat start; exec sleep 200; } </dev/null"] {
        let line = format!("{input} | '{}' runner", env!("CARGO_BIN_EXE_bowline"));
        let mut command = agent(&sandbox, &line);
        command.stdin(Stdio::null());
        let mut caller = Session::start(command);
        caller.event("port-detected");
        kill_process(Pid::from_raw(caller.id().cast_signed()).unwrap(), Signal::KILL).unwrap();
        let deadline = Instant::now() + SOON;
        while !is_free(ports.first()) {
            assert!(Instant::now() < deadline, "{input}: it goes on");
        }
    }
}
