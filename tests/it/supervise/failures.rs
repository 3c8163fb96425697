//! Each reason why a service may fail, by a real cause.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{Ended, Gate, Ports, Sandbox, dev_server, http, last_end, stage, stage_of};

/// How soon a reason is told, in milliseconds.
const SOON: u64 = 300;

/// The end of a service that fails at once, and bowline's; told in time at least once in some tries, as other
/// tests may have the machine just then.
fn fails_soon(sandbox: &Sandbox, arguments: &[&str], reason: &str) -> Ended {
    let mut durations = Vec::new();
    for _ in 0..20 {
        let ended = sandbox.start(arguments).wait();
        let end = last_end(&ended.events);
        assert_eq!((&end["failureReason"], &end["state"]), (&reason.into(), &"failed".into()), "{ended:#?}");
        assert!(ended.events.iter().any(|event| event["type"] == "error"), "{ended:#?}");
        let duration = end["durationMs"].as_u64().unwrap();
        if duration <= SOON {
            return ended;
        }
        durations.push(duration);
    }
    panic!("{reason} is told too late: {durations:?} ms");
}

fn text(ended: &Ended) -> String {
    let errors = ended.of("error");
    errors.iter().filter_map(|event| event["error"].as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn command_not_found() {
    let (sandbox, _ports) = stage_of("no-such-program --port 1", 1);
    let ended = fails_soon(&sandbox, &["dev"], "command_not_found");
    assert_eq!(ended.status.code(), Some(127));
    assert!(text(&ended).contains("no-such-program") && ended.stderr.contains("hint:"), "{ended:#?}");
    let ended = fails_soon(&sandbox, &["exec", "--", "./no/such/file"], "command_not_found");
    assert_eq!(ended.status.code(), Some(127));
}

#[test]
fn permission_denied() {
    let (mut sandbox, _ports) = stage_of("./server", 1);
    sandbox.file("server", "#!/bin/sh\nexit 0\n");
    std::fs::set_permissions(sandbox.project().join("server"), PermissionsExt::from_mode(0o644)).unwrap();
    for command in [&["dev"][..], &["exec", "--", "./server"]] {
        let ended = fails_soon(&sandbox, command, "permission_denied");
        assert_eq!(ended.status.code(), Some(126), "{ended:#?}");
        assert!(ended.stderr.contains("chmod +x"), "{ended:#?}");
    }
}

#[test]
fn directory_missing() {
    let (sandbox, _ports) = stage_of("rm -r \"$PWD\"; exit 1", 1);
    let project = sandbox.project().to_owned();
    let ended = sandbox.start(["dev", "--restart", "on-failure"]).wait();
    assert!(!project.exists());
    let end = last_end(&ended.events);
    assert_eq!(end["failureReason"], "directory_missing", "{ended:#?}");
    assert_eq!(ended.status.code(), Some(5), "{ended:#?}");
    assert!(ended.stderr.contains("the directory is gone"), "{ended:#?}");
    assert_eq!(ended.of("process-exited").len(), 2, "a directory that is gone is not waited for: {ended:#?}");
}

#[test]
fn port_in_use() {
    for (taken, code) in [("fail", 1), ("exit-zero", 3)] {
        let ports = Ports::claim(1);
        let mut sandbox = Sandbox::new();
        let gate = Gate::create(&sandbox.root().join("gate"));
        let server = dev_server().display();
        let script = format!("read go < '{}'; '{server}' --taken {taken}", gate.0.display());
        let package = serde_json::json!({ "name": "app", "scripts": { "dev": script } });
        sandbox.file("package.json", &package.to_string()).range("default", &ports);
        let session = sandbox.start(["dev", "--port", &ports.first().to_string()]);
        // The script is at the gate only once the port is reserved.
        let mut open = gate.reached();
        let stranger = ports.stranger(ports.first());
        std::io::Write::write_all(&mut open, b"go\n").unwrap();
        drop(open);
        let ended = session.wait();
        let end = last_end(&ended.events);
        assert_eq!(end["failureReason"], "port_in_use", "{ended:#?}");
        assert_eq!(ended.status.code(), Some(code), "{ended:#?}");
        assert!(text(&ended).contains(&ports.first().to_string()), "{ended:#?}");
        drop(stranger);
    }
}

#[test]
fn immediate_crash() {
    let (sandbox, _ports) = stage("--lines 2 --stream stderr --no-listen --exit-code 7", 1);
    let ended = fails_soon(&sandbox, &["dev"], "immediate_crash");
    assert_eq!(ended.status.code(), Some(7));
    assert!(last_end(&ended.events)["stderr"].as_str().unwrap().contains("line 2"), "{ended:#?}");
    let (sandbox, _ports) = stage("--no-listen --exit-code 0", 1);
    let ended = fails_soon(&sandbox, &["dev"], "immediate_crash");
    assert_eq!(ended.status.code(), Some(4));
    assert!(text(&ended).contains("s without listening on port "), "{ended:#?}");
}

#[test]
fn health_check_timeout() {
    let (mut sandbox, _ports) = stage("--no-listen --lines 1", 1);
    sandbox.file("bowline.toml", "[project.app]\nready = { timeout = \"2s\" }\n");
    let ended = sandbox.start(["dev"]).wait();
    let end = last_end(&ended.events);
    assert_eq!(end["failureReason"], "health_check_timeout", "{ended:#?}");
    assert!(end["durationMs"].as_u64().is_some_and(|time| time >= 2_000), "{end}");
    assert!(end["stderr"].as_str().unwrap().contains("line 1"), "{end}");
    assert!(ended.stderr.contains("hint:"), "{ended:#?}");
}

#[test]
fn health_check_failed() {
    let (sandbox, _ports) = stage("--once-asked --close-after 0 --exit-code 0 --exit-after 4000", 1);
    let mut session = sandbox.start(["dev"]);
    http::get(session.ready());
    let ended = session.wait();
    assert_eq!(ended.of("port-detected").len(), 1, "{ended:#?}");
    assert!(ended.stderr.contains("has stopped listening"), "{ended:#?}");
    assert_eq!(last_end(&ended.events)["failureReason"], "health_check_failed", "{ended:#?}");
    assert_eq!(ended.status.code(), Some(4), "{ended:#?}");
}

#[test]
fn unknown() {
    let (sandbox, _ports) = stage("--exit-code 1 --exit-after 3100", 1);
    let ended = sandbox.start(["dev"]).wait();
    let end: &Value = last_end(&ended.events);
    assert_eq!((&end["failureReason"], &end["exitCode"]), (&"unknown".into(), &1.into()), "{ended:#?}");
}

#[test]
fn a_hook_that_fails_is_named_and_not_the_script() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 1);
    let mut fails = |hook: &str, code: i32, said: &[&str]| {
        let scripts = serde_json::json!({ "predev": hook, "dev": "no-matter" });
        let package = serde_json::json!({ "name": "app", "scripts": scripts, "devDependencies": { "typescript": "*" } });
        sandbox.file("package.json", &package.to_string());
        let ended = sandbox.start(["dev"]).wait();
        assert_eq!(ended.status.code(), Some(code), "{ended:#?}");
        for said in said {
            assert!(ended.stderr.contains(said), "{said}: {ended:#?}");
        }
        assert!(!ended.stderr.contains("error: `no-matter"), "{ended:#?}");
    };
    fails("exit 3", 3, &["the script `predev` ended with exit code 3"]);
    fails("tsc --build", 127, &["command not found: `tsc`", "npm install"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_guardian_that_is_killed_is_named_as_the_reason() {
    use rustix::process::{Signal, kill_process};
    for arguments in ["", "--daemonize"] {
        let (sandbox, _ports) = stage(arguments, 1);
        let mut session = sandbox.start(["dev"]);
        session.ready();
        kill_process(sandbox.guardian(), Signal::KILL).unwrap();
        let ended = session.wait();
        assert!(ended.stderr.contains("guardian of the service was killed"), "{arguments}: {ended:#?}");
        for untrue in ["could not be started", "ever listened"] {
            assert!(!ended.stderr.contains(untrue), "{arguments}: {ended:#?}");
        }
    }
}
