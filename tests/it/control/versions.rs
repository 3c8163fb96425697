//! Supervisors of another version: what they say is said, and nothing is guessed.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::thread;

use super::Stage;

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
