//! The order in which services end.

use std::fs;
use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use super::{Stage, count, event, workspace};
use crate::support::{Sandbox, dev_server};

/// A server that notes its end in the file `ends` of the workspace, after it has ended.
fn noting(name: &str) -> String {
    let server = dev_server().display();
    format!("trap : TERM INT; '{server}' --lifetime 100; echo {name} >> ../../ends")
}

/// `web` needs `api`, which needs `db`.
fn stage() -> Stage {
    let config = "[project.\"@acme/web\"]\nneeds = [\"api\"]\n[project.\"@acme/api\"]\nneeds = [\"db\"]\n";
    workspace(&[("api", &noting("api")), ("db", &noting("db")), ("web", &noting("web"))], config)
}

fn ends(sandbox: &Sandbox) -> String {
    fs::read_to_string(sandbox.project().join("ends")).unwrap_or_default()
}

#[test]
fn dependents_end_first_however_all_are_asked_to() {
    for signal in [Some(Signal::INT), Some(Signal::TERM), None] {
        let sandbox = stage();
        let mut session = sandbox.start(["dev"]);
        event(&mut session, "port-detected", "web");
        match signal {
            Some(signal) => session.signal(signal),
            None => assert!(sandbox.run(["stop"]).status.success()),
        }
        session.wait();
        assert_eq!(ends(&sandbox), "web\napi\ndb\n", "{signal:?}");
    }
}

#[test]
fn one_that_is_stopped_or_restarted_alone_leaves_its_dependents_alone() {
    let sandbox = stage();
    let mut session = sandbox.start(["dev"]);
    event(&mut session, "port-detected", "web");
    assert!(sandbox.run(["restart", "api"]).status.success());
    assert!(sandbox.run(["stop", "db"]).status.success());
    assert_eq!(ends(&sandbox), "api\ndb\n");
    session.stop();
    assert_eq!(ends(&sandbox), "api\ndb\nweb\napi\n");
}

#[test]
fn services_that_are_stopped_while_they_wait_just_end() {
    let config = "[project.\"@acme/web\"]\nneeds = [\"slow\"]\n";
    let slow = format!("exec '{}' --no-listen --lifetime 100", dev_server().display());
    let sandbox = workspace(&[("slow", &slow), ("web", &noting("web"))], config);
    let mut session = sandbox.start(["dev"]);
    event(&mut session, "waiting", "web");
    assert!(sandbox.run(["stop", "web"]).status.success());
    let ended = event(&mut session, "process-exited", "web");
    assert_eq!((&ended["state"], ended["exitCode"].is_null()), (&"stopped".into(), true), "{ended}");
    session.stop();
    assert_eq!(ends(&sandbox), "");
}

#[test]
fn a_signal_is_the_exit_where_the_first_service_had_not_been_started() {
    let config =
        "[project.\"@acme/api\"]\nneeds = [\"slow\"]\n[project.job]\ncommand = \"true\"\nkind = \"task\"\n";
    let slow = format!("echo has begun; exec '{}' --no-listen --lifetime 100", dev_server().display());
    let sandbox = workspace(&[("api", &noting("api")), ("slow", &slow)], config);
    let mut session = sandbox.start(["dev"]);
    session.output("has begun");
    if count(session.seen(), "process-exited", "job") == 0 {
        event(&mut session, "process-exited", "job");
    }
    session.signal(Signal::TERM);
    assert_eq!(session.wait().status.signal(), Some(Signal::TERM.as_raw()));
}
