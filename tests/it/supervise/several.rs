//! Several services of one supervisor: each lives and ends by itself.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ports, Sandbox, Session, dev_server, http, is_free};

/// A workspace of `steady`, a server that lives, and `other`, which runs this script.
fn stage(other: &str) -> (Sandbox, Ports) {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 2);
    let steady = format!("exec '{}' --lifetime 100", dev_server().display());
    let manifest = |name: &str, script: &str| {
        serde_json::json!({ "name": name, "scripts": { "dev": script } }).to_string()
    };
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    sandbox.file("packages/steady/package.json", &manifest("steady", &steady));
    sandbox.file("packages/other/package.json", &manifest("other", other));
    (sandbox, ports)
}

fn is_of(event: &Value, name: &str) -> bool {
    event["projectId"].as_str().is_some_and(|id| id.ends_with(name))
}

/// The port of a service, once it is ready.
fn ready(session: &mut Session, name: &str) -> u16 {
    let event = session.until(name, |event| event["type"] == "port-detected" && is_of(event, name));
    event["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap()
}

/// The end of a service.
fn end(session: &mut Session, name: &str) -> Value {
    session.until(name, |event| event["type"] == "process-exited" && is_of(event, name))
}

fn steady_goes_on(mut session: Session, port: u16) {
    assert_eq!(http::get(port).status, 200);
    session.signal(Signal::TERM);
    assert_eq!(end(&mut session, "steady")["state"], "stopped");
    session.wait();
    assert!(is_free(port));
}

#[test]
fn however_one_ends_the_others_go_on() {
    let server = dev_server().display().to_string();
    for (script, code, signal) in [
        (format!("'{server}' --once-asked --exit-code 4"), Value::from(4), Value::Null),
        (format!("exec '{server}' --no-listen --exit-code 0"), 0.into(), Value::Null),
        ("exit 4".to_owned(), 4.into(), Value::Null),
        ("no-such-program-anywhere".to_owned(), Value::Null, Value::Null),
        (format!("exec '{server}' --once-asked --exit-signal KILL"), Value::Null, "SIGKILL".into()),
        ("kill -TERM $$".to_owned(), Value::Null, "SIGTERM".into()),
    ] {
        let (sandbox, _ports) = stage(&script);
        let mut session = sandbox.start(["dev"]);
        if script.contains("--once-asked") {
            http::get(ready(&mut session, "other"));
        }
        let ended = end(&mut session, "other");
        assert_eq!((&ended["exitCode"], &ended["signal"]), (&code, &signal), "{script}: {ended}");
        let state = if code == 0 { "done" } else { "failed" };
        assert_eq!(ended["state"], state, "{script}: {ended}");
        let seen =
            session.seen().iter().find(|event| event["type"] == "port-detected" && is_of(event, "steady"));
        let port = seen.and_then(|event| event["port"].as_u64()).and_then(|port| u16::try_from(port).ok());
        let port = port.unwrap_or_else(|| ready(&mut session, "steady"));
        steady_goes_on(session, port);
    }
}

#[test]
fn one_is_stopped_alone() {
    let (sandbox, _ports) = stage(&format!("exec '{}' --lifetime 100", dev_server().display()));
    let mut session = sandbox.start(["dev"]);
    session.event("port-detected");
    session.event("port-detected");
    let stopped = sandbox.run(["stop", "packages/other"]);
    assert!(stopped.status.success(), "{stopped:?}");
    assert_eq!(end(&mut session, "other")["state"], "stopped");
    let port = sandbox.run(["port", "packages/steady"]).stdout.trim().parse().unwrap();
    steady_goes_on(session, port);
}
