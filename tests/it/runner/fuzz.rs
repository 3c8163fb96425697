//! Lines that no client should write. Each is answered by an error, and the runner goes on.

use std::process::Stdio;

use serde_json::{Value, json};

use super::{Stage, stage};
use crate::support::{Noise, Session, http};

const KINDS: [&str; 6] = [
    "start-dev-server", "stop-dev-server", "fetch-logs", "runner-health-check", "start-build", "hmr-connect",
];
const LINES: usize = 2000;

impl Stage {
    /// Answers a health check, which comes after whatever was written before.
    fn is_healthy(&mut self, id: &str) {
        self.send(&json!({ "id": id, "type": "runner-health-check" }));
        self.answer(id, "runner-status");
    }

    fn errors(&self) -> usize {
        self.runner.seen().iter().filter(|event| event["type"] == "error").count()
    }
}

#[test]
fn every_bad_line_is_answered_by_an_error_and_the_services_never_notice() {
    let mut stage = stage(1);
    stage.start("1", "p", "", None);
    let port = stage.answer("1", "port-detected")["port"].as_u64().unwrap();
    for seed in 0..4 {
        let mut noise = Noise::new(seed);
        let before = stage.errors();
        for _ in 0..LINES {
            let mut line = noise.line(&KINDS);
            line.push(b'\n');
            stage.runner.write_bytes(&line);
        }
        stage.is_healthy(&format!("after-{seed}"));
        assert_eq!(stage.errors() - before, LINES, "with seed {seed}");
        assert_eq!(http::get(u16::try_from(port).unwrap()).status, 200);
    }
    let ended = stage.end();
    assert_eq!(ended.of("process-exited").len(), 1, "only at the end");
}

#[test]
fn giant_lines_take_no_memory() {
    let mut stage = stage(1);
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..64 {
        stage.runner.write_bytes(&piece);
    }
    stage.runner.write("\n");
    stage.is_healthy("h");
    assert_eq!(stage.errors(), 1);
    let resident = bowline::process::memory::resident(stage.runner.id().cast_signed()).unwrap();
    assert!(resident < 32 << 20, "{resident} bytes");
    let whole = format!(r#"{{"id":"big","type":"dance","payload":{{"x":"{}"}}}}"#, "y".repeat(1_000_000));
    stage.runner.write(&format!("{whole}\n"));
    assert_eq!(stage.answer("big", "error")["error"], "unknown command `dance`");
    stage.end();
}

#[test]
fn odd_commands_that_are_understood_do_what_they_say() {
    let mut stage = stage(2);
    let dir = stage.sandbox.project().to_owned();
    let start = |run: &str, more: Value| {
        let mut payload = json!({ "runCommand": run, "workingDirectory": dir });
        payload.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        payload
    };
    // Ids and values that are no arguments, no file names and no shell words.
    for (number, project) in
        ["-x", "--help", "a b", "../..", "\u{7f}\n", "名前", "$(false)", "'"].iter().enumerate()
    {
        let id = format!("odd-{number}");
        stage.start_as(&id, project, &start("exit 9", json!({})));
        let exited = stage.answer(&id, "process-exited");
        assert_eq!((&exited["exitCode"], &exited["projectId"]), (&9.into(), &(*project).into()));
    }
    let large = "v".repeat(900_000);
    stage.start_as("large", "p", &start("true", json!({ "env": { "LARGE": large } })));
    assert!(stage.answer("large", "error")["error"].as_str().unwrap().contains("cannot start"));
    stage.start_as("nul", "p\0", &start("true", json!({})));
    assert!(stage.answer("nul", "error")["error"].as_str().unwrap().contains("zero byte"));
    stage.start_as("key", "p", &start("exit 9", json!({ "framework": "no-such-framework" })));
    assert_eq!(stage.answer("key", "process-exited")["exitCode"], 9);
    stage.is_healthy("h");
    stage.end();
}

#[test]
fn a_last_line_without_an_end_counts() {
    let mut stage = stage(1);
    stage.runner.write(r#"{"id":"last","type":"runner-health-check"}"#);
    stage.runner.close_input();
    assert_eq!(stage.answer("last", "runner-status")["payload"]["status"], "online");
    stage.end();
}

#[test]
fn many_commands_at_once_are_all_answered_in_their_order() {
    let mut stage = stage(1);
    let mut lines = String::new();
    for number in 0..5000 {
        let command = json!({ "id": number.to_string(), "type": "runner-health-check" });
        lines.push_str(&command.to_string());
        lines.push('\n');
    }
    stage.runner.write(&lines);
    stage.answer("4999", "runner-status");
    let statuses = stage.runner.seen().iter().filter(|event| event["type"] == "runner-status");
    let ids: Vec<String> =
        statuses.filter_map(|event| event["commandId"].as_str().map(str::to_owned)).collect();
    assert_eq!(ids, (0..5000).map(|number| number.to_string()).collect::<Vec<_>>());
    stage.end();
}

#[test]
fn an_input_that_is_no_text_at_all_ends_as_any_other() {
    let mut noise = Noise::new(99);
    let stage = stage(1);
    let mut command = stage.sandbox.bowline(["runner"]);
    command.stdin(Stdio::piped());
    let mut runner = Session::start(command);
    let rubbish: Vec<u8> = (0..2_000_000).map(|_| u8::try_from(noise.below(256)).unwrap()).collect();
    runner.write_bytes(&rubbish);
    runner.close_input();
    assert_eq!(runner.wait().status.code(), Some(0));
}
