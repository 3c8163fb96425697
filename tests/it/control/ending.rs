//! Services that are ending while a command comes.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::Stdio;
use std::thread::{self, ScopedJoinHandle};

use rustix::process::{Signal, kill_process};

use super::{Stage, code, pid_of, running};
use crate::support::{Finished, http};

/// A service in the background that ignores every request to end, so that it ends when its grace period does.
fn stubborn(grace: &str) -> Stage {
    let stage = Stage::new("--ignore TERM --ignore INT", 2);
    assert_eq!(code(&stage.sandbox.run(["start", "--grace", grace])), Some(0));
    stage
}

/// Has a command end the service, and returns once it is ending.
fn begin<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    stage: &'scope Stage,
    command: &'static str,
) -> ScopedJoinHandle<'scope, Finished> {
    let mut client = stage.connect();
    client.attach();
    let ending = scope.spawn(move || stage.sandbox.run([command]));
    client.until_printed("SIGTERM");
    client.send(r#"{"type":"status"}"#);
    assert_eq!(client.until("status")["services"][0]["state"], "stopping");
    ending
}

fn listens(stage: &Stage) -> bool {
    TcpStream::connect(("127.0.0.1", stage.ports.first())).is_ok()
}

#[test]
fn stopped_means_gone_though_the_supervisor_was_killed() {
    let stage = stubborn("3s");
    let supervisor = pid_of(&stage.services()[0]);
    thread::scope(|scope| {
        let stop = begin(scope, &stage, "stop");
        kill_process(supervisor, Signal::KILL).unwrap();
        // A client that asks only now waits for the guardian as well.
        let second = scope.spawn(|| stage.sandbox.run(["stop"]));
        let stopped = stop.join().unwrap();
        assert!(!listens(&stage), "{stopped:?}");
        assert_eq!(code(&stopped), Some(0), "{stopped:?}");
        assert!(matches!(code(&second.join().unwrap()), Some(0 | 5)));
        assert!(!listens(&stage));
    });
}

#[test]
fn a_restart_of_what_is_ending_starts_it_anew() {
    let stage = stubborn("3s");
    let before = stage.services();
    thread::scope(|scope| {
        let stop = begin(scope, &stage, "stop");
        let restarted = stage.sandbox.run(["restart"]);
        assert_eq!(code(&restarted), Some(0), "{restarted:?}");
        assert_eq!(code(&stop.join().unwrap()), Some(0));
    });
    let after = stage.services();
    assert_eq!((&after[0]["state"], &after[0]["port"]), (&"running".into(), &before[0]["port"]));
    assert_ne!(after[0]["session"], before[0]["session"]);
    assert_eq!(http::get(stage.ports.first()).status, 200);
}

#[test]
fn a_restart_outlives_the_supervisor() {
    let stage = stubborn("3s");
    let before = stage.services();
    thread::scope(|scope| {
        let restart = begin(scope, &stage, "restart");
        kill_process(pid_of(&before[0]), Signal::KILL).unwrap();
        let restarted = restart.join().unwrap();
        assert_eq!(code(&restarted), Some(0), "{restarted:?}");
    });
    let after = stage.services();
    assert_eq!((&after[0]["state"], &after[0]["port"]), (&"running".into(), &before[0]["port"]));
}

#[test]
fn a_restart_anew_keeps_the_id() {
    let stage = Stage::new("--ignore TERM", 2);
    assert_eq!(code(&stage.sandbox.run(["start", "--grace", "3s", "--project-id", "mine"])), Some(0));
    thread::scope(|scope| {
        let stop = begin(scope, &stage, "stop");
        assert_eq!(code(&stage.sandbox.run(["restart", "mine"])), Some(0));
        stop.join().unwrap();
    });
    let ids: Vec<_> = stage.services().iter().map(|service| service["projectId"].clone()).collect();
    assert_eq!(ids, ["mine"]);
}

#[test]
fn what_is_ending_is_not_said_to_run() {
    let stage = stubborn("3s");
    thread::scope(|scope| {
        let stop = begin(scope, &stage, "stop");
        let started = stage.sandbox.run(["start"]);
        assert_eq!(code(&started), Some(0), "{started:?}");
        assert!(!started.stderr.contains("already running"), "{started:?}");
        assert_eq!(code(&stop.join().unwrap()), Some(0));
    });
    assert_eq!(running(&stage), 1);
}

#[test]
fn attaching_to_what_is_ending_says_so() {
    let stage = stubborn("100s");
    thread::scope(|scope| {
        let stop = begin(scope, &stage, "stop");
        let mut command = stage.sandbox.bowline(["attach"]);
        let mut attached = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(attached.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(said.any(|line| line.contains("app is stopping")));
        assert_eq!(code(&stage.sandbox.run(["stop", "--force"])), Some(0));
        assert!(said.any(|line| line.contains("it has ended with SIGKILL")));
        attached.wait().unwrap();
        stop.join().unwrap();
    });
}
