//! What services wrote, while they run and afterwards.

use std::io::Read;
use std::process::Stdio;

use super::Stage;

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("line ")).collect()
}

#[test]
fn the_output_is_there_after_the_end() {
    let stage = Stage::new("--lines 200 --no-listen --exit-code 3", 1);
    assert_eq!(stage.sandbox.run(["dev"]).status.code(), Some(3));
    let all = stage.sandbox.run(["logs"]);
    let expected: Vec<String> = (1..=200).map(|number| format!("line {number}")).collect();
    assert_eq!(lines(&all.stdout), expected);
    let last = stage.sandbox.run(["logs", "-n", "3", "app"]);
    assert_eq!(last.stdout, "line 198\nline 199\nline 200\n");
    let none = stage.sandbox.run(["logs", "--since", "2999-01-01T00:00:00Z"]);
    assert_eq!(none.stdout, "");
    let bad = stage.sandbox.run(["logs", "--since", "yesterday"]);
    assert_eq!(bad.status.code(), Some(2), "{bad:?}");
}

#[test]
fn each_piece_has_its_stream_and_time() {
    let stage = Stage::new("--lines 4 --stream both --no-listen --exit-code 0", 1);
    stage.sandbox.run(["dev"]);
    let json = stage.sandbox.run(["logs", "--json"]);
    let mut by_stream = [String::new(), String::new()];
    for line in json.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(event["type"], "log-chunk");
        assert!(event["timestamp"].is_string() && event["cursor"].is_string(), "{event}");
        by_stream[usize::from(event["stream"] == "stderr")].push_str(event["data"].as_str().unwrap());
    }
    assert_eq!(by_stream, ["line 1\nline 3\n", "line 2\nline 4\n"]);
}

#[test]
fn following_shows_everything_once() {
    let stage = Stage::new("--lines 500", 1);
    assert!(stage.sandbox.run(["start"]).status.success());
    let mut command = stage.sandbox.bowline(["logs", "-f"]);
    let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
    // What is written after it has begun to follow, and what was before: both once.
    assert!(stage.sandbox.run(["restart"]).status.success());
    assert!(stage.sandbox.run(["stop"]).status.success());
    let mut shown = String::new();
    follower.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    follower.wait().unwrap();
    let once: Vec<String> = (1..=500).map(|number| format!("line {number}")).collect();
    let twice: Vec<String> = once.iter().chain(&once).cloned().collect();
    assert_eq!(lines(&shown), twice);
}

#[test]
fn a_follower_that_stalls_misses_nothing() {
    let stage = Stage::new("--lines 200000 --delay 500", 1);
    assert!(stage.sandbox.run(["start"]).status.success());
    let mut command = stage.sandbox.bowline(["logs", "-f"]);
    let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = follower.stdout.take().unwrap();
    let mut first = [0; 16];
    stdout.read_exact(&mut first).unwrap();
    // It cannot write now, so that the supervisor has to drop it; the service goes on.
    assert!(stage.sandbox.run(["restart"]).status.success());
    assert!(stage.sandbox.run(["stop"]).status.success());
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert!(follower.wait().unwrap().success());
    let shown = String::from_utf8_lossy(&first).into_owned() + &rest;
    let numbers: Vec<&str> = lines(&shown);
    assert_eq!(numbers.len(), 400_000);
    assert_eq!((numbers[0], numbers[199_999], numbers[200_000]), ("line 1", "line 200000", "line 1"));
}

#[test]
fn the_output_is_found_by_port_and_id_after_the_end() {
    let stage = Stage::new("--lines 2", 2);
    assert!(stage.sandbox.run(["start", "--project-id", "mine"]).status.success());
    assert!(stage.sandbox.run(["stop"]).status.success());
    let port = stage.ports.first().to_string();
    for word in [port.as_str(), "mine"] {
        let shown = stage.sandbox.run(["-C", "/", "logs", word]);
        assert_eq!(lines(&shown.stdout), ["line 1", "line 2"], "{word}: {shown:?}");
    }
    let unused = stage.sandbox.run(["-C", "/", "logs", &stage.ports.last().to_string()]);
    assert_eq!(unused.status.code(), Some(5), "{unused:?}");
}

#[test]
fn a_name_that_several_had_is_not_clear() {
    let stage = Stage::new("--lines 2", 2);
    let other = stage.sandbox.sibling("other");
    for dir in [stage.sandbox.project(), &other] {
        assert!(stage.sandbox.run(["-C", dir.to_str().unwrap(), "start"]).status.success());
    }
    for running in [true, false] {
        let refused = stage.sandbox.run(["-C", "/", "logs", "app"]);
        assert_eq!(refused.status.code(), Some(2), "{running}: {refused:?}");
        assert!(refused.stderr.contains("`app` means several projects: "), "{running}: {refused:?}");
        assert!(refused.stderr.contains("/other"), "{running}: {refused:?}");
        assert!(stage.sandbox.run(["stop", "--all"]).status.success());
    }
}
