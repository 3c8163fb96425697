//! The tests' own support and the stand-in server, tried on each other and on plain shells.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Ports, Sandbox, Session, Tree, dev_server, http, read_until, run_to_end};
use rustix::process::Signal;
use serde_json::Value;

/// The stand-in server's output, line by line in the shape of bowline's events.
fn dev_server_session(sandbox: &Sandbox, arguments: &str) -> Session {
    let mut command = sandbox.command("sh");
    command.args(["-c", &format!("exec '{}' {arguments}", dev_server().display())]);
    Session::start(command)
}

fn port(listening: &Value) -> u16 {
    u16::try_from(listening["listening"].as_u64().unwrap()).unwrap()
}

fn listening(session: &mut Session) -> u16 {
    port(&session.until("listening", |line| line["listening"].is_u64()))
}

#[test]
fn serves_on_the_port_it_is_given() {
    let ports = Ports::claim(3);
    let [by_flag, by_variable, hard_coded] = [ports.first(), ports.first() + 1, ports.last()];
    let cases = [
        (format!("--port {by_flag}"), by_flag),
        (String::new(), by_variable),
        (format!("--hard-coded {hard_coded} --port {by_flag}"), hard_coded),
    ];
    for (arguments, expected) in cases {
        let mut sandbox = Sandbox::new();
        sandbox.env("PORT", by_variable.to_string());
        let mut session = dev_server_session(&sandbox, &arguments);
        assert_eq!(listening(&mut session), expected, "{arguments}");
        let page = http::get(expected);
        assert_eq!((page.status, page.body), (200, format!("<h1>dev-server on port {expected}</h1>\n")));
        session.stop();
    }
}

#[test]
fn listens_on_ipv6_alone() {
    if std::net::TcpListener::bind((std::net::Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let sandbox = Sandbox::new();
    let mut session = dev_server_session(&sandbox, "--host ::1");
    let port = listening(&mut session);
    assert_eq!(http::get(port).status, 200);
    session.stop();
}

#[test]
fn takes_a_taken_port_in_three_ways() {
    let sandbox = Sandbox::new();
    let ports = Ports::claim(2);
    let stranger = ports.stranger(ports.first());
    for (arguments, code) in [("", 1), ("--taken exit-zero", 0), ("--taken next --strictPort", 1)] {
        let mut command = sandbox.command(dev_server());
        command.args(arguments.split_whitespace()).args(["--port", &ports.first().to_string()]);
        let finished = run_to_end(&mut command);
        assert_eq!(finished.status.code(), Some(code), "{arguments}: {finished:?}");
        assert!(finished.stderr.contains("is already in use"), "{finished:?}");
    }
    let mut session = dev_server_session(&sandbox, &format!("--taken next --port {}", ports.first()));
    assert_eq!(listening(&mut session), ports.last());
    session.stop();
    drop(stranger);
}

#[test]
fn ends_as_it_is_told() {
    let sandbox = Sandbox::new();
    let end = |arguments: &str| {
        let mut command = sandbox.command(dev_server());
        run_to_end(command.args(arguments.split_whitespace())).status
    };
    assert_eq!(end("--exit-code 42").code(), Some(42));
    assert_eq!(end("--no-listen --exit-signal SEGV").signal(), Some(Signal::SEGV.as_raw()));
    assert_eq!(end("--exit-signal KILL --exit-after 10").signal(), Some(Signal::KILL.as_raw()));
    assert_eq!(end("--until-stdin-closes").code(), Some(0));
    assert_eq!(end("--lifetime 1").signal(), Some(Signal::ALARM.as_raw()));
}

#[test]
fn answers_term_late_or_not_at_all() {
    let sandbox = Sandbox::new();
    let mut lingering = dev_server_session(&sandbox, "--linger 50");
    listening(&mut lingering);
    lingering.signal(Signal::TERM);
    let ended = {
        lingering.until("nothing more", |line| line["got"] == "SIGTERM");
        lingering.wait()
    };
    assert_eq!(ended.status.code(), Some(0));

    let mut deaf = dev_server_session(&sandbox, "--ignore TERM --ignore INT");
    listening(&mut deaf);
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        deaf.signal(signal);
        deaf.until(name, |line| line["got"] == name);
    }
    deaf.kill(Duration::from_secs(5));
}

#[test]
fn reports_what_it_was_given() {
    let mut sandbox = Sandbox::new();
    sandbox.env("GREETING", "hello");
    let mut command = sandbox.command(dev_server());
    let finished = run_to_end(command.args(["--report", "--no-listen", "--exit-code", "0", "--", "--extra"]));
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["argv"].as_array().unwrap().last().unwrap(), "--extra");
    assert_eq!(report["env"]["GREETING"], "hello");
    assert_eq!(report["cwd"], sandbox.project().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(report["terminal"], Value::Null);
}

/// How an oracle fails that finds a process left.
fn failure(oracle: impl FnOnce()) -> String {
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(oracle));
    *outcome.expect_err("a process is left").downcast::<String>().unwrap()
}

/// The oracle that every test of supervision rests on must itself be able to fail.
#[test]
fn a_leftover_process_is_found() {
    for arguments in
        ["--daemonize", "--leader-leaves", "--children 1 --children-escape --ignore TERM --exit-code 0"]
    {
        let sandbox = Sandbox::new();
        let session = dev_server_session(&sandbox, arguments);
        let text = failure(|| drop(session.wait()));
        assert!(text.contains("processes are left") && text.contains("dev-server"), "{arguments}: {text}");
    }
}

/// A process without its mark holds the pipe all the same.
#[test]
fn a_leftover_without_a_mark_is_found() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("env");
    command.arg("-i").arg(dev_server()).args(["--no-listen", "--lines", "1", "--until-stdin-closes"]);
    let mut tree = Tree::new();
    tree.mark(&mut command);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // `env` itself has the mark.
    read_until(child.stdout.as_mut().unwrap(), "line 1");
    let text = failure(|| tree.assert_gone(Duration::ZERO));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(text.contains(&format!("/proc/{}", child.id())), "{text}");
}

/// A process that becomes another program has no environment for a moment.
#[cfg(target_os = "linux")]
#[test]
fn a_process_is_found_whatever_program_it_becomes() {
    let sandbox = Sandbox::new();
    let mut command = sandbox.command("sh");
    let again = r#"[ "$1" = 0 ] && exec cat; exec sh -c "$0" "$0" "$(($1 - 1))""#;
    command.args(["-c", again, again, "500"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let tree = Tree::new();
    tree.mark(&mut command);
    let mut child = command.spawn().unwrap();
    let found = (0..50).filter(|_| tree.processes().len() == 1).count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found, 50);
}

#[test]
fn claimed_ports_are_nobody_elses() {
    let (one, other) = (Ports::claim(128), Ports::claim(128));
    assert!(!one.all().any(|port| other.contains(port)));
    let strangers = one.fill();
    assert_eq!(strangers.len(), 128);
}

#[test]
fn the_hello_fixture_runs_on_node_alone() {
    let ports = Ports::claim(1);
    let mut sandbox = Sandbox::with_fixture("hello");
    sandbox.env("PORT", ports.first().to_string());
    let mut child = sandbox.command("node").arg("server.js").stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    assert!(line.contains(&format!(":{}", ports.first())), "{line}");
    let page = http::get(ports.first());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(page.body.contains("Hello from port"), "{}", page.body);
}
