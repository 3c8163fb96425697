//! A bowline in the script of another one: one server, one reservation, whatever the outer one calls the project.

use std::process::Stdio;

use serde_json::{Value, json};

use super::Stage;
use crate::support::{Session, dev_server, http};

const BOWLINE: &str = env!("CARGO_BIN_EXE_bowline");

/// A project whose dev script is a bowline around the stand-in server.
fn stage() -> Stage {
    let mut stage = Stage::new("", 3);
    let dev = format!("'{BOWLINE}' exec -- '{}' --lifetime 200 --report", dev_server().display());
    let package = json!({ "name": "app", "scripts": { "dev": dev } });
    stage.sandbox.file("package.json", &package.to_string());
    stage
}

fn assert_one_server(stage: &Stage, session: &mut Session, id: &str) {
    assert_eq!(session.ready(), stage.ports.first());
    assert_eq!(http::get(stage.ports.first()).status, 200);
    let services = stage.services();
    assert_eq!(services.len(), 1, "{services:?}");
    assert_eq!(services[0]["projectId"], id);
    assert_eq!(session.output("\"env\"").matches("\"env\"").count(), 1, "started once");
}

#[test]
fn an_outer_bowline_with_an_id_of_its_own_is_recognised() {
    for command in [&["sh", "-c", "exec \"$0\" dev", BOWLINE][..], &["npm", "run", "dev"]] {
        let stage = stage();
        let outer = ["exec", "--project-id", "mine", "--"];
        let mut session = stage.sandbox.start(outer.iter().chain(command));
        assert_one_server(&stage, &mut session, "mine");
        session.stop();
    }
}

#[test]
fn the_runner_is_recognised() {
    let stage = stage();
    let mut command = stage.sandbox.bowline(["runner"]);
    command.stdin(Stdio::piped());
    let mut runner = Session::start(command);
    let payload = json!({
        "runCommand": format!("'{BOWLINE}' dev"), "workingDirectory": stage.sandbox.project(), "env": {},
    });
    let start: Value = json!({ "id": "1", "type": "start-dev-server", "projectId": "p", "payload": payload });
    runner.write(&format!("{start}\n"));
    assert_one_server(&stage, &mut runner, "p");
    runner.close_input();
    runner.wait();
}
