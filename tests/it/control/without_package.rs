//! A command in a directory without a package.json: the directory is the project.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Finished, Ports, Sandbox, Session, dev_server, http};

/// A directory `app` with a directory `inner`, and no package.json anywhere.
fn stage() -> (Sandbox, Ports) {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 3);
    sandbox.file("inner/readme", "");
    (sandbox, ports)
}

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Session {
    let server = dev_server().to_str().unwrap();
    sandbox.start([&["exec", "--", server, "--lifetime", "200"], arguments].concat())
}

/// What bowline answers in this directory of the project.
fn answer(sandbox: &Sandbox, dir: &str, arguments: &[&str]) -> Finished {
    let mut command = sandbox.bowline(arguments);
    crate::support::run_to_end(command.current_dir(sandbox.project().join(dir)))
}

#[test]
fn it_runs_there_and_every_command_knows_it_by_directory_and_name() {
    let (sandbox, ports) = stage();
    let mut session = start(&sandbox, &[]);
    assert_eq!(session.ready(), ports.first());
    assert_eq!(http::get(ports.first()).status, 200);
    let port = ports.first().to_string();
    for (dir, arguments, expected) in [
        (".", &["ls"][..], "app  "),
        (".", &["port"], &*port),
        ("inner", &["port"], &port),
        (".", &["port", "app"], &port),
        (".", &["status"], "default"),
        ("inner", &["status"], "default"),
        ("..", &["status", "app"], "default"),
        ("..", &["status", "./app"], "default"),
        (".", &["wait"], "ready app"),
        ("..", &["wait", "app"], "ready app"),
        ("inner", &["logs"], "listening"),
        ("..", &["logs", "app"], "listening"),
        (".", &["restart"], "restarted app"),
        ("..", &["restart", "app"], "restarted app"),
    ] {
        let answered = answer(&sandbox, dir, arguments);
        assert!(answered.status.success(), "{dir} {arguments:?}: {answered:?}");
        assert!(answered.stdout.contains(expected), "{dir} {arguments:?}: {answered:?}");
    }
    for mut joined in [start(&sandbox, &[]), sandbox.start(["dev"])] {
        assert_eq!(joined.ready(), ports.first());
        joined.signal(Signal::INT);
        assert_eq!(joined.wait().status.code(), Some(0), "it has only joined");
    }
    let again = answer(&sandbox, "inner", &["start"]);
    assert!(again.status.success() && again.stderr.contains("app is already running"), "{again:?}");
    let other = answer(&sandbox, ".", &["--script", "x"]);
    assert_eq!(other.status.code(), Some(5), "{other:?}");
    assert!(answer(&sandbox, "inner", &["stop"]).stdout.contains("stopped app"));
    let ended = session.wait();
    assert!(!ended.stderr.contains("warning"), "{ended:#?}");
    for (dir, arguments, expected) in [
        (".", &["logs"][..], "listening"),
        ("inner", &["logs"], "listening"),
        ("..", &["logs", "app"], "listening"),
        ("..", &["logs", "./app"], "listening"),
        (".", &["port"], &port),
        ("inner", &["port"], &port),
    ] {
        let answered = answer(&sandbox, dir, arguments);
        assert!(answered.stdout.contains(expected), "{dir} {arguments:?}: {answered:?}");
    }
    for (dir, arguments) in [(".", &["stop"][..]), ("inner", &["status"])] {
        let answered = answer(&sandbox, dir, arguments);
        let said = "error: No running dev server found for project: `app`";
        assert!(answered.stderr.contains(said), "{dir} {arguments:?}: {answered:?}");
        assert_eq!(answered.status.code(), Some(5));
    }
    let dev = answer(&sandbox, ".", &["dev"]);
    assert!(dev.stderr.contains("bowline exec -- COMMAND"), "{dev:?}");
}

#[test]
fn people_see_no_package_manager_and_no_warning() {
    let (sandbox, ports) = stage();
    let server = dev_server().to_str().unwrap();
    let mut command =
        sandbox.bowline(["exec", "--", server, "--lifetime", "200", "--once-asked", "--exit-code", "0"]);
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let told = crate::support::read_until(&mut stderr, "ready in");
    http::get(ports.first());
    child.wait().unwrap();
    assert!(told.contains(&format!("default · port {}\n", ports.first())), "{told}");
    assert!(!told.contains("warning"), "{told}");
}

#[test]
fn a_program_with_a_port_of_its_own_is_followed() {
    let (sandbox, ports) = stage();
    let own = Ports::claim(1);
    let mut session = start(&sandbox, &["--hard-coded", &own.first().to_string()]);
    assert_eq!(session.event("port-reallocated")["originalPort"], ports.first());
    assert_eq!(session.ready(), own.first());
    assert_eq!(answer(&sandbox, ".", &["port"]).stdout, format!("{}\n", own.first()));
    session.stop();
}

#[test]
fn the_directory_of_the_command_is_the_callers() {
    let (mut sandbox, _ports) = stage();
    sandbox.program("where", "echo at $(pwd) for $BOWLINE_PROJECT_DIR");
    let at = |sandbox: &Sandbox, dir: &Path| {
        let chosen = sandbox.run(["-C", dir.to_str().unwrap(), "exec", "--", "where"]);
        let ran = crate::support::run_to_end(
            sandbox.bowline(["exec", "--", "where"]).current_dir(sandbox.project().join(dir)),
        );
        assert_eq!(chosen.stdout, ran.stdout);
        ran.stdout
    };
    let root = fs::canonicalize(sandbox.project()).unwrap();
    let inner = root.join("inner");
    let expected = |dir: &Path, project: &Path| format!("at {} for {}\n", dir.display(), project.display());
    assert_eq!(at(&sandbox, Path::new(".")), expected(&root, &root));
    assert_eq!(at(&sandbox, Path::new("inner")), expected(&inner, &inner));
    // Below a package, that is the project, as for every command.
    sandbox.file("package.json", r#"{ "name": "app" }"#);
    assert_eq!(at(&sandbox, Path::new("inner")), expected(&inner, &root));
}

#[test]
fn two_directories_and_two_ids_are_projects_of_their_own() {
    let (sandbox, ports) = stage();
    let mut first = start(&sandbox, &[]);
    first.ready();
    let server = dev_server().to_str().unwrap();
    let mut other = sandbox.bowline(["--json", "exec", "--", server, "--lifetime", "200"]);
    other.current_dir(sandbox.project().join("inner"));
    let mut other = Session::start(other);
    other.ready();
    let id = ["exec", "--project-id", "third", "--", server, "--lifetime", "200"];
    let mut third = sandbox.start(id);
    third.ready();
    let list = sandbox.run(["ls", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).unwrap();
    let list = list["services"].as_array().unwrap();
    let of = |field: &str| list.iter().map(|one| one[field].clone()).collect::<Vec<_>>();
    assert_eq!(of("name"), ["app", "inner", "app"]);
    assert_eq!(of("port"), ports.all().map(Value::from).collect::<Vec<_>>());
    for session in [first, other, third] {
        session.stop();
    }
}

#[test]
fn the_root_of_a_repository_of_rush_is_told_what_to_do() {
    let (mut sandbox, _ports) = stage();
    sandbox.file("rush.json", "{}");
    for dir in [".", "inner"] {
        let said = answer(&sandbox, dir, &["dev"]);
        assert_eq!(said.status.code(), Some(5), "{said:?}");
        assert!(said.stderr.contains("run this in the directory of a project"), "{said:?}");
    }
}
