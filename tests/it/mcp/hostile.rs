//! Lines that no client should send.

use std::io::Write;

use serde_json::{Value, json};

use super::{Agent, Stage};
use crate::support::Noise;

const METHODS: [&str; 5] = ["initialize", "tools/call", "tools/list", "server/discover", "ping"];

#[test]
fn bad_lines_are_answered_by_errors_and_the_next_one_is_read() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    for (line, code, id) in [
        ("rubbish", -32700, Value::Null),
        ("{\"jsonrpc\":\"2.0\"", -32700, Value::Null),
        ("[]", -32600, Value::Null),
        ("7", -32600, Value::Null),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, -32600, 1.into()),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, -32600, Value::Null),
        (r#"{"jsonrpc":"2.0","id":2,"method":7}"#, -32600, 2.into()),
        (r#"{"jsonrpc":"2.0","id":3}"#, -32600, 3.into()),
        (r#"{"jsonrpc":"2.0","id":4,"method":"tools/list","params":[]}"#, -32602, 4.into()),
        (r#"{"jsonrpc":"2.0","id":"a","method":"nosuch"}"#, -32601, "a".into()),
        (r#"{"jsonrpc":"2.0","id":5,"method":"tools/call"}"#, -32602, 5.into()),
        (r#"{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"rm"}}"#, -32602, 6.into()),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"bowline_port","arguments":[]}}"#,
            -32602,
            7.into(),
        ),
        (r#"{"jsonrpc":"2.0","id":8,"method":"initialize","params":{}}"#, -32602, 8.into()),
    ] {
        agent.send_line(line.as_bytes());
        let answer = agent.read();
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&code.into(), &id), "{line}: {answer}");
        assert_eq!(answer.get("id").is_some(), !id.is_null(), "{line}: {answer}");
    }
    agent.send_line(&vec![b'x'; 3 << 20]);
    assert_eq!(agent.read()["error"]["code"], -32600, "too long");
    for line in [
        "",
        "  \t",
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"nosuch","params":7}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":12345}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
    ] {
        agent.send_line(line.as_bytes());
    }
    agent.send(&json!({ "jsonrpc": "2.0", "id": "last", "method": "ping" }));
    assert_eq!(agent.read()["id"], "last", "those are not answered");
}

#[test]
fn wrong_arguments_are_results_that_the_model_can_read() {
    let stage = Stage::new();
    let mut agent = stage.agent();
    for (tool, arguments, said) in [
        ("start", json!({ "command": "rm -rf /" }), "has no argument `command`"),
        ("start", json!({ "name": 7 }), "string"),
        ("start", json!({ "name": "" }), "`name`"),
        ("start", json!({ "name": "--script" }), "`name`"),
        ("start", json!({ "name": "a\nb" }), "`name`"),
        ("start", json!({ "waitSeconds": 601 }), "600"),
        ("start", json!({ "waitSeconds": -1 }), "between 0 and 600"),
        ("logs", json!({ "lines": 501 }), "500"),
        ("logs", json!({ "cursor": "nonsense" }), "cursor"),
        ("logs", json!({ "since": "yesterday" }), "since"),
        ("port", json!({}), "65535"),
        ("port", json!({ "port": 65536 }), "65535"),
        ("stop", json!({ "signal": "KILL" }), "has no argument `signal`"),
        ("start", json!({ "restart": "yes" }), "true or false"),
        ("wait", json!({ "for": "ever" }), "\"exit\""),
    ] {
        let result = agent.call(tool, &arguments);
        assert_eq!(result["isError"], true, "{tool} {arguments}: {result}");
        let text = result["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(said), "{tool} {arguments}: {text}");
    }
    assert_eq!(stage.running(), 0);
}

#[test]
fn noise_is_answered_line_by_line() {
    let stage = Stage::new();
    for seed in 0..8 {
        let mut noise = Noise::new(seed);
        let mut agent = Agent::connect(stage.sandbox.bowline(["mcp"]));
        for number in 0..100 {
            let mut line = noise.line(&METHODS);
            line.retain(|byte| *byte != b'\r');
            agent.send_line(&line);
            let shown = String::from_utf8_lossy(&line[..line.len().min(200)]).into_owned();
            let answer = agent.read();
            assert!(answer["error"]["code"].is_i64(), "seed {seed}, line {number}: {shown}: {answer}");
        }
        let (status, rest) = agent.end();
        assert!(status.success() && rest.is_empty(), "{status} {rest:?}");
    }
}

#[test]
fn a_client_that_hangs_up_is_no_failure() {
    let stage = Stage::new();
    let mut command = stage.sandbox.bowline(["mcp"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"rubbish\nrubbish\n").unwrap();
    crate::support::end_of(&child).recv_timeout(crate::support::PATIENCE).expect("the end");
    assert!(child.wait().unwrap().success());
}
