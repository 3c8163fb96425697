//! The root of a workspace that is an app itself.

use serde_json::{Value, json};

use crate::root::workspace;

#[test]
fn a_server_of_the_root_has_its_port_also_where_another_script_starts_it() {
    let sandbox = workspace(&json!({ "dev": "npm run play", "play": "vite playground" }));
    let finished = sandbox.run(["dev", "--dry-run", "--json", "--port", "45555"]);
    assert!(finished.status.success(), "{finished:?}");
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    let found = (&plan["root"]["means"], &plan["framework"], &plan["command"]);
    let command = "npm run play -- --port 45555 --strictPort";
    assert_eq!(found, (&json!("root"), &json!("vite"), &json!(command)), "{plan}");
}

#[test]
fn a_root_that_starts_only_programs_of_its_own_is_the_app() {
    let port = ["--port", "45555"];
    for dev in ["npm run client & npm run server & wait", "concurrently npm:client npm:server"] {
        let sandbox = workspace(&json!({ "dev": dev, "client": "vite", "server": "node server.js" }));
        let finished = sandbox.run([&["dev", "--dry-run", "--json"][..], &port].concat());
        let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
        let found = (&plan["root"]["means"], &plan["framework"], &plan["port"]);
        assert_eq!(found, (&json!("root"), &json!("vite"), &json!(45555)), "{plan}");
    }
    let sandbox = workspace(&json!({ "dev": "npm run api", "api": "node server.js" }));
    let finished = sandbox.run([&["dev", "--dry-run", "--json"][..], &port].concat());
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    let found = (&plan["root"]["means"], &plan["framework"], &plan["port"]);
    assert_eq!(found, (&json!("script"), &json!("node"), &json!(45555)), "{plan}");
    // The reason is what bowline cannot look into.
    let sandbox = workspace(&json!({ "dev": "npm run client & make api & wait", "client": "vite" }));
    let finished = sandbox.run(["dev", "--dry-run", "--json"]);
    let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(plan["root"]["reason"], "`make api` may start anything");
}
