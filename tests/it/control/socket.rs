//! The socket itself: who may speak, what is understood, and that nobody can be a nuisance.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;

use super::{Client, Stage};
use crate::support::{Noise, Sandbox, Session, http};

#[test]
fn the_socket_is_private_and_goes_with_the_supervisor() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let socket = stage.sockets().remove(0);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&socket), mode(socket.parent().unwrap())), (0o600, 0o700));
    session.stop();
    assert!(stage.sockets().is_empty());
}

#[test]
fn whatever_the_service_starts_finds_the_socket() {
    let (mut sandbox, _ports) = Sandbox::with_script("sh look.sh").with_ports("default", 1);
    let run = sandbox.state_dir().join("run");
    let look =
        format!("ls '{}'/*.sock > found 2> /dev/null || echo none\necho looked\nsleep 100", run.display());
    sandbox.file("look.sh", &look);
    for _ in 0..10 {
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.output("looked"), "looked\n");
        session.stop();
    }
}

#[test]
fn requests_are_answered_under_their_names() {
    let stage = Stage::new("--lines 2", 1);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let mut client = stage.connect();
    client.send(r#"{"bowline":"9.9.9","protocol":1}"#);
    client.send(r#"{"type":"status","id":"s"}"#);
    let status = client.until("status");
    assert_eq!((&status["commandId"], &status["services"][0]["port"]), (&"s".into(), &port.into()));
    assert_eq!(status["services"][0]["projectId"], stage.id());
    client.send(r#"{"type":"wait","id":"w"}"#);
    assert_eq!(client.until("ack")["message"], "Command wait accepted");
    assert_eq!(client.until("port-detected")["commandId"], "w");
    assert_eq!(client.until("ack")["message"], format!("Dev server is running and healthy on port {port}"));
    client.send(r#"{"type":"restart","id":"r"}"#);
    client.until("ack");
    assert_eq!(client.until("port-detected")["commandId"], "r");
    client.until("ack");
    client.send(r#"{"type":"stop","id":"x","projectId":"/nowhere"}"#);
    let error = client.until("error");
    assert_eq!((&error["error"], &error["commandId"]), (&"Project not found".into(), &"x".into()));
    client.send(&format!(r#"{{"type":"stop","id":"x","projectId":"{}"}}"#, stage.id()));
    client.until("ack");
    assert_eq!(client.until("process-exited")["commandId"], "x");
    assert_eq!(client.until("ack")["message"], "Dev server stopped successfully");
    session.wait();
}

#[test]
fn a_newer_client_is_told() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let mut client = stage.connect();
    client.send(r#"{"bowline":"9.9.9","protocol":2}"#);
    assert!(client.until("error")["error"].as_str().unwrap().contains("protocol 2"));
    assert_eq!(client.next(), None, "and the connection ends");
    session.stop();
}

#[test]
fn rubbish_is_answered_and_never_harms() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let mut client = stage.connect();
    let deep = "[".repeat(50_000);
    for line in [
        "rubbish",
        "{}",
        "[]",
        "null",
        "7",
        r#"{"type":7}"#,
        r#"{"type":"dance"}"#,
        r#"{"type":"stop","id":7}"#,
        r#"{"type":"status","projectId":[]}"#,
        "{\"type\":\"status\"",
        "\u{0}\u{1}",
        &deep,
    ] {
        client.send(line);
        client.until("error");
    }
    client.stream.write_all(b"\xff\xfe\n").unwrap();
    client.until("error");
    client.send("");
    client.send(r#"{"type":"status"}"#);
    client.until("status");
    let mut noise = Noise::new(7);
    for _ in 0..200 {
        let mut other = stage.connect();
        let bytes: Vec<u8> = (0..500).map(|_| noise.byte()).collect();
        let _ = other.stream.write_all(&bytes);
    }
    let mut long = stage.connect();
    let _ = long.stream.write_all(&vec![b'x'; 300_000]);
    assert!(long.until("error")["error"].as_str().unwrap().contains("too long"));
    assert_eq!(long.next(), None);
    assert_eq!(http::get(port).status, 200);
    session.stop();
}

#[test]
fn a_hundred_clients_are_served() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let mut clients: Vec<Client> = (0..100).map(|_| stage.connect()).collect();
    for client in &mut clients {
        client.send(r#"{"type":"attach"}"#);
        client.until("port-detected");
    }
    session.signal(rustix::process::Signal::TERM);
    for client in &mut clients {
        assert_eq!(client.until("process-exited")["projectId"], stage.id());
    }
    session.wait();
}

#[test]
fn a_client_with_every_connection_keeps_nobody_out() {
    let stage = Stage::new("", 1);
    let mut command = stage.sandbox.command("sh");
    command.args(["-c", "ulimit -n 128; exec \"$0\" --json dev", env!("CARGO_BIN_EXE_bowline")]);
    let mut session = Session::start(command);
    session.ready();
    // More than it has room for, and each wants to be told of everything.
    let mut hog: Vec<Client> = (0..80)
        .map(|_| {
            let mut client = stage.connect();
            client.send(r#"{"type":"attach"}"#);
            client.until("port-detected");
            client
        })
        .collect();
    let status = stage.sandbox.run(["status", "--json"]);
    assert!(status.status.success(), "{status:?}");
    assert_eq!(hog[0].next(), None, "the oldest of the process with the most connections went");
    assert!(stage.sandbox.run(["stop"]).status.success());
    let last = hog.len() - 1;
    hog[last].until("process-exited");
    session.wait();
}

#[test]
fn nothing_is_done_for_a_client_behind_its_dismissal() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let mut client = stage.connect();
    client.send("{\"bowline\":\"9.9.9\",\"protocol\":2}\n{\"type\":\"stop\"}");
    client.until("error");
    assert_eq!(client.next(), None);
    assert_eq!(stage.services()[0]["state"], "running");
    session.stop();
}

#[test]
fn clients_that_do_not_read_delay_nobody() {
    let stage = Stage::new("--lines 300000 --delay 300", 1);
    let mut session = stage.sandbox.start(["dev", "--restart", "never"]);
    session.event("log-chunk");
    let socket = stage.sockets().remove(0);
    let mut slow: Vec<Client> = (0..10).map(|_| Client::connect(&socket)).collect();
    for client in &mut slow {
        client.send(r#"{"type":"attach"}"#);
    }
    let mut flood = Client::connect(&socket);
    for _ in 0..1000 {
        flood.send(r#"{"type":"wait"}"#);
    }
    let mut quick = Client::connect(&socket);
    quick.send(r#"{"type":"restart"}"#);
    quick.until("port-detected");
    session.ready();
    quick.send(r#"{"type":"status"}"#);
    quick.until("status");
    session.stop();
    // They were dropped long before everything was sent.
    let mut read = 0;
    let mut bytes = vec![0; 1 << 20];
    while let Ok(count) = slow[0].stream.read(&mut bytes) {
        read += count;
        if count == 0 {
            break;
        }
    }
    assert!(read < 8 << 20, "{read}");
}

#[test]
fn the_documented_client_works() {
    let documentation = include_str!("../../../docs/control-protocol.md");
    let (_, rest) = documentation.split_once("```js\n").unwrap();
    let (client, _) = rest.split_once("```").unwrap();
    let mut stage = Stage::new("--delay 200", 1);
    stage.sandbox.file("client.mjs", client);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let socket = stage.sockets().remove(0);
    let mut command = stage.sandbox.command("node");
    let finished = crate::support::run_to_end(command.arg("client.mjs").arg(socket));
    assert_eq!(finished.stdout, format!("http://localhost:{port}\n"), "{finished:?}");
    session.stop();
}
