//! Supervisors of another version: what they say is said, and nothing is guessed.

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;

use super::Stage;
use crate::support::run_to_end;

/// Stands in for the supervisor at its socket, for as many clients as come; each is greeted like this.
fn stand_in(stage: &Stage, hello: &'static str) {
    let socket = stage.sockets().remove(0);
    std::fs::remove_file(&socket).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = client.write_all(format!("{hello}\n").as_bytes());
                let lines = BufReader::new(client).lines().map_while(Result::ok);
                lines.for_each(drop);
            });
        }
    });
}

#[test]
fn another_protocol_is_said_to_be_one() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    stand_in(&stage, r#"{"bowline":"7.0.0","protocol":2,"pid":1,"new":[]}"#);
    for command in [&["wait"][..], &["stop"], &["attach"], &["dev"], &["start"], &["status"], &["logs", "-f"]]
    {
        let finished = stage.sandbox.run(command);
        assert_eq!(finished.status.code(), Some(1), "{command:?}: {finished:?}");
        for words in
            ["speaks version 2 of the protocol", "version 1 (it is bowline 7.0.0)", "use bowline 7.0.0"]
        {
            assert!(finished.stderr.contains(words), "{command:?}: {finished:?}");
        }
    }
    let listed = stage.services().remove(0);
    assert_eq!(listed["connected"], false);
    assert!(listed["error"].as_str().unwrap().contains("bowline 7.0.0"), "{listed}");
    assert!(stage.sandbox.run(["ls"]).stdout.contains("other version"));
    let doctor = stage.sandbox.run(["doctor"]);
    assert!(doctor.stdout.contains("bowline 7.0.0"), "{doctor:?}");
    session.stop();
}

#[test]
fn a_supervisor_that_says_more_is_understood() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    let port = session.ready();
    let socket = stage.sockets().remove(0);
    std::fs::remove_file(&socket).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    let answers = format!(
        "{}\n{}\n{}\n{}\n",
        r#"{"bowline":"1.9.0","protocol":1,"pid":1,"new":true}"#,
        r#"{"type":"ack","message":"Command wait accepted","new":{}}"#,
        r#"{"type":"some-news","projectId":"x","timestamp":"2026-01-31T12:00:00.000Z"}"#,
        r#"{"type":"port-detected","port":PORT,"framework":"default","projectId":"x","new":[1]}"#
            .replace("PORT", &port.to_string()),
    );
    let serving = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.write_all(answers.as_bytes()).unwrap();
        BufReader::new(client).lines().map_while(Result::ok).for_each(drop);
    });
    let finished = stage.sandbox.run(["wait"]);
    assert_eq!(finished.status.code(), Some(0), "{finished:?}");
    serving.join().unwrap();
    session.stop();
}

/// Makes the supervisor one of this version, by what its socket says first.
fn dress_up(stage: &Stage, version: &'static str) {
    let socket = stage.sockets().remove(0);
    let real = socket.with_extension("real");
    std::fs::rename(&socket, &real).unwrap();
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = BufReader::new(UnixStream::connect(&real).unwrap());
            thread::spawn(move || {
                let (mut requests, mut to_server) =
                    (client.try_clone().unwrap(), server.get_ref().try_clone().unwrap());
                thread::spawn(move || {
                    let _ = io::copy(&mut requests, &mut to_server);
                    let _ = to_server.shutdown(std::net::Shutdown::Write);
                });
                let mut hello = String::new();
                server.read_line(&mut hello).unwrap();
                let _ = client.write_all(hello.replace(env!("CARGO_PKG_VERSION"), version).as_bytes());
                let _ = io::copy(&mut server, &mut client);
            });
        }
    });
}

#[test]
fn a_supervisor_of_another_version_is_told_by_doctor_and_works() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    let doctor = stage.sandbox.run(["doctor"]).stdout;
    assert!(!doctor.contains("versions"), "{doctor}");
    dress_up(&stage, "0.0.9");
    let doctor = stage.sandbox.run(["doctor"]);
    assert_eq!(doctor.status.code(), Some(1), "{doctor:?}");
    let told = format!("BAD  versions     `app` runs under bowline 0.0.9 (pid {})", session.id());
    let ours =
        format!(", and this is bowline {}\n     mend it with: bowline stop app", env!("CARGO_PKG_VERSION"));
    assert!(doctor.stdout.contains(&format!("{told}{ours}")), "{doctor:?}");
    let status = stage.sandbox.run(["status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["bowline"], "0.0.9");
    assert_eq!(stage.services()[0]["state"], "running");
    for command in [&["wait"][..], &["restart"], &["stop"]] {
        let finished = stage.sandbox.run(command);
        assert!(finished.status.success(), "{command:?}: {finished:?}");
    }
    session.wait();
}

/// A package manager puts the new program under the name of the old one, or removes it with its directory.
#[test]
fn a_program_that_was_replaced_or_removed_goes_on() {
    let stage = Stage::new("", 1);
    let dir = stage.sandbox.root().join("installed");
    std::fs::create_dir(&dir).unwrap();
    let program = dir.join("bowline");
    for new in [Some("#!/bin/sh\necho another >&2\nexit 99\n"), None] {
        // Another process writes it: a fork of another test could hold a file of this one open, and none executes that.
        assert!(
            Command::new("cp")
                .args([env!("CARGO_BIN_EXE_bowline").as_ref(), program.as_path()])
                .status()
                .unwrap()
                .success()
        );
        let started = run_to_end(stage.sandbox.command(&program).arg("start"));
        assert!(started.status.success(), "{started:?}");
        let pid = stage.services()[0]["pid"].clone();
        std::fs::remove_file(&program).unwrap();
        match new {
            Some(text) => std::fs::write(&program, text).unwrap(),
            None => std::fs::remove_dir(&dir).unwrap(),
        }
        for command in [&["status"][..], &["logs"], &["restart"], &["wait"]] {
            let finished = stage.sandbox.run(command);
            assert!(finished.status.success(), "{command:?}: {finished:?}");
        }
        assert_eq!(stage.services()[0]["pid"], pid, "the same supervisor has restarted it");
        let stopped = stage.sandbox.run(["stop"]);
        assert!(stopped.status.success(), "{stopped:?}");
        if new.is_some() {
            std::fs::remove_file(&program).unwrap();
        }
    }
}
