//! What runs before each start, and after each end, however that comes.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::support::{Gate, Ports, Sandbox, Session, dev_server, last_end, side_by_side};

const SOON: Duration = Duration::from_secs(20);

struct Stage {
    sandbox: Sandbox,
    _ports: Ports,
}

impl Stage {
    /// A service of which each step writes down its word; `more` is added to its table.
    fn new(script: &str, before: &str, after: &str, more: &str) -> Self {
        let (mut sandbox, ports) = Sandbox::with_script(script).with_ports("default", 2);
        let text = |text: &str| json!(text).to_string();
        let table = format!(
            "[project.app]\nbefore = {}\nafter = {}\n{more}\n",
            text(&format!("echo before $PORT >> steps; {before}")),
            text(&format!("{after}; echo after $PORT >> steps"))
        );
        sandbox.file("bowline.toml", &table);
        Self { sandbox, _ports: ports }
    }

    fn start(&self, arguments: &[&str]) -> Session {
        self.sandbox.start([&["dev", "--framework", "default"], arguments].concat())
    }

    /// The words of the steps, without the port, which is the same in all.
    fn steps(&self) -> Vec<String> {
        let text = fs::read_to_string(self.sandbox.project().join("steps")).unwrap_or_default();
        let steps: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        assert!(steps.iter().all(|(_, port)| *port == steps[0].1 && !port.is_empty()), "{text}");
        steps.iter().map(|(word, _)| (*word).to_owned()).collect()
    }
}

fn server(arguments: &str) -> String {
    format!("exec '{}' --lifetime 200 {arguments}", dev_server().display())
}

#[test]
fn a_dry_run_shows_what_runs_before() {
    let stage = Stage::new(&server(""), "true {{self.host}}", "true", "");
    let finished = stage.sandbox.run(["dev", "--framework", "default", "--dry-run"]);
    let line =
        finished.stdout.lines().find(|line| line.trim_start().starts_with("before ")).unwrap_or_default();
    assert!(line.ends_with("echo before $PORT >> steps; true localhost"), "{finished:?}");
}

#[test]
fn both_run_once_whichever_way_the_service_ends() {
    let ways = ["exit", "crash", "killed service", "INT", "TERM", "KILL", "HUP", "force"];
    side_by_side(2, &ways, |way| {
        let script = match *way {
            "exit" => "exit 0".to_owned(),
            "crash" => "exit 7".to_owned(),
            _ => server(""),
        };
        let stage = Stage::new(&script, "true", "sleep 100 & true", "");
        let mut session = stage.start(&[]);
        if script.starts_with("exec") {
            session.ready();
        }
        match *way {
            "INT" => session.signal(Signal::INT),
            "TERM" => session.signal(Signal::TERM),
            "HUP" => session.signal(Signal::HUP),
            "killed service" => {
                let guardian = stage.sandbox.guardian();
                let children =
                    fs::read_to_string(format!("/proc/{0}/task/{0}/children", guardian.as_raw_nonzero()));
                let children = children.unwrap();
                let pid: i32 = children.split_whitespace().next().unwrap().parse().unwrap();
                kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
            }
            "force" => {
                let stopped = stage.sandbox.run(["stop", "--force"]);
                assert!(stopped.status.success(), "{stopped:?}");
            }
            "KILL" => {
                session.kill(SOON);
                assert_eq!(stage.steps(), ["before", "after"], "{way}");
                return;
            }
            _ => {}
        }
        session.wait();
        assert_eq!(stage.steps(), ["before", "after"], "{way}");
    });
}

#[test]
fn each_restart_has_its_own() {
    let script = format!("test -e once && {}; touch once; exit 3", server(""));
    let stage = Stage::new(&script, "true", "true", "restart = \"on-failure\"");
    let mut session = stage.start(&[]);
    session.ready();
    assert_eq!(stage.steps(), ["before", "after", "before"]);
    session.stop();
    assert_eq!(stage.steps(), ["before", "after", "before", "after"]);
}

#[test]
fn a_service_whose_before_fails_is_not_started_and_that_is_said() {
    let stage = Stage::new("touch started", "echo no database; exit 9", "true", "");
    let ended = stage.start(&[]).wait();
    assert_eq!(ended.status.code(), Some(9), "{ended:#?}");
    let end = last_end(&ended.events);
    assert_eq!(end["stderr"], "no database", "{ended:#?}");
    assert!(ended.stderr.contains("`touch started` was not started: `before` ended with exit code 9"));
    assert!(!stage.sandbox.project().join("started").exists());
    assert_eq!(stage.steps(), ["before", "after"], "what it began is cleared away");
}

#[test]
fn an_interrupt_ends_a_before_that_hangs() {
    let stage = Stage::new("touch started", "echo it hangs; sleep 100 & wait", "true", "");
    let mut session = stage.start(&[]);
    session.output("it hangs");
    session.signal(Signal::INT);
    let ended = session.wait();
    assert_eq!(last_end(&ended.events)["state"], "stopped", "{ended:#?}");
    assert!(!stage.sandbox.project().join("started").exists());
    assert_eq!(stage.steps(), ["before", "after"]);
}

#[test]
fn a_before_that_listens_on_the_port_is_not_the_server() {
    let gate = |stage: &Stage| stage.sandbox.root().join("gate");
    let before =
        format!("'{}' --lifetime 200 & read go < ../gate; kill $!; wait $!; true", dev_server().display());
    let stage = Stage::new(&format!("touch begun; {}", server("")), &before, "true", "");
    let gate = Gate::create(&gate(&stage));
    let mut session = stage.start(&[]);
    session.output("listening");
    gate.open();
    session.ready();
    let begun = stage.sandbox.project().join("begun");
    assert!(begun.exists(), "ready with the second: {}", session.printed());
    while session.printed().matches("listening").count() < 2 {
        session.event("log-chunk");
    }
    session.stop();
}

#[test]
fn the_failure_of_after_is_a_warning_and_its_output_the_services() {
    let stage = Stage::new("exit 7", "true", "echo cleared away; (exit 4) || exit 5", "");
    let ended = stage.start(&[]).wait();
    assert_eq!(ended.status.code(), Some(7), "{ended:#?}");
    assert!(ended.stderr.contains("warning: `after` ended with exit code 5"), "{ended:#?}");
    assert!(ended.events.iter().any(|event| event["data"] == "cleared away\n"), "{ended:#?}");
}

#[test]
fn an_after_that_a_killed_guardian_cannot_run_is_told() {
    let stage = Stage::new(&server(""), "true", "true", "");
    let mut session = stage.start(&[]);
    session.ready();
    kill_process(stage.sandbox.guardian(), Signal::KILL).unwrap();
    let ended = session.wait();
    assert!(ended.stderr.contains("ending the service, and its `after` does not run"), "{ended:#?}");
    assert_eq!(stage.steps(), ["before"]);
}

#[test]
fn a_command_that_before_lacks_is_told_with_what_to_do() {
    let stage = Stage::new("true", "no-such-program", "true", "");
    let ended = stage.start(&[]).wait();
    assert_eq!(ended.status.code(), Some(127), "{ended:#?}");
    assert!(ended.stderr.contains("hint: install what `before` runs"), "{ended:#?}");
}

#[test]
fn a_before_that_takes_too_long_is_said_to() {
    let stage = Stage::new("touch started", "sleep 100", "true", "ready = { timeout = \"300ms\" }");
    let ended = stage.start(&[]).wait();
    assert_eq!(ended.status.code(), Some(4), "{ended:#?}");
    let told = "`touch started` was not started: `before` did not end within 0.3 s, and was ended";
    assert!(ended.stderr.contains(told), "{ended:#?}");
}

#[test]
fn a_program_that_is_missing_after_before_is_named() {
    let mut stage = Stage::new("true", "true", "true", "command = \"no-such-program\"");
    stage.sandbox.file("package.json", r#"{ "name": "app" }"#);
    let ended = stage.start(&[]).wait();
    assert_eq!(ended.status.code(), Some(127), "{ended:#?}");
    assert!(ended.stderr.contains("error: command not found: `no-such-program`"), "{ended:#?}");
    assert_eq!(last_end(&ended.events)["exitCode"], json!(null), "that of `before` is not its own");
}

#[test]
fn a_second_interrupt_ends_an_after_that_hangs() {
    let stage = Stage::new("exit 7", "true", "trap '' INT TERM; echo clearing; sleep 100", "");
    let mut session = stage.start(&[]);
    session.output("clearing");
    session.signal(Signal::INT);
    session.signal(Signal::INT);
    let ended = session.wait();
    assert!(stage.steps() == ["before"], "{ended:#?}");
}
