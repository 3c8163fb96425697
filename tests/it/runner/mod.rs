//! `bowline runner`: the whole conversation with real processes.

mod conversation;
mod fuzz;
mod logs;
mod many;
mod reasons;
mod shell;
mod starts;
mod upgrade;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Ended, Ports, Sandbox, Session, dev_server, http, is_free, stage_of};
use serde_json::{Value, json};

/// A runner in a sandbox whose projects share a range.
struct Stage {
    sandbox: Sandbox,
    ports: Ports,
    runner: Session,
}

fn stage(count: u16) -> Stage {
    let (sandbox, ports) = stage_of("true", count);
    let mut command = sandbox.bowline(["runner"]);
    command.stdin(Stdio::piped());
    let mut runner = Session::start(command);
    assert_eq!(runner.event("runner-status")["payload"]["status"], "online");
    Stage { sandbox, ports, runner }
}

impl Stage {
    fn send(&mut self, command: &Value) {
        self.runner.write(&format!("{command}\n"));
    }

    /// Sends commands in one write.
    fn send_all(&mut self, commands: &[Value]) {
        let lines: Vec<String> = commands.iter().map(|command| format!("{command}\n")).collect();
        self.runner.write(&lines.concat());
    }

    fn start(&mut self, id: &str, project: &str, arguments: &str, preferred: Option<u16>) {
        let line = format!("'{}' --lifetime 200 {arguments}", dev_server().display());
        let payload = json!({
            "runCommand": line, "workingDirectory": self.sandbox.project(), "env": {}, "preferredPort": preferred,
        });
        self.start_as(id, project, &payload);
    }

    fn start_as(&mut self, id: &str, project: &str, payload: &Value) {
        let command =
            json!({ "id": id, "type": "start-dev-server", "projectId": project, "payload": payload });
        self.send(&command);
    }

    fn stop(&mut self, id: &str, project: &str) {
        self.send(&json!({ "id": id, "type": "stop-dev-server", "projectId": project }));
    }

    /// Ends the runner's input, and expects that it ends as it should.
    fn end(mut self) -> Ended {
        self.runner.close_input();
        let ended = self.runner.wait();
        assert_eq!(ended.status.code(), Some(0), "{ended:#?}");
        ended
    }

    /// The next event of this type that answers this command.
    fn answer(&mut self, id: &str, kind: &str) -> Value {
        self.runner.until(kind, |event| event["type"] == kind && event["commandId"] == id)
    }
}

#[test]
fn a_server_is_started_and_stopped() {
    let mut stage = stage(2);
    stage.start("1", "p", "--lines 3", None);
    assert_eq!(stage.answer("1", "ack")["message"], "Command start-dev-server accepted");
    let detected = stage.answer("1", "port-detected");
    assert_eq!((&detected["port"], &detected["projectId"]), (&stage.ports.first().into(), &"p".into()));
    let healthy = format!("Dev server is running and healthy on port {}", stage.ports.first());
    assert_eq!(stage.answer("1", "ack")["message"], healthy);
    assert_eq!(http::get(stage.ports.first()).status, 200);
    stage.stop("2", "p");
    assert_eq!(stage.answer("2", "ack")["message"], "Command stop-dev-server accepted");
    assert_eq!(stage.answer("2", "process-exited")["state"], "stopped");
    assert_eq!(stage.answer("2", "ack")["message"], "Dev server stopped successfully");
    assert!(is_free(stage.ports.first()));
    stage.stop("3", "p");
    assert_eq!(stage.answer("3", "error")["error"], "No running dev server found for project");
    stage.stop("4", "q");
    assert_eq!(stage.answer("4", "error")["error"], "No running dev server found for project");
    stage.runner.close_input();
    assert_eq!(stage.runner.wait().status.code(), Some(0));
}

#[test]
fn a_second_start_replaces_the_first_on_the_same_port() {
    let mut stage = stage(2);
    stage.start("1", "p", "", None);
    let port = stage.answer("1", "port-detected")["port"].clone();
    stage.start("2", "p", "", None);
    assert_eq!(stage.answer("1", "process-exited")["state"], "stopped");
    assert_eq!(stage.answer("2", "port-detected")["port"], port);
    stage.runner.close_input();
    assert_eq!(stage.runner.wait().status.code(), Some(0));
}

#[test]
fn a_preferred_port_that_is_taken_is_reallocated_before_all_else() {
    let mut stage = stage(2);
    let taken = Ports::claim(1);
    let stranger = taken.stranger(taken.first());
    stage.start("1", "p", "--report", Some(taken.first()));
    let moved = stage.answer("1", "port-reallocated");
    assert_eq!(
        (&moved["originalPort"], &moved["newPort"]),
        (&taken.first().into(), &stage.ports.first().into())
    );
    assert_eq!(stage.answer("1", "port-detected")["port"], stage.ports.first());
    drop(stranger);
    stage.runner.close_input();
    stage.runner.wait();
}

#[test]
fn bad_input_is_an_error_and_never_the_end() {
    let mut stage = stage(1);
    for line in [
        "rubbish",
        "[]",
        "{}",
        r#"{"type":"start-build","id":"b"}"#,
        r#"{"type":"start-dev-server","projectId":"p"}"#,
    ] {
        stage.runner.write(&format!("{line}\n"));
        stage.runner.event("error");
    }
    stage.runner.write(&"x".repeat(3 * 1024 * 1024));
    stage.runner.write("\n");
    assert!(stage.runner.event("error")["error"].as_str().unwrap().contains("longer"));
    let gone = json!({ "runCommand": "true", "workingDirectory": "/nowhere/at/all" });
    stage.send(&json!({ "id": "g", "type": "start-dev-server", "projectId": "p", "payload": gone }));
    assert_eq!(stage.answer("g", "process-exited")["failureReason"], "directory_missing");
    stage.start("c", "p", "--no-listen --exit-code 7", None);
    assert_eq!(stage.answer("c", "process-exited")["failureReason"], "immediate_crash");
    stage.send(&json!({ "id": "h", "type": "runner-health-check" }));
    stage.answer("h", "runner-status");
    stage.runner.close_input();
    assert_eq!(stage.runner.wait().status.code(), Some(0));
}

#[test]
fn a_runner_that_is_killed_leaves_nothing() {
    let mut stage = stage(3);
    for number in 0..3 {
        let id = number.to_string();
        stage.start(&id, &format!("p{number}"), "", None);
        stage.answer(&id, "port-detected");
    }
    stage.runner.kill(Duration::from_secs(10));
    assert!(stage.ports.all().all(is_free));
}

#[test]
fn the_example_client_works() {
    let (sandbox, ports) = stage_of("true", 1);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/runner-client.mjs");
    assert!(std::fs::read_to_string(example).unwrap().lines().count() < 100);
    let mut command = sandbox.command("node");
    command
        .arg(example)
        .arg(".")
        .arg(format!("'{}' --lines 2 --once-asked --exit-code 0", dev_server().display()));
    command.env("BOWLINE", env!("CARGO_BIN_EXE_bowline")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut client = command.spawn().unwrap();
    let ready = format!("ready: http://localhost:{}", ports.first());
    let mut said = Vec::new();
    for line in BufReader::new(client.stdout.take().unwrap()).lines().map(Result::unwrap) {
        if line == ready {
            http::get(ports.first());
        }
        said.push(line);
    }
    for line in [ready.as_str(), "line 2"] {
        assert!(said.iter().any(|one| one == line), "{line}: {said:?}");
    }
    assert_eq!(client.wait().unwrap().code(), Some(0));
}
