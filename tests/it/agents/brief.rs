//! `bowline status --brief`.

use serde_json::{Value, json};

use crate::support::{Sandbox, Test, dev_server, stage};

#[test]
fn it_says_what_runs_and_what_to_type() {
    let (sandbox, ports) = stage("", 1);
    let before = sandbox.run(["status", "--brief"]);
    assert!(before.status.success(), "{before:?}");
    assert_eq!(before.stdout, "not running: app\nstart it and wait:  bowline start\n");
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let brief = sandbox.run(["status", "--brief"]);
    assert!(brief.status.success(), "{brief:?}");
    let url = format!("http://localhost:{}", ports.first());
    assert!(brief.stdout.starts_with(&format!("app  running  {url}\n")), "{brief:?}");
    for command in ["bowline start", "bowline logs -n 50", "bowline restart", "bowline stop"] {
        assert!(brief.stdout.contains(command), "{command}: {brief:?}");
    }
    let brief: Value = serde_json::from_str(&sandbox.run(["status", "--brief", "--json"]).stdout).unwrap();
    let service = json!({ "name": "app", "state": "running", "port": ports.first(), "url": url });
    assert_eq!((&brief["services"], &brief["notRunning"]), (&json!([service]), &json!([])));
    session.stop();
}

#[test]
fn thirty_services_are_ten_lines() {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    let (mut sandbox, ports) = sandbox.with_ports("default", 30);
    for number in 0..30 {
        let script = format!("'{}' --lifetime 200", dev_server().display());
        let package = json!({ "name": format!("package-{number:02}"), "scripts": { "dev": script } });
        sandbox.file(format!("packages/{number:02}/package.json"), &package.to_string());
    }
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let idle = sandbox.run(["status", "--brief"]).stdout;
    assert!(idle.lines().count() <= 10 && idle.contains("and 22 more"), "{idle}");
    let started = sandbox.run(["start", "package-03", "package-04"]);
    assert!(started.status.success(), "{started:?}");
    // Within a package, the whole workspace is shown.
    let inside = sandbox.run(["-C", "packages/07", "status", "--brief"]).stdout;
    assert!(words(&inside).contains(&format!("http://localhost:{}", ports.first())), "{inside}");
    let all = sandbox.run(["start"]);
    assert!(all.status.success(), "{all:?}");
    let brief = sandbox.run(["status", "--brief"]).stdout;
    assert!(brief.lines().count() <= 10 && brief.contains("and 25 more"), "{brief}");
    sandbox.run(["stop", "--all"]);
}

#[test]
fn it_fails_only_if_something_is_wrong() {
    Test::new().args(["status", "--brief"]).stdout_contains("no project here").run();
    Test::new()
        .args(["status", "--brief", "--json"])
        .stdout("{\"root\":null,\"services\":[],\"notRunning\":[]}\n")
        .run();
    Test::new()
        .file("package.json", r#"{ "name": "app" }"#)
        .args(["status", "--brief"])
        .stdout_contains("no dev script")
        .run();
    Test::new()
        .file("package.json", "{")
        .args(["status", "--brief"])
        .status(2)
        .stderr_contains("package.json:1:")
        .run();
    Test::new().args(["status", "--brief", "app"]).status(2).stderr_contains("cannot be used with").run();
}
