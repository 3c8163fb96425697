//! Starts and stops that come in one another's way.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};

use rustix::process::Signal;
use serde_json::json;

use super::{Stage, stage};
use crate::support::{
    PATIENCE, Sandbox, Session, Tree, dev_server, end_of, http, is_free, read_until, side_by_side, stage_of,
};

#[test]
fn the_last_of_many_starts_is_the_one_that_runs() {
    let mut stage = stage(3);
    for number in 0..5 {
        stage.start(&number.to_string(), "p", &format!("--lines 1 start-{number}"), None);
    }
    stage.answer("4", "port-detected");
    stage.stop("stop", "p");
    stage.runner.until("the stop", |event| event["message"] == "Dev server stopped successfully");
    assert!(stage.ports.all().all(is_free));
    let ended = stage.end();
    assert_eq!(ended.of("port-detected").len(), 1, "{ended:#?}");
    for number in ["0", "1", "2", "3"] {
        let exits = ended.of("process-exited").into_iter().filter(|event| event["commandId"] == number);
        assert_eq!(exits.count(), 1, "every start has one end: {ended:#?}");
    }
}

#[test]
fn a_stop_takes_back_a_start_that_waits() {
    let mut stage = stage(2);
    stage.start("1", "p", "--linger 1000", None);
    stage.answer("1", "port-detected");
    let payload = json!({ "runCommand": "true", "workingDirectory": stage.sandbox.project() });
    // Read at once, so that the first server is still ending when the stop comes.
    stage.send_all(&[
        json!({ "id": "2", "type": "start-dev-server", "projectId": "p", "payload": payload }),
        json!({ "id": "3", "type": "stop-dev-server", "projectId": "p" }),
    ]);
    assert_eq!(stage.answer("2", "error")["error"], "stopped before it was started");
    assert_eq!(stage.answer("3", "process-exited")["state"], "stopped");
    assert_eq!(stage.answer("3", "ack")["message"], "Dev server stopped successfully");
    let ended = stage.end();
    assert_eq!(ended.of("port-detected").len(), 1, "{ended:#?}");
}

#[test]
fn a_stop_that_is_repeated_is_one_signal_to_the_service() {
    let mut stage = stage(1);
    stage.start("1", "p", "--linger 1000", None);
    stage.answer("1", "port-detected");
    stage.send_all(&["2", "3"].map(|id| json!({ "id": id, "type": "stop-dev-server", "projectId": "p" })));
    let ended = stage.end();
    let output: String = ended.of("log-chunk").iter().filter_map(|event| event["data"].as_str()).collect();
    assert_eq!(output.matches(r#""got":"SIGTERM""#).count(), 1, "{output}");
    let done = ended.of("ack").into_iter().filter(|ack| ack["message"] == "Dev server stopped successfully");
    let ids: Vec<_> = done.map(|ack| ack["commandId"].clone()).collect();
    assert_eq!(ids, ["2", "3"]);
    assert_eq!(ended.of("process-exited").len(), 1, "{ended:#?}");
}

#[test]
fn a_signal_ends_the_services_and_then_the_runner() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::INT, 2), (Signal::HUP, 1)] {
        let mut stage = stage(2);
        for id in ["a", "b"] {
            stage.start(id, id, "", None);
            stage.answer(id, "port-detected");
        }
        stage.runner.signal(signal);
        let ended = stage.runner.wait();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended.status), Some(number), "{ended:#?}");
        assert_eq!(ended.of("process-exited").len(), 2, "{ended:#?}");
        let last = ended.events.last().unwrap();
        assert_eq!((&last["type"], &last["payload"]["status"]), (&json!("runner-status"), &json!("offline")));
    }
}

#[test]
fn a_second_interrupt_waits_for_no_grace_period() {
    let mut stage = stage(1);
    stage.sandbox.file("bowline.toml", "[project.app]\ngrace = \"1h\"\n");
    stage.start("1", "p", "--ignore INT", None);
    stage.answer("1", "port-detected");
    stage.runner.signal(Signal::INT);
    stage.runner.output(r#""got":"SIGINT""#);
    stage.runner.signal(Signal::INT);
    let ended = stage.runner.wait();
    assert_eq!(ended.of("process-exited")[0]["signal"], "SIGKILL", "{ended:#?}");
}

#[test]
fn the_end_of_the_input_reaches_services_although_nobody_reads_what_they_write() {
    let (sandbox, _ports) = stage_of("true", 1);
    let fifo = sandbox.root().join("alive");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut tree = Tree::new();
    let mut command = sandbox.bowline(["runner"]);
    tree.mark(&mut command);
    let mut runner = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let line = format!("exec 9>'{}'; echo up >&9; exec timeout 200 yes", fifo.display());
    let payload = json!({ "runCommand": line, "workingDirectory": sandbox.project() });
    let start = json!({ "id": "1", "type": "start-dev-server", "projectId": "p", "payload": payload });
    let mut stdin = runner.stdin.take().unwrap();
    writeln!(stdin, "{start}").unwrap();
    let mut alive = BufReader::new(File::open(&fifo).unwrap());
    alive.read_line(&mut String::new()).unwrap();
    drop(stdin);
    // Its end is seen by the end of what it keeps open; its output has not been read yet.
    alive.read_to_string(&mut String::new()).unwrap();
    let mut said = String::new();
    runner.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(runner.wait().unwrap().code(), Some(0));
    let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(last["payload"]["status"], "offline");
    tree.assert_gone(PATIENCE);
}

#[test]
fn the_runners_own_port_is_nobodys_wish() {
    let (mut sandbox, ports) = stage_of("true", 2);
    sandbox.env("PORT", ports.last().to_string());
    let mut command = sandbox.bowline(["runner"]);
    command.stdin(Stdio::piped());
    let mut stage = Stage { sandbox, ports, runner: Session::start(command) };
    stage.start("1", "--help", "", None);
    assert_eq!(stage.answer("1", "port-detected")["port"], stage.ports.first());
    stage.end();
}

#[test]
fn any_directory_and_any_command_of_the_shell_will_do() {
    let mut stage = stage(1);
    let bare = stage.sandbox.root().join("bare");
    std::fs::create_dir(&bare).unwrap();
    let line = format!("[[ -d {} ]] && exec '{}' --lifetime 200", bare.display(), dev_server().display());
    let payload = json!({ "runCommand": line, "workingDirectory": bare, "framework": "default" });
    stage.start_as("1", "p", &payload);
    assert_eq!(stage.answer("1", "port-detected")["port"], stage.ports.first());
    assert_eq!(http::get(stage.ports.first()).status, 200);
    stage.end();
}

/// A named pipe whose reader reads as usual, with one end for a program to write to.
fn pipe_at(path: &Path) -> (File, File) {
    nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let reader = File::options().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path).unwrap();
    rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::empty()).unwrap();
    (reader, File::options().write(true).open(path).unwrap())
}

/// Writes to the pipe until it takes no byte more.
fn fill(path: &Path) {
    let mut writer = File::options().write(true).custom_flags(nix::libc::O_NONBLOCK).open(path).unwrap();
    for piece in [&[b'\n'; 4096][..], b"\n"] {
        while writer.write_all(piece).is_ok() {}
    }
}

/// A reader that does not read holds back the writers.
fn assert_it_has_not_grown(runner: &Child) {
    let resident = bowline::process::memory::resident(runner.id().cast_signed()).unwrap();
    assert!(resident < 32 << 20, "{resident} bytes");
}

/// A runner that writes to `stdout`, and that was asked to start the stand-in server with `options`.
fn runner_with_service(
    sandbox: &Sandbox,
    tree: &mut Tree,
    stdout: Stdio,
    options: &str,
) -> (Child, ChildStdin) {
    let mut command = sandbox.bowline(["runner"]);
    tree.mark(&mut command);
    let mut runner = command.stdin(Stdio::piped()).stdout(stdout).spawn().unwrap();
    let line = format!("'{}' --lifetime 200 {options}", dev_server().display());
    let payload = json!({ "runCommand": line, "workingDirectory": sandbox.project() });
    let start = json!({ "id": "1", "type": "start-dev-server", "projectId": "p", "payload": payload });
    let mut stdin = runner.stdin.take().unwrap();
    writeln!(stdin, "{start}").unwrap();
    (runner, stdin)
}

#[test]
fn a_runner_with_more_commands_than_it_can_answer_ends_with_its_input() {
    let (sandbox, ports) = stage_of("true", 1);
    let path = sandbox.root().join("out");
    let (reader, writer) = pipe_at(&path);
    let mut tree = Tree::new();
    let (mut runner, mut stdin) = runner_with_service(&sandbox, &mut tree, writer.into(), "");
    read_until(&mut BufReader::new(&reader), "port-detected");
    fill(&path);
    // The runner reads 1 MiB ahead, and the pipe takes the rest.
    let commands = "{\"type\":\"runner-health-check\"}\n".repeat(40_000);
    stdin.write_all(&commands.as_bytes()[..(1 << 20) + (60 << 10)]).unwrap();
    assert_it_has_not_grown(&runner);
    drop(stdin);
    if end_of(&runner).recv_timeout(PATIENCE).is_err() {
        tree.kill();
        panic!("it does not end");
    }
    assert_eq!(runner.wait().unwrap().code(), Some(0));
    tree.assert_gone(PATIENCE);
    assert!(is_free(ports.first()));
}

#[test]
fn a_runner_that_nobody_reads_ends_all_the_same() {
    side_by_side(2, &[None, Some(Signal::TERM)], |&signal| {
        let (sandbox, ports) = stage_of("true", 1);
        let path = sandbox.root().join("out");
        let (reader, writer) = pipe_at(&path);
        let mut tree = Tree::new();
        let (mut runner, stdin) =
            runner_with_service(&sandbox, &mut tree, writer.into(), "--produce 100000000");
        // One piece has come; the rest is more than all pipes hold.
        let mut output = BufReader::new(reader);
        read_until(&mut output, "log-chunk");
        fill(&path);
        assert_it_has_not_grown(&runner);
        if let Some(signal) = signal {
            rustix::process::kill_process(rustix::process::Pid::from_child(&runner), signal).unwrap();
        } else {
            drop(stdin);
        }
        if end_of(&runner).recv_timeout(PATIENCE).is_err() {
            tree.kill();
            panic!("it does not end: {signal:?}");
        }
        assert!(runner.wait().unwrap().code().is_none_or(|code| code == 0), "{signal:?}");
        tree.assert_gone(PATIENCE);
        assert!(is_free(ports.first()));
    });
}

/// As while a package manager replaces it by a new version.
#[cfg(target_os = "linux")]
#[test]
fn a_runner_starts_services_after_its_file_was_removed() {
    let (sandbox, ports) = stage_of("true", 1);
    // Beside the original, as a link to another file system is none.
    let file = format!("{}-{}", env!("CARGO_BIN_EXE_bowline"), std::process::id());
    std::fs::hard_link(env!("CARGO_BIN_EXE_bowline"), &file).unwrap();
    let mut command = sandbox.command(&file);
    command.args(["--json", "runner"]).stdin(Stdio::piped());
    let mut runner = Session::start(command);
    runner.event("runner-status");
    std::fs::remove_file(&file).unwrap();
    let mut stage = Stage { sandbox, ports, runner };
    stage.start("1", "p", "", None);
    assert_eq!(stage.answer("1", "port-detected")["port"], stage.ports.first());
    stage.end();
}

#[test]
fn what_a_server_reads_stays_open_and_silent() {
    let mut stage = stage(1);
    let command = "timeout 0.3 cat; echo \"reader: $?.\"; exit 3";
    let dir = stage.sandbox.project().to_owned();
    stage.start_as("1", "p", &json!({ "runCommand": command, "workingDirectory": dir, "env": {} }));
    stage.runner.event("process-exited");
    assert!(stage.runner.printed().contains("reader: 124."), "{}", stage.runner.printed());
    stage.end();
}

#[test]
fn a_suspended_supervisor_is_ended_all_the_same() {
    for by_command in [true, false] {
        let mut stage = stage(1);
        stage.start("1", "p", "", None);
        stage.runner.ready();
        let services = stage.sandbox.run(["ls", "--json"]).stdout;
        let services: serde_json::Value = serde_json::from_str(&services).unwrap();
        let pid = services["services"][0]["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        let supervisor = pid.and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(supervisor, Signal::STOP).unwrap();
        if by_command {
            stage.stop("2", "p");
            assert_eq!(stage.runner.event("process-exited")["commandId"], "2");
        }
        stage.end();
    }
}
