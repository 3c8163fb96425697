//! Supervisors that are stopped: they hold their locks and answer nobody.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Client, Stage};
use crate::support::{Finished, Session, http, run_to_end};

/// Longer than any command may wait, and shorter than for ever.
const BOUND: Duration = Duration::from_secs(25);

/// What each command ends with while the supervisor is stopped.
const COMMANDS: [(&[&str], i32); 15] = [
    (&["dev"], 6),
    (&["--json", "dev"], 6),
    (&["dev", "--restart-running"], 6),
    (&["start"], 6),
    (&["stop"], 6),
    (&["restart"], 6),
    (&["attach"], 6),
    (&["logs", "-f"], 6),
    (&["status"], 6),
    (&["wait"], 6),
    (&["wait", "--timeout", "1h"], 6),
    (&["open"], 6),
    (&["ls"], 0),
    (&["port"], 0),
    (&["ports"], 0),
];

fn all_at_once(stage: &Stage) -> Vec<(Finished, Duration)> {
    thread::scope(|scope| {
        let run = |arguments| {
            scope.spawn(move || {
                let begun = Instant::now();
                (stage.sandbox.run(arguments), begun.elapsed())
            })
        };
        let running: Vec<_> = COMMANDS.iter().map(|(arguments, _)| run(*arguments)).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn are_as_documented(ends: &[(Finished, Duration)]) {
    for ((arguments, code), (finished, took)) in COMMANDS.iter().zip(ends) {
        assert_eq!(finished.status.code(), Some(*code), "{arguments:?}: {finished:?}");
        assert!(*took < BOUND, "{arguments:?} took {took:?}");
        let text = if *code == 6 { "Runner is not connected" } else { "" };
        assert!(finished.stderr.contains(text), "{arguments:?}: {finished:?}");
    }
}

#[test]
fn every_command_says_so_in_bounded_time_and_all_goes_on_afterwards() {
    let stage = Stage::new("--lines 3", 1);
    let mut first = stage.sandbox.start(["dev"]);
    let port = first.ready();
    let mut follower = stage.sandbox.start(["attach"]);
    follower.ready();
    first.signal(Signal::STOP);
    let ends = all_at_once(&stage);
    assert_eq!(stage.services()[0]["connected"], false);
    assert_eq!(http::get(port).status, 200, "the service itself has not been stopped");
    first.signal(Signal::CONT);
    are_as_documented(&ends);
    assert_eq!(stage.sandbox.run(["wait"]).status.code(), Some(0));
    assert_eq!(stage.services()[0]["state"], "running", "nothing that was asked for has happened");
    assert_eq!(stage.services().len(), 1);
    let ended = first.stop();
    assert_eq!(ended.of("process-exited").len(), 1, "{ended:#?}");
    assert_eq!(follower.wait().of("process-exited").len(), 1, "who followed it still does");
}

#[test]
fn a_queue_that_is_full_keeps_nobody_waiting() {
    let stage = Stage::new("", 1);
    let mut first = stage.sandbox.start(["dev"]);
    first.ready();
    let socket = socket2::SockAddr::unix(&stage.sockets()[0]).unwrap();
    first.signal(Signal::STOP);
    // Who has hung up stays in the queue until somebody takes it in.
    loop {
        let caller = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        caller.set_nonblocking(true).unwrap();
        if caller.connect(&socket).is_err() {
            break;
        }
    }
    let ends = all_at_once(&stage);
    first.signal(Signal::CONT);
    are_as_documented(&ends);
    assert_eq!(stage.sandbox.run(["wait"]).status.code(), Some(0));
    first.stop();
}

#[test]
fn what_waits_for_an_end_does_not_wait_for_a_supervisor_that_has_stopped_meanwhile() {
    for command in ["stop", "restart", "wait"] {
        let stage = Stage::new(if command == "wait" { "--no-listen" } else { "--ignore TERM" }, 1);
        let mut first = stage.sandbox.start(["dev", "--grace", "60s"]);
        if command == "wait" {
            super::until_there_is_a_socket(&stage);
        } else {
            // Before it listens it does not ignore signals yet.
            first.ready();
        }
        let mut waiting = stage.sandbox.bowline([command]);
        let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if command != "wait" {
            first.output(r#""got":"SIGTERM""#);
        }
        first.signal(Signal::STOP);
        let begun = Instant::now();
        let output = waiting.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(begun.elapsed() < BOUND, "{command} took {:?}", begun.elapsed());
        assert_eq!(output.status.code(), Some(6), "{command}: {said}");
        assert!(said.contains("Runner is not connected"), "{command}: {said}");
        first.signal(Signal::CONT);
        let mut force = stage.connect();
        force.send(r#"{"type":"stop","force":true}"#);
        first.wait();
    }
}

#[test]
fn a_start_does_not_wait_for_its_supervisor_to_be_continued() {
    let stage = Stage::new("--no-listen", 1);
    let mut command = stage.sandbox.bowline(["start"]);
    let starting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    super::until_there_is_a_socket(&stage);
    let pid = stage.services()[0]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    let output = starting.wait_with_output().unwrap();
    rustix::process::kill_process(pid, Signal::CONT).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("Runner is not connected"), "{said}");
    assert_eq!(stage.sandbox.run(["stop"]).status.code(), Some(0));
}

#[test]
fn one_that_is_stopped_keeps_no_other_from_being_stopped() {
    let stage = Stage::new("", 3);
    let others = [stage.sandbox.sibling("zero"), stage.sandbox.sibling("one")];
    let mut stopped = stage.sandbox.start(["dev"]);
    let port = stopped.ready();
    let mut running: Vec<Session> = Vec::new();
    for other in &others {
        let mut session = stage.sandbox.start(["-C", other.to_str().unwrap(), "dev"]);
        session.ready();
        running.push(session);
    }
    stopped.signal(Signal::STOP);
    let finished = run_to_end(&mut stage.sandbox.bowline(["stop", "--all"]));
    assert_eq!(finished.status.code(), Some(6), "{finished:?}");
    for session in running {
        session.wait();
    }
    assert_eq!(http::get(port).status, 200);
    stopped.signal(Signal::CONT);
    let mut client = Client::connect(&stage.sockets()[0]);
    client.send(r#"{"type":"wait"}"#);
    client.until("port-detected");
    stopped.stop();
}

#[test]
fn one_that_is_stopped_is_ended_by_force() {
    let stage = Stage::new("", 1);
    let mut stopped = stage.sandbox.start(["dev"]);
    stopped.ready();
    stopped.signal(Signal::STOP);
    let refused = run_to_end(&mut stage.sandbox.bowline(["stop"]));
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    assert!(refused.stderr.contains("bowline stop --force"), "{refused:?}");
    let ended = run_to_end(&mut stage.sandbox.bowline(["stop", "--force"]));
    assert!(ended.status.success(), "{ended:?}");
    assert!(stage.ports.all().all(crate::support::is_free));
    stopped.wait();
}

#[test]
fn a_guardian_that_is_stopped_keeps_nothing_alive() {
    let guardian = |stage: &Stage| {
        let pid = stage.services()[0]["guardian"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
        rustix::process::Pid::from_raw(pid).unwrap()
    };
    for (both, words) in [(false, &["stop"][..]), (false, &["stop", "--force"]), (true, &["stop", "--force"])]
    {
        let stage = Stage::new("", 1);
        let mut session = stage.sandbox.start(["dev"]);
        session.ready();
        rustix::process::kill_process(guardian(&stage), Signal::STOP).unwrap();
        if both {
            session.signal(Signal::STOP);
        }
        let ended = run_to_end(&mut stage.sandbox.bowline(words));
        assert!(ended.status.success(), "{words:?}: {ended:?}");
        assert!(stage.ports.all().all(crate::support::is_free), "{words:?}");
        session.wait();
    }
}
