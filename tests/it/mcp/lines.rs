//! What clients of both eras send and get, word for word.

use serde_json::{Value, json};

use super::{Agent, Stage};

const META: &str = "io.modelcontextprotocol/protocolVersion";

fn old(id: u64, method: &str, params: impl Into<Value>) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params.into() })
}

/// A request of the present era, or of this version of it.
fn new(version: &str, id: u64, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        META: version,
        "io.modelcontextprotocol/clientInfo": { "name": "golden", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    old(id, method, params)
}

fn initialize(id: u64, version: &str) -> Value {
    let client = json!({ "name": "golden", "version": "1" });
    old(id, "initialize", json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client }))
}

fn initialized() -> Value {
    json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })
}

fn status() -> Value {
    json!({ "name": "bowline_status", "arguments": { "name": "app" } })
}

/// The lines of both sides. Tools are given by their names, which have a page of their own.
fn transcript(messages: &[Value]) -> Vec<Value> {
    let stage = Stage::new();
    let mut agent = Agent::connect(stage.sandbox.bowline(["mcp"]));
    let mut lines = Vec::new();
    for message in messages {
        agent.send(message);
        lines.push(json!({ "client": message }));
        if message["id"].is_null() {
            continue;
        }
        let mut answer = agent.read();
        if let Some(tools) = answer.pointer_mut("/result/tools").and_then(Value::as_array_mut) {
            for tool in tools {
                *tool = tool["name"].take();
            }
        }
        let text = answer.to_string().replace(&stage.dir(), "[PROJECT]");
        let text = text.replace(env!("CARGO_PKG_VERSION"), "[VERSION]");
        lines.push(json!({ "bowline": serde_json::from_str::<Value>(&text).unwrap() }));
    }
    let (ended, rest) = agent.end();
    assert!(ended.success() && rest.is_empty(), "{ended} {rest:?}");
    lines
}

#[test]
fn a_client_of_the_legacy_era() {
    let mut messages = Vec::new();
    for (id, version) in (0..).zip(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2031-01-01"]) {
        messages.push(initialize(id * 10, version));
        messages.push(initialized());
        messages.push(old(id * 10 + 1, "ping", json!({})));
    }
    messages.extend([old(91, "tools/list", json!({})), old(92, "tools/call", status())]);
    messages.push(old(93, "resources/list", json!({})));
    insta::assert_json_snapshot!(transcript(&messages));
}

#[test]
fn a_client_of_the_present_era() {
    insta::assert_json_snapshot!(transcript(&[
        new("2026-07-28", 1, "server/discover", json!({})),
        new("2026-07-28", 2, "tools/list", json!({})),
        new("2026-07-28", 3, "tools/call", status()),
        new("2026-07-28", 4, "tools/call", json!({ "name": "nosuch" })),
        new("2026-07-28", 5, "ping", json!({})),
    ]));
}

#[test]
fn a_client_that_probes_and_goes_on_in_the_legacy_way() {
    insta::assert_json_snapshot!(transcript(&[
        new("2026-07-28", 1, "server/discover", json!({})),
        initialize(2, "2025-11-25"),
        initialized(),
        old(3, "tools/call", status()),
    ]));
}

#[test]
fn a_client_that_begins_in_the_legacy_way_and_changes_over() {
    insta::assert_json_snapshot!(transcript(&[
        initialize(1, "2025-06-18"),
        initialized(),
        new("2026-07-28", 2, "tools/list", json!({})),
        new("2026-07-28", 3, "tools/call", status()),
        old(4, "tools/call", status()),
    ]));
}

#[test]
fn a_client_of_an_unknown_version() {
    insta::assert_json_snapshot!(transcript(&[
        new("2031-01-01", 1, "server/discover", json!({})),
        new("2025-11-25", 2, "tools/list", json!({})),
        old(3, "server/discover", json!({})),
        old(4, "tools/list", json!({ "_meta": { META: 7 } })),
        old(5, "tools/list", json!({ "_meta": { META: "2026-07-28" } })),
        new("2026-07-28", 6, "tools/list", json!({})),
    ]));
}

#[test]
fn the_tools() {
    let mut agent = Stage::new().agent();
    agent.send(&old(1, "tools/list", json!({})));
    let first = agent.read();
    agent.send(&old(1, "tools/list", json!({})));
    assert_eq!(first, agent.read(), "always the same, in the same order");
    insta::assert_json_snapshot!(first["result"]["tools"]);
}
