//! `bowline dev` around the stand-in server: ports, readiness, output, ends, and nothing left behind.

use std::os::unix::process::ExitStatusExt;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Ports, Session, Test, dev_server, http, is_free, last_end, stage, stage_in_shell};

fn exhausted(ports: &Ports) -> String {
    let (first, last) = (ports.first(), ports.last());
    format!(
        "All ports ({first}-{last}) are currently in use. Please stop other dev servers to free up ports."
    )
}

#[test]
fn a_project_gets_the_first_port_and_gets_it_again() {
    let (sandbox, ports) = stage_in_shell("", 3);
    for _ in 0..2 {
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.ready(), ports.first());
        assert_eq!(http::get(ports.first()).status, 200);
        session.stop();
        assert!(is_free(ports.first()));
    }
}

#[test]
fn the_service_is_told_its_port_and_who_runs_it() {
    let (sandbox, ports) = stage_in_shell("--report", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let printed = session.output("\"env\"");
    let report: Value = printed.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap();
    let port = ports.first().to_string();
    for (name, value) in [("PORT", port.as_str()), ("DEV_SERVER_PORT", &port), ("BOWLINE", "1")] {
        assert_eq!(report["env"][name], value, "{name}");
    }
    assert_eq!(
        report["env"]["BOWLINE_URL"].as_str().map(|url| url.ends_with(&format!(":{port}"))),
        Some(true)
    );
    let dir = sandbox.project().canonicalize().unwrap();
    assert_eq!(report["env"]["BOWLINE_PROJECT_ID"], dir.to_str().unwrap());
    assert_eq!(report["cwd"], dir.to_str().unwrap());
    session.stop();
}

#[test]
fn ready_is_seen_on_either_family() {
    for hosts in ["--host ::1", "--host 127.0.0.1 --host ::1", "--host 0.0.0.0"] {
        if hosts.contains("::1") && std::net::TcpListener::bind("[::1]:0").is_err() {
            continue;
        }
        let (sandbox, ports) = stage_in_shell(&format!("{hosts} --delay 50"), 1);
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.ready(), ports.first(), "{hosts}");
        session.stop();
    }
}

/// Vite 8 and Astro 7 listen on the port for about a millisecond to see whether it is free.
#[test]
fn a_probe_of_the_service_itself_is_not_ready() {
    let (sandbox, ports) = stage_in_shell("--probe 3 --delay 150", 1);
    let mut fair = 0;
    for _ in 0..100 {
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.ready(), ports.first());
        session.output("listening");
        assert_eq!(http::get(ports.first()).status, 200);
        let ended = session.stop();
        let place = |what: &str| ended.events.iter().position(|event| event.to_string().contains(what));
        let probed = place("probedNanos").and_then(|at| ended.events[at]["data"].as_str()).unwrap();
        let probed = probed.lines().find(|line| line.contains("probedNanos")).unwrap();
        let probed: Value = serde_json::from_str(probed).unwrap();
        // On a busy machine the probe itself may last as long as a server has to.
        if probed["probedNanos"].as_u64().unwrap() < 8_000_000 {
            assert!(place("port-detected") > place("probedNanos"), "ready by a probe: {ended:#?}");
            fair += 1;
        }
        if fair == 10 {
            return;
        }
    }
    panic!("{fair} of 100 probes were short enough");
}

#[test]
fn a_stranger_on_the_remembered_port_moves_the_project() {
    let (sandbox, ports) = stage_in_shell("", 3);
    let mut first = sandbox.start(["dev"]);
    let port = first.ready();
    first.stop();
    let stranger = ports.stranger(port);
    let mut moved = sandbox.start(["dev"]);
    let told = moved.event("port-reallocated");
    let new = moved.ready();
    assert_eq!((&told["originalPort"], &told["newPort"]), (&Value::from(port), &Value::from(new)));
    assert!(ports.contains(new) && new != port);
    moved.stop();
    assert!(stranger.local_addr().is_ok());
}

/// Nobody wished for a port of the framework that the project no longer is, or of the range that it no longer has.
#[test]
fn a_remembered_port_that_no_longer_suits_the_project_is_not_missed() {
    let (mut sandbox, ports) = stage_in_shell("", 2);
    let (others, moved) = (Ports::claim(2), Ports::claim(2));
    let server = format!("exec '{}' --lifetime 200", dev_server().display());
    sandbox.program("vite", &server);
    let range = |key: &str, ports: &Ports| {
        format!("[framework.{key}]\nrange = \"{}-{}\"\n", ports.first(), ports.last())
    };
    let vite = range("vite", &others);
    for (script, configured, expected) in [
        ("vite", vite.clone(), others.first()),
        (&*server, vite, ports.first()),
        (&server, range("default", &moved), moved.first()),
        // Its range overlaps: the port was another framework's, and is kept.
        ("vite", range("vite", &moved), moved.first()),
    ] {
        let package = serde_json::json!({ "name": "app", "scripts": { "dev": script } });
        sandbox.file("package.json", &package.to_string()).file("bowline.toml", &configured);
        let mut session = sandbox.start(["dev"]);
        assert_eq!(session.ready(), expected, "{script} {configured}");
        let ended = session.stop();
        assert!(ended.of("port-reallocated").is_empty(), "{script} {configured}: {ended:#?}");
        assert!(!ended.stderr.contains("instead"), "{script} {configured}: {ended:#?}");
    }
    // The user's own wish is missed.
    let stranger = ports.stranger(ports.first());
    sandbox.env("PORT", ports.first().to_string());
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.event("port-reallocated")["originalPort"], ports.first());
    session.stop();
    drop(stranger);
}

#[test]
fn a_full_range_is_refused_with_the_text_and_the_code() {
    let (sandbox, ports) = stage_in_shell("", 4);
    let strangers = ports.fill();
    let sandbox =
        Test::within(sandbox).args(["dev"]).status(3).stdout("").stderr_contains(&exhausted(&ports)).run();
    drop(strangers);
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), ports.first(), "a refusal leaves nothing reserved");
    session.stop();
}

#[test]
fn an_ordered_port_is_that_port_or_an_error() {
    let (sandbox, ports) = stage_in_shell("", 3);
    let wanted = ports.last().to_string();
    let mut session = sandbox.start(["dev", "--port", &wanted]);
    assert_eq!(session.ready(), ports.last());
    session.stop();
    let stranger = ports.stranger(ports.last());
    let test = Test::within(sandbox).args(["dev", "--port", &wanted]).status(3).stdout("");
    test.stderr_contains(&wanted).stderr_contains("hint:").run();
    drop(stranger);
}

#[test]
fn an_order_for_another_port_than_the_one_it_runs_on_is_refused() {
    let (sandbox, ports) = stage_in_shell("", 2);
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), ports.first());
    let finished = sandbox.run(["dev", "--port", &ports.last().to_string()]);
    assert_eq!(finished.status.code(), Some(3), "{finished:#?}");
    let message = format!("is already running on port {}, not on port {}", ports.first(), ports.last());
    assert!(finished.stderr.contains(&message), "{finished:#?}");
    session.stop();
}

#[test]
fn port_in_the_environment_is_a_wish() {
    let (mut sandbox, ports) = stage_in_shell("", 3);
    let outside = Ports::claim(1);
    sandbox.env("PORT", outside.first().to_string());
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.ready(), outside.first());
    session.stop();
    let stranger = outside.stranger(outside.first());
    let mut session = sandbox.start(["dev"]);
    assert_eq!(session.event("port-reallocated")["originalPort"], outside.first());
    assert!(ports.contains(session.ready()));
    session.stop();
    drop(stranger);
}

#[test]
fn a_framework_that_was_named_once_stays_and_what_is_wrong_is_told_once() {
    let (mut sandbox, ports) = stage_in_shell("", 2);
    let others = Ports::claim(2);
    let range = |framework: &str, ports: &Ports| {
        format!("[framework.{framework}]\nrange = \"{}-{}\"\n", ports.first(), ports.last())
    };
    sandbox.user_file("frameworks.toml", &(range("default", &ports) + &range("astro", &others)));
    let mut session = sandbox.start(["dev", "--framework", "astro"]);
    assert_eq!(session.ready(), others.first());
    session.stop();
    // The files say otherwise, but they said so before.
    sandbox.env("PORT", "abc");
    let mut session = sandbox.start(["dev"]);
    let ready = session.event("port-detected");
    assert_eq!((&ready["port"], &ready["framework"]), (&others.first().into(), &"astro".into()));
    let ended = session.stop();
    assert_eq!(ended.stderr.matches("the variable PORT is no port").count(), 1, "{}", ended.stderr);
}

#[test]
fn the_scripts_before_and_after_run_as_the_package_manager_runs_them() {
    let (mut sandbox, ports) = stage_in_shell("--exit-code 0 --once-asked", 1);
    let text = std::fs::read_to_string(sandbox.project().join("package.json")).unwrap();
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    manifest["scripts"]["predev"] = "echo before in $npm_lifecycle_event".into();
    manifest["scripts"]["postdev"] = "echo after in $npm_lifecycle_event; exit 5".into();
    sandbox.file("package.json", &manifest.to_string());
    let finished = thread::scope(|scope| {
        let finished = scope.spawn(|| sandbox.run(["dev", "-q"]));
        while !finished.is_finished() && !sandbox.run(["wait"]).status.success() {}
        http::get(ports.first());
        finished.join().unwrap()
    });
    let (before, after) = finished.stdout.split_once("listening").expect("the server between the two");
    assert!(before.contains("before in predev"), "{finished:#?}");
    assert!(after.contains("after in postdev"), "{finished:#?}");
    assert_eq!(finished.status.code(), Some(5));
    manifest["scripts"]["predev"] = "exit 6".into();
    sandbox.file("package.json", &manifest.to_string());
    let finished = sandbox.run(["dev", "-q"]);
    assert_eq!((finished.status.code(), finished.stdout.as_str()), (Some(6), ""));
}

#[test]
fn bowline_ends_as_the_service_ended() {
    for (arguments, code, signal) in [
        ("--exit-code 42 --once-asked", Some(42), None),
        ("--exit-code 0 --once-asked", Some(0), None),
        ("--exit-signal KILL --once-asked", None, Some(Signal::KILL)),
        ("--exit-signal SEGV --once-asked", None, Some(Signal::SEGV)),
    ] {
        let (sandbox, _ports) = stage(arguments, 1);
        let mut session = sandbox.start(["dev"]);
        http::get(session.ready());
        let ended = session.wait();
        assert_eq!(ended.status.code(), code, "{arguments}: {ended:#?}");
        assert_eq!(ended.status.signal(), signal.map(Signal::as_raw), "{arguments}");
        let event = last_end(&ended.events);
        assert_eq!(event["exitCode"], Value::from(code), "{event}");
    }
}

#[test]
fn an_end_before_listening_is_a_failure_even_with_code_0() {
    for code in [0, 7] {
        let (sandbox, _ports) = stage_in_shell(&format!("--no-listen --exit-code {code} --lines 3"), 1);
        let ended = sandbox.start(["dev"]).wait();
        let event = last_end(&ended.events);
        assert_eq!((&event["exitCode"], &event["state"]), (&code.into(), &"failed".into()), "{event}");
        assert_eq!(event["failureReason"], "immediate_crash", "{event}");
        assert!(!ended.status.success(), "{:?}", ended.status);
        assert!(ended.of("port-detected").is_empty());
    }
}

#[test]
fn nothing_is_left_after_a_stop() {
    for shape in
        ["", "--setsid", "--daemonize", "--leader-leaves", "--children 3", "--children 2 --children-escape"]
    {
        let (sandbox, ports) = stage_in_shell(shape, 1);
        let mut session = sandbox.start(["dev"]);
        session.ready();
        session.stop();
        assert!(is_free(ports.first()), "{shape}");
    }
}

#[test]
fn nothing_is_left_when_signals_are_ignored() {
    for shape in ["", "--setsid", "--daemonize", "--leader-leaves", "--children 2 --children-escape"] {
        let (sandbox, ports) = stage_in_shell(&format!("--ignore TERM --ignore INT --ignore HUP {shape}"), 1);
        let mut session = sandbox.start(["dev", "--grace", "200ms"]);
        session.ready();
        session.stop();
        assert!(is_free(ports.first()), "{shape}");
    }
}

#[test]
fn nothing_is_left_when_bowline_is_killed() {
    for shape in [
        "",
        "--ignore TERM --ignore INT --ignore HUP",
        "--setsid",
        "--daemonize",
        "--leader-leaves",
        "--children 2 --children-escape",
    ] {
        let (sandbox, ports) = stage_in_shell(shape, 1);
        let mut session = sandbox.start(["dev", "--grace", "300ms"]);
        session.ready();
        session.kill(Duration::from_secs(10));
        assert!(is_free(ports.first()), "{shape}");
        let mut next = sandbox.start(["dev", "--grace", "300ms"]);
        assert_eq!(next.ready(), ports.first(), "{shape}: a killed supervisor has no reservation");
        next.stop();
    }
}

#[test]
fn a_leader_that_leaves_is_supervised_all_the_same() {
    for shape in ["--daemonize", "--leader-leaves"] {
        let (sandbox, ports) = stage_in_shell(shape, 1);
        let mut session = sandbox.start(["dev"]);
        session.ready();
        assert!(http::get(ports.first()).body.contains("dev-server"), "{shape}");
        assert!(!session.seen().iter().any(|event| event["type"] == "process-exited"), "{shape}");
        session.stop();
    }
}

#[test]
fn the_first_signal_asks() {
    let (sandbox, _ports) = stage("--linger 300", 1);
    for signal in [Signal::TERM, Signal::INT] {
        let mut session = sandbox.start(["dev"]);
        session.ready();
        session.signal(signal);
        let ended = session.wait();
        assert_eq!(last_end(&ended.events)["exitCode"], 0, "{signal:?}: {ended:#?}");
    }
}

#[test]
fn a_stranger_is_not_mistaken_for_the_service() {
    let (sandbox, ports) = stage_in_shell("--no-listen --lines 1", 2);
    let mut session = sandbox.start(["dev"]);
    session.output("line 1");
    let stranger = ports.stranger(ports.first());
    assert!(std::net::TcpStream::connect(stranger.local_addr().unwrap()).is_ok());
    let ended = session.stop();
    assert!(ended.of("port-detected").is_empty(), "{ended:#?}");
}

#[test]
fn every_line_arrives_in_order_on_its_stream() {
    let (sandbox, _ports) = stage_in_shell("--lines 5000 --stream both --no-listen --exit-code 3", 1);
    let finished = sandbox.run(["dev", "-q"]);
    assert_eq!(finished.status.code(), Some(3));
    let numbers = |text: &str| -> Vec<u64> {
        text.lines().filter_map(|line| line.strip_prefix("line ")?.parse().ok()).collect()
    };
    assert_eq!(numbers(&finished.stdout), (1..=5000).step_by(2).collect::<Vec<_>>());
    assert_eq!(numbers(&finished.stderr), (2..=5000).step_by(2).collect::<Vec<_>>());
}

#[test]
fn many_at_once_get_ports_of_their_own() {
    let (sandbox, ports) = stage_in_shell("", 12);
    let mut sessions: Vec<Session> = (0..12)
        .map(|number| {
            let mut command = sandbox.bowline(["dev", "--json"]);
            command.current_dir(sandbox.sibling(&format!("app-{number}")));
            Session::start(command)
        })
        .collect();
    let mut given: Vec<u16> = sessions.iter_mut().map(Session::ready).collect();
    given.sort_unstable();
    assert_eq!(given, ports.all().collect::<Vec<_>>());
    for session in sessions {
        session.stop();
    }
}
