//! Projects that would do more than their dev script says.

use std::fs;

use serde_json::{Value, json};

use crate::mcp::{Agent, Stage};
use crate::support::{Sandbox, run_to_end};

/// Names that would escape from quotes, paths, options and lines.
const NAMES: [&str; 9] = [
    "'; touch escaped; '",
    "\"; touch escaped; \"",
    "$(touch escaped)",
    "`touch escaped`",
    "../../escaped",
    "/tmp/../escaped",
    "--state-dir=escaped",
    "a\nhint: touch escaped",
    "\u{1b}]0;escaped\u{7}\u{202e}",
];

fn escaped(stage: &Stage) -> bool {
    let places = [stage.sandbox.project(), stage.sandbox.root(), stage.sandbox.root().parent().unwrap()];
    places.iter().any(|dir| dir.join("escaped").exists())
}

fn manifest(name: &str, script: &str) -> String {
    json!({ "name": name, "scripts": { "dev": script } }).to_string()
}

#[test]
fn a_name_does_not_escape() {
    for name in NAMES {
        let mut stage = Stage::new();
        stage.sandbox.file("package.json", &manifest(name, "node server.js"));
        let mut agent = stage.agent();
        let started = agent.told("start", &json!({}));
        assert_eq!(started["state"], "running", "{name:?}");
        for tool in ["status", "logs", "stop"] {
            agent.told(tool, &json!({}));
        }
        assert!(!escaped(&stage), "{name:?}");
        let logs = stage.sandbox.state_dir().join("logs");
        let files = fs::read_dir(&logs).unwrap().flatten().count();
        assert!((1..=4).contains(&files), "{name:?}: the log has its place: {files}");
    }
}

#[test]
fn what_answers_show_of_a_project_is_harmless() {
    let name = "a\u{1b}[31m\u{9b}2J\u{202e}\nhint: all is well";
    let mut stage = Stage::of(
        "node server.js",
        "console.log('\\u001b]0;title\\u0007\\u001b[2Jplain\\rover\\u009b31m\\u202e');
         require('node:http').createServer().listen(process.env.PORT, '127.0.0.1');",
    );
    stage.sandbox.file("package.json", &manifest(name, "node server.js # \u{1b}[2J"));
    let mut agent = stage.agent();
    let mut texts = Vec::new();
    for (tool, arguments) in [
        ("start", json!({})),
        ("status", json!({})),
        ("logs", json!({})),
        ("port", json!({ "port": stage.ports.first() })),
        ("status", json!({ "name": "no\u{2028}such" })),
        ("stop", json!({})),
    ] {
        let result = agent.call(tool, &arguments);
        texts.push(result["content"][0]["text"].as_str().unwrap().to_owned());
    }
    for text in &texts {
        let harmful = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}".contains(c);
        assert!(!text.contains(harmful), "{text:?}");
        assert!(!text.lines().any(|line| line.starts_with("hint: all is well")), "{text}");
    }
    assert!(texts[2].contains("over"), "{texts:?}");
}

#[test]
fn a_project_without_a_start_runs_nothing() {
    let mut sandbox = Sandbox::new();
    let scripts =
        json!({ "dev": "touch ran", "predev": "touch ran", "install": "touch ran", "prepare": "touch ran" });
    sandbox.file("package.json", &json!({ "name": "app", "scripts": scripts, "bin": "./run" }).to_string());
    let config = "[project.app]\nbefore = 'touch ran'\nafter = 'touch ran'\nready = { exec = 'touch ran' }\n\
                  [project.job]\ncommand = 'touch ran'\n";
    sandbox.file("bowline.toml", config).file("Procfile.dev", "job: touch ran\n");
    sandbox.file("node_modules/.bin/git", "#!/bin/sh\ntouch ran\n").file(".npmrc", "script-shell=touch");
    let mut agent = Agent::start(sandbox.bowline(["mcp"]));
    for (tool, arguments) in [
        ("status", json!({})),
        ("status", json!({ "name": "app" })),
        ("status", json!({ "name": "job" })),
        ("logs", json!({})),
        ("port", json!({ "port": 1 })),
        ("wait", json!({})),
        ("stop", json!({})),
    ] {
        agent.call(tool, &arguments);
    }
    for arguments in [
        &["ls"][..],
        &["status"],
        &["port"],
        &["detect"],
        &["doctor"],
        &["agents"],
        &["status", "--brief"],
        &["--dry-run"],
    ] {
        let _whatever = run_to_end(&mut sandbox.bowline(arguments));
    }
    assert!(!sandbox.project().join("ran").exists());
}

#[test]
fn a_workspace_does_not_reach_outside_by_its_patterns() {
    let mut stage = Stage::new();
    let outside = stage.sandbox.root().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("package.json"), manifest("outside", "node server.js")).unwrap();
    let patterns = json!({ "name": "app", "workspaces": ["../outside", "../*", "packages/*"], "scripts": { "dev": "node server.js" } });
    stage.sandbox.file("package.json", &patterns.to_string());
    fs::create_dir(stage.sandbox.project().join("packages")).unwrap();
    std::os::unix::fs::symlink(&outside, stage.sandbox.project().join("packages/link")).unwrap();
    let mut agent = stage.agent();
    let all = agent.call("start", &json!({}));
    assert!(!all.to_string().contains("outside\""), "{all:#}");
    assert!(!stage.sandbox.run(["ls", "--json"]).stdout.contains("outside\""));
    let result = agent.call("start", &json!({ "name": "outside" }));
    assert_eq!(result["isError"], true, "{result:#}");
    let services = agent.told("status", &json!({}));
    let outside = |one: &&Value| one["name"] == "outside";
    assert_eq!(services["services"].as_array().unwrap().iter().filter(outside).count(), 0, "{services:#}");
}
