//! `bowline dev` for a project that runs already.

use std::io::Read;
use std::process::Stdio;
use std::thread;

use rustix::process::Signal;
use serde_json::Value;

use super::{Stage, code};
use crate::support::{Session, dev_server, http, is_free, read_until};

#[test]
fn a_second_start_gets_the_same_answer_and_leaving_it_is_no_harm() {
    let stage = Stage::new("--lines 3", 2);
    let mut first = stage.sandbox.start(["dev"]);
    let port = first.ready();
    let mut second = stage.sandbox.start(["dev"]);
    assert_eq!(second.ready(), port);
    second.signal(Signal::INT);
    let left = second.wait();
    assert_eq!(left.status.code(), Some(0), "{left:#?}");
    assert!(!is_free(port));
    let ended = first.stop();
    assert!(ended.of("process-exited").len() == 1, "{ended:#?}");
}

#[test]
fn twenty_in_one_instant_are_one_server() {
    let stage = Stage::new("--delay 300", 20);
    let mut sessions: Vec<Session> = thread::scope(|scope| {
        let starts: Vec<_> = (0..20).map(|_| scope.spawn(|| stage.sandbox.start(["dev"]))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let ports: Vec<u16> = sessions.iter_mut().map(Session::ready).collect();
    assert_eq!(ports, vec![stage.ports.first(); 20]);
    assert_eq!(stage.sockets().len(), 1);
    assert_eq!(stage.services().len(), 1);
    assert!(stage.sandbox.run(["stop"]).status.success());
    for session in sessions {
        let ended = session.wait();
        assert_eq!(ended.of("process-exited").len(), 1, "everybody is told of the end: {ended:#?}");
    }
}

#[test]
fn people_see_the_output_so_far_and_what_follows() {
    let stage = Stage::new("--lines 5", 1);
    let mut first = stage.sandbox.start(["dev"]);
    first.ready();
    first.output("line 5");
    let mut command = stage.sandbox.bowline(["dev"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut second = command.spawn().unwrap();
    // It ends as the service does, which is stopped once the second has attached.
    let mut stderr = second.stderr.take().unwrap();
    let mut said = read_until(&mut stderr, "is already running");
    let output = thread::spawn(move || second.wait_with_output().unwrap());
    assert_eq!(stage.sandbox.run(["restart"]).status.code(), Some(0));
    first.event("port-detected");
    first.stop();
    let output = output.join().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.matches("line 1\n").count() == 2, "{shown}\n{said}");
    assert!(shown.matches("line 5\n").count() == 2, "{shown}\n{said}");
}

#[test]
fn a_start_of_something_else_says_what_runs_instead() {
    let mut stage = Stage::new("", 1);
    let text = std::fs::read_to_string(stage.sandbox.project().join("package.json")).unwrap();
    let mut package: Value = serde_json::from_str(&text).unwrap();
    let dev = package["scripts"]["dev"].as_str().unwrap().to_owned();
    package["scripts"]["more"] = format!("{dev} --linger 5").into();
    package["scripts"]["other"] = "node other.js".into();
    stage.sandbox.file("package.json", &package.to_string());
    let mut first = stage.sandbox.start(["dev", "--host"]);
    first.ready();
    for arguments in [&["start"][..], &["start", "--host"], &["start", "--script", "dev"]] {
        let same = stage.sandbox.run(arguments);
        assert!(same.status.success() && !same.stderr.contains("warning"), "{same:?}");
    }
    let more = stage.sandbox.run(["start", "--script", "more"]);
    assert!(more.status.success() && more.stderr.contains("--linger 5`: replace it"), "{more:?}");
    for arguments in [&["start", "--script", "other"][..], &["start", "--script", "other", "--json"]] {
        let other = stage.sandbox.run(arguments);
        assert!(other.status.success(), "{other:?}");
        assert!(other.stderr.contains("and not `node other.js`"), "{other:?}");
    }
    for arguments in [&["--json", "exec", "--", "node", "other.js"][..], &["exec", "--", "node", "other.js"]]
    {
        let mut command = stage.sandbox.bowline(arguments);
        let mut second = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        read_until(second.stderr.as_mut().unwrap(), "and not `node other.js`");
        second.kill().unwrap();
        second.wait().unwrap();
    }
    first.stop();
}

#[test]
fn a_start_while_it_is_stopping_starts_anew() {
    let stage = Stage::new("--linger 700", 2);
    let mut first = stage.sandbox.start(["dev"]);
    let port = first.ready();
    first.signal(Signal::TERM);
    let mut second = stage.sandbox.start(["dev"]);
    assert_eq!(second.ready(), port, "the same port once it is free");
    first.wait();
    assert_ne!(stage.services().len(), 0);
    second.stop();
}

#[test]
fn restart_running_replaces_it() {
    let stage = Stage::new("", 2);
    let mut first = stage.sandbox.start(["dev"]);
    let port = first.ready();
    let mut second = stage.sandbox.start(["dev", "--restart-running"]);
    assert_eq!(second.ready(), port);
    let ended = first.wait();
    assert_eq!(ended.of("process-exited").len(), 1, "{ended:#?}");
    second.stop();
}

#[test]
fn a_supervisor_that_is_stopped_is_said_not_to_be_connected() {
    let stage = Stage::new("", 1);
    let mut first = stage.sandbox.start(["dev"]);
    first.ready();
    first.signal(Signal::STOP);
    let listed = stage.services();
    let wait = stage.sandbox.run(["wait"]);
    first.signal(Signal::CONT);
    assert_eq!(listed[0]["connected"], false, "{listed:?}");
    assert_eq!(wait.status.code(), Some(6), "{wait:?}");
    assert!(wait.stderr.contains("Runner is not connected"), "{wait:?}");
    first.stop();
}

#[test]
fn a_supervisor_that_is_killed_while_it_is_followed_is_no_riddle() {
    let stage = Stage::new("", 1);
    let mut first = stage.sandbox.start(["dev"]);
    first.ready();
    let mut second = stage.sandbox.start(["dev"]);
    second.ready();
    first.kill(crate::support::PATIENCE);
    let ended = second.wait();
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
}

#[test]
fn one_project_that_runs_is_left_alone_when_more_are_started() {
    let stage = Stage::new("", 3);
    let other = stage.sandbox.sibling("other");
    let mut first = stage.sandbox.start(["dev"]);
    let port = first.ready();
    let mut both = stage.sandbox.start(["dev", ".", other.to_str().unwrap()]);
    assert_ne!(both.ready(), port);
    both.stop();
    assert!(!is_free(port));
    first.stop();
}

/// What a program sees of the output.
fn printed(events: &[Value]) -> String {
    let chunks = events.iter().filter(|event| event["type"] == "log-chunk");
    chunks.filter_map(|event| event["data"].as_str()).collect()
}

#[test]
fn programs_see_the_output_so_far_first_then_that_it_is_ready_then_what_follows() {
    let stage = Stage::new("--lines 5 --stream both", 1);
    let former = stage.sandbox.start(["dev"]);
    former.stop();
    let mut first = stage.sandbox.start(["dev"]);
    first.output("line 4");
    first.output("listening");
    first.output("line 5");
    for (runs, arguments) in [(1, ["--json", "dev"]), (2, ["--json", "attach"])] {
        let mut second = Session::start(stage.sandbox.bowline(arguments));
        second.ready();
        let session = stage.services()[0]["session"].as_str().unwrap().to_owned();
        for event in second.seen().iter().filter(|event| event["type"] == "log-chunk") {
            assert!(event["cursor"].as_str().unwrap().starts_with(&session), "{event}");
        }
        let times = |text: &str, line: &str| text.matches(line).count();
        let before = printed(second.seen());
        for line in ["line 1\n", "line 5\n", "listening"] {
            assert_eq!(times(&before, line), runs, "{before}");
        }
        assert_eq!(code(&stage.sandbox.run(["restart"])), Some(0));
        second.ready();
        while times(&printed(second.seen()), "listening") <= runs {
            second.event("log-chunk");
        }
        let all = printed(second.seen());
        for line in ["line 1\n", "line 5\n"] {
            assert_eq!(times(&all, line), runs + 1, "{all}");
        }
        second.signal(Signal::INT);
        second.wait();
    }
    first.stop();
}

#[test]
fn who_joins_several_ends_as_the_first_that_failed() {
    let mut stage = Stage::new("", 3);
    let root = serde_json::json!({ "name": "root", "workspaces": ["packages/*"] });
    stage.sandbox.file("package.json", &root.to_string());
    for (name, arguments) in [("api", "--exit-code 3"), ("web", "--exit-code 4"), ("worker", "")] {
        let dev = format!("'{}' --lifetime 200 --once-asked {arguments}", dev_server().display());
        let package = serde_json::json!({ "name": name, "scripts": { "dev": dev } });
        stage.sandbox.file(format!("packages/{name}/package.json"), &package.to_string());
    }
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let mut joined = stage.sandbox.start(["dev"]);
    for _ in 0..3 {
        joined.ready();
    }
    let port = |name: &str| {
        let service = stage.services().into_iter().find(|one| one["name"] == name).unwrap();
        u16::try_from(service["port"].as_u64().unwrap()).unwrap()
    };
    let (api, web) = (port("api"), port("web"));
    http::get(web);
    joined.event("process-exited");
    http::get(api);
    joined.event("process-exited");
    assert_eq!(code(&stage.sandbox.run(["stop", "worker"])), Some(0));
    let ended = joined.wait();
    assert_eq!(ended.status.code(), Some(4), "{ended:#?}");
}
