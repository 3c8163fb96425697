//! Several services of one supervisor: a failure is reported, and the others go on. And what a failed start
//! reports.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Stage, code, pid_of, until_it_runs};
use crate::support::{Finished, dev_server, http, read_until, run_to_end};

/// A workspace of these packages with the arguments of their stand-in servers.
fn workspace(packages: &[(&str, &str)]) -> Stage {
    let mut stage = Stage::new("", 3);
    let root = json!({ "name": "root", "workspaces": ["packages/*"] });
    stage.sandbox.file("package.json", &root.to_string());
    for (name, arguments) in packages {
        let dev = format!("'{}' --lifetime 200 {arguments}", dev_server().display());
        let package = json!({ "name": name, "scripts": { "dev": dev } });
        stage.sandbox.file(format!("packages/{name}/package.json"), &package.to_string());
    }
    stage
}

fn failing() -> Stage {
    workspace(&[("api", "--no-listen --lines 2 --exit-code 3"), ("web", "--delay 100"), ("worker", "")])
}

/// The names of the services that run.
fn names(stage: &Stage) -> Vec<String> {
    let services = stage.services();
    let running = services.iter().filter(|service| service["state"] == "running");
    let mut names: Vec<String> =
        running.map(|service| service["name"].as_str().unwrap().to_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn one_that_fails_leaves_the_others_alone() {
    let stage = failing();
    let mut session = stage.sandbox.start(["dev"]);
    let exited = session.event("process-exited");
    assert_eq!((&exited["exitCode"], &exited["state"]), (&3.into(), &"failed".into()), "{exited}");
    assert!(exited["projectId"].as_str().unwrap().ends_with("/api"), "{exited}");
    while names(&stage) != ["web", "worker"] {}
    for service in stage.services().iter().filter(|service| service["state"] == "running") {
        assert_eq!(http::get(u16::try_from(service["port"].as_u64().unwrap()).unwrap()).status, 200);
    }
    session.signal(Signal::INT);
    let ended = session.wait();
    assert_eq!(ended.status.code(), Some(3), "as the first that failed: {ended:#?}");
    assert!(ended.of("error")[0]["error"].as_str().unwrap().starts_with("`api`: "), "{ended:#?}");
    let states: Vec<&Value> = ended.of("process-exited").iter().map(|event| &event["state"]).collect();
    assert_eq!(states, ["failed", "stopped", "stopped"]);
}

#[test]
fn a_command_for_one_names_those_that_run_at_the_root() {
    let stage = workspace(&[("api", ""), ("web", "")]);
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    for command in ["status", "open", "attach"] {
        let refused = stage.sandbox.run([command]);
        let said = "error: 2 services run here\nhint: name one of them: api, web\n";
        assert_eq!((code(&refused), &*refused.stderr), (Some(2), said), "{command}");
    }
}

#[test]
fn the_end_of_one_by_itself_or_by_a_kill_of_its_guardian_leaves_the_others_alone() {
    let stage = workspace(&[("api", ""), ("web", "--exit-code 0 --once-asked"), ("worker", "")]);
    let mut session = stage.sandbox.start(["dev"]);
    let is_web = |event: &Value| event["projectId"].as_str().unwrap().ends_with("/web");
    let ready = session.until("web", |event| event["type"] == "port-detected" && is_web(event));
    http::get(u16::try_from(ready["port"].as_u64().unwrap()).unwrap());
    let exited = session.event("process-exited");
    assert!(is_web(&exited), "{exited}");
    while names(&stage) != ["api", "worker"] {}
    let api = stage.services().into_iter().find(|service| service["name"] == "api").unwrap();
    let guardian = api["guardian"].as_i64().and_then(|pid| i32::try_from(pid).ok()).unwrap();
    kill_process(Pid::from_raw(guardian).unwrap(), Signal::KILL).unwrap();
    let exited = session.event("process-exited");
    assert!(exited["projectId"].as_str().unwrap().ends_with("/api"), "{exited}");
    assert_eq!(names(&stage), ["worker"]);
    session.stop();
}

#[test]
fn people_are_told_at_once_who_failed() {
    let stage = failing();
    let mut command = stage.sandbox.bowline(["dev"]);
    command.env("LC_ALL", "C");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let told = said.find(|line| line.contains("error:")).unwrap();
    assert_eq!(told, "api    | error: it ended with exit code 3");
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let rest: Vec<String> = said.collect();
    assert!(rest.iter().any(|line| line.starts_with("error: `api`: ")), "{rest:?}");
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn a_start_of_several_keeps_those_that_became_ready() {
    let stage = failing();
    let started = stage.sandbox.run(["start"]);
    assert_eq!(code(&started), Some(3), "{started:?}");
    for words in ["api ended with exit code 3", "line 2", "web is ready", "worker is ready"] {
        assert!(started.stderr.contains(words), "{words}: {started:?}");
    }
    assert_eq!(names(&stage), ["web", "worker"]);
    assert_eq!(code(&stage.sandbox.run(["stop", "--all"])), Some(0));
    let started = stage.sandbox.run(["start", "--json"]);
    assert_eq!(code(&started), Some(3), "{started:?}");
    let events: Vec<Value> = started.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!((of("port-detected"), of("process-exited"), events.len()), (2, 1, 3), "{events:#?}");
}

/// The message of a start whose service is ended like this before it is ready.
fn start_that_ends(arguments: &[&str], end: impl FnOnce(&Stage)) -> Finished {
    let stage = Stage::new("--no-listen --lines 2", 1);
    let mut start: Command = stage.sandbox.bowline(arguments);
    std::thread::scope(|scope| {
        let start = scope.spawn(move || run_to_end(&mut start));
        until_it_runs(&stage);
        let mut logs = stage.sandbox.bowline(["logs", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
        read_until(logs.stdout.as_mut().unwrap(), "line 2");
        logs.kill().unwrap();
        logs.wait().unwrap();
        end(&stage);
        start.join().unwrap()
    })
}

#[test]
fn a_start_says_what_has_kept_it_from_becoming_ready() {
    let stop = |stage: &Stage| assert_eq!(code(&stage.sandbox.run(["stop"])), Some(0));
    let kill = |stage: &Stage| kill_process(pid_of(&stage.services()[0]), Signal::KILL).unwrap();
    for (end, words) in [
        (&stop as &dyn Fn(&Stage), "`app` was stopped before it was ready"),
        (&kill, "was killed before its service was ready"),
    ] {
        let said = start_that_ends(&["start"], end);
        assert_eq!(code(&said), Some(4), "{said:?}");
        assert!(said.stderr.contains(words) && said.stderr.contains("line 2"), "{said:?}");
        let said = start_that_ends(&["start", "--json"], end);
        assert_eq!(code(&said), Some(4), "{said:?}");
        let last: Value = serde_json::from_str(said.stdout.lines().last().unwrap()).unwrap();
        assert_eq!(last["type"], "error");
        assert!(last["error"].as_str().unwrap().contains(words), "{last}");
    }
}

#[test]
fn one_that_has_failed_is_known_as_long_as_its_supervisor_lives() {
    let stage = failing();
    assert_eq!(stage.sandbox.run(["start"]).status.code(), Some(3));
    while names(&stage) != ["web", "worker"] {}
    for words in [&["wait"][..], &["wait", "api"], &["wait", "web", "packages/api"]] {
        let waited = stage.sandbox.run(words);
        assert_eq!(waited.status.code(), Some(4), "{words:?}: {waited:?}");
        assert!(waited.stderr.contains("`api` has failed"), "{words:?}: {waited:?}");
    }
    assert!(stage.sandbox.run(["wait", "web"]).status.success());
    let status = stage.sandbox.run(["status", "api", "--json"]);
    let status: Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!((&status["name"], &status["state"]), (&"api".into(), &"failed".into()));
    assert!(stage.sandbox.run(["stop"]).status.success());
    assert_eq!(stage.sandbox.run(["status", "api"]).status.code(), Some(5));
}

#[test]
fn at_the_root_questions_are_about_every_package() {
    let stage = workspace(&[("api", ""), ("web", "")]);
    let ask = |arguments: &[&str]| stage.sandbox.run(arguments).stdout;
    let first = stage.ports.first();
    let both = format!("api  {first}\nweb  {}\n", first + 1);
    assert_eq!(ask(&["port"]), both, "as they would be started");
    assert!(stage.sandbox.run(["start"]).status.success());
    assert_eq!(ask(&["port"]), both);
    let answer: Value = serde_json::from_str(&ask(&["port", "--json"])).unwrap();
    assert_eq!((&answer[1]["name"], &answer[1]["live"]), (&"web".into(), &true.into()), "{answer}");
    for word in ["web", "packages/web", &(first + 1).to_string()] {
        assert_eq!(ask(&["port", word]), format!("{}\n", first + 1), "{word}");
    }
    assert_eq!(ask(&["-C", "/", "port", "web"]), format!("{}\n", first + 1), "by its name from anywhere");
    let answer: Value = serde_json::from_str(&ask(&["detect", "--json"])).unwrap();
    assert_eq!(
        (&answer[0]["project"]["name"], &answer[1]["project"]["name"]),
        (&"api".into(), &"web".into())
    );
    assert_eq!(ask(&["detect"]).matches("  because    ").count(), 2);
    let refused = stage.sandbox.run(["-C", "/", "ports", "release", "web"]);
    assert!(refused.stderr.contains("running"), "{refused:?}");
    assert!(stage.sandbox.run(["stop"]).status.success());
    // A service that has ended is named by the remembered port and id.
    for (word, port) in [("web", first + 1), (&first.to_string(), first)] {
        let said = ask(&["-C", "/", "ports", "release", word]);
        assert!(said.starts_with(&format!("forgot port {port} of ")), "{said}");
        assert_eq!(code(&stage.sandbox.run(["-C", "/", "ports", "release", word])), Some(5), "{word}");
    }
}

#[test]
fn the_directory_of_a_workspace_means_its_services_even_once_it_is_gone() {
    let stage = workspace(&[("api", ""), ("web", "")]);
    let beside = stage.sandbox.root().join("copy");
    let copied = stage.sandbox.command("cp").args(["-r", "."]).arg(&beside).status().unwrap();
    assert!(copied.success());
    for is_gone in [false, true] {
        assert_eq!(code(&stage.sandbox.run(["-C", beside.to_str().unwrap(), "start"])), Some(0));
        assert_eq!(names(&stage), ["api", "web"]);
        if is_gone {
            std::fs::remove_dir_all(&beside).unwrap();
        }
        let stopped = stage.sandbox.run(["stop", "../copy"]);
        assert_eq!(code(&stopped), Some(0), "{stopped:?}");
        assert_eq!(stage.services(), [json!(null); 0], "{is_gone}");
    }
}

#[test]
fn a_service_that_another_bowline_has_started_since_is_listed_once() {
    let stage = workspace(&[("api", ""), ("web", "")]);
    for arguments in [&["start"][..], &["stop", "api"], &["start", "api"]] {
        assert_eq!(code(&stage.sandbox.run(arguments)), Some(0), "{arguments:?}");
    }
    let services = stage.services();
    let states: Vec<_> = services.iter().map(|one| (&one["name"], &one["state"])).collect();
    assert_eq!(states.len(), 2, "{states:?}");
    assert!(states.iter().all(|(_, state)| *state == "running"), "{states:?}");
}
