//! Names and paths of a cloned repository that would write over the terminal.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Ports, Sandbox, run_to_end};

const NAME: &str = "a\u{1b}[31mRED\u{7f}\u{9b}2J\u{202e}\nbowline  all is well\r";
const SHOWN: &str = "a\\u001b[31mRED\\u007f\\u009b2J\\u202e\\nbowline  all is well\\r";

fn assert_harmless(text: &str, what: &str) {
    let harmful = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{2028}".contains(c);
    assert!(!text.contains(harmful), "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("bowline  all is well")), "{what}: {text}");
}

fn stage() -> (Sandbox, Ports) {
    Sandbox::in_directory("d\u{1b}]0;title\u{7}\nbowline  all is well").with_ports("default", 2)
}

fn package(sandbox: &mut Sandbox, script: &str) {
    let scripts = json!({ "dev": script, "x\u{1b}[2J\nbowline  all is well": "true" });
    sandbox.file("package.json", &json!({ "name": NAME, "scripts": scripts }).to_string());
}

#[test]
fn what_is_shown_of_them_is_harmless_and_json_is_exact() {
    let (mut sandbox, ports) = stage();
    let program = crate::support::dev_server().display().to_string();
    package(&mut sandbox, &format!("'{program}' --lifetime 200 # \u{1b}[31m\nbowline  all is well"));
    let mut session = sandbox.start(["dev"]);
    session.ready();
    for arguments in [
        &["ls"][..],
        &["status"],
        &["ports"],
        &["port"],
        &["detect"],
        &["doctor"],
        &["--dry-run", "-v"],
        &["--dry-run", "--script", "nosuch"],
        &["stop", "nosuch"],
        &["--port", "1"],
        &["stop"],
        &["ports", "release", "."],
    ] {
        let ended = run_to_end(&mut sandbox.bowline(["--color", "never"].iter().chain(arguments)));
        assert_harmless(&(ended.stdout.clone() + &ended.stderr), &format!("{arguments:?}"));
        if matches!(arguments[0], "ls" | "status" | "ports" | "stop" | "detect") && arguments.len() == 1 {
            assert!(ended.stdout.contains(SHOWN), "{arguments:?}: {ended:?}");
        }
    }
    session.wait();
    let detected = sandbox.run(["detect", "--json"]).stdout;
    assert_harmless(&detected, "detect --json");
    let detected: Value = serde_json::from_str(&detected).unwrap();
    assert_eq!(detected["project"]["dir"], sandbox.project().canonicalize().unwrap().to_str().unwrap());
    let log = fs::read_to_string(sandbox.state_dir().join("logs/bowline.log")).unwrap();
    assert_harmless(&log, "bowline.log");
    drop(ports);
}

#[test]
fn messages_about_them_are_harmless() {
    let (mut sandbox, _ports) = stage();
    package(&mut sandbox, "printf '\\033[1mbold' >&2; exit 3 # \u{1b}[31m\nbowline  all is well");
    for arguments in [&["dev"][..], &["start"], &["dev", "-v"]] {
        let ended = run_to_end(&mut sandbox.bowline(["--color", "never"].iter().chain(arguments)));
        assert_harmless(&ended.stderr.replace("\u{1b}[1mbold", ""), &format!("{arguments:?}"));
        let untouched = arguments[0] == "start" || ended.stderr.contains("\u{1b}[1mbold");
        assert!(untouched, "the service's own output is untouched: {ended:?}");
    }
    for command in ["stop", "status", "logs", "wait"] {
        let ended = sandbox.run([command, "no\nhint: such"]);
        assert!(!ended.stderr.contains("\nhint: such"), "{command}: {ended:?}");
        assert!(ended.stderr.contains("no\\nhint: such"), "{command}: {ended:?}");
    }
    fs::remove_file(sandbox.project().join("package.json")).unwrap();
    let ended = sandbox.run(["dev"]);
    assert_harmless(&ended.stderr, "no project");
    sandbox.file("package.json", "{ \"name\": \u{1b}[31m }");
    let ended = sandbox.run(["dev"]);
    assert_harmless(&ended.stderr, "no JSON");
    let ended = sandbox.run(["--color", "always", "dev"]);
    assert!(ended.stderr.starts_with("\u{1b}[1;31merror:\u{1b}[0m "), "{ended:?}");
}
