//! Commands about several services: what stands in the way of one is no obstacle for the others.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{Stage, code, pid_of, running};
use crate::support::is_free;

/// Three services in the background.
fn stage() -> Stage {
    let stage = Stage::new("", 3);
    for name in ["app", "second", "third"] {
        let dir =
            if name == "app" { stage.sandbox.project().to_owned() } else { stage.sandbox.sibling(name) };
        assert_eq!(code(&stage.sandbox.run(["-C", dir.to_str().unwrap(), "start"])), Some(0));
    }
    stage
}

/// A supervisor that is stopped until the value is dropped.
struct Frozen(Pid);

impl Frozen {
    fn new(service: &Value) -> Self {
        let pid = pid_of(service);
        kill_process(pid, Signal::STOP).unwrap();
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[test]
fn one_that_does_not_answer_keeps_nobody_from_stopping() {
    let stage = stage();
    let frozen = Frozen::new(&stage.services()[1]);
    let refused = stage.sandbox.run(["stop", "--all", "--json"]);
    assert_eq!(code(&refused), Some(6), "{refused:?}");
    let answer: Value = serde_json::from_str(&refused.stdout).unwrap_or_else(|_| panic!("{refused:?}"));
    assert_eq!(answer["services"].as_array().unwrap().len(), 2, "{answer}");
    assert!(answer["errors"][0].as_str().unwrap().contains("Runner is not connected"), "{answer}");
    let ports: Vec<u16> = stage.ports.all().collect();
    assert!(is_free(ports[0]) && is_free(ports[2]));
    drop(frozen);
    assert_eq!(running(&stage), 1);
    assert_eq!(code(&stage.sandbox.run(["stop", "--all"])), Some(0));
    assert_eq!(running(&stage), 0);
}

#[test]
fn what_does_not_run_is_said_and_the_rest_is_stopped() {
    let stage = Stage::new("", 2);
    stage.sandbox.sibling("other");
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let stopped = stage.sandbox.run(["stop", "../other", ".", "nobody"]);
    assert_eq!(code(&stopped), Some(5), "{stopped:?}");
    assert!(stopped.stdout.contains("stopped app"), "{stopped:?}");
    assert!(stopped.stderr.contains("No running dev server found for project: `app`"), "{stopped:?}");
    assert!(stopped.stderr.contains("Project not found"), "{stopped:?}");
    assert_eq!(running(&stage), 0);
}

#[test]
fn a_name_of_several_is_restarted_as_little_as_it_is_stopped() {
    let stage = stage();
    let before = stage.services();
    for command in ["stop", "restart"] {
        let refused = stage.sandbox.run([command, "app"]);
        assert_eq!(code(&refused), Some(2), "{refused:?}");
        assert!(refused.stderr.contains("`app` means several projects"), "{refused:?}");
        assert_eq!(refused.stdout, "");
    }
    let guardians = |services: &[Value]| -> Vec<Value> {
        services.iter().map(|service| service["guardian"].clone()).collect()
    };
    assert_eq!(guardians(&stage.services()), guardians(&before));
}

#[test]
fn the_time_limit_of_a_wait_bounds_everything() {
    let stage = Stage::new("", 1);
    assert_eq!(code(&stage.sandbox.run(["start"])), Some(0));
    let _frozen = Frozen::new(&stage.services()[0]);
    let late = stage.sandbox.run(["wait", "--timeout", "50ms"]);
    // Without the limit it is another failure, of a supervisor that does not answer.
    assert_eq!(code(&late), Some(4), "{late:?}");
    assert!(late.stderr.contains("is not ready in time"), "{late:?}");
}

#[test]
fn several_that_run_are_replaced_at_once() {
    let stage = Stage::new("--linger 300", 2);
    let other = stage.sandbox.sibling("other");
    let both = [".", other.to_str().unwrap()];
    assert_eq!(code(&stage.sandbox.run(["start"].iter().chain(&both))), Some(0));
    let before = stage.services();
    let again = stage.sandbox.run(["start", "--restart-running"].iter().chain(&both));
    assert_eq!(code(&again), Some(0), "{again:?}");
    let after = stage.services();
    let ports =
        |services: &[Value]| -> Vec<Value> { services.iter().map(|one| one["port"].clone()).collect() };
    assert_eq!(ports(&after), ports(&before));
    assert!(after.iter().all(|one| one["session"] != before[0]["session"]), "{after:?}");
}
