//! A service without a port, in every command.

use serde_json::{Value, json};

use super::{Stage, answer, gate_of_tsc, workspace};
use crate::support::{Ports, Sandbox, Session, dev_server};

/// A watch that runs, in the background.
fn started() -> Stage {
    let stage = Stage::new("tsc -w");
    let sandbox = &stage.sandbox;
    std::thread::scope(|scope| {
        let started = scope.spawn(|| sandbox.run(["start"]));
        stage.gate.open();
        let started = started.join().unwrap();
        assert!(started.status.success(), "{started:?}");
        assert!(started.stderr.contains("bowline  app is ready\n"), "{started:?}");
    });
    stage
}

#[test]
fn it_is_listed_and_told_without_port_and_url() {
    let stage = started();
    let run = |arguments: &[&str]| stage.sandbox.run(arguments);
    let listed = answer(&run(&["ls", "--json"]));
    let service = &listed["services"][0];
    for field in ["port", "url"] {
        assert_eq!(service[field], Value::Null, "{listed}");
    }
    assert_eq!((&service["kind"], &service["state"]), (&"watch".into(), &"running".into()), "{listed}");
    let table = run(&["ls"]).stdout;
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..5], ["app", "tsc", "watch", "-", "running"], "{table}");
    assert!(!table.contains(" 0 ") && !table.contains(":0"), "{table}");
    let status = answer(&run(&["status", "--json"]));
    assert_eq!((&status["port"], &status["kind"]), (&Value::Null, &"watch".into()), "{status}");
    assert!(!run(&["status"]).stdout.contains("localhost"));
    assert_eq!(answer(&run(&["ports", "--json"]))["reservations"], json!([]));
    let port = run(&["port"]);
    assert_eq!((port.status.code(), &*port.stdout), (Some(1), ""), "{port:?}");
    assert!(port.stderr.contains("`app` has no port"), "{port:?}");
    let opened = run(&["open"]);
    assert_eq!(opened.status.code(), Some(1), "{opened:?}");
    assert!(opened.stderr.contains("`app` has no URL: it has no port"), "{opened:?}");
    assert!(run(&["wait"]).status.success());
    assert!(run(&["logs"]).stdout.contains("Starting compilation"));
    let again = run(&["start"]);
    assert!(again.status.success() && again.stderr.contains("app is already running"), "{again:?}");
    let stopped = run(&["stop"]);
    assert_eq!(stopped.stdout, "stopped app\n", "{stopped:?}");
    assert_eq!(run(&["ls"]).stdout, "nothing is running\n");
    let detected = run(&["detect"]).stdout;
    assert!(detected.contains("  ports      none: it is a watch\n"), "{detected}");
}

#[test]
fn it_is_followed_and_stopped_from_elsewhere() {
    let stage = started();
    let mut joined = stage.sandbox.start(["attach"]);
    joined.output("Starting compilation");
    assert!(stage.sandbox.run(["stop"]).status.success());
    assert_eq!(joined.wait().of("process-exited").len(), 1);
}

#[test]
fn it_gets_no_port_and_its_siblings_hear_of_none() {
    let ports = Ports::claim(2);
    let server = format!("env > env.txt; exec '{}' --lifetime 200", dev_server().display());
    let mut sandbox = workspace(&[("lib", "env > env.txt; tsc -w"), ("web", &server)]);
    sandbox
        .range("default", &ports)
        .env("PORT", ports.last().to_string())
        .env("BOWLINE_URL", "http://localhost:1");
    let gate = gate_of_tsc(&mut sandbox);
    let mut session = sandbox.start(["dev"]);
    // The wish is for the only service that can have a port.
    assert_eq!(session.ready(), ports.last());
    gate.open();
    if session.seen().iter().all(|event| event["type"] != "ready") {
        session.event("ready");
    }
    let read = |name: &str| {
        let file = sandbox.project().join("packages").join(name).join("env.txt");
        std::fs::read_to_string(file).unwrap()
    };
    let has = |text: &str, name: &str| text.lines().any(|line| line.starts_with(name));
    let (lib, web) = (read("lib"), read("web"));
    for name in ["PORT=", "DEV_SERVER_PORT=", "BOWLINE_URL=", "NODE_OPTIONS="] {
        assert!(!has(&lib, name), "{name} {lib}");
    }
    assert!(
        has(&lib, &format!("BOWLINE_WEB_PORT={}", ports.last())) && has(&lib, "BOWLINE_SESSION="),
        "{lib}"
    );
    assert!(has(&web, &format!("PORT={}", ports.last())) && !has(&web, "BOWLINE_LIB_"), "{web}");
    let ended = session.stop();
    assert!(ended.of("port-reallocated").is_empty(), "{ended:?}");
}

#[test]
fn a_port_for_it_is_refused() {
    let stage = Stage::new("tsc -w");
    let none = "`app` is a watch, which has no port: 4321";
    let by_its_kind = "bowline.toml:3:8: `app` is a watch by its `kind`, which has no port";
    for (arguments, settings, message, hint) in [
        (&["--port", "4321"][..], "", none, "leave `--port` out, or set `kind = \"server\"` in bowline.toml"),
        (&[], "[project.app]\nkind = \"watch\"\nport = 4321\n", by_its_kind, "leave one of the two out"),
        (&["--dry-run", "--port", "4321"], "", none, "leave `--port` out"),
    ] {
        let mut sandbox = Sandbox::with_script("tsc -w");
        sandbox.file("bowline.toml", settings);
        let refused = sandbox.run(arguments);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(refused.stderr.contains(message) && refused.stderr.contains(hint), "{refused:?}");
    }
    drop(stage);
}

#[test]
fn two_in_one_directory_are_two_services() {
    let stage = started();
    let mut other: Session = stage.sandbox.start(["dev", "--project-id", "other"]);
    stage.gate.open();
    other.event("ready");
    let listed = answer(&stage.sandbox.run(["ls", "--json"]));
    assert_eq!(listed["services"].as_array().unwrap().len(), 2, "{listed}");
    other.stop();
    assert!(stage.sandbox.run(["stop"]).status.success());
}

#[test]
fn nothing_is_remembered_of_a_port_that_it_has_not() {
    let stage = started();
    assert!(stage.sandbox.run(["stop"]).status.success());
    let doctor = stage.sandbox.run(["doctor"]);
    assert!(!doctor.stdout.contains("port 0"), "{doctor:?}");
    let forgotten = stage.sandbox.run(["ports", "release", "."]);
    assert!(forgotten.stdout.starts_with("no port was remembered for "), "{forgotten:?}");
}

#[test]
fn a_bowline_within_is_the_watch() {
    let stage = Stage::new(&format!("'{}' exec -- tsc -w", env!("CARGO_BIN_EXE_bowline")));
    let mut session = stage.sandbox.start(["dev"]);
    stage.gate.open();
    session.event("ready");
    let listed = answer(&stage.sandbox.run(["ls", "--json"]));
    assert_eq!(listed["services"].as_array().unwrap().len(), 1, "{listed}");
    session.stop();
}

#[test]
fn a_script_that_becomes_a_watch_gives_its_port_up_at_a_restart() {
    let (mut sandbox, ports) = Sandbox::with_dev_server("").with_ports("default", 1);
    let gate = gate_of_tsc(&mut sandbox);
    let before = std::fs::read_to_string(sandbox.project().join("package.json")).unwrap();
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), ports.first());
    let manifest = json!({ "name": "app", "scripts": { "dev": "tsc -w" } });
    sandbox.file("package.json", &manifest.to_string());
    std::thread::scope(|scope| {
        let restarted = scope.spawn(|| sandbox.run(["restart"]));
        gate.open();
        let restarted = restarted.join().unwrap();
        assert!(restarted.stdout.contains("it has no port now"), "{restarted:?}");
    });
    assert_eq!(answer(&sandbox.run(["ls", "--json"]))["services"][0]["port"], Value::Null);
    sandbox.file("package.json", &before);
    assert!(sandbox.run(["restart"]).status.success());
    assert_eq!(session.ready(), ports.first());
    session.stop();
}

#[test]
fn a_watch_that_serves_after_all_is_found_when_it_listens() {
    let ports = Ports::claim(1);
    let port = ports.first();
    let mut sandbox = Sandbox::with_script("tsc -w");
    let server = format!("PORT={port} exec '{}' --lifetime 200", dev_server().display());
    sandbox.program("tsc", &format!("echo 'Found 0 errors. Watching for file changes.'; {server}"));
    let mut session = sandbox.start(["dev"]);
    session.event("ready");
    let found = session.event("port-detected");
    assert_eq!(found["port"], port, "{found}");
    let listed = answer(&sandbox.run(["ls", "--json"]));
    assert_eq!(listed["services"][0]["port"], port, "{listed}");
    session.stop();
}
