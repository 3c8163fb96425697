//! Trees that do not want to end.

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{is_free, last_end, stage, stage_of};

#[test]
fn a_tree_that_grows_while_it_is_killed_ends_all_the_same() {
    // Every process ignores what asks it to end, and starts others in sessions of their own as fast as it can.
    let script = "trap '' TERM INT HUP; echo growing; \
                  for i in $(seq 400); do (trap '' TERM; setsid sleep 50 & setsid sleep 50 & wait) & done; wait";
    for signal in [Signal::TERM, Signal::KILL] {
        let (sandbox, ports) = stage_of(script, 1);
        let mut session = sandbox.start(["dev", "--grace", "20ms"]);
        session.output("growing");
        session.signal(signal);
        if signal == Signal::KILL {
            session.kill(std::time::Duration::from_secs(40));
        } else {
            session.wait();
        }
        assert!(is_free(ports.first()));
    }
}

#[test]
fn a_stopped_service_is_ended() {
    let (sandbox, _ports) = stage("--report", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    let printed = session.output("\"pid\"");
    let report: serde_json::Value = printed.lines().find_map(|line| serde_json::from_str(line).ok()).unwrap();
    let pid = i32::try_from(report["pid"].as_i64().unwrap()).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let ended = session.stop();
    assert_eq!(last_end(&ended.events)["signal"], "SIGTERM", "{ended:#?}");
}

#[test]
fn a_guardian_that_is_asked_to_end_ends_the_service_first() {
    let (sandbox, ports) = stage("--children 2 --children-escape", 1);
    let mut session = sandbox.start(["dev"]);
    session.ready();
    kill_process(sandbox.guardian(), Signal::TERM).unwrap();
    let ended = session.wait();
    assert_eq!(last_end(&ended.events)["state"], "failed", "{ended:#?}");
    assert!(is_free(ports.first()));
}

#[test]
fn a_guardian_that_is_killed_is_noticed_and_its_service_ended() {
    let (sandbox, ports) = stage("--ignore TERM --children 2 --children-escape", 1);
    let mut session = sandbox.start(["dev", "--grace", "200ms"]);
    session.ready();
    kill_process(sandbox.guardian(), Signal::KILL).unwrap();
    let ended = session.wait();
    let end = last_end(&ended.events);
    assert_eq!((&end["state"], &end["failureReason"]), (&"failed".into(), &"unknown".into()), "{ended:#?}");
    assert!(ended.stderr.contains("the guardian of the service was killed"), "{}", ended.stderr);
    assert_eq!(ended.status.code(), Some(1), "{ended:#?}");
    assert!(is_free(ports.first()));
}
