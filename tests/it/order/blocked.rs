//! What happens to services whose need has failed.

use std::fs;

use serde_json::json;

use super::{Stage, breakable, count, event, server, status, workspace};
use crate::support::{Sandbox, Seat};

/// `web` needs `api`, which fails while there is a file `broken`; `docs` needs nothing.
fn stage() -> Stage {
    let config = "[project.\"@acme/web\"]\nneeds = [\"api\"]\n";
    let mut sandbox = workspace(&[("api", &breakable()), ("docs", &server()), ("web", &server())], config);
    sandbox.file("packages/api/broken", "");
    sandbox
}

fn mend(sandbox: &Sandbox) {
    fs::remove_file(sandbox.project().join("packages/api/broken")).unwrap();
}

#[test]
fn it_is_told_everywhere_and_starts_by_itself_once_the_need_is_ready() {
    let sandbox = stage();
    let mut session = sandbox.start(["dev"]);
    let blocked = event(&mut session, "blocked", "web");
    assert_eq!(
        (&blocked["blockedBy"], &blocked["rootCauses"]),
        (&json!(["@acme/api"]), &json!(["@acme/api"]))
    );
    assert_eq!(blocked["message"], "is blocked: its need `@acme/api` failed");
    if count(session.seen(), "port-detected", "docs") == 0 {
        event(&mut session, "port-detected", "docs");
    }
    let web = status(&sandbox, "web");
    assert_eq!((&web["state"], &web["blockedBy"]), (&json!("blocked"), &json!(["@acme/api"])));
    let api = status(&sandbox, "api");
    assert_eq!((&api["state"], &api["lastEnd"]), (&json!("failed"), &json!("ended with exit code 7")));
    let list = sandbox.run(["ls"]).stdout;
    assert!(list.contains("blocked by @acme/api"), "{list}");
    let waited = sandbox.run(["wait", "web", "--timeout", "60s"]);
    assert_eq!(waited.status.code(), Some(4), "{waited:?}");
    let why = "error: `@acme/web` is blocked: its need `@acme/api` failed\nhint: start that again with `bowline restart @acme/api`, and this one starts by itself\n";
    assert_eq!(waited.stderr, why);
    mend(&sandbox);
    let restarted = sandbox.run(["restart", "api"]);
    assert!(restarted.status.success(), "{restarted:?}");
    event(&mut session, "port-detected", "web");
    assert_eq!(status(&sandbox, "web")["blockedBy"], json!([]));
    assert!(sandbox.run(["wait", "web"]).status.success());
    session.stop();
}

#[test]
fn what_was_started_for_one_that_has_ended_is_said_to_go_on() {
    let config = "[project.\"@acme/web\"]\nneeds = [\"api\"]\n";
    let sandbox = workspace(&[("api", &server()), ("web", "exit 3")], config);
    let mut seat = Seat::take(sandbox.bowline(["dev", "web", "--color", "never"]));
    seat.terminal.until("web │ no service that was named is left; still running: `@acme/api`");
    seat.terminal.keys("q");
    seat.wait();
}

#[test]
fn what_never_started_is_stopped_without_an_address() {
    let sandbox = stage();
    let mut session = sandbox.start(["dev"]);
    event(&mut session, "blocked", "web");
    let stopped = sandbox.run(["stop", "web", "--json"]);
    let stopped: serde_json::Value = serde_json::from_str(&stopped.stdout).unwrap();
    let web = &stopped["services"][0];
    assert_eq!((&web["name"], &web["url"]), (&json!("@acme/web"), &json!(null)), "{stopped}");
    let docs = sandbox.run(["stop", "docs"]).stdout;
    assert!(docs.starts_with("stopped @acme/docs   http://localhost:"), "{docs}");
    session.wait();
}

#[test]
fn a_need_that_is_no_package_is_started_again_by_its_name() {
    let db = format!("[ ! -e broken ] || exit 7; {}", server());
    let mut sandbox = workspace(&[("docs", &server()), ("web", &server())], "");
    let config = format!(
        "[project.\"@acme/web\"]\nneeds = [\"db\"]\n[project.db]\nport = true\ncommand = {}\n",
        json!(db)
    );
    sandbox.file("bowline.toml", &config).file("broken", "");
    let mut session = sandbox.start(["dev"]);
    event(&mut session, "blocked", "web");
    let waited = sandbox.run(["wait", "db"]);
    assert_eq!(waited.stderr, "error: `db` has failed\nhint: see why with `bowline logs db`\n");
    fs::remove_file(sandbox.project().join("broken")).unwrap();
    let restarted = sandbox.run(["restart", "db"]);
    assert!(restarted.status.success(), "{restarted:?}");
    event(&mut session, "port-detected", "web");
    session.stop();
}

#[test]
fn a_start_of_the_need_alone_has_its_supervisor_start_it_again() {
    let sandbox = stage();
    assert_eq!(sandbox.run(["start"]).status.code(), Some(7));
    let still = sandbox.run(["start", "api"]);
    assert!(!still.status.success() && still.stderr.contains("`@acme/api` ended"), "{still:?}");
    mend(&sandbox);
    assert!(sandbox.run(["start", "api"]).status.success());
    assert!(sandbox.run(["wait", "web"]).status.success(), "it was waiting");
    assert_eq!(status(&sandbox, "web")["session"], status(&sandbox, "api")["session"]);
}

#[test]
fn a_task_that_only_running_services_need_is_not_run_again() {
    let config = "[project.\"@acme/web\"]\nneeds = [\"job\"]\n[project.job]\ncommand = \"echo >> runs\"\nkind = \"task\"\n";
    let sandbox = workspace(&[("web", &server())], config);
    for expected in ["is ready", "is already running"] {
        let started = sandbox.run(["start"]);
        assert!(started.status.success() && started.stderr.contains(expected), "{started:?}");
    }
    assert_eq!(fs::read_to_string(sandbox.project().join("runs")).unwrap(), "\n");
}

#[test]
fn a_service_that_is_no_package_is_known_by_its_name_when_it_does_not_run() {
    let config = format!("[project.db]\ncommand = {}\n", json!(server()));
    let sandbox = workspace(&[("web", &server())], &config);
    let waited = sandbox.run(["wait", "db"]);
    let said = "No running dev server found for project: `db`\nhint: start it with `bowline start db`, or";
    assert!(waited.stderr.contains(said), "{waited:?}");
    let restarted = sandbox.run(["restart", "db"]);
    assert!(restarted.status.success() && restarted.stderr.contains("db is ready"), "{restarted:?}");
}

#[test]
fn a_start_names_it_and_another_start_or_a_restart_of_all_mends_it() {
    for again in ["start", "restart"] {
        let sandbox = stage();
        let started = sandbox.run(["start"]);
        assert_eq!(started.status.code(), Some(7), "{started:?}");
        for line in [
            "error: @acme/api ended with exit code 7",
            "warning: @acme/web is blocked: its need `@acme/api` failed",
            "@acme/docs is ready",
        ] {
            assert!(started.stderr.contains(line), "{line}: {started:?}");
        }
        let still = sandbox.run([again]);
        assert!(!still.status.success() && still.stderr.contains("`@acme/api` ended"), "{still:?}");
        mend(&sandbox);
        let mended = sandbox.run([again]);
        assert!(mended.status.success(), "{mended:?}");
        let web = status(&sandbox, "web");
        assert_eq!((&web["state"], &web["attempts"]), (&json!("running"), &json!(1)));
        let session = &web["session"];
        assert_eq!(*session, status(&sandbox, "api")["session"], "one supervisor, as before");
        assert!(sandbox.run(["stop"]).status.success());
    }
}

#[test]
fn a_session_without_anything_else_ends_with_the_exit_code_of_the_need() {
    let sandbox = stage();
    let ended = sandbox.start(["dev", "web", "api"]).wait();
    assert_eq!(ended.status.code(), Some(7), "{ended:#?}");
    let web = ended.of("process-exited").into_iter().find(|event| super::is_of(event, "web")).unwrap();
    assert_eq!((&web["state"], &web["failureReason"]), (&json!("failed"), &json!("need_failed")));
    assert!(ended.stderr.contains("`@acme/api`: ") && !ended.stderr.contains("`@acme/web`: "), "{ended:#?}");
}

#[test]
fn the_first_failure_ends_all_if_the_flag_or_the_file_says_so() {
    for in_file in [false, true] {
        let mut sandbox = stage();
        let arguments: &[&str] = if in_file { &["dev"] } else { &["dev", "--fail-fast"] };
        if in_file {
            sandbox.file(
                "bowline.toml",
                "[workspace]\nfail-fast = true\n[project.\"@acme/web\"]\nneeds = [\"api\"]\n",
            );
        }
        let ended = sandbox.start(arguments).wait();
        assert_eq!(ended.status.code(), Some(7), "{ended:#?}");
        assert_eq!(count(&ended.events, "port-detected", "web"), 0);
    }
}

#[test]
fn a_need_that_runs_in_another_session_is_waited_for() {
    let sandbox = stage();
    mend(&sandbox);
    assert!(sandbox.run(["start", "api"]).status.success());
    let mut session = sandbox.start(["dev", "api", "web"]);
    event(&mut session, "port-detected", "web");
    assert_eq!(count(session.seen(), "waiting", "web"), 0, "it was ready already");
    session.stop();
}
