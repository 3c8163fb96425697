//! `fetch-logs`: what the servers wrote, said again from any place.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Stage, stage};
use crate::support::{Session, dev_server};

impl Stage {
    /// The chunks that answer this `fetch-logs`.
    fn fetch(&mut self, id: &str, cursor: Option<&str>, limit: Option<u32>) -> Vec<Value> {
        let payload = json!({ "cursor": cursor, "limit": limit });
        self.send(&json!({ "id": id, "type": "fetch-logs", "projectId": "p", "payload": payload }));
        let is_last = |event: &Value| {
            event["commandId"] == id
                && event["message"].as_str().is_some_and(|text| text.starts_with("Fetched"))
        };
        let last = self.runner.until("the last chunk", is_last);
        let seen = self.runner.seen().iter();
        let chunks: Vec<Value> =
            seen.filter(|event| event["type"] == "log-chunk" && event["commandId"] == id).cloned().collect();
        assert_eq!(last["message"], format!("Fetched {} log chunks", chunks.len()));
        chunks
    }

    /// Runs a server that writes this and ends.
    fn write(&mut self, id: &str, text: &str) {
        let payload =
            json!({ "runCommand": format!("echo {text}"), "workingDirectory": self.sandbox.project() });
        self.start_as(id, "p", &payload);
        self.answer(id, "error");
    }
}

fn texts(chunks: &[Value]) -> String {
    chunks.iter().filter_map(|chunk| chunk["data"].as_str()).collect()
}

#[test]
fn logs_are_fetched_from_any_cursor() {
    let mut stage = stage(1);
    stage.start("1", "p", "--lines 100 --stream both", None);
    stage.answer("1", "port-detected");
    // The last line of each stream, which may come after that.
    for last in ["listening", "line 100"] {
        stage.runner.output(last);
    }
    let all = stage.fetch("all", None, None);
    let mut pieces = Vec::new();
    let mut cursor: Option<String> = None;
    for turn in 0.. {
        let page = stage.fetch(&format!("page-{turn}"), cursor.as_deref(), Some(1));
        let Some(piece) = page.first() else { break };
        cursor = piece["cursor"].as_str().map(ToOwned::to_owned);
        pieces.push(piece["data"].clone());
    }
    assert_eq!(pieces, all.iter().map(|piece| piece["data"].clone()).collect::<Vec<_>>());
    assert!(!all.is_empty());
    stage.end();
}

#[test]
fn logs_are_those_of_this_runner_over_restarts_of_the_server() {
    let mut stage = stage(1);
    stage.write("old", "old");
    let old = stage.fetch("all", None, None);
    assert_eq!(texts(&old), "old\n");
    stage.runner.close_input();
    stage.runner.wait();

    let mut command = stage.sandbox.bowline(["runner"]);
    stage.runner = Session::start({
        command.stdin(Stdio::piped());
        command
    });
    stage.send(&json!({ "id": "0", "type": "fetch-logs", "projectId": "p" }));
    assert_eq!(stage.answer("0", "error")["error"], "Project not found");
    stage.write("1", "one");
    stage.write("2", "two");
    let all = stage.fetch("all", None, None);
    assert_eq!(texts(&all), "one\ntwo\n");
    let rest = stage.fetch("rest", all[0]["cursor"].as_str(), None);
    assert_eq!(texts(&rest), "two\n");
    let from_another_life = stage.fetch("another", old[0]["cursor"].as_str(), None);
    assert_eq!(texts(&from_another_life), "one\ntwo\n");
    let nothing = stage.fetch("nothing", all[1]["cursor"].as_str(), None);
    assert_eq!(texts(&nothing), "");
    stage.end();
}

#[test]
fn a_project_whose_directory_is_gone_is_forgotten() {
    let mut stage = stage(1);
    let gone = stage.sandbox.root().join("gone");
    std::fs::create_dir(&gone).unwrap();
    stage.start_as("1", "p", &json!({ "runCommand": "echo one", "workingDirectory": gone }));
    stage.answer("1", "error");
    assert_eq!(texts(&stage.fetch("all", None, None)), "one\n");
    // Its supervisor may live a little longer than the news of its failure.
    stage.stop("0", "p");
    stage.runner.until("the answer", |event| {
        let stopped = event["type"] == "error" || event["message"] == "Dev server stopped successfully";
        event["commandId"] == "0" && stopped
    });
    std::fs::remove_dir_all(&gone).unwrap();
    let line = format!("'{}' --lifetime 200", dev_server().display());
    stage.start_as("2", "q", &json!({ "runCommand": line, "workingDirectory": stage.sandbox.project() }));
    stage.answer("2", "port-detected");
    stage.send(&json!({ "id": "3", "type": "fetch-logs", "projectId": "p" }));
    assert_eq!(stage.answer("3", "error")["error"], "Project not found");
    stage.end();
}
