//! Failures of a start, over MCP and on the command line: the reason, the last lines, and a next step. Only the server
//! that never listens waits for a time-out, which is its event: the others are longer than the tests are patient.

use serde_json::{Value, json};

use super::Stage;

/// Where a start has failed, `service` is told with this.
struct Failed {
    config: &'static str,
    script: &'static str,
    server: &'static str,
    service: &'static str,
    reason: &'static str,
    /// A part of the last lines, or of the message.
    says: &'static str,
    hint: &'static str,
}

const LAST_LINES: &str = "mend what the last lines name";
/// A readiness that would come after the patience of the tests.
const LATE: &str = "[project.app]\nready = { timeout = \"1h\" }\n";
const NODE: &str = "node server.js";
const CRASH: Failed = Failed {
    config: LATE,
    script: NODE,
    server: "",
    service: "app",
    reason: "immediate_crash",
    says: "",
    hint: LAST_LINES,
};

const FAILURES: [Failed; 14] = [
    Failed { server: "require('nosuch')", says: "Cannot find module 'nosuch'", ..CRASH },
    Failed { server: "import('nosuch')", says: "Cannot find package 'nosuch'", ..CRASH },
    Failed { server: "require('./lib/own')", says: "Cannot find module './lib/own'", ..CRASH },
    Failed { server: "const = 3", says: "SyntaxError", ..CRASH },
    Failed { script: "node nosuch.js", says: "nosuch.js", ..CRASH },
    Failed { script: "cd nosuch && node server.js", says: "nosuch", ..CRASH },
    Failed { script: "node 'server.js", says: "nterminated", ..CRASH },
    Failed { script: "kill -9 $$", says: "", hint: "it has printed nothing: look at its script", ..CRASH },
    Failed { server: "console.log('bye')", says: "without listening on port", hint: "why it ended", ..CRASH },
    Failed {
        script: "echo hi && nosuchtool",
        reason: "command_not_found",
        says: "nosuchtool",
        hint: "install `nosuchtool`",
        ..CRASH
    },
    Failed {
        script: "nosuchtool",
        reason: "command_not_found",
        says: "command not found",
        hint: "install `nosuchtool`",
        ..CRASH
    },
    Failed {
        // The end of this time is the event.
        config: "[project.app]\nready = { timeout = \"300ms\" }\ngrace = \"300ms\"\n",
        server: "console.log('so far'); setInterval(() => {}, 1000)",
        reason: "health_check_timeout",
        says: "did not listen on port",
        hint: "allow more time",
        ..CRASH
    },
    Failed {
        config: "[project.app]\nneeds = ['db']\n[project.db]\ncommand = 'nosuchtool'\nport = true\n",
        service: "db",
        reason: "command_not_found",
        says: "command not found",
        hint: "install `nosuchtool`",
        ..CRASH
    },
    Failed {
        config: "[project.app]\nneeds = ['db']\n[project.db]\ncommand = 'echo no luck; exit 3'\nport = true\n",
        reason: "need_failed",
        says: "its need `db` failed",
        hint: "mend the service that it needs",
        ..CRASH
    },
];

#[test]
fn a_failed_start_is_told_with_its_reason_its_last_lines_and_a_next_step() {
    for case in FAILURES {
        let mut stage = Stage::of(case.script, case.server);
        stage.sandbox.file("bowline.toml", case.config);
        // Longer than the tests are patient.
        let told = stage.agent().refused("start", &json!({ "waitSeconds": 600 }));
        let is_it = |one: &&Value| one["name"] == case.service;
        let one = told["services"].as_array().map_or(Some(&told), |all| all.iter().find(is_it)).unwrap();
        let said = format!("{}\n{}", one["logTail"], one["error"]);
        assert_eq!(
            (&one["state"], &one["failureReason"]),
            (&"failed".into(), &case.reason.into()),
            "{told:#}"
        );
        assert!(said.contains(case.says), "{}: {told:#}", case.says);
        assert!(one["hint"].as_str().unwrap().contains(case.hint), "{}: {told:#}", case.hint);
        assert_told_on_the_command_line(&stage, &case);
    }
}

fn assert_told_on_the_command_line(stage: &Stage, case: &Failed) {
    let finished = stage.sandbox.run(["--json", "start"]);
    assert!(!finished.status.success(), "{finished:?}");
    let events: Vec<Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_it = |event: &&Value| {
        let id = event["projectId"].as_str().unwrap_or_default();
        event["type"] == "process-exited" && id.ends_with("#db") == (case.service == "db")
    };
    let end = events.iter().find(is_it).unwrap_or_else(|| panic!("{finished:?}"));
    assert_eq!(
        (&end["state"], &end["failureReason"]),
        (&"failed".into(), &case.reason.into()),
        "{finished:?}"
    );
    let said = format!("{}\n{}", end["stderr"], end["message"]);
    assert!(said.contains(case.says), "{}: {finished:?}", case.says);
    assert!(finished.stderr.lines().any(|line| line.starts_with("hint: ")), "{finished:?}");
}

#[test]
fn what_keeps_a_start_from_beginning_is_told_with_its_reason_and_a_next_step() {
    for (config, manifest, reason, says, hint) in [
        ("[project.app", "{}", "invalid_configuration", "bowline.toml:1:13", "correct the file"),
        ("[project.app]\nprot = 1", "{}", "invalid_configuration", "`prot`", "did you mean `port`"),
        ("", "{ \"name\": }", "invalid_configuration", "package.json:1:11", "correct `package.json`"),
        ("", "{}", "not_found", "no script `dev`", "add a `dev` script"),
        (
            "",
            "{ \"scripts\": { \"build\": \"true\" } }",
            "not_found",
            "no script `dev`",
            "in bowline.toml: build",
        ),
    ] {
        let mut stage = Stage::new();
        stage.sandbox.file("bowline.toml", config).file("package.json", manifest);
        let told = stage.agent().refused("start", &json!({ "waitSeconds": 600 }));
        assert_eq!(told["failureReason"], reason, "{told:#}");
        assert!(told["error"].as_str().unwrap().contains(says), "{told:#}");
        assert!(told["hint"].as_str().unwrap().contains(hint), "{told:#}");
        let finished = stage.sandbox.run(["--json", "start"]);
        let last: Value = serde_json::from_str(finished.stdout.lines().last().unwrap()).unwrap();
        assert!(last["error"].as_str().unwrap().contains(says), "{finished:?}");
        assert!(finished.stderr.lines().any(|line| line.starts_with("hint: ")), "{finished:?}");
    }
}

/// A workspace of servers, each of which ends when something is written to its file.
fn several(names: [&str; 2]) -> (crate::support::Sandbox, crate::support::Ports) {
    let (mut sandbox, ports) = crate::support::Sandbox::new().with_ports("default", 4);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    for name in names {
        let manifest = json!({ "name": name, "scripts": { "dev": "node server.js" } });
        sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
        sandbox.file(format!("packages/{name}/server.js"), super::SERVER);
        sandbox.file(format!("packages/{name}/page.txt"), "first");
    }
    (sandbox, ports)
}

#[test]
fn a_wait_for_the_end_of_several_ends_with_the_first_failure_or_the_last_end() {
    let (sandbox, _ports) = several(["api", "web"]);
    let mut agent = super::Agent::start(sandbox.bowline(["mcp"]));
    let started = agent.told("start", &json!({}));
    let api = started["services"].as_array().unwrap().iter().find(|one| one["name"] == "api").unwrap();
    let waiting = agent.ask("wait", &json!({ "for": "exit", "seconds": 600 }));
    super::page_of(&api["url"], "/crash");
    let told = agent.answer(waiting);
    let state = |told: &Value, name: &str| {
        let all = told["structuredContent"]["services"].as_array().unwrap();
        let one = all.iter().find(|one| one["name"] == name).unwrap();
        (one["state"].as_str().unwrap().to_owned(), one["logTail"].as_str().unwrap_or_default().to_owned())
    };
    let (failed, lines) = state(&told, "api");
    assert!(failed == "failed" && lines.contains("asked to crash"), "{told:#}");
    assert_eq!(state(&told, "web").0, "running", "{told:#}");
    agent.told("start", &json!({}));
    let waiting = agent.ask("wait", &json!({ "for": "exit", "seconds": 600 }));
    agent.told("stop", &json!({ "name": "api" }));
    agent.told("stop", &json!({ "name": "web" }));
    let told = agent.answer(waiting);
    assert_eq!(
        (state(&told, "api").0, state(&told, "web").0),
        ("stopped".into(), "stopped".into()),
        "{told:#}"
    );
}

#[test]
fn a_warning_names_what_a_client_can_do() {
    let mut stage = Stage::new();
    let mut agent = stage.agent();
    agent.told("start", &json!({}));
    stage.sandbox.file("package.json", r#"{ "name": "app", "scripts": { "dev": "node other.js" } }"#);
    let told = agent.told("start", &json!({}));
    let warning = told["warning"].as_str().unwrap_or_else(|| panic!("{told:#}"));
    assert!(warning.contains("replace it with `restart` of bowline_start"), "{warning}");
    assert!(!warning.contains("`--"), "{warning}");
}
