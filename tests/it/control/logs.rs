//! The output of services, while they run and afterwards.

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
fn without_a_name_it_is_that_of_all_that_has_run_here() {
    for is_workspace in [true, false] {
        let mut stage = Stage::new("", 2);
        let packages = if is_workspace { r#", "workspaces": ["packages/*"]"# } else { "" };
        stage.sandbox.file("package.json", &format!(r#"{{ "name": "root"{packages} }}"#));
        if is_workspace {
            stage
                .sandbox
                .file("packages/api/package.json", r#"{ "name": "api", "scripts": { "dev": "x" } }"#);
        }
        let table =
            |name: &str| format!("[project.{name}]\ncommand = \"echo it is {name}; exit 3\"\nport = true\n");
        stage.sandbox.file("bowline.toml", &(table("api") + &table("db")));
        assert_eq!(stage.sandbox.run(["dev"]).status.code(), Some(3));
        let shown = stage.sandbox.run(["logs"]).stdout;
        assert!(shown.contains("api │ it is api\n") && shown.contains("db  │ it is db\n"), "{shown}");
    }
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
    // The output before and after it begins to follow: each once.
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
fn a_supervisor_that_is_killed_takes_no_output_with_it() {
    let stage = Stage::new("--lines 1000", 1);
    assert!(stage.sandbox.run(["start", "--grace", "200ms"]).status.success());
    let mut follower = stage.connect();
    let written: usize = (1..=1000).map(|number| format!("line {number}\n").len()).sum();
    let status = loop {
        follower.send(r#"{"type":"status"}"#);
        let status = follower.until("status");
        let cursor = status["services"][0]["cursor"].as_str().unwrap();
        if cursor.split_once(':').unwrap().1.parse::<usize>().unwrap() >= written {
            break status;
        }
    };
    let pid = status["services"][0]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    assert_eq!(follower.next(), None);
    let shown = stage.sandbox.run(["logs"]).stdout;
    assert_eq!(lines(&shown).len(), 1000, "{shown}");
}

#[test]
fn a_moment_and_a_number_of_lines_choose_what_is_shown() {
    let stage = Stage::new("--lines 20", 1);
    assert!(stage.sandbox.run(["start"]).status.success());
    let json = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let finished = stage.sandbox.run(["logs", "--json"].iter().chain(arguments));
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = json(&[]);
    let first = all[0]["timestamp"].as_str().unwrap();
    assert_eq!(json(&["--since", first]), all);
    assert_eq!(json(&["--since", "1h"]), all);
    let output = |arguments: &[&str]| stage.sandbox.run(["logs"].iter().chain(arguments)).stdout;
    assert_eq!(lines(&output(&["-n", "3"])).len() + 1, 3, "the last line is that it listens");
    assert_eq!(output(&["-n", "3", "--since", "2999-01-01T00:00:00Z"]), "");
    let followed = std::thread::scope(|scope| {
        let follower = scope.spawn(|| json(&["-f", "-n", "2"]));
        let mut watcher = stage.connect();
        watcher.send(r#"{"type":"attach"}"#);
        watcher.until("status");
        assert!(stage.sandbox.run(["restart"]).status.success());
        assert!(stage.sandbox.run(["stop"]).status.success());
        follower.join().unwrap()
    });
    let text: String = followed.iter().filter_map(|event| event["data"].as_str()).collect();
    assert!(text.matches("line 20\n").count() >= 1, "{text}");
    assert!(followed.iter().all(|event| event["type"] != "status"), "{followed:?}");
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
