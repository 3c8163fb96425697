//! Tasks, and scripts that end with exit code 0 without ever having listened.

use serde_json::Value;

use super::workspace;
use crate::support::{Ports, Sandbox, dev_server};

fn task(script: &str) -> Sandbox {
    let mut sandbox = Sandbox::with_script(script);
    sandbox.file("bowline.toml", "[project.app]\nkind = \"task\"\n");
    sandbox
}

#[test]
fn a_task_is_done_with_exit_code_0_and_has_failed_with_any_other() {
    let done = task("echo migrated").run(["dev"]);
    assert_eq!((done.status.code(), &*done.stdout), (Some(0), "migrated\n"), "{done:?}");
    assert!(
        done.stderr.contains("finished after ") && done.stderr.contains(" with exit code 0\n"),
        "{done:?}"
    );
    let sandbox = task("true");
    let mut session = sandbox.start(["dev"]);
    let exited = session.event("process-exited");
    assert_eq!((&exited["state"], &exited["exitCode"]), (&"done".into(), &0.into()), "{exited}");
    assert!(session.wait().status.success());
    let failed = task("exit 3").run(["dev"]);
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");
}

#[test]
fn a_task_in_the_background_is_waited_for() {
    let sandbox = task("echo done > done.txt");
    let started = sandbox.run(["start"]);
    assert!(started.status.success() && started.stderr.contains("app finished after "), "{started:?}");
    assert!(sandbox.project().join("done.txt").exists());
    let failed = task("exit 3").run(["start"]);
    assert_eq!(failed.status.code(), Some(3), "{failed:?}");
}

#[test]
fn a_task_leaves_nothing_running() {
    let sandbox = task("(exec sleep 100) & echo started");
    let done = sandbox.run(["dev"]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(sandbox.run(["ls"]).stdout, "nothing is running\n");
}

#[test]
fn a_watch_that_ends_with_0_has_finished() {
    let mut sandbox = Sandbox::with_script("unbuild --stub");
    sandbox.program("unbuild", "echo stubbed");
    let done = sandbox.run(["dev"]);
    assert!(done.status.success() && done.stderr.contains("finished after "), "{done:?}");
}

#[test]
fn a_script_of_a_workspace_that_ends_with_0_has_finished_and_the_others_go_on() {
    let ports = Ports::claim(3);
    let server = format!("'{}' --lifetime 200", dev_server().display());
    let mut sandbox = workspace(&[("once", "echo generated"), ("web", &server), ("wrong", "exit 2")]);
    sandbox.range("default", &ports);
    let mut session = sandbox.start(["dev"]);
    let mut states = Vec::new();
    while states.len() < 2 {
        let exited = session.event("process-exited");
        states.push((
            exited["projectId"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(),
            exited["state"].clone(),
        ));
    }
    states.sort_by(|one, other| one.0.cmp(&other.0));
    let expected: [(String, Value); 2] =
        [("once".to_owned(), "done".into()), ("wrong".to_owned(), "failed".into())];
    assert_eq!(states, expected);
    session.stop();
}

#[test]
fn people_read_which_script_has_finished() {
    let ports = Ports::claim(2);
    let mut sandbox = workspace(&[("one", "true"), ("two", "echo 2")]);
    sandbox.range("default", &ports);
    let done = sandbox.run(["dev"]);
    assert!(done.status.success(), "{done:?}");
    for name in ["one", "two"] {
        let line =
            done.stderr.lines().find(|line| line.starts_with(name) && line.contains("finished after "));
        assert!(line.is_some(), "{done:?}");
    }
    let started = sandbox.run(["start"]);
    assert!(started.status.success() && !started.stderr.contains("warning"), "{started:?}");
}

#[test]
fn a_script_of_a_single_project_that_ends_without_listening_has_failed() {
    let (sandbox, _ports) = Sandbox::with_script("true").with_ports("default", 1);
    let failed = sandbox.run(["dev"]);
    assert_eq!(failed.status.code(), Some(4), "{failed:?}");
}
