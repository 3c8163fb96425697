//! What one part of a workspace means for the others: root scripts with a server of their own, workers, conditions of
//! watches, restarts of several, and what is left out.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Session, Test, dev_server};

/// A workspace with this root script and bowline.toml, whose packages run these scripts.
fn workspace(root: Option<&str>, config: &str, packages: &[(&str, &str)]) -> (Sandbox, Ports) {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 6);
    let scripts = root.map_or(json!({}), |root| json!({ "dev": root }));
    let manifest = json!({ "name": "root", "workspaces": ["packages/*"], "scripts": scripts });
    sandbox.file("package.json", &manifest.to_string()).file("bowline.toml", config);
    for (name, script) in packages {
        let manifest = json!({ "name": name, "version": "1.0.0", "scripts": { "dev": script } });
        sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
    }
    (sandbox, ports)
}

fn server(options: &str) -> String {
    format!("'{}' --lifetime 200 {options}", dev_server().display())
}

fn port_of(session: &mut Session, id: &str) -> u64 {
    let is_it = |event: &Value| {
        event["type"] == "port-detected" && event["projectId"].as_str().is_some_and(|one| one.ends_with(id))
    };
    let seen = session.seen().iter().find(|event| is_it(event)).cloned();
    seen.unwrap_or_else(|| session.until(id, is_it))["port"].as_u64().unwrap()
}

fn service(sandbox: &Sandbox, name: &str) -> Value {
    let answer: Value = serde_json::from_str(&sandbox.run(["ls", "--json"]).stdout).unwrap();
    let services = answer["services"].as_array().unwrap();
    services.iter().find(|one| one["name"] == name).cloned().unwrap_or_default()
}

fn planned(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let finished = sandbox.run([&["dev", "--dry-run", "--json"], arguments].concat());
    let name = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["project"]["name"].as_str().unwrap_or_default().to_owned()
    };
    let mut names: Vec<String> = finished.stdout.lines().map(name).collect();
    names.sort();
    names
}

#[test]
fn a_root_script_with_a_server_of_its_own_has_a_port_and_what_it_starts_has_others() {
    let web = format!("exec {}", server(""));
    let root = format!("(cd packages/web && npm run dev) & exec {}", server("--delay 1000"));
    let (sandbox, ports) = workspace(Some(&root), "", &[("web", &web)]);
    let mut session = sandbox.start(["dev", "--json"]);
    let web = port_of(&mut session, "packages/web");
    let own = port_of(&mut session, &sandbox.project().to_string_lossy());
    assert_ne!(web, own);
    let range = ports.first()..ports.first() + 6;
    assert!(range.contains(&u16::try_from(own).unwrap()), "{own}");
    assert_eq!(service(&sandbox, "root")["port"], json!(own));
    assert_eq!(service(&sandbox, "web")["port"], json!(web));
    session.stop();
}

#[test]
fn a_root_script_whose_own_program_never_listens_is_ready_with_the_others() {
    let web = format!("exec {}", server(""));
    let root = format!("(cd packages/web && npm run dev) & exec {}", server("--no-listen"));
    let (sandbox, _ports) = workspace(Some(&root), "", &[("web", &web)]);
    let mut session = sandbox.start(["dev", "--json"]);
    port_of(&mut session, "packages/web");
    let waited = sandbox.run(["wait", "root", "--timeout", "60s"]);
    assert!(waited.status.success(), "{waited:?}");
    session.stop();
}

#[test]
fn a_root_script_that_only_starts_others_has_no_port() {
    let web = format!("exec {}", server(""));
    let config = "[workspace]\norchestrator = \"script\"\n";
    let (sandbox, _ports) = workspace(Some("npm run dev -w web"), config, &[("web", &web)]);
    let refused = sandbox.run(["dev", "--port", "4000"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(refused.stderr.contains("`root` only starts others"), "{refused:?}");
    let mut session = sandbox.start(["dev", "--json"]);
    port_of(&mut session, "packages/web");
    let root = service(&sandbox, "root");
    assert_eq!((&root["port"], &root["url"]), (&Value::Null, &Value::Null), "{root}");
    session.stop();
}

#[test]
fn a_listener_of_a_root_script_without_a_port_is_followed() {
    let config = "[workspace]\norchestrator = \"script\"\n";
    let (mut sandbox, ports) = workspace(None, config, &[("web", "true")]);
    let port = ports.first() + 5;
    let text = server(&format!("--hard-coded {port}")).replace('\'', "");
    let root =
        json!({ "name": "root", "workspaces": ["packages/*"], "scripts": { "dev": format!("eval {text}") } });
    sandbox.file("package.json", &root.to_string());
    let mut session = sandbox.start(["dev", "--json"]);
    assert_eq!(session.ready(), port);
    session.stop();
}

#[test]
fn a_process_of_a_procfile_that_is_no_server_is_ready_when_it_runs() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 2);
    let processes = format!("worker: exec {}\nweb: exec {}\n", server("--no-listen"), server(""));
    sandbox.file("Procfile", &processes);
    let mut session = sandbox.start(["dev", "--json"]);
    session.event("ready");
    port_of(&mut session, "#web");
    let worker = service(&sandbox, "worker");
    assert_eq!((&worker["kind"], &worker["port"]), (&json!("watch"), &Value::Null), "{worker}");
    assert_eq!(service(&sandbox, "web")["kind"], "server");
    session.stop();
}

#[test]
fn a_watch_is_ready_when_its_conditions_hold() {
    for ready in ["file = 'made'", "log = '^built$', file = 'made'", "exec = 'test -e made'"] {
        let mut sandbox = Sandbox::with_script("echo built; exec sleep 100");
        sandbox.file("bowline.toml", &format!("[project.app]\nkind = 'watch'\nready = {{ {ready} }}\n"));
        let mut session = sandbox.start(["dev"]);
        session.output("built");
        let early = sandbox.run(["wait", "--timeout", "400ms"]);
        assert_eq!(early.status.code(), Some(4), "{ready}: {early:?}");
        fs::write(sandbox.project().join("made"), "").unwrap();
        session.event("ready");
        session.stop();
    }
    let mut sandbox = Sandbox::with_script("true");
    sandbox.file("bowline.toml", "[project.app]\nkind = 'task'\nready = { file = 'made' }\n");
    Test::within(sandbox).status(2).stderr_contains("`app` is a task").run();
}

#[test]
fn what_is_restarted_together_waits_for_what_it_needs() {
    let api = format!("rm -f ../up; sleep 0.3; touch ../up; exec {}", server(""));
    let web =
        format!("if test -e ../up; then echo late; else echo early; fi >> ../starts; exec {}", server(""));
    let config = "[project.web]\nneeds = [\"api\"]\n";
    let (mut sandbox, _ports) = workspace(None, config, &[("api", &api), ("web", &web)]);
    let mut session = sandbox.start(["dev", "--json"]);
    port_of(&mut session, "packages/web");
    let restarted = sandbox.run(["restart", "web", "api"]);
    assert!(restarted.status.success(), "{restarted:?}");
    assert_eq!(fs::read_to_string(sandbox.project().join("packages/starts")).unwrap(), "late\nlate\n");
    sandbox.file("bowline.toml", "");
    let restarted = sandbox.run(["restart", "web"]);
    let said = [&*restarted.stdout, &*restarted.stderr].concat();
    assert!(said.contains("`needs` and `with` have changed"), "{said}");
    session.stop();
}

#[test]
fn what_is_missing_is_built_in_a_package_and_watched_from_the_root() {
    let (mut sandbox, _ports) = workspace(None, "", &[]);
    let web = json!({ "name": "web", "scripts": { "dev": "vite" }, "dependencies": { "ui": "workspace:*" } });
    let scripts = json!({ "dev": "tsc -w", "build": "tsc" });
    let ui = json!({ "name": "ui", "version": "1.0.0", "main": "dist/index.js", "scripts": scripts });
    sandbox.file("packages/web/package.json", &web.to_string());
    sandbox.file("packages/ui/package.json", &ui.to_string());
    assert_eq!(planned(&sandbox, &["-C", "packages/web"]), ["ui:build", "web"]);
    assert_eq!(planned(&sandbox, &["web"]), ["ui", "web"]);
    for option in ["--only", "--no-order"] {
        assert_eq!(planned(&sandbox, &["web", option]), ["web"], "{option}");
    }
    assert_eq!(planned(&sandbox, &["-C", "packages/web", "--no-order"]), ["web"]);
}

#[test]
fn a_command_in_the_place_of_a_project_is_pointed_out() {
    let hint = "`sh` is a program: run it with `bowline exec -- sh run dev`";
    Test::new().args(["sh", "run", "dev"]).status(5).stderr_contains(hint).run();
}

#[test]
fn editors_are_told_of_servers_alone() {
    let web = format!("exec {}", server(""));
    let (sandbox, _ports) = workspace(None, "", &[("ui", "tsc -w"), ("web", &web)]);
    let told = sandbox.run(["agents", "--json"]).stdout;
    assert!(told.contains("\"web\"") && !told.contains("\"ui\""), "{told}");
}
