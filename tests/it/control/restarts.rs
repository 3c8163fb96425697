//! `bowline restart` runs what the files say now, and leaves alone what they say wrongly.

use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{Stage, code, guardian_of, pid_of};
use crate::support::{dev_server, http, read_until};

/// The environment of the server that reports it, as its last line of JSON says.
fn reported(stage: &Stage) -> Value {
    let logs = stage.sandbox.run(["logs"]).stdout;
    let mut reports = logs.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let report = reports.rfind(|line| line["env"].is_object());
    report.unwrap_or_else(|| panic!("no report in {logs}"))
}

/// A project in the background whose server reports what it was given.
fn stage(count: u16) -> Stage {
    let mut stage = Stage::new("--report one", count);
    stage.sandbox.env("FROM_CALLER", "1");
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    stage.sandbox.env("FROM_CALLER", "2");
    stage
}

fn script(stage: &mut Stage, name: &str, arguments: &str) {
    let dev = format!("'{}' --lifetime 200 {arguments}", dev_server().display());
    stage.sandbox.file("package.json", &json!({ "name": name, "scripts": { "dev": dev } }).to_string());
}

fn only(stage: &Stage) -> Value {
    let mut services = stage.services();
    assert_eq!(services.len(), 1, "{services:#?}");
    services.remove(0)
}

#[test]
fn a_restart_reads_the_files_anew_and_keeps_the_callers_environment() {
    let mut stage = stage(1);
    let before = only(&stage);
    script(&mut stage, "renamed", "--report two");
    stage.sandbox.file("bowline.toml", "[project.renamed]\nenv = { FROM_TOML = \"yes\" }\ngrace = \"3s\"\n");
    let restarted = stage.sandbox.run(["restart"]);
    assert_eq!(code(&restarted), Some(0), "{restarted:?}");
    for words in
        ["restarted renamed: its name is now `renamed`", "its command is now `", "--report two`", "FROM_TOML"]
    {
        assert!(restarted.stdout.contains(words), "{words}: {restarted:?}");
    }
    let environment = reported(&stage)["env"].clone();
    assert_eq!((&environment["FROM_TOML"], &environment["FROM_CALLER"]), (&"yes".into(), &"1".into()));
    let after = only(&stage);
    assert_eq!((&after["pid"], &after["port"]), (&before["pid"], &before["port"]));
    assert_eq!(after["name"], "renamed");
    for field in ["command", "original"] {
        assert!(after[field].as_str().unwrap().ends_with("--report two"), "{field}: {after}");
    }
    let nothing_new = stage.sandbox.run(["restart", "renamed"]);
    assert_eq!(nothing_new.stdout, format!("restarted renamed   {}\n", after["url"].as_str().unwrap()));
    // A start with the same files has nothing to warn of.
    let joined = stage.sandbox.run(["start"]);
    assert!(!joined.stderr.contains("warning"), "{joined:?}");
    assert_eq!(code(&stage.sandbox.run(["stop"])), Some(0));
    assert!(stage.sandbox.run(["logs"]).stdout.contains("one"), "what it printed under its former name");
}

#[test]
fn files_that_are_wrong_are_an_answer_and_the_service_goes_on() {
    let mut stage = stage(1);
    let before = only(&stage);
    let good = fs::read_to_string(stage.sandbox.project().join("package.json")).unwrap();
    for (file, text, exit, words) in [
        ("bowline.toml", "[project.app\n", 2, "bowline.toml:1:13: unclosed table"),
        (
            "bowline.toml",
            "[project.app]\nready = { htpt = \"/x\" }\n",
            2,
            "bowline.toml:2:11: unknown field `htpt`",
        ),
        ("bowline.toml", "[project.app]\nframework = \"nothing\"\n", 2, "nothing"),
        ("bowline.toml", "[project.app]\nscript = \"nothing\"\n", 5, "no script `nothing`"),
        ("package.json", "{\"name\": \"app\", \"scripts\": {\"dev\": 3}}", 2, "package.json:1:"),
        ("package.json", "{\"name\": \"app\", \"scripts\": {}}", 5, "no script"),
        ("package.json", "{\"name\": \"app\", \"scripts\": {\"dev\": \"bowline dev\"}}", 2, "bowline"),
    ] {
        stage.sandbox.file(file, text);
        let refused = stage.sandbox.run(["restart"]);
        assert_eq!(code(&refused), Some(exit), "{text}: {refused:?}");
        assert!(refused.stderr.contains(words) && refused.stderr.contains("hint: "), "{text}: {refused:?}");
        let json = stage.sandbox.run(["restart", "--json"]);
        let answer: Value = serde_json::from_str(&json.stdout).unwrap_or_else(|_| panic!("{json:?}"));
        assert!(answer["error"].as_str().unwrap().contains(words), "{text}: {answer}");
        let _ = fs::remove_file(stage.sandbox.project().join("bowline.toml"));
        stage.sandbox.file("package.json", &good);
    }
    fs::remove_file(stage.sandbox.project().join("package.json")).unwrap();
    assert_eq!(code(&stage.sandbox.run(["restart", &stage.ports.first().to_string()])), Some(5));
    let after = only(&stage);
    assert_eq!((&after["guardian"], &after["state"]), (&before["guardian"], &"running".into()));
    assert_eq!(http::get(stage.ports.first()).status, 200);
}

#[test]
fn a_port_that_the_files_order_is_taken_or_refused() {
    let mut stage = stage(3);
    let (first, second) = (stage.ports.first(), stage.ports.first() + 1);
    let before = only(&stage);
    let stranger = stage.ports.stranger(second);
    stage.sandbox.file("bowline.toml", &format!("[project.app]\nport = {second}\n"));
    let refused = stage.sandbox.run(["restart"]);
    assert_eq!(code(&refused), Some(3), "{refused:?}");
    assert!(refused.stderr.contains(&format!("port {second} is taken by")), "{refused:?}");
    assert_eq!(only(&stage)["guardian"], before["guardian"]);
    drop(stranger);
    let moved = stage.sandbox.run(["restart"]);
    assert_eq!(code(&moved), Some(0), "{moved:?}");
    assert!(
        moved.stdout.contains(&format!("its port is now {second}   http://localhost:{second}")),
        "{moved:?}"
    );
    let after = only(&stage);
    assert_eq!((&after["port"], &after["pid"]), (&second.into(), &before["pid"]));
    assert_eq!(http::get(second).status, 200);
    assert!(TcpListener::bind(("127.0.0.1", first)).is_ok());
    // It lies in the range, and so it stays.
    fs::remove_file(stage.sandbox.project().join("bowline.toml")).unwrap();
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    assert_eq!(only(&stage)["port"], second);
    // A range without it is a reason to move.
    let last = stage.ports.last();
    stage.sandbox.user_file("frameworks.toml", &format!("[framework.default]\nrange = \"{last}-{last}\"\n"));
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    assert_eq!(only(&stage)["port"], last);
}

#[test]
fn a_hook_that_is_new_runs_and_one_that_is_gone_does_not() {
    let mut stage = Stage::new("", 1);
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let text = fs::read_to_string(stage.sandbox.project().join("package.json")).unwrap();
    let mut package: Value = serde_json::from_str(&text).unwrap();
    package["scripts"]["predev"] = "echo before".into();
    stage.sandbox.file("package.json", &package.to_string());
    let restarted = stage.sandbox.run(["restart"]);
    assert!(restarted.stdout.contains("its pre or post script has changed"), "{restarted:?}");
    let before = |stage: &Stage| stage.sandbox.run(["logs"]).stdout.matches("before\n").count();
    assert_eq!(before(&stage), 1);
    stage.sandbox.file("package.json", &text);
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    assert_eq!(before(&stage), 1);
}

#[test]
fn a_restart_by_the_policy_runs_what_was_started() {
    let mut stage = Stage::new("--exit-code 3 --once-asked --report one", 1);
    let mut session = stage.sandbox.start(["dev", "--restart", "on-failure"]);
    let port = session.ready();
    script(&mut stage, "app", "--report two");
    http::get(port);
    session.event("process-exited");
    session.ready();
    let command = only(&stage)["command"].as_str().unwrap().to_owned();
    assert!(command.contains("--report one"), "{command}");
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    session.ready();
    assert!(only(&stage)["command"].as_str().unwrap().ends_with("--report two"));
    session.stop();
}

#[test]
fn a_foreground_is_told_and_a_command_is_read_anew_too() {
    let mut stage = Stage::new("", 1);
    let server = dev_server().display().to_string();
    let arguments = ["exec", "--", &server, "--report", "--lifetime", "200"];
    let mut command = stage.sandbox.bowline(arguments);
    let mut session = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = session.stderr.take().unwrap();
    read_until(&mut stderr, "ready in");
    stage.sandbox.file("bowline.toml", "[project.app]\nenv = { FROM_TOML = \"yes\" }\n");
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    read_until(&mut stderr, ": its variables have changed: FROM_TOML");
    assert_eq!(reported(&stage)["env"]["FROM_TOML"], "yes");
    assert_eq!(code(&stage.sandbox.run(["stop"])), Some(0));
    session.wait().unwrap();
}

#[test]
fn a_directory_made_again_is_restarted_and_one_moved_is_started_where_it_is() {
    let stage = Stage::new("", 2);
    let dir = stage.sandbox.sibling("wt").canonicalize().unwrap();
    let path = dir.to_str().unwrap();
    assert_eq!(code(&stage.sandbox.run(["-C", path, "start"])), Some(0));
    let before = only(&stage);
    fs::rename(&dir, dir.with_file_name("old")).unwrap();
    assert_eq!(stage.sandbox.sibling("wt"), dir);
    let restarted = stage.sandbox.run(["-C", path, "restart"]);
    assert_eq!(code(&restarted), Some(0), "{restarted:?}");
    assert!(restarted.stdout.contains("its directory is another one than before"), "{restarted:?}");
    let after = only(&stage);
    assert_eq!((&after["pid"], &after["dirState"]), (&before["pid"], &"present".into()));
    let new = dir.with_file_name("new");
    fs::rename(&dir, &new).unwrap();
    let refused = stage.sandbox.run(["-C", path, "restart"]);
    assert_eq!(code(&refused), Some(0), "{refused:?}");
    let after = only(&stage);
    assert_eq!((&after["dir"], &after["dirState"]), (&new.to_str().unwrap().into(), &"present".into()));
    assert_ne!(pid_of(&after), pid_of(&before));
    assert_eq!(after["port"], before["port"]);
    fs::remove_dir_all(&new).unwrap();
    let refused = stage.sandbox.run(["restart", new.to_str().unwrap()]);
    assert_eq!(code(&refused), Some(5), "{refused:?}");
    assert!(refused.stderr.contains("no such directory"), "{refused:?}");
    assert_eq!(only(&stage)["guardian"], after["guardian"]);
}

#[test]
fn of_several_each_is_restarted_by_its_own_files() {
    let mut stage = Stage::new("", 3);
    let root = json!({ "name": "root", "workspaces": ["packages/*"] });
    stage.sandbox.file("package.json", &root.to_string());
    let server = dev_server().display().to_string();
    let package = |name: &str, arguments: &str| {
        json!({ "name": name, "scripts": { "dev": format!("'{server}' --lifetime 200 {arguments}") } })
            .to_string()
    };
    stage.sandbox.file("packages/api/package.json", &package("api", "--no-listen --exit-code 3"));
    stage.sandbox.file("packages/web/package.json", &package("web", ""));
    stage.sandbox.file("packages/worker/package.json", &package("worker", ""));
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(3));
    let of = |stage: &Stage, name: &str| {
        stage.services().into_iter().find(|one| one["name"] == name && one["state"] == "running").unwrap()
    };
    let (web, worker) = (of(&stage, "web"), of(&stage, "worker"));
    // What is wrong with one or unknown keeps nobody from a restart.
    let restarted = stage.sandbox.run(["restart", "nobody", "worker"]);
    assert_eq!(code(&restarted), Some(5), "{restarted:?}");
    assert!(restarted.stdout.contains("restarted worker"), "{restarted:?}");
    assert!(restarted.stderr.contains("Project not found"), "{restarted:?}");
    stage.sandbox.file("packages/web/package.json", "{");
    let restarted = stage.sandbox.run(["restart", "web", "worker"]);
    assert_eq!(code(&restarted), Some(2), "{restarted:?}");
    assert!(restarted.stdout.contains("restarted worker"), "{restarted:?}");
    assert!(restarted.stderr.contains("packages/web/package.json:1:"), "{restarted:?}");
    assert_eq!(guardian_of(&of(&stage, "web")), guardian_of(&web));
    assert_ne!(guardian_of(&of(&stage, "worker")), guardian_of(&worker));
    // The one that has failed is started, too.
    stage.sandbox.file("packages/web/package.json", &package("web", "--lines 1"));
    stage.sandbox.file("packages/api/package.json", &package("api", ""));
    let all = stage.sandbox.run(["restart"]);
    assert_eq!(code(&all), Some(0), "{all:?}");
    assert!(all.stdout.contains("restarted web: its command is now `"), "{all:?}");
    assert!(all.stdout.contains("restarted api"), "{all:?}");
    of(&stage, "api");
}
