//! Several services: names, patterns, what they need, and what keeps them from running.

use serde_json::{Value, json};

use super::{Agent, SERVER, Stage};
use crate::support::http;

/// A workspace with two packages, one of which needs the other, and with services that are no packages.
fn workspace(config: &str) -> Stage {
    let mut stage = Stage::of("turbo run dev --filter=./packages/*", "");
    let root = json!({
        "name": "root", "workspaces": ["packages/*"], "scripts": { "dev": "turbo run dev --filter=./packages/*" },
    });
    stage.sandbox.file("package.json", &root.to_string()).file("turbo.json", r#"{ "tasks": { "dev": {} } }"#);
    for name in ["api", "web"] {
        let manifest = json!({ "name": format!("@x/{name}"), "scripts": { "dev": "node server.js" } });
        stage.sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
        stage.sandbox.file(format!("packages/{name}/server.js"), SERVER);
        stage.sandbox.file(format!("packages/{name}/page.txt"), name);
    }
    stage.sandbox.file("bowline.toml", config);
    stage
}

const JOBS: &str = "
[project.web]
needs = ['api']
[project.clock]
command = \"node -e 'setInterval(() => console.log(1), 20)'\"
kind = 'watch'
[project.lamp]
command = 'echo no light; exit 3'
kind = 'watch'
";

/// The names in an answer, each with its state.
fn states(answer: &Value) -> Vec<(String, String)> {
    let alone = std::slice::from_ref(answer);
    let all = answer["services"].as_array().map_or(alone, Vec::as_slice);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut states: Vec<_> = all.iter().map(|one| (text(&one["name"]), text(&one["state"]))).collect();
    states.sort();
    states
}

fn of(states: &[(&str, &str)]) -> Vec<(String, String)> {
    states.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect()
}

#[test]
fn names_and_patterns_mean_what_they_mean_on_the_command_line() {
    let stage = workspace(JOBS);
    let mut agent = stage.agent();
    let idle = of(&[("@x/api", "idle"), ("@x/web", "idle"), ("clock", "idle"), ("lamp", "idle")]);
    assert_eq!(states(&agent.told("status", &json!({}))), idle, "what could run is there");
    assert_eq!(states(&agent.told("status", &json!({ "name": "@x/*" }))), idle[..2]);
    assert_eq!(states(&agent.told("start", &json!({ "name": "clock" }))), of(&[("clock", "running")]));
    let watch = agent.told("stop", &json!({ "name": "clock" }));
    assert_eq!((&watch["state"], &watch["port"]), (&"stopped".into(), &Value::Null), "{watch:#}");
    let both = of(&[("@x/api", "running"), ("@x/web", "running")]);
    let web = agent.told("start", &json!({ "name": "web" }));
    assert_eq!(states(&web), both, "with what it needs");
    assert!(web["services"].as_array().unwrap().iter().all(|one| one["alreadyRunning"] == false), "{web:#}");
    assert_eq!(
        states(&agent.told("stop", &json!({ "name": "@x/*" }))),
        of(&[("@x/api", "stopped"), ("@x/web", "stopped")])
    );
    for (tool, name) in [("start", "./packages/*"), ("wait", "@x/*"), ("status", "web..."), ("start", "@x/*")]
    {
        let told = agent.told(tool, &json!({ "name": name }));
        let expected = if name == "web..." { &both[1..] } else { &both[..] };
        assert_eq!(states(&told), expected, "{tool} {name}: {told:#}");
    }
    let whole = agent.told("start", &json!({}));
    assert_eq!(states(&whole), both, "what the root's script means");
    assert!(
        whole["services"].as_array().unwrap().iter().all(|one| one["alreadyRunning"] == true),
        "{whole:#}"
    );
    stage.sandbox.run(["stop", "web"]);
    let mixed = agent.told("start", &json!({ "name": "@x/*" }));
    let ran: Vec<&Value> =
        mixed["services"].as_array().unwrap().iter().map(|one| &one["alreadyRunning"]).collect();
    assert_eq!(ran, [true, false], "{mixed:#}");
    assert_eq!(states(&agent.told("start", &json!({ "name": "@x/*", "restart": true }))), both);
    assert_eq!(agent.refused("start", &json!({ "name": "nosuch*" }))["exitCode"], 5);
}

#[test]
fn output_of_several_is_that_of_each() {
    let stage = workspace(JOBS);
    let mut agent = stage.agent();
    agent.told("start", &json!({ "name": "web" }));
    for name in [json!({}), json!({ "name": "@x/*" })] {
        // A server may be ready a moment before it says so.
        let is_complete =
            |told: &Value| told["services"][0]["lines"] != "" && told["services"][1]["lines"] != "";
        let told = std::iter::repeat_with(|| agent.told("logs", &name)).find(is_complete).unwrap();
        let services = told["services"].as_array().unwrap();
        assert_eq!(services.len(), 2, "{told:#}");
        assert!(services.iter().all(|one| one["lines"] == "listening\n" && one["cursor"] != ""), "{told:#}");
    }
    let cursor = agent.told("logs", &json!({ "name": "web" }))["cursor"].take();
    assert_eq!(agent.told("logs", &json!({ "name": "@x/web", "cursor": cursor }))["lines"], "");
    let refused = agent.call("logs", &json!({ "cursor": cursor }));
    assert!(refused["content"][0]["text"].as_str().unwrap().contains("`name`"), "{refused:#}");
    agent.told("stop", &json!({}));
    let ended = agent.told("logs", &json!({ "name": "@x/*" }));
    assert_eq!(ended["services"].as_array().unwrap().len(), 2, "also after its end: {ended:#}");
}

#[test]
fn services_of_one_directory_are_told_apart() {
    let stage = workspace(JOBS);
    let mut agent = stage.agent();
    let lamp = agent.refused("start", &json!({ "name": "lamp" }));
    assert_eq!((&lamp["name"], &lamp["exitCode"]), (&"lamp".into(), &3.into()), "{lamp:#}");
    assert!(lamp["logTail"].as_str().unwrap().contains("no light"), "{lamp:#}");
    let told = states(&agent.told("status", &json!({})));
    assert!(told.contains(&("lamp".to_owned(), "failed".to_owned())), "{told:?}");
    assert!(told.contains(&("clock".to_owned(), "idle".to_owned())), "{told:?}");
}

#[test]
fn what_is_noticed_at_a_start_is_told() {
    let mut stage = workspace("");
    stage
        .sandbox
        .file("packages/web/package.json", r#"{ "name": "@x/web", "scripts": { "dev": "node server.js" } }"#);
    stage.sandbox.file(
        "packages/api/package.json",
        r#"{ "name": "@x/api", "scripts": { "dev": "PORT=4000 node server.js" } }"#,
    );
    stage.sandbox.file("packages/web/.env", "API_URL=http://localhost:4000\n");
    let told = stage.agent().told("start", &json!({}));
    let warning = told["warning"].as_str().unwrap_or_else(|| panic!("no warning: {told:#}"));
    assert!(warning.contains("4000") && warning.contains("@x/api"), "{warning}");
}

#[test]
fn who_is_blocked_is_told_at_once_and_starts_when_its_need_is_mended() {
    let mut stage = workspace(&JOBS.replace("['api']", "['api', 'clock']"));
    stage.sandbox.file("packages/api/server.js", "const = 3");
    let mut agent = stage.agent();
    let failed = agent.refused("start", &json!({ "name": "web" }));
    assert_eq!(states(&failed), of(&[("@x/api", "failed"), ("@x/web", "blocked"), ("clock", "running")]));
    for (tool, arguments) in
        [("wait", json!({ "name": "web", "seconds": 600 })), ("start", json!({ "name": "web" }))]
    {
        let told = agent.call(tool, &arguments);
        let told = &told["structuredContent"];
        let all = told["services"].as_array().cloned().unwrap_or_else(|| vec![told.clone()]);
        let web = all.iter().find(|one| one["name"] == "@x/web").unwrap();
        assert_eq!(
            (&web["state"], &web["failureReason"]),
            (&"blocked".into(), &"need_failed".into()),
            "{told:#}"
        );
        assert_eq!(web["blockedBy"], json!(["@x/api"]), "{told:#}");
    }
    stage.sandbox.file("packages/api/server.js", SERVER);
    let mended = agent.told("start", &json!({ "name": "api" }));
    assert_eq!(mended["state"], "running", "{mended:#}");
    // A server may be ready a moment before it says so.
    let tail = mended["logTail"].as_str().unwrap_or_default();
    assert!("listening\n".starts_with(tail), "nothing of its failed start: {mended:#}");
    let web = agent.told("wait", &json!({ "name": "web" }));
    assert_eq!(web["state"], "running");
    assert_eq!(super::page_of(&web["url"], "/"), "web");
}

#[test]
fn a_root_that_is_the_app_is_one_of_them() {
    let mut stage = Stage::new();
    let scripts = json!({ "dev": "node server.js" });
    let root = json!({ "name": "shop", "workspaces": ["packages/*"], "scripts": scripts });
    stage.sandbox.file("package.json", &root.to_string());
    stage.sandbox.file("packages/ui/package.json", &json!({ "name": "ui", "scripts": scripts }).to_string());
    let mut agent = stage.agent();
    assert_eq!(states(&agent.told("status", &json!({}))), of(&[("shop", "idle"), ("ui", "idle")]));
    let started = agent.told("start", &json!({}));
    assert_eq!((&started["name"], &started["state"]), (&"shop".into(), &"running".into()), "{started:#}");
    assert_eq!(http::get(stage.ports.first()).body, "first");
    let brief = stage.sandbox.run(["status", "--brief"]).stdout;
    assert!(brief.starts_with("shop  running") && brief.contains("not running: ui\n"), "{brief}");
    let mut inside = stage.sandbox.bowline(["mcp"]);
    inside.current_dir(stage.sandbox.project().join("packages/ui"));
    assert_eq!(Agent::start(inside).told("status", &json!({ "name": "shop" }))["state"], "running");
}
