//! When a service that has ended is started again.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::next_end;
use crate::support::{Session, http, last_end, run_to_end, stage};

fn time(event: &Value) -> SystemTime {
    humantime::parse_rfc3339(event["timestamp"].as_str().unwrap()).unwrap()
}

#[test]
fn a_policy_says_which_ends_are_followed_by_a_start() {
    for (policy, code, restarts) in [
        ("never", 0, false),
        ("never", 1, false),
        ("on-failure", 0, false),
        ("on-failure", 1, true),
        ("always", 0, true),
        ("always", 1, true),
    ] {
        let (sandbox, ports) = stage(&format!("--exit-code {code} --once-asked"), 2);
        let mut session = sandbox.start(["dev", "--restart", policy]);
        assert_eq!(session.ready(), ports.first());
        http::get(ports.first());
        let end = next_end(&mut session);
        assert_eq!(end["state"] == "starting", restarts, "{policy}, {code}: {end}");
        if restarts {
            assert_eq!(session.ready(), ports.first(), "{policy}, {code}: the port is kept");
            session.stop();
        } else {
            assert_eq!(session.wait().status.code(), Some(code), "{policy}");
        }
    }
}

#[test]
fn a_crash_loop_keeps_its_port_and_gives_up_with_the_last_lines() {
    let (sandbox, ports) = stage("--lines 3 --exit-code 9 --once-asked", 3);
    let mut session = sandbox.start(["dev", "--restart", "on-failure"]);
    let mut pauses = Vec::new();
    for _ in 0..5 {
        assert_eq!(session.ready(), ports.first());
        http::get(ports.first());
        let end = next_end(&mut session);
        assert_eq!((&end["state"], &end["exitCode"]), (&"starting".into(), &9.into()), "{end}");
        // The reservation is held while nothing runs.
        let mut other = sandbox.bowline(["ports", "--json"]);
        let listing: Value = serde_json::from_str(&run_to_end(&mut other).stdout).unwrap();
        assert_eq!(listing["reservations"][0]["port"], ports.first(), "{listing}");
        pauses.push(time(&end));
    }
    session.ready();
    http::get(ports.first());
    let ended = session.wait();
    assert_eq!(ended.status.code(), Some(9));
    let end = last_end(&ended.events);
    assert_eq!(
        (&end["state"], &end["failureReason"]),
        (&"failed".into(), &"immediate_crash".into()),
        "{end}"
    );
    assert!(end["stderr"].as_str().unwrap().contains("line 3"), "{end}");
    assert!(ended.stderr.contains("has failed every time"), "{}", ended.stderr);
    assert_eq!(ended.of("process-exited").len(), 6);
    let given: Vec<&Value> = ended.of("port-detected").iter().map(|event| &event["port"]).collect();
    assert_eq!(given, [&Value::from(ports.first()); 6]);
    is_started_after_pauses_that_grow(&pauses, &ended.of("port-detected")[1..]);
}

fn is_started_after_pauses_that_grow(ends: &[SystemTime], starts: &[&Value]) {
    let pauses: Vec<Duration> =
        ends.iter().zip(starts).map(|(end, start)| time(start).duration_since(*end).unwrap()).collect();
    for (number, pause) in (0..).zip(&pauses) {
        let backoff = Duration::from_millis(250) * 2_u32.pow(number);
        assert!(*pause + Duration::from_millis(10) >= backoff * 3 / 4, "{pauses:?}");
    }
}

#[test]
fn leftovers_of_a_crashed_leader_end_before_it_is_started_again() {
    let (sandbox, ports) =
        stage("--children 2 --children-escape --ignore TERM --exit-code 1 --once-asked", 1);
    let mut session: Session = sandbox.start(["dev", "--restart", "on-failure", "--grace", "200ms"]);
    assert_eq!(session.ready(), ports.first());
    http::get(ports.first());
    assert_eq!(next_end(&mut session)["state"], "starting");
    assert_eq!(session.ready(), ports.first());
    session.stop();
}
