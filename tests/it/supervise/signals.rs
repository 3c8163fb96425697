//! Signals to bowline.

use std::os::unix::process::ExitStatusExt;

use rustix::process::Signal;

use super::next_end;
use crate::support::{is_free, last_end, side_by_side, stage, stage_of};

const SIGNALS: [(Signal, &str); 4] =
    [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP"), (Signal::QUIT, "SIGQUIT")];
const DEAF: &str = "--ignore INT --ignore TERM --ignore HUP --ignore QUIT";

/// On macOS a second interrupt within 200 ms is taken for another program's copy of the first (ADR 10).
fn pass_the_time_of_a_copy() {
    if cfg!(target_os = "macos") {
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
}

fn pairs() -> impl Iterator<Item = [(Signal, &'static str); 2]> {
    SIGNALS.into_iter().flat_map(|first| SIGNALS.map(|second| [first, second]))
}

#[test]
fn each_of_a_pair_reaches_a_service_that_ignores_it_and_the_second_interrupt_kills() {
    let pairs: Vec<_> = pairs().collect();
    side_by_side(16, &pairs, |&[(first, first_name), (second, second_name)]| {
        let (sandbox, ports) = stage(DEAF, 1);
        let interrupts = (first, second) == (Signal::INT, Signal::INT);
        // Nothing but the second interrupt could end it within this test. The second signal of another pair must
        // come within the grace period, on a busy machine as well.
        let grace = if interrupts { "100s" } else { "5s" };
        let mut session = sandbox.start(["dev", "--grace", grace]);
        session.ready();
        session.signal(first);
        session.output(&format!("{{\"got\":\"{first_name}\"}}"));
        pass_the_time_of_a_copy();
        session.signal(second);
        if first != second {
            session.output(&format!("{{\"got\":\"{second_name}\"}}"));
        }
        let ended = session.wait();
        assert_eq!(ended.status.signal(), Some(Signal::KILL.as_raw()), "{first_name} {second_name}");
        let end = last_end(&ended.events);
        assert_eq!((&end["signal"], &end["state"]), (&"SIGKILL".into(), &"stopped".into()), "{end}");
        assert!(is_free(ports.first()), "{first_name} {second_name}");
    });
}

#[test]
fn a_quick_pair_ends_a_service_by_one_of_the_two() {
    for [(first, first_name), (second, second_name)] in pairs() {
        let (sandbox, ports) = stage("--children 2 --children-escape", 1);
        let mut session = sandbox.start(["dev"]);
        session.ready();
        session.signal(first);
        session.signal(second);
        let ended = session.wait();
        let signal = ended.status.signal();
        let killed = (first, second) == (Signal::INT, Signal::INT) && signal == Some(Signal::KILL.as_raw());
        assert!(
            killed || signal == Some(first.as_raw()) || signal == Some(second.as_raw()),
            "{first_name} {second_name}: {ended:#?}"
        );
        assert!(is_free(ports.first()), "{first_name} {second_name}");
    }
}

#[test]
fn an_interrupt_after_another_signal_is_the_first_of_two() {
    let (sandbox, _ports) = stage(DEAF, 1);
    let mut session = sandbox.start(["dev", "--grace", "100s"]);
    session.ready();
    for (signal, name) in [(Signal::TERM, "SIGTERM"), (Signal::INT, "SIGINT")] {
        session.signal(signal);
        session.output(&format!("{{\"got\":\"{name}\"}}"));
    }
    pass_the_time_of_a_copy();
    session.signal(Signal::INT);
    let ended = session.wait();
    assert_eq!(ended.status.signal(), Some(Signal::KILL.as_raw()), "{ended:#?}");
}

#[test]
fn a_stop_during_start_up_ends_it_and_is_no_failure() {
    for (signal, name) in SIGNALS {
        let (sandbox, ports) = stage("--lines 1 --delay 90000", 1);
        let mut session = sandbox.start(["dev"]);
        session.output("line 1");
        session.signal(signal);
        let ended = session.wait();
        assert_eq!(ended.status.signal(), Some(signal.as_raw()), "{name}: {ended:#?}");
        let end = last_end(&ended.events);
        assert_eq!((&end["state"], end.get("failureReason")), (&"stopped".into(), None), "{end}");
        assert!(is_free(ports.first()), "{name}");
    }
}

#[test]
fn a_stop_during_the_pause_before_a_restart_ends_at_once() {
    side_by_side(4, &SIGNALS, |&(signal, name)| {
        let (sandbox, ports) = stage("--no-listen --exit-code 3", 1);
        let mut session = sandbox.start(["dev", "--restart", "on-failure"]);
        // The fourth pause is most of two seconds.
        for _ in 0..4 {
            assert_eq!(next_end(&mut session)["state"], "starting", "{name}");
        }
        session.signal(signal);
        let ended = session.wait();
        assert_eq!(ended.status.code(), Some(3), "{name}: {ended:#?}");
        let end = last_end(&ended.events);
        assert_eq!(end["state"], "stopped", "{name}: {end}");
        assert_eq!(ended.of("process-exited").len(), 5, "{name}: {ended:#?}");
        assert!(is_free(ports.first()), "{name}");
    });
}

#[test]
fn the_code_of_an_orderly_end_is_passed_on() {
    let script = "trap 'exit 5' TERM; trap 'exit 6' INT; echo armed; while :; do sleep 100 & wait; done";
    // A background process of a shell ignores an interrupt.
    for (signal, code) in [(Signal::TERM, 5), (Signal::INT, 6)] {
        let (sandbox, _ports) = stage_of(script, 1);
        let mut session = sandbox.start(["dev", "--grace", "2s"]);
        session.output("armed");
        session.signal(signal);
        let ended = session.wait();
        assert_eq!(ended.status.code(), Some(code), "{ended:#?}");
    }
}

#[test]
fn an_interrupt_ends_bowline_by_it_though_the_service_exits_with_0() {
    // An interrupt alone, and not the other signals: a program that asks bowline to end wants to know how.
    for (signal, name, expected) in
        [(Signal::INT, "SIGINT", Some(Signal::INT.as_raw())), (Signal::TERM, "SIGTERM", None)]
    {
        let (sandbox, _ports) = stage("--linger 50", 1);
        let mut session = sandbox.start(["dev"]);
        session.ready();
        session.signal(signal);
        let ended = session.wait();
        assert_eq!(ended.status.signal(), expected, "{name}: {ended:#?}");
        let end = last_end(&ended.events);
        assert_eq!((&end["exitCode"], &end["state"]), (&0.into(), &"stopped".into()), "{name}: {end}");
    }
}

/// A real-time signal has no name. A shell's exit code for it is 128 and its number, and so is bowline's.
#[cfg(target_os = "linux")]
#[test]
fn an_end_by_a_real_time_signal_is_an_end() {
    for script in ["kill -35 $$", "sh -c 'kill -35 $$' & sh -c 'sh -c \"kill -36 \\$\\$\"; kill -35 $$'"] {
        let (sandbox, ports) = stage_of(script, 1);
        let ended = sandbox.start(["dev"]).wait();
        assert_eq!(ended.status.code(), Some(128 + 35), "{script}: {ended:#?}");
        assert_eq!(last_end(&ended.events)["exitCode"], 128 + 35, "{script}");
        assert!(is_free(ports.first()));
    }
}
