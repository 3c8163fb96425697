//! Services without a terminal, and the commands about them.

use serde_json::Value;

use super::{Stage, code, pid_of, until_it_runs};
use crate::support::{Sandbox, Terminal, dev_server, http, is_free, run_to_end};

#[test]
fn start_returns_when_ready_and_stop_when_gone() {
    let stage = Stage::new("--delay 100", 2);
    let started = stage.sandbox.run(["start", "--json"]);
    assert_eq!(code(&started), Some(0), "{started:?}");
    let event: Value = serde_json::from_str(&started.stdout).unwrap();
    assert_eq!((&event["type"], &event["port"]), (&"port-detected".into(), &stage.ports.first().into()));
    assert_eq!(http::get(stage.ports.first()).status, 200);
    let again = stage.sandbox.run(["start"]);
    assert_eq!(code(&again), Some(0), "{again:?}");
    assert!(again.stderr.contains("already running"), "{again:?}");
    let stopped = stage.sandbox.run(["stop"]);
    assert_eq!(code(&stopped), Some(0), "{stopped:?}");
    assert!(is_free(stage.ports.first()));
    let nothing = stage.sandbox.run(["stop"]);
    assert_eq!(code(&nothing), Some(5), "{nothing:?}");
    assert!(nothing.stderr.contains("No running dev server found for project"), "{nothing:?}");
}

#[test]
fn a_start_that_fails_says_why() {
    let stage = Stage::new("--no-listen --exit-code 7 --lines 3", 1);
    let failed = stage.sandbox.run(["start"]);
    assert_eq!(code(&failed), Some(7), "{failed:?}");
    assert!(failed.stderr.contains("line 3") && failed.stderr.contains("exit code 7"), "{failed:?}");
    let failed = stage.sandbox.run(["start", "--json"]);
    let exited: Value = failed.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).next().unwrap();
    assert_eq!(exited["failureReason"], "immediate_crash", "{failed:?}");
    assert!(stage.services().is_empty());
}

#[test]
fn a_start_without_a_port_fails_as_in_the_foreground() {
    let stage = Stage::new("", 1);
    let stranger = stage.ports.stranger(stage.ports.first());
    let refused = stage.sandbox.run(["start"]);
    assert_eq!(code(&refused), Some(3), "{refused:?}");
    assert!(refused.stderr.contains("are currently in use"), "{refused:?}");
    drop(stranger);
}

#[test]
fn services_are_listed_with_what_they_are() {
    let stage = Stage::new("", 2);
    let other = stage.sandbox.sibling("other");
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let mut foreground = stage.sandbox.start(["-C", other.to_str().unwrap(), "dev"]);
    foreground.ready();
    let services = stage.services();
    let shown: Vec<_> = services
        .iter()
        .map(|one| {
            (
                one["port"].as_u64().unwrap(),
                one["startedBy"].as_str().unwrap(),
                one["state"].as_str().unwrap(),
            )
        })
        .collect();
    let (first, last) = (stage.ports.first().into(), stage.ports.last().into());
    assert_eq!(shown, [(first, "background", "running"), (last, "foreground", "running")]);
    assert!(services.iter().all(|one| one["residentBytes"].as_u64().unwrap() > 100_000), "{services:?}");
    let table = stage.sandbox.run(["ls"]).stdout;
    assert_eq!(table.lines().count(), 3, "{table}");
    foreground.stop();
}

#[test]
fn a_service_is_meant_by_directory_name_and_port() {
    let stage = Stage::new("", 1);
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let port = stage.ports.first().to_string();
    let dir = stage.id();
    for word in ["app", ".", dir.as_str(), port.as_str()] {
        let status = stage.sandbox.run(["status", word, "--json"]);
        let status: Value =
            serde_json::from_str(&status.stdout).unwrap_or_else(|_| panic!("{word}: {status:?}"));
        assert_eq!(status["port"], stage.ports.first(), "{word}");
    }
    let unknown = stage.sandbox.run(["status", "nobody"]);
    assert_eq!(code(&unknown), Some(5), "{unknown:?}");
    assert!(unknown.stderr.contains("Project not found"), "{unknown:?}");
}

#[test]
fn a_stranger_is_explained_and_left_alone() {
    let stage = Stage::new("", 1);
    let stranger = stage.sandbox.foreign_server(stage.ports.first());
    let refused = stage.sandbox.run(["stop", &stage.ports.first().to_string()]);
    assert_eq!(code(&refused), Some(5), "{refused:?}");
    let pid = stranger.id().to_string();
    assert!(
        refused.stderr.contains(&pid) && refused.stderr.contains("bowline has not started"),
        "{refused:?}"
    );
    assert_eq!(http::get(stage.ports.first()).status, 200);
    stranger.stop();
}

#[test]
fn restart_keeps_the_port_and_starts_what_does_not_run() {
    let stage = Stage::new("", 2);
    assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
    let before = stage.services();
    let restarted = stage.sandbox.run(["restart"]);
    assert_eq!(code(&restarted), Some(0), "{restarted:?}");
    let after = stage.services();
    assert_eq!((&after[0]["port"], &after[0]["pid"]), (&before[0]["port"], &before[0]["pid"]));
    assert_ne!(after[0]["guardian"], before[0]["guardian"]);
    assert_eq!(http::get(stage.ports.first()).status, 200);
}

#[test]
fn wait_ends_with_readiness_with_the_time_and_with_the_service() {
    let stage = Stage::new("--no-listen", 1);
    let session = stage.sandbox.start(["dev"]);
    until_it_runs(&stage);
    let mut client = stage.connect();
    let late = stage.sandbox.run(["wait", "--timeout", "50ms"]);
    assert_eq!(code(&late), Some(4), "{late:?}");
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| stage.sandbox.run(["wait"]));
        client.send(r#"{"type":"attach"}"#);
        client.until("status");
        session.stop();
        waiting.join().unwrap()
    });
    assert!(matches!(code(&waiting), Some(4 | 5)), "{waiting:?}");
}

#[test]
fn a_background_service_dies_with_its_supervisor() {
    let stage = Stage::new("", 1);
    assert_eq!(code(&stage.sandbox.run(["start", "--grace", "300ms"])), Some(0));
    let pid = pid_of(&stage.services()[0]);
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    // A start waits for the guardian to end what the last supervisor ran.
    let again = stage.sandbox.run(["start", "--json"]);
    let event: Value = serde_json::from_str(&again.stdout).unwrap_or_else(|_| panic!("{again:?}"));
    assert_eq!(event["port"], stage.ports.first());
}

#[test]
fn doctor_finds_what_is_wrong_and_says_what_mends_it() {
    let mut stage = Stage::new("", 1);
    let answer = |stage: &Stage| -> Value {
        let finished = stage.sandbox.run(["doctor", "--json"]);
        let answer: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"));
        assert_eq!(finished.status.success(), answer["ok"] == true, "{finished:?}");
        answer
    };
    let of = |answer: &Value, check: &str| -> Value {
        let findings = answer["findings"].as_array().unwrap();
        findings.iter().find(|finding| finding["check"] == check).unwrap().clone()
    };
    assert_eq!(of(&answer(&stage), "ports")["ok"], true);
    let stranger = stage.ports.stranger(stage.ports.first());
    let full = of(&answer(&stage), "ports");
    assert_eq!((&full["ok"], full["mend"].is_string()), (&false.into(), true), "{full}");
    drop(stranger);
    std::fs::write(stage.sandbox.state_dir().join("ports.redb"), "rubbish").unwrap();
    assert_eq!(of(&answer(&stage), "store")["ok"], false);
    let mut session = stage.sandbox.start(["dev"]);
    session.ready();
    session.signal(rustix::process::Signal::STOP);
    let silent = of(&answer(&stage), "supervisors");
    session.signal(rustix::process::Signal::CONT);
    assert_eq!(silent["ok"], false, "{silent}");
    assert_eq!(of(&answer(&stage), "store")["ok"], true, "a start sets a damaged store aside");
    session.stop();
    stage.sandbox.env("PATH", "/nowhere");
    assert_eq!(of(&answer(&stage), "node")["ok"], false);
}

#[test]
fn a_start_of_what_runs_needs_no_transaction() {
    let stage = Stage::new("", 1);
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let held = std::fs::File::open(stage.sandbox.state_dir().join("ports.lock")).unwrap();
    held.lock().unwrap();
    let joined = stage.sandbox.run(["start"]);
    drop(held);
    assert_eq!(code(&joined), Some(0), "{joined:?}");
    assert!(joined.stderr.contains("already running"), "{joined:?}");
}

#[test]
fn what_a_start_passes_on_has_its_colours_and_its_silence() {
    let stage = Stage::new("", 2);
    let stranger = stage.ports.stranger(stage.ports.first());
    let port = stage.ports.first().to_string();
    let start = |options: &[&str]| {
        let mut command = stage.sandbox.bowline(options.iter().chain(&["start"]));
        let started = run_to_end(command.env("PORT", &port));
        assert_eq!(code(&started), Some(0), "{started:?}");
        assert_eq!(code(&stage.sandbox.run(["stop"])), Some(0));
        started.stderr
    };
    let plain = start(&[]);
    assert!(plain.contains("bowline  warning: ") && !plain.contains('\x1b'), "{plain}");
    let coloured = start(&["--color", "always"]);
    assert!(coloured.lines().all(|line| line.starts_with("\x1b[1;36mbowline\x1b[0m")), "{coloured}");
    assert_eq!(start(&["-q"]), "");
    let mut terminal = Terminal::new(20, 110);
    let mut command = stage.sandbox.bowline(["start"]);
    terminal.streams(&mut command);
    command.env("PORT", &port).spawn().unwrap().wait().unwrap();
    let shown = terminal.until("is ready");
    assert!(shown.contains("\x1b[1;33mwarning:\x1b[0m"), "{shown}");
    drop(stranger);
}

#[test]
fn a_long_directory_is_shortened_in_a_terminal_and_whole_elsewhere() {
    let mut stage = Stage::new("", 1);
    let root = stage.sandbox.root().to_owned();
    stage.sandbox.env("HOME", &root);
    let dir = stage.sandbox.sibling("a-long-name/of-several/packages/app");
    assert_eq!(code(&stage.sandbox.run(["-C", dir.to_str().unwrap(), "start"])), Some(0));
    let whole = stage.sandbox.run(["ls"]).stdout;
    assert!(whole.ends_with("  ~/a-long-name/of-several/packages/app\n"), "{whole}");
    let mut terminal = Terminal::new(20, 80);
    let mut command = stage.sandbox.bowline(["ls"]);
    terminal.streams(&mut command);
    command.spawn().unwrap().wait().unwrap();
    let shown = terminal.until("/app");
    assert!(shown.contains("  …/packages/app"), "{shown}");
}

#[test]
fn of_several_services_the_one_that_has_another_port_is_named() {
    let (mut sandbox, ports) = Sandbox::new().with_ports("default", 4);
    let command = format!("exec '{}' --lifetime 200", dev_server().display());
    sandbox.file("Procfile", &format!("web: {command}\napi: {command}\n"));
    assert_eq!(code(&sandbox.run(["start"])), Some(0));
    let port: u16 = sandbox.run(["port", "web"]).stdout.trim().parse().unwrap();
    sandbox.run(["stop", "--all"]);
    let stranger = ports.stranger(port);
    let again = sandbox.run(["start"]);
    sandbox.run(["stop", "--all"]);
    assert!(again.stderr.contains(&format!("warning: web: port {port} is in use")), "{again:?}");
    drop(stranger);
}

#[test]
fn a_warning_about_one_of_several_services_has_its_name() {
    let (mut sandbox, _ports) = Sandbox::new().with_ports("default", 2);
    let command = format!("exec '{}' --lifetime 200", dev_server().display());
    let script = format!("[ -e once ] || {{ touch once; exit 7; }}; {command}");
    sandbox.file("Procfile", &format!("web: {command}\napi: {script}\n"));
    let started = sandbox.run(["start", "--restart", "on-failure"]);
    sandbox.run(["stop", "--all"]);
    let said = "warning: api: the service ended with exit code 7; starting it again in";
    assert!(started.stderr.contains(said), "{started:?}");
}
