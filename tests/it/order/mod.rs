//! Services that wait for others: how they start, are blocked, and end.

mod blocked;
mod ending;
mod thirty;

use std::ops::{Deref, DerefMut};

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, Session, dev_server};

/// A sandbox with a workspace, and ports that no other test gets.
struct Stage {
    sandbox: Sandbox,
    _ports: Ports,
}

impl Deref for Stage {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Sandbox {
        &mut self.sandbox
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.sandbox.run(["stop", "--all", "--force"]);
    }
}

/// A workspace whose packages run these scripts.
fn workspace(packages: &[(&str, &str)], config: &str) -> Stage {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 8);
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    sandbox.file("bowline.toml", config);
    for (name, script) in packages {
        let manifest = json!({ "name": format!("@acme/{name}"), "scripts": { "dev": script } });
        sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
    }
    Stage { sandbox, _ports: ports }
}

/// The stand-in server, which lives until it is stopped.
fn server() -> String {
    format!("exec '{}' --lifetime 100", dev_server().display())
}

/// The stand-in server, unless there is a file `broken` beside it.
fn breakable() -> String {
    format!("test ! -e broken || exit 7; {}", server())
}

fn is_of(event: &Value, name: &str) -> bool {
    event["projectId"].as_str().is_some_and(|id| id.ends_with(name))
}

/// The next event of this type about a service.
fn event(session: &mut Session, kind: &str, name: &str) -> Value {
    session.until(&format!("{kind} of {name}"), |event| event["type"] == kind && is_of(event, name))
}

/// How many events of this type about a service were seen.
fn count(events: &[Value], kind: &str, name: &str) -> usize {
    events.iter().filter(|event| event["type"] == kind && is_of(event, name)).count()
}

/// A service in the answer of `status --json`.
fn status(sandbox: &Sandbox, name: &str) -> Value {
    let finished = sandbox.run(["status", name, "--json"]);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"))
}

#[test]
fn what_is_needed_is_ready_before_what_needs_it_starts() {
    let config = "[project.\"@acme/web\"]\nneeds = [\"api\", \"@acme/db\"]\n[project.\"@acme/api\"]\nneeds = [\"db\"]\n";
    let sandbox = workspace(&[("api", &server()), ("db", &server()), ("web", &server())], config);
    let plan = sandbox.run(["dev", "--dry-run"]).stdout;
    let order = "order\n  @acme/api after @acme/db\n  @acme/web after @acme/api, @acme/db\n";
    assert!(plan.ends_with(order), "{plan}");
    let mut session = sandbox.start(["dev"]);
    for name in ["db", "api", "web"] {
        event(&mut session, "port-detected", name);
    }
    let seen = session.seen();
    assert_eq!((count(seen, "waiting", "web"), count(seen, "waiting", "db")), (1, 0));
    let first = seen.iter().find(|event| is_of(event, "web") && event["type"] == "waiting");
    assert_eq!(first.unwrap()["waitsFor"], json!(["@acme/api", "@acme/db"]));
    let api = status(&sandbox, "api");
    assert_eq!((&api["wantedBy"], &api["attempts"]), (&json!(["@acme/web"]), &json!(1)));
    session.stop();
}

#[test]
fn without_an_order_only_what_bowline_toml_says_is_waited_for() {
    let config =
        "[project.\"@acme/ui\"]\nkind = \"watch\"\n[project.\"@acme/web\"]\nneeds = [\"api\"]\n".to_owned();
    let mut sandbox = workspace(&[("api", &server()), ("ui", "exec cat"), ("web", &server())], &config);
    for name in ["api", "web"] {
        let manifest = json!({
            "name": format!("@acme/{name}"), "scripts": { "dev": server() },
            "devDependencies": { "@acme/ui": "*" },
        });
        sandbox.file(format!("packages/{name}/package.json"), &manifest.to_string());
    }
    let order = |arguments: &[&str]| {
        let plan = sandbox.run([&["dev", "--dry-run"], arguments].concat()).stdout;
        plan.split_once("order\n").map(|(_, order)| order.to_owned())
    };
    let implied = "  @acme/api after @acme/ui\n  @acme/web after @acme/api, @acme/ui\n";
    assert_eq!(order(&[]).as_deref(), Some(implied));
    assert_eq!(order(&["--no-order"]).as_deref(), Some("  @acme/web after @acme/api\n"));
    let plan = sandbox.run(["dev", "web", "api", "--dry-run", "--json"]).stdout;
    let first: Value = serde_json::from_str(plan.lines().next().unwrap()).unwrap();
    assert_eq!((&first["project"]["name"], &first["needs"]), (&json!("@acme/web"), &json!(["@acme/api"])));
}

#[test]
fn services_that_need_each_other_are_refused_and_named() {
    let config = ["web", "api", "db"]
        .into_iter()
        .zip(["api", "db", "web"])
        .map(|(name, need)| format!("[project.\"@acme/{name}\"]\nneeds = [\"{need}\"]\n"));
    let sandbox =
        workspace(&[("api", &server()), ("db", &server()), ("web", &server())], &config.collect::<String>());
    for arguments in [&["dev"][..], &["start"], &["dev", "--dry-run"]] {
        let refused = sandbox.run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let circle = "services need each other: @acme/api → @acme/db → @acme/web → @acme/api";
        assert!(refused.stderr.contains(circle), "{refused:?}");
    }
    assert!(sandbox.session_files("lock").is_empty(), "nothing was reserved");
}
