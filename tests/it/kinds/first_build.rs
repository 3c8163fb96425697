//! A watch is ready at its first build, as its output tells.

use std::io::Write;

use serde_json::Value;

use super::{Stage, TSC, answer, gate_of_tsc};
use crate::support::{PATIENCE, Sandbox, Terminal, read_until};

#[test]
fn a_watch_is_ready_at_its_first_build_and_not_before() {
    let stage = Stage::new("tsc -w");
    let mut session = stage.sandbox.start(["dev"]);
    session.output("Starting compilation");
    let mut held = stage.gate.reached();
    let services = answer(&stage.sandbox.run(["ls", "--json"]));
    assert_eq!(services["services"][0]["state"], "starting", "{services}");
    let early = stage.sandbox.run(["wait", "--timeout", "50ms"]);
    assert_eq!(early.status.code(), Some(4), "{early:?}");
    writeln!(held, "go").unwrap();
    let ready = session.event("ready");
    assert_eq!((&ready["by"], &ready["framework"]), (&"first-build".into(), &"tsc".into()), "{ready}");
    assert!(ready["port"].is_null() && ready["url"].is_null(), "{ready}");
    let waited = stage.sandbox.run(["wait"]);
    assert!(waited.status.success(), "{waited:?}");
    session.stop();
}

#[test]
fn people_read_that_it_is_ready() {
    let stage = Stage::new("tsc -w");
    let mut command = stage.sandbox.bowline(["dev"]);
    command.stderr(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    assert!(read_until(&mut stderr, " · watch\n").contains("bowline  tsc · npm"));
    stage.gate.open();
    let line = read_until(&mut stderr, " (first build)\n");
    assert!(line.starts_with("bowline  ready in "), "{line}");
    assert!(stage.sandbox.run(["stop"]).status.success());
    child.wait().unwrap();
}

#[test]
fn its_line_is_known_in_a_terminal() {
    let stage = Stage::new("tsc -w");
    let mut terminal = Terminal::new(24, 80);
    let mut command = stage.sandbox.bowline(["dev"]);
    terminal.seat(&mut command);
    let mut child = command.spawn().unwrap();
    terminal.until("Starting compilation");
    stage.gate.open();
    terminal.until("(first build)");
    terminal.keys("\x03");
    child.wait().unwrap();
}

#[test]
fn several_watches_are_ready_when_each_has_built() {
    let mut sandbox = Sandbox::with_script("tsc -w & sass --watch src:dist & wait");
    let gate = gate_of_tsc(&mut sandbox);
    // A shell gives `/dev/null` to what it runs in the background.
    let tsc = TSC.replace("GATE", &format!("'{}'", gate.0.display())).replace("cat", "exec sleep 100");
    sandbox.program("tsc", &tsc);
    sandbox.program("sass", "echo 'Sass is watching for changes. Press Ctrl-C to stop.'; exec sleep 100");
    let mut session = sandbox.start(["dev"]);
    session.output("Sass is watching");
    session.output("Starting compilation");
    assert!(session.seen().iter().all(|event| event["type"] != "ready"), "{:?}", session.seen());
    gate.open();
    session.event("ready");
    session.stop();
}

#[test]
fn a_pre_script_that_builds_is_not_the_watch() {
    let mut sandbox = Sandbox::new();
    sandbox.file(
        "package.json",
        r#"{ "name": "app", "scripts": { "predev": "echo 'Found 0 errors. Watching for file changes.'", "dev": "tsc -w" } }"#,
    );
    let gate = gate_of_tsc(&mut sandbox);
    let mut session = sandbox.start(["dev"]);
    session.output("Starting compilation");
    assert!(session.seen().iter().all(|event| event["type"] != "ready"), "{:?}", session.seen());
    gate.open();
    session.event("ready");
    session.stop();
}

#[test]
fn a_watch_that_removes_what_was_built_before_is_not_ready_meanwhile() {
    let mut sandbox = Sandbox::with_script("tsup --watch --clean");
    sandbox.file("dist/index.js", "// of an earlier build");
    let path = sandbox.root().join("tsup-gate");
    let gate = crate::support::Gate::create(&path);
    let program = format!(
        "rm -rf dist; echo 'CLI Cleaning output folder'; read go < '{}'; mkdir dist; echo new > dist/index.js
         echo 'ESM ⚡️ Build success in 25ms'; exec cat",
        path.display()
    );
    sandbox.program("tsup", &program);
    let mut session = sandbox.start(["dev"]);
    session.output("Cleaning output folder");
    assert!(!sandbox.project().join("dist/index.js").exists());
    gate.open();
    session.event("ready");
    assert_eq!(std::fs::read_to_string(sandbox.project().join("dist/index.js")).unwrap(), "new\n");
    session.stop();
}

#[test]
fn a_build_of_bun_is_through_with_its_bundle_or_its_error() {
    for line in ["Bundled 12 modules in 31ms", "error: Could not resolve: x"] {
        let mut sandbox = Sandbox::with_script("bun build src/index.ts --outdir dist --watch");
        sandbox.program("bun", &format!("echo 'error-free.ts was read'; echo '{line}'; exec cat"));
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.event("ready")["by"], "first-build", "{line}");
        session.stop();
    }
}

#[test]
fn an_unknown_watch_is_ready_when_it_has_started_and_that_is_said() {
    let mut sandbox = Sandbox::with_script("exec cat");
    sandbox.file("bowline.toml", "[project.app]\nkind = \"watch\"\n");
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.event("ready")["by"], "start");
    session.stop();
    let mut command = sandbox.bowline(["dev"]);
    command.stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, "it has started, and nothing is known that it says at its first build\n");
    assert!(sandbox.run(["stop"]).status.success());
    child.wait().unwrap();
}

#[test]
fn a_line_in_bowline_toml_is_its_own() {
    let mut sandbox = Sandbox::with_script("echo Compiled; exec cat");
    sandbox.file("bowline.toml", "[project.app]\nkind = \"watch\"\nready = { log = \"^Compiled$\" }\n");
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.event("ready")["by"], "first-build");
    session.stop();
}

#[test]
fn a_watch_that_never_builds_fails_in_the_background_and_is_waited_for_in_the_foreground() {
    let mut stage = Stage::new("tsc -w");
    stage.sandbox.file("bowline.toml", "[project.app]\nready = { timeout = \"300ms\" }\n");
    let started = stage.sandbox.run(["start"]);
    assert_eq!(started.status.code(), Some(4), "{started:?}");
    let why = "was not through with its first build within 0.3 s, and was ended";
    assert!(started.stderr.contains(why), "{started:?}");
}

#[test]
fn a_watch_restarts_and_is_ready_again() {
    let stage = Stage::new("tsc -w");
    let mut session = stage.sandbox.start(["dev"]);
    stage.gate.open();
    session.event("ready");
    let sandbox = &stage.sandbox;
    std::thread::scope(|scope| {
        let restarted = scope.spawn(|| sandbox.run(["restart"]));
        stage.gate.open();
        let restarted = restarted.join().unwrap();
        assert!(restarted.status.success(), "{restarted:?}");
        assert_eq!(restarted.stdout, "restarted app\n");
    });
    session.event("ready");
    session.stop();
}

#[test]
fn output_without_end_is_no_obstacle() {
    let mut sandbox = Sandbox::with_script("tsc -w");
    sandbox.program(
        "tsc",
        "head -c 3000000 /dev/zero | tr '\\0' x; seq 1 100000; echo 'Found 1 error. Watching for file changes.'; exec cat",
    );
    let mut command = sandbox.bowline(["start"]);
    let started = crate::support::run_within(&mut command, PATIENCE);
    assert!(started.status.success(), "{started:?}");
    let services: Value = answer(&sandbox.run(["ls", "--json"]));
    assert_eq!(services["services"][0]["state"], "running");
    assert!(sandbox.run(["stop"]).status.success());
}
