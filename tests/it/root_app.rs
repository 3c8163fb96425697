//! The root of a workspace that is an app itself.

use serde_json::{Value, json};

use crate::root::workspace;
use crate::support::Ports;

#[test]
fn a_server_of_the_root_has_its_port_also_where_another_script_starts_it() {
    let sandbox = workspace(&json!({ "dev": "npm run play", "play": "vite playground" }));
    let ports = Ports::claim(1);
    let port = ports.first();
    let finished = sandbox.run(["dev", "--dry-run", "--json", "--port", &port.to_string()]);
    assert!(finished.status.success(), "{finished:?}");
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    let found = (&plan["root"]["means"], &plan["framework"], &plan["command"]);
    let command = format!("npm run play -- --port {port} --strictPort");
    assert_eq!(found, (&json!("root"), &json!("vite"), &json!(command)), "{plan}");
}

#[test]
fn a_root_that_starts_only_programs_of_its_own_is_the_app() {
    let ports = Ports::claim(1);
    let (first, text) = (ports.first(), ports.first().to_string());
    let port = ["--port", &text];
    for dev in ["npm run client & npm run server & wait", "concurrently npm:client npm:server"] {
        let sandbox = workspace(&json!({ "dev": dev, "client": "vite", "server": "node server.js" }));
        let finished = sandbox.run([&["dev", "--dry-run", "--json"][..], &port].concat());
        let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
        let found = (&plan["root"]["means"], &plan["framework"], &plan["port"]);
        assert_eq!(found, (&json!("root"), &json!("vite"), &json!(first)), "{plan}");
    }
    let sandbox = workspace(&json!({ "dev": "npm run api", "api": "node server.js" }));
    let finished = sandbox.run([&["dev", "--dry-run", "--json"][..], &port].concat());
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    let found = (&plan["root"]["means"], &plan["framework"], &plan["port"]);
    assert_eq!(found, (&json!("script"), &json!("node"), &json!(first)), "{plan}");
    // The reason is what bowline cannot look into.
    let sandbox = workspace(&json!({ "dev": "npm run client & make api & wait", "client": "vite" }));
    let finished = sandbox.run(["dev", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(plan["root"]["reason"], "`make api` may start anything");
}
