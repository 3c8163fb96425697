//! A port that is wanted where there are several services.

use std::process::Stdio;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::forward::Stage;
use crate::support::{Session, http, is_free, read_until};

/// With the packages `a` and `b`, in this order.
fn workspace() -> Stage {
    let mut stage = Stage::new();
    stage.sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["a", "b"] }"#);
    for dir in ["a", "b"] {
        stage.sandbox.file(format!("{dir}/package.json"), r#"{ "scripts": { "dev": "node ../server.js" } }"#);
    }
    stage
}

#[test]
fn of_several_services_the_first_has_the_wanted_port() {
    let stage = workspace();
    let mut both = stage.sandbox.start(["dev"]);
    both.ready();
    both.ready();
    let port = stage.sandbox.run(["port", "a"]).stdout.trim().parse::<u16>().unwrap();
    let wish = stage.wishes.first();
    let joiner = stage.join(wish);
    assert_eq!(http::get(wish).body, format!("port {port}"));
    joiner.stop();
    assert!(is_free(wish));
    assert_eq!(http::get(port).body, format!("port {port}"), "the joiner's end is its own");
    both.stop();
}

#[test]
fn a_start_of_which_a_part_runs_already_has_the_wanted_port_too() {
    let stage = workspace();
    assert!(stage.sandbox.run(["start", "a"]).status.success());
    let port = stage.sandbox.run(["port", "a"]).stdout.trim().parse::<u16>().unwrap();
    let wish = stage.wishes.first();
    let mut command = stage.sandbox.bowline(["--json", "dev"]);
    command.env("PORT", wish.to_string());
    let mut session = Session::start(command);
    assert_ne!(session.ready(), port, "it runs the other one");
    let seen = session.seen().iter().find(|event| event["type"] == "port-forwarded").cloned();
    let forwarded = seen.unwrap_or_else(|| session.event("port-forwarded"));
    assert_eq!((&forwarded["from"], &forwarded["to"]), (&json!(wish), &json!(port)));
    assert_eq!(forwarded["projectId"], json!(stage.sandbox.project().join("a")));
    assert_eq!(http::get(wish).body, format!("port {port}"));
    session.stop();
    while !is_free(wish) {
        thread::yield_now();
    }
    let mut command = stage.sandbox.bowline(["dev"]);
    command.env("PORT", wish.to_string()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut shown = command.spawn().unwrap();
    read_until(shown.stderr.as_mut().unwrap(), &format!("port {wish} leads to a on port {port}\n"));
    kill_process(Pid::from_child(&shown), Signal::INT).unwrap();
    shown.wait().unwrap();
    assert_eq!(http::get(port).body, format!("port {port}"));
    assert!(stage.sandbox.run(["stop", "a"]).status.success());
}
