//! Scripts of packages beneath real task runners that bowline runs as they are.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Ports, http};
use crate::workspaces::{Package, Stage};

/// A Vite app, and an API whose port stands in its source.
fn apps() -> [Package; 2] {
    [
        Package {
            dir: "apps/web",
            manifest: json!({ "scripts": { "dev": "vite --host 127.0.0.1" } }),
            files: &[("index.html", "<title>web</title>")],
        },
        Package {
            dir: "apps/api",
            manifest: json!({ "scripts": { "dev": "tsx src/index.ts" } }),
            files: &[],
        },
    ]
}

/// Both are services of their own on ports of their own, a part of the run, and nothing is left of them.
fn are_caught(mut stage: Stage, what: &str) {
    let own = Ports::claim(1);
    let server = format!(
        "import {{ createServer }} from 'node:http';
         createServer((_, answer) => answer.end('api')).listen({}, '127.0.0.1');",
        own.first()
    );
    stage.sandbox.file("apps/api/src/index.ts", &server);
    let stage = &stage;
    let mut session = stage.sandbox.start(["dev"]);
    let web = stage.ready(&mut session, "apps/web").unwrap();
    let api = stage.ready(&mut session, "apps/api").unwrap();
    assert_eq!((stage.pages.contains(web), stage.servers.contains(api)), (true, true), "{what}: {web} {api}");
    assert_eq!(http::get(api).body, "api", "{what}");
    assert!(http::get(web).body.contains("<title>web</title>"), "{what}");
    let services = services(stage);
    let run = services.iter().find(|one| one["name"] == "acme").map(|one| one["session"].clone());
    for name in ["@acme/web", "@acme/api"] {
        let one = services.iter().find(|one| one["name"] == name).unwrap();
        assert_eq!((Some(&one["partOf"]), &one["state"]), (run.as_ref(), &json!("running")), "{what}");
    }
    session.signal(Signal::INT);
    session.wait();
    assert_eq!(self::services(stage), Vec::<Value>::new(), "{what}");
}

fn services(stage: &Stage) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&stage.sandbox.run(["ls", "--json"]).stdout).unwrap();
    answer["services"].as_array().unwrap().clone()
}

#[test]
fn turbo_in_its_strict_mode() {
    let mut stage = Stage::new(&json!({ "scripts": { "dev": "turbo run dev --env-mode=strict" } }), &apps());
    // Where the ranges of this test are written.
    let passed = json!(["XDG_CONFIG_HOME"]);
    let tasks = json!({ "dev": { "cache": false, "persistent": true, "passThroughEnv": passed } });
    let tasks = json!({ "ui": "stream", "tasks": tasks });
    stage.sandbox.file("turbo.json", &tasks.to_string());
    stage.sandbox.file("bowline.toml", "[workspace]\norchestrator = \"script\"\n");
    are_caught(stage, "turbo");
}

#[test]
fn wireit_whose_services_are_scripts_of_packages() {
    let service = |command: &str| json!({ "command": command, "service": true });
    let wireit = json!({
        "dev": { "dependencies": ["web", "api"] },
        "web": service("npm run dev --workspace @acme/web"),
        "api": service("cd apps/api && npm run dev"),
    });
    let scripts = json!({ "dev": "wireit", "web": "wireit", "api": "wireit" });
    let stage = Stage::new(&json!({ "scripts": scripts, "wireit": wireit }), &apps());
    are_caught(stage, "wireit");
}

#[test]
fn moon_that_runs_scripts_of_packages() {
    let mut stage = Stage::new(&json!({ "scripts": { "dev": "moon run :dev" } }), &apps());
    stage.sandbox.file(".moon/workspace.yml", "projects: ['apps/*']\ntelemetry: false\n");
    for app in ["web", "api"] {
        let task = "language: javascript\ntasks:\n  dev:\n    command: npm run dev\n    preset: server\n";
        stage.sandbox.file(format!("apps/{app}/moon.yml"), task);
    }
    are_caught(stage, "moon");
}

/// They cannot be caught: one server gets the reservation, and the other one is named.
#[test]
fn moon_with_commands_of_its_own() {
    let own = Ports::claim(2);
    let server = |port: u16, answer: &str| {
        format!(
            "require('node:http').createServer((_, response) => response.end('{answer}')).listen({port}, '127.0.0.1');"
        )
    };
    let mut stage = Stage::new(&json!({ "scripts": { "dev": "moon run :dev" } }), &apps());
    stage.sandbox.file(".moon/workspace.yml", "projects: ['apps/*']\ntelemetry: false\n");
    let pages = [("web", server(own.last(), "<h1>web</h1>")), ("api", server(own.first(), "api"))];
    for (app, source) in pages {
        let task = "language: javascript\ntasks:\n  dev:\n    command: node server.cjs\n    preset: server\n";
        stage.sandbox.file(format!("apps/{app}/moon.yml"), task);
        stage.sandbox.file(format!("apps/{app}/server.cjs"), &source);
    }
    let mut session = stage.sandbox.start(["dev", "--json"]);
    session.until("ready", |event| event["type"] == "port-detected" && event["port"] == own.last());
    session.signal(Signal::INT);
    let ended = session.wait();
    for port in [own.first(), own.last()] {
        assert!(ended.stderr.contains(&format!("port {port} (node, pid ")), "{ended:?}");
    }
    assert_eq!(services(&stage), Vec::<Value>::new());
}

#[test]
fn a_program_that_starts_scripts_without_a_shell() {
    let mut stage = Stage::new(&json!({ "scripts": { "dev": "node dev.mjs" } }), &apps());
    stage.sandbox.file(
        "dev.mjs",
        "import { spawn } from 'node:child_process';
         spawn('npm', ['run', 'dev', '-w', '@acme/web'], { stdio: 'inherit', shell: false });
         spawn('npm', ['run', 'dev'], { cwd: 'apps/api', stdio: 'inherit' });",
    );
    are_caught(stage, "dev.mjs");
}
