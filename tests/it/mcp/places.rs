//! Where calls may act: in one workspace and its worktrees, whatever they are told.

use std::os::unix::fs::symlink;

use serde_json::json;

use super::{Agent, SERVER, Stage, write};
use crate::support::http;

fn project(dir: &std::path::Path, name: &str) {
    write(dir, "package.json", &json!({ "name": name, "scripts": { "dev": "node server.js" } }).to_string());
    write(dir, "server.js", SERVER);
    write(dir, "page.txt", name);
}

#[test]
fn what_lies_outside_is_refused_by_every_name() {
    let stage = Stage::new();
    let other = stage.sandbox.root().join("other");
    project(&other, "other");
    symlink(&other, stage.sandbox.project().join("link")).unwrap();
    assert!(stage.sandbox.run(["-C", other.to_str().unwrap(), "start"]).status.success());
    let port = stage.ports.first();
    let mut agent = stage.agent();
    for name in ["../other", other.to_str().unwrap(), "other", "link", "link/.", &port.to_string()] {
        for tool in ["start", "stop", "status", "wait", "logs"] {
            let result = agent.call(tool, &json!({ "name": name }));
            assert_eq!(result["isError"], true, "{tool} {name}: {result:#}");
        }
        let restart = agent.call("start", &json!({ "name": name, "restart": true }));
        assert_eq!(restart["isError"], true, "{name}: {restart:#}");
    }
    assert_eq!(http::get(port).body, "other", "and it was left alone");
    let held = agent.told("port", &json!({ "port": port }));
    assert_eq!((&held["ours"], &held["holder"]), (&true.into(), &"other".into()));
    assert!(held["advice"].as_str().unwrap().contains("leave it alone"), "{held}");
    let services = agent.told("status", &json!({}));
    assert_eq!(services["services"].as_array().unwrap().len(), 1, "its own project alone: {services}");
}

#[test]
fn a_workspace_is_one_place_and_so_are_its_worktrees() {
    let mut stage = Stage::new();
    stage.sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    let root = stage.sandbox.project().canonicalize().unwrap();
    for name in ["web", "api"] {
        project(&root.join("packages").join(name), name);
    }
    let git = |dir: &std::path::Path, arguments: &[&str]| {
        let mut command = stage.sandbox.command("git");
        command.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@t"]).args(arguments);
        let finished = crate::support::run_to_end(&mut command);
        assert!(finished.status.success(), "{finished:?}");
    };
    git(&root, &["init", "-q"]);
    git(&root, &["add", "."]);
    git(&root, &["commit", "-qm", "first"]);
    let tree = root.with_file_name("tree");
    git(&root, &["worktree", "add", "-q", tree.to_str().unwrap()]);
    let mut command = stage.sandbox.bowline(["mcp"]);
    command.current_dir(root.join("packages/web"));
    let mut agent = Agent::start(command);
    for name in ["api", ".", tree.join("packages/api").to_str().unwrap()] {
        let started = agent.told("start", &json!({ "name": name }));
        assert_eq!(started["state"], "running", "{name}");
    }
    let services = agent.told("status", &json!({}));
    let services = services["services"].as_array().unwrap();
    let states: Vec<_> = services.iter().map(|one| (&one["name"], &one["state"])).collect();
    assert_eq!(states.len(), 3, "{states:?}");
    assert!(states.iter().all(|(_, state)| *state == "running"), "{states:?}");
    let several = stage.agent().told("logs", &json!({}));
    assert_eq!(several["services"].as_array().unwrap().len(), 2, "those of the directory: {several:#}");
    let all = stage.agent().told("stop", &json!({}));
    assert_eq!(all["services"].as_array().unwrap().len(), 2, "those of the directory: {all}");
}

#[test]
fn a_directory_that_does_not_exist_is_named() {
    let refused = Stage::new().sandbox.run(["mcp", "--dir", "nowhere"]);
    assert!(!refused.status.success() && refused.stderr.contains("nowhere`"), "{refused:?}");
}
