//! What a service in the background has of whoever started it, and what one in the foreground has.

use std::fs;
use std::process::Command;

use super::{Stage, code};
use crate::support::{Sandbox, run_to_end, stage_of};

/// A shell that runs bowline with copies of its standard output as descriptors 3 and 9, as a lock or a test runner
/// leaves them open.
fn with_copies(stage: &Sandbox, command: &str) -> Command {
    let mut shell = stage.command("sh");
    let line = format!("( \"$0\" {command} ) 3>&1 9>&1 >/dev/null 2>&1");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_bowline")]);
    shell
}

#[test]
fn what_goes_on_in_the_background_keeps_no_file_of_its_caller_open() {
    let stage = Stage::new("", 1);
    for command in ["start", "start --restart-running", "stop && \"$0\" restart"] {
        // Reads to the end, which comes when nobody has a copy any more.
        let finished = run_to_end(&mut with_copies(&stage.sandbox, command));
        assert_eq!(code(&finished), Some(0), "{command}: {finished:?}");
        assert_eq!(stage.services()[0]["state"], "running", "{command}");
    }
}

#[test]
fn variables_that_name_files_of_the_caller_do_not_outlive_it() {
    let (mut sandbox, ports) = stage_of(
        &format!(
            "echo \"make:$MAKEFLAGS node:$NODE_CHANNEL_FD.\"; exec '{}' --lifetime 200",
            crate::support::dev_server().display()
        ),
        1,
    );
    sandbox.env("MAKEFLAGS", " -j2 --jobserver-auth=3,4").env("NODE_CHANNEL_FD", "3");
    let stage = Stage { sandbox, ports };
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let logs = stage.sandbox.run(["logs"]);
    assert!(logs.stdout.contains("make: -j2 node:."), "{logs:?}");
}

#[test]
fn every_step_of_a_service_in_the_foreground_has_the_files_of_the_caller() {
    let mut sandbox = Sandbox::new();
    let scripts = serde_json::json!({
        "predev": "echo before >&9", "dev": "echo itself >&9", "postdev": "echo after >&9"
    });
    sandbox.file("package.json", &serde_json::json!({ "name": "app", "scripts": scripts }).to_string());
    let mut shell = sandbox.command("sh");
    shell.args(["-c", "exec \"$0\" dev 9>lines", env!("CARGO_BIN_EXE_bowline")]);
    let finished = run_to_end(&mut shell);
    let lines = fs::read_to_string(sandbox.project().join("lines")).unwrap();
    assert!(lines.starts_with("before\nitself\n"), "{lines}: {finished:?}");
}

/// Says whether `cat` was still waiting for input after a moment, and becomes the server.
fn reader() -> String {
    let server = crate::support::dev_server().display().to_string();
    format!("timeout ${{LIMIT:-0.3}} cat; echo \"reader: $?.\"; exec '{server}' --lifetime 200")
}

#[test]
fn the_standard_input_of_a_service_without_the_keyboard_stays_open_and_silent() {
    let (sandbox, ports) = stage_of(&reader(), 2);
    let stage = Stage { sandbox, ports };
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let logs = stage.sandbox.run(["logs"]);
    assert!(logs.stdout.contains("reader: 124."), "{logs:?}");
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    assert_eq!(stage.sandbox.run(["logs"]).stdout.matches("reader: 124.").count(), 2, "one a run");
}

#[test]
fn beside_others_it_does_so_in_the_foreground_too_and_alone_it_is_the_callers() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 2);
    let manifest =
        |name: &str| serde_json::json!({ "name": name, "scripts": { "dev": reader() } }).to_string();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    sandbox.file("packages/one/package.json", &manifest("one"));
    sandbox.file("packages/two/package.json", &manifest("two"));
    let mut session = sandbox.start(["dev"]);
    session.ready();
    session.ready();
    assert_eq!(session.printed().matches("reader: 124.").count(), 2, "{}", session.printed());
    session.stop();
    // There the input is at its end, which `cat` may see late on a busy machine.
    sandbox.env("LIMIT", "100");
    let mut alone = sandbox.start(["dev", "packages/one"]);
    alone.output("reader: 0.");
    alone.stop();
}

#[test]
fn a_program_that_has_ended_with_its_input_is_told_of_that() {
    let sandbox = Sandbox::with_script("cat");
    let ended = sandbox.run(["dev"]);
    assert_eq!(code(&ended), Some(4), "{ended:?}");
    assert!(ended.stderr.contains("standard input") && ended.stderr.contains("`bowline start`"), "{ended:?}");
}
