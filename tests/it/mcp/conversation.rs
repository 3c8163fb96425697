//! What a client does all day, and what goes on at the same time.

#[cfg(target_os = "linux")]
use std::fs;

use serde_json::{Value, json};

use super::{Agent, Stage, page_of};
use crate::support::http;

#[test]
fn a_service_is_started_once_and_outlives_the_agent() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    let started = agent.told("start", &json!({}));
    assert_eq!((&started["state"], &started["port"]), (&"running".into(), &stage.ports.first().into()));
    assert_eq!((&started["name"], &started["alreadyRunning"]), (&"app".into(), &false.into()));
    assert_eq!(page_of(&started["url"], "/"), "first");
    let again = agent.told("start", &json!({ "name": "app" }));
    assert_eq!((&again["url"], &again["alreadyRunning"]), (&started["url"], &true.into()));
    let (status, rest) = agent.end();
    assert!(status.success() && rest.is_empty(), "{status} {rest:?}");
    assert_eq!(page_of(&started["url"], "/"), "first");
    let mut other = stage.agent();
    assert_eq!(other.told("status", &json!({}))["services"][0]["state"], "running");
    assert_eq!(other.told("stop", &json!({}))["state"], "stopped");
    let after = other.told("status", &json!({}))["services"][0].take();
    assert_eq!(after["state"], "stopped", "{after}");
    assert!(after["stoppedBy"].as_str().unwrap().contains("bowline_stop"), "{after}");
    assert_eq!(stage.agent().told("status", &json!({}))["services"][0]["state"], "idle");
    assert_eq!(other.refused("stop", &json!({}))["exitCode"], 5);
}

#[test]
fn a_restart_runs_what_the_files_say_now() {
    let mut stage = Stage::new();
    let mut agent = stage.agent();
    let started = agent.told("start", &json!({}));
    stage.sandbox.file("page.txt", "second");
    let restarted = agent.told("start", &json!({ "restart": true }));
    assert_eq!((&restarted["url"], &restarted["alreadyRunning"]), (&started["url"], &false.into()));
    assert_eq!(page_of(&started["url"], "/"), "second");
    let status = agent.told("status", &json!({ "name": "." }));
    assert_eq!(status["state"], "running");
}

#[test]
fn twenty_starts_at_once_give_one_server() {
    let stage = Stage::new();
    let mut agents: Vec<Agent> = (0..4).map(|_| stage.agent()).collect();
    let asked: Vec<Vec<u64>> =
        agents.iter_mut().map(|agent| (0..5).map(|_| agent.ask("start", &json!({}))).collect()).collect();
    let mut urls: Vec<Value> = Vec::new();
    for (agent, ids) in agents.iter_mut().zip(asked) {
        urls.extend(ids.into_iter().map(|id| agent.answer(id)["structuredContent"]["url"].clone()));
    }
    assert_eq!(urls.len(), 20);
    let port = stage.ports.first();
    assert!(urls.iter().all(|url| *url == format!("http://localhost:{port}")), "{urls:?}");
    assert_eq!(stage.running(), 1);
}

#[test]
fn waiting_keeps_nobody_waiting() {
    let stage = Stage::of("node server.js", "setInterval(() => {}, 1000); console.log('not yet')");
    let mut agent = stage.agent();
    let start = agent.ask("start", &json!({ "waitSeconds": 600 }));
    let port = agent.told("port", &json!({ "port": stage.ports.last() }));
    assert_eq!((&port["free"], &port["ours"]), (&true.into(), &false.into()));
    agent.told("status", &json!({}));
    agent.send(&json!({ "jsonrpc": "2.0", "id": 99, "method": "ping" }));
    assert_eq!(agent.read()["id"], 99, "and not {start}");
    let late = stage.agent().told("start", &json!({ "waitSeconds": 0 }));
    assert_eq!(late["state"], "starting", "{late}");
    assert!(late["hint"].as_str().unwrap().contains("bowline_"), "{late}");
    let waited = agent.told("wait", &json!({ "seconds": 0 }));
    assert_eq!(waited["state"], "starting");
}

#[test]
fn output_is_read_piece_by_piece() {
    let stage = Stage::of(
        "node server.js",
        "for (let line = 1; line <= 30; line++) console.log(`\\u001b[32mline ${line}\\u001b[0m`);
         require('node:http').createServer((question, answer) => {
             console.log(`asked ${question.url}`);
             answer.end();
         }).listen(process.env.PORT, '127.0.0.1');",
    );
    let mut agent = stage.agent();
    let never = agent.told("logs", &json!({}));
    assert_eq!((&never["lines"], &never["cursor"]), (&"".into(), &"".into()));
    let started = agent.told("start", &json!({}));
    let first = agent.told("logs", &json!({ "lines": 500 }));
    page_of(&started["url"], "/news");
    // What was printed is on record once the service has ended.
    agent.told("stop", &json!({}));
    let rest = agent.told("logs", &json!({ "lines": 500, "cursor": first["cursor"] }));
    let lines = (1..=30).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
    let pieces = [&first, &rest].map(|piece| piece["lines"].as_str().unwrap());
    assert_eq!(pieces.concat(), lines + "asked /news\n");
    assert_eq!(agent.told("logs", &json!({ "lines": 2 }))["lines"], "line 30\nasked /news\n");
    let matching = agent.told("logs", &json!({ "match": "LINE 1", "lines": 500 }));
    assert_eq!(matching["lines"].as_str().unwrap().lines().count(), 11);
    assert_eq!(agent.told("logs", &json!({ "since": "2100-01-01T00:00:00Z" }))["lines"], "");
}

#[test]
fn answers_are_bounded_and_end_with_the_output() {
    let stage = Stage::of(
        "node server.js",
        "for (let line = 1; line <= 5000; line++) console.log(`${line} ${'x'.repeat(400)}`);
         console.log('the last line');
         require('node:http').createServer().listen(process.env.PORT, '127.0.0.1');",
    );
    let mut agent = stage.agent();
    let started = agent.call("start", &json!({}));
    agent.told("stop", &json!({}));
    let logs = agent.call("logs", &json!({ "lines": 500 }));
    for answer in [&started, &logs] {
        assert!(answer.to_string().len() <= 16 * 1024);
    }
    assert!(logs["content"][0]["text"].as_str().unwrap().ends_with("the last line"));
}

#[test]
fn an_end_is_waited_for_and_its_reason_kept() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    let started = agent.told("start", &json!({}));
    let waiting = agent.ask("wait", &json!({ "for": "exit", "seconds": 600 }));
    page_of(&started["url"], "/crash");
    let result = agent.answer(waiting);
    assert_eq!(result["isError"], true, "{result:#}");
    let end = &result["structuredContent"];
    assert_eq!((&end["state"], &end["exitCode"]), (&"failed".into(), &1.into()));
    assert!(end["logTail"].as_str().unwrap().contains("asked to crash"), "{end}");
    assert!(end["hint"].as_str().unwrap().contains("bowline_start"), "{end}");
    for tool in ["wait", "status"] {
        let known = agent.call(tool, &json!({ "name": "app" }));
        assert_eq!(known["structuredContent"]["failureReason"], end["failureReason"], "{tool}: {known:#}");
    }
    assert_eq!(agent.told("start", &json!({}))["alreadyRunning"], false);
    assert_eq!(agent.told("wait", &json!({}))["state"], "running");
}

#[test]
fn neither_a_port_nor_a_parent_is_inherited() {
    let stage = Stage::new();
    let mut command = stage.sandbox.bowline(["mcp"]);
    command.env("PORT", stage.ports.last().to_string()).env("BOWLINE_WITH_PARENT", "1");
    let mut agent = Agent::start(command);
    let started = agent.told("start", &json!({}));
    assert_eq!(started["port"], stage.ports.first());
    agent.end();
    assert_eq!(http::get(stage.ports.first()).status, 200);
    let mut agent = stage.agent();
    assert_eq!(agent.told("status", &json!({ "name": "app" }))["state"], "running");
    let waiting = agent.ask("wait", &json!({ "for": "exit", "seconds": 600 }));
    assert_eq!(stage.agent().told("stop", &json!({}))["state"], "stopped");
    let end = agent.answer(waiting);
    assert_eq!(end["structuredContent"]["state"], "stopped", "a stop is no failure: {end:#}");
    assert_eq!(end["isError"], false);
}

/// The server listens once this file is there.
#[cfg(target_os = "linux")]
const HELD_UP: &str = "
const fs = require('node:fs');
const listen = () => require('node:http').createServer((_, answer) => answer.end('at last'))
    .listen(process.env.PORT, '127.0.0.1');
const timer = setInterval(() => fs.existsSync(`${__dirname}/go`) && (clearInterval(timer), listen()), 20);
";

/// The processes that the agent's bowline runs for calls.
#[cfg(target_os = "linux")]
fn children(agent: &Agent) -> String {
    let tasks = fs::read_dir(format!("/proc/{}/task", agent.id())).unwrap().flatten();
    tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok()).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn a_cancelled_call_is_not_answered_and_its_service_lives_on() {
    for meta in [
        json!(null),
        json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }),
    ] {
        let stage = Stage::of("node server.js", HELD_UP);
        let mut agent = stage.agent();
        for (id, tool) in [("one", "bowline_start"), ("two", "bowline_wait")] {
            let mut params = json!({ "name": tool, "arguments": {} });
            if meta.is_object() {
                params["_meta"] = meta.clone();
            }
            agent.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
            super::until_it_starts(&stage);
            while children(&agent).is_empty() {
                std::thread::yield_now();
            }
            let cancelled = json!({ "requestId": id, "reason": "no" });
            agent
                .send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled }));
            while !children(&agent).is_empty() {
                std::thread::yield_now();
            }
        }
        let waiting = agent.ask("wait", &json!({ "seconds": 600 }));
        fs::write(stage.sandbox.project().join("go"), "").unwrap();
        assert_eq!(agent.answer(waiting)["structuredContent"]["state"], "running");
        let (_, rest) = agent.end();
        assert!(rest.is_empty(), "{rest:?}");
        assert_eq!(http::get(stage.ports.first()).body, "at last");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_end_of_the_agent_leaves_a_start_alone() {
    let stage = Stage::of("node server.js", HELD_UP);
    let mut agent = stage.agent();
    agent.ask("start", &json!({ "waitSeconds": 600 }));
    super::until_it_starts(&stage);
    let (status, rest) = agent.end();
    assert!(status.success() && rest.is_empty(), "{status} {rest:?}");
    fs::write(stage.sandbox.project().join("go"), "").unwrap();
    let waited = stage.sandbox.run(["wait"]);
    assert!(waited.status.success(), "{waited:?}");
    assert_eq!(http::get(stage.ports.first()).body, "at last");
}

#[test]
fn the_last_questions_are_answered_after_the_end_of_input() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    agent.send_line(br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let (status, rest) = agent.end();
    assert!(status.success(), "{status}");
    assert_eq!(rest.len(), 1, "{rest:?}");
}
