//! Supervisors that are stopped: they hold their locks and answer nobody.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Client, Stage, guardian_of, pid_of, until_it_runs};
use crate::support::{Session, http, is_free, run_to_end, side_by_side};

/// The end of each command while the supervisor is stopped.
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

/// No command waits for the supervisor: each ends while it is stopped.
fn all_end_as_documented(stage: &Stage) {
    let ends = side_by_side(COMMANDS.len(), &COMMANDS, |(arguments, _)| stage.sandbox.run(*arguments));
    for ((arguments, code), finished) in COMMANDS.iter().zip(ends) {
        assert_eq!(finished.status.code(), Some(*code), "{arguments:?}: {finished:?}");
        let texts =
            if *code == 6 { &["Runner is not connected", "is suspended", "kill -CONT"][..] } else { &[] };
        assert!(texts.iter().all(|text| finished.stderr.contains(text)), "{arguments:?}: {finished:?}");
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
    all_end_as_documented(&stage);
    let services = stage.services();
    assert_eq!((&services[0]["connected"], &services[0]["state"]), (&false.into(), &"suspended".into()));
    assert!(stage.sandbox.run(["ls"]).stdout.contains("suspended"));
    assert_eq!(http::get(port).status, 200, "the service itself has not been stopped");
    first.signal(Signal::CONT);
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
    // A client that has hung up stays in the queue until it is accepted.
    loop {
        let caller = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        caller.set_nonblocking(true).unwrap();
        if caller.connect(&socket).is_err() {
            break;
        }
    }
    all_end_as_documented(&stage);
    first.signal(Signal::CONT);
    assert_eq!(stage.sandbox.run(["wait"]).status.code(), Some(0));
    first.stop();
}

#[test]
fn what_waits_for_an_end_does_not_wait_for_a_supervisor_that_has_stopped_meanwhile() {
    side_by_side(3, &["stop", "restart", "wait"], |&command| {
        let stage = Stage::new(if command == "wait" { "--no-listen" } else { "--ignore TERM" }, 1);
        let mut first = stage.sandbox.start(["dev", "--grace", "60s"]);
        if command == "wait" {
            until_it_runs(&stage);
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
        let output = waiting.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(6), "{command}: {said}");
        assert!(said.contains("Runner is not connected"), "{command}: {said}");
        first.signal(Signal::CONT);
        let mut force = stage.connect();
        force.send(r#"{"type":"stop","force":true}"#);
        first.wait();
    });
}

#[test]
fn a_start_does_not_wait_for_its_supervisor_to_be_continued() {
    let stage = Stage::new("--no-listen", 1);
    let mut command = stage.sandbox.bowline(["start"]);
    let starting = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_it_runs(&stage);
    let pid = pid_of(&stage.services()[0]);
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
    assert!(stage.ports.all().all(is_free));
    stopped.wait();
}

#[test]
fn a_guardian_that_is_stopped_keeps_nothing_alive() {
    let cases = [(false, &["stop"][..]), (false, &["stop", "--force"]), (true, &["stop", "--force"])];
    side_by_side(3, &cases, |&(both, words)| {
        let stage = Stage::new("", 1);
        let mut session = stage.sandbox.start(["dev"]);
        session.ready();
        rustix::process::kill_process(guardian_of(&stage.services()[0]), Signal::STOP).unwrap();
        if both {
            session.signal(Signal::STOP);
        }
        let ended = run_to_end(&mut stage.sandbox.bowline(words));
        assert!(ended.status.success(), "{words:?}: {ended:?}");
        assert!(stage.ports.all().all(is_free), "{words:?}");
        session.wait();
    });
}

/// The time after which a supervisor that says nothing was given up before its process was looked at.
const ONCE: Duration = Duration::from_secs(5);

#[test]
fn a_suspended_supervisor_is_told_as_such_at_once() {
    let stage = Stage::new("", 1);
    let mut first = stage.sandbox.start(["dev"]);
    first.ready();
    first.signal(Signal::STOP);
    for arguments in
        [&["stop"][..], &["status"], &["wait"], &["ls"], &["restart"], &["logs", "-f"], &["open"]]
    {
        let began = Instant::now();
        let finished = stage.sandbox.run(arguments);
        assert!(began.elapsed() < ONCE, "{arguments:?}: {finished:?}");
    }
    first.signal(Signal::CONT);
    first.stop();
}
