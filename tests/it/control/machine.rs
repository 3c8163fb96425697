//! Many services, terminals that are closed, and names that mean several.

use std::process::Stdio;
use std::thread;

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use super::{Stage, pid_of, until_it_runs};
use crate::support::{PATIENCE, Terminal, Tree, http, is_free};

/// A hundred projects beside each other; only as many are started at once as a small machine bears.
#[test]
fn a_hundred_services_are_listed_at_once_and_the_dead_are_not_among_them() {
    let stage = Stage::new("", 100);
    let dirs: Vec<_> = (0..100).map(|number| stage.sandbox.sibling(&format!("p{number}"))).collect();
    for some in dirs.chunks(20) {
        let start = |dir: &std::path::PathBuf| {
            stage
                .sandbox
                .bowline(["-C", dir.to_str().unwrap(), "start"])
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let starts: Vec<_> = some.iter().map(start).collect();
        for start in starts {
            let output = start.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
    }
    let services = stage.services();
    let ports: Vec<u64> = services.iter().map(|one| one["port"].as_u64().unwrap()).collect();
    assert_eq!(ports, stage.ports.all().map(u64::from).collect::<Vec<_>>());
    assert!(services.iter().all(|one| one["state"] == "running"), "{services:#?}");
    for service in &services[..30] {
        kill_process(pid_of(service), Signal::KILL).unwrap();
    }
    let left: Vec<u64> = stage.services().iter().map(|one| one["port"].as_u64().unwrap()).collect();
    assert_eq!(left, ports[30..]);
    let stopped = stage.sandbox.run(["stop", "--all"]);
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(stopped.stdout.lines().count(), 70);
    assert!(stage.services().is_empty());
}

#[test]
fn twenty_starts_in_one_instant_are_one_server_and_twenty_equal_answers() {
    let stage = Stage::new("--delay 300", 20);
    let answers: Vec<String> = thread::scope(|scope| {
        let starts: Vec<_> =
            (0..20).map(|_| scope.spawn(|| stage.sandbox.run(["start", "--json"]))).collect();
        starts
            .into_iter()
            .map(|start| {
                let finished = start.join().unwrap();
                assert!(finished.status.success(), "{finished:?}");
                let mut event: Value = serde_json::from_str(&finished.stdout).unwrap();
                event.as_object_mut().unwrap().remove("timestamp");
                event.to_string()
            })
            .collect()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert_eq!(stage.services().len(), 1);
}

#[test]
fn a_service_outlives_its_terminal_and_not_its_supervisor() {
    let stage = Stage::new("", 1);
    let mut tree = Tree::new();
    let mut terminal = Terminal::new(24, 80);
    let mut command = stage.sandbox.bowline(["start", "--grace", "500ms"]);
    tree.mark(&mut command);
    terminal.seat(&mut command);
    let mut shell = command.spawn().unwrap();
    terminal.until("is ready");
    assert!(shell.wait().unwrap().success());
    drop(terminal);
    assert_eq!(http::get(stage.ports.first()).status, 200);
    let service = stage.services().remove(0);
    assert_eq!((&service["state"], &service["startedBy"]), (&"running".into(), &"background".into()));
    kill_process(pid_of(&service), Signal::KILL).unwrap();
    tree.assert_gone(PATIENCE);
    assert!(is_free(stage.ports.first()));
}

#[test]
fn two_directories_of_one_name_are_two_projects() {
    let stage = Stage::new("", 2);
    let other = stage.sandbox.sibling("worktree");
    let started = stage.sandbox.run(["start"]);
    assert!(started.stderr.contains("app is ready"), "{started:?}");
    assert!(stage.sandbox.run(["-C", other.to_str().unwrap(), "start"]).status.success());
    let both = stage.sandbox.run(["-C", "/", "stop", "app"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    assert!(both.stderr.contains("means several projects"), "{both:?}");
    assert_eq!(stage.services().len(), 2, "neither has been stopped");
    assert!(stage.sandbox.run(["stop", other.to_str().unwrap()]).status.success());
    assert_eq!(stage.services()[0]["projectId"], stage.id());
    assert!(stage.sandbox.run(["-C", "/", "stop", "app"]).status.success(), "now there is only one");
}

#[test]
fn a_start_that_is_stopped_before_it_is_ready_has_failed() {
    let stage = Stage::new("--no-listen --linger 0", 1);
    let mut command = stage.sandbox.bowline(["start"]);
    let start = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until_it_runs(&stage);
    assert!(stage.sandbox.run(["stop"]).status.success());
    let output = start.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("was stopped before it was ready"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_finds_what_a_double_kill_has_left_and_how_to_end_it() {
    let stage = Stage::new("", 1);
    let mut tree = Tree::new();
    let mut command = stage.sandbox.bowline(["start"]);
    tree.mark(&mut command);
    assert!(crate::support::run_to_end(&mut command).status.success());
    let service = stage.services().remove(0);
    let held = stage.sandbox.run(["doctor"]).stdout;
    let line = format!("port {}: app (bowline, pid {})", stage.ports.first(), service["pid"]);
    assert!(held.contains(&line), "{held}");
    crate::support::kill_at_once(&[pid_of(&service), super::guardian_of(&service)]);
    let finding = |of: &str| -> Value {
        let answer: Value = serde_json::from_str(&stage.sandbox.run(["doctor", "--json"]).stdout).unwrap();
        answer["findings"].as_array().unwrap().iter().find(|one| one["check"] == of).unwrap().clone()
    };
    let left = finding("leftovers");
    assert_eq!((&left["ok"], &left["mend"]), (&false.into(), &"bowline ports prune".into()), "{left}");
    assert!(stage.sandbox.run(["ports", "prune"]).status.success());
    tree.assert_gone(PATIENCE);
    assert_eq!(finding("leftovers")["ok"], true);
    assert!(is_free(stage.ports.first()));
}
