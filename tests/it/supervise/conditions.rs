//! Conditions that have to hold before a service is ready.

use std::fs;
use std::net::TcpListener;

use serde_json::json;

use crate::support::{Ports, Sandbox, Session, await_in, http};

/// A server that answers 503 to the first three questions, says how many it had at once, and 302 from then on.
const SERVER: &str = r#"
let asked = 0, open = 0;
const server = require("http").createServer((request, response) => {
  open += 1;
  if (request.url === "/count") { response.end(`${asked}`); open -= 1; return; }
  asked += 1;
  console.log(`asked ${request.method} ${request.url} ${open} at once`);
  setTimeout(() => {
    open -= 1;
    response.statusCode = asked <= 3 ? 503 : 302;
    response.setHeader("Location", "http://localhost:9/");
    response.end();
  }, 150);
});
server.listen(process.env.PORT, process.argv[2]);
"#;

/// A server that never answers anything but 503.
const BUSY: &str = "
const answer = (_, response) => { response.statusCode = 503; response.end(); };
require('http').createServer(answer).listen(process.env.PORT);
";

fn stage(script: &str, ready: &str) -> (Sandbox, Ports) {
    let (mut sandbox, ports) = Sandbox::with_script(script).with_ports("default", 2);
    sandbox
        .file("server.js", SERVER)
        .file("bowline.toml", &format!("[project.app]\nready = {{ {ready} }}\n"));
    (sandbox, ports)
}

fn start(sandbox: &Sandbox) -> Session {
    sandbox.start(["dev", "--framework", "default"])
}

#[test]
fn a_page_is_asked_for_until_it_answers_one_request_at_a_time_and_then_no_more() {
    for address in ["127.0.0.1", "::1", "0.0.0.0"] {
        let (sandbox, _ports) = stage(&format!("exec node server.js {address}"), "http = '/healthz?x'");
        let mut session = start(&sandbox);
        let port = session.ready();
        let printed = session.printed();
        let asked: Vec<&str> = printed.lines().filter(|line| line.starts_with("asked")).collect();
        assert_eq!(asked, ["asked GET /healthz?x 1 at once"; 4], "{address}");
        assert_eq!(http::get_path(port, "/count").body, "4", "{address}");
        session.stop();
    }
}

#[test]
fn all_conditions_have_to_hold() {
    let ready = "log = '^it is up$', exec = 'read go < ready', file = 'made'";
    let script = r"printf '\033[32mit is\033[0m up\n' >&2; exec node server.js";
    let (sandbox, _ports) = stage(script, ready);
    let mut session = start(&sandbox);
    session.output("it is");
    let project = sandbox.project();
    fs::write(project.join("made"), "").unwrap();
    assert!(session.seen().iter().all(|event| event["type"] != "port-detected"), "{:#?}", session.seen());
    fs::write(project.join("ready"), "go\n").unwrap();
    session.ready();
    session.stop();
}

#[test]
fn a_line_of_output_may_have_an_address() {
    for (kind, log) in [("server", "^up on {{self.port}}$"), ("watch", "^watches {{self.host}}$")] {
        let script = "echo up on $PORT; echo watches localhost; exec node server.js";
        let ready = format!("log = {} }}\nkind = {}\nenv = {{ A = '1'", json!(log), json!(kind));
        let (sandbox, _ports) = stage(script, &ready);
        let mut session = start(&sandbox);
        session.event(if kind == "server" { "port-detected" } else { "ready" });
        session.stop();
    }
}

#[test]
fn what_did_not_hold_is_told_with_the_last_answer() {
    // Time enough for a first answer on a busy machine.
    let ready = "http = '/', log = 'never', exec = 'echo starting; echo no response >&2; exit 2', file = 'no/such', timeout = '4s'";
    let (mut sandbox, _ports) = stage("exec node busy.js", ready);
    sandbox.file("busy.js", BUSY);
    let ended = start(&sandbox).wait();
    assert_eq!(ended.status.code(), Some(4), "{ended:#?}");
    for part in [
        "was not ready within 4 s, and was ended: http /: 503; log `never`: no line matches; ",
        "exec `echo starting; echo no response >&2; exit 2`: exit code 2: no response; file `",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn a_command_that_hangs_or_forks_leaves_nothing_behind() {
    for (exec, becomes_ready) in [
        ("touch asked; trap '' TERM; sleep 100; true", false),
        ("touch asked; sleep 100 & setsid sleep 100 & exit 0", true),
        ("touch asked; sleep 100 & exit 3", false),
    ] {
        let (sandbox, _ports) = stage("exec node server.js", &format!("exec = {}", json!(exec)));
        let mut session = start(&sandbox);
        if becomes_ready {
            session.ready();
        }
        let asked = sandbox.project().join("asked");
        await_in(sandbox.project(), || asked.exists().then_some(()));
        session.stop();
    }
}

#[test]
fn conditions_that_cannot_hold_are_refused() {
    for (ready, part) in [
        ("http = 'http://localhost:1/'", "the service's own port"),
        ("http = 'healthz'", "a `/` at its beginning"),
        ("log = '('", "not a regular expression"),
    ] {
        let (sandbox, _ports) = stage("exec node server.js", ready);
        let finished = sandbox.run(["dev", "--framework", "default"]);
        assert_eq!(finished.status.code(), Some(2), "{finished:?}");
        assert!(finished.stderr.contains(part) && finished.stderr.contains("bowline.toml"), "{finished:?}");
    }
}

#[test]
fn who_listens_for_a_container_is_not_of_its_tree() {
    for (starter, command) in [("docker", "docker compose up db"), ("podman", "exec podman run db")] {
        let (mut sandbox, ports) = Sandbox::new().with_ports("default", 2);
        let ready = "ready = { exec = \"test -e up\", timeout = \"60s\" }";
        let table = format!("[project.db]\ncommand = \"{command}\"\nport = true\n{ready}\n");
        sandbox.file("bowline.toml", &table).program(starter, "echo \"asked for $PORT\"; exec sleep 100");
        let mut session = sandbox.start(["dev"]);
        session.output(&format!("asked for {}", ports.first()));
        let _daemon = TcpListener::bind(("127.0.0.1", ports.first())).unwrap();
        fs::write(sandbox.project().join("up"), "").unwrap();
        assert_eq!(session.ready(), ports.first(), "{command}");
        session.stop();
    }
}
