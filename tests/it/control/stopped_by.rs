//! A bowline in the foreground that somebody else ends says who did it.

use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::{Stage, until_it_runs};
use crate::support::{Finished, read_until, run_to_end};

/// Runs bowline for people, ends it by this command in a second place, and returns what it said.
fn said(stage: &Stage, options: &[&str], command: &[&str]) -> Finished {
    let mut first = stage.sandbox.bowline(["dev"]);
    let mut child =
        first.args(options).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("bowline");
    let mut stderr = child.stderr.take().expect("a pipe");
    if options.is_empty() {
        read_until(&mut stderr, "ready in");
    } else {
        until_it_runs(stage);
        assert!(stage.sandbox.start(["attach"]).ready() > 0);
    }
    let ended = match command {
        ["kill"] => {
            let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("a pid");
            kill_process(pid, Signal::TERM).expect("a child of ours");
            None
        }
        words => Some(run_to_end(&mut stage.sandbox.bowline(words))),
    };
    assert!(ended.as_ref().is_none_or(|ended| ended.status.success()), "{ended:?}");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stderr, &mut text).expect("text");
    Finished { status: child.wait().expect("a child of ours"), stdout: String::new(), stderr: text }
}

#[test]
fn a_client_that_stops_or_replaces_it_is_named_and_the_exit_stays() {
    use std::os::unix::process::ExitStatusExt;
    let stage = Stage::new("", 2);
    for (command, text) in [
        (&["stop"][..], "bowline  stopped by `bowline stop` (pid "),
        (&["stop", "--force"], "bowline  stopped by `bowline stop --force` (pid "),
        (&["start", "--restart-running"], "bowline  stopped by `bowline --restart-running` (pid "),
    ] {
        let ended = said(&stage, &[], command);
        assert!(ended.stderr.contains(text), "{command:?}: {ended:?}");
        let signal = if command.contains(&"--force") { 9 } else { 15 };
        assert_eq!(ended.status.signal(), Some(signal), "{command:?}");
        stage.sandbox.run(["stop", "--all"]);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_sender_of_a_signal_is_named() {
    let stage = Stage::new("", 1);
    let ended = said(&stage, &[], &["kill"]);
    let text = format!("(pid {})", std::process::id());
    assert!(ended.stderr.contains("stopped with SIGTERM by `") && ended.stderr.contains(&text), "{ended:?}");
}

#[test]
fn a_quiet_one_says_nothing_of_it() {
    let stage = Stage::new("", 1);
    assert_eq!(said(&stage, &["--quiet"], &["stop"]).stderr, "");
}

#[test]
fn programs_read_it_in_the_last_event_and_older_clients_need_not_say_who_they_are() {
    let stage = Stage::new("", 1);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    assert!(stage.sandbox.run(["restart"]).status.success());
    session.ready();
    let mut client = stage.connect();
    client.send(r#"{"type":"stop","id":"1"}"#);
    let ended = session.wait();
    let exited = ended.of("process-exited")[0].clone();
    let by = exited["stoppedBy"].as_str().unwrap_or_else(|| panic!("{exited}"));
    assert_eq!(by, format!("process {}", std::process::id()));
    assert_eq!(exited["state"], "stopped");
}
