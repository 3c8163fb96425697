//! Every sequence of inputs to a depth, against the rules that no sequence may break.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::{Effect, Input, Notice, Overdue, ReadyAt, Service, Settings, State};
use crate::event::FailureReason;
use crate::process::guardian::Order;
use crate::process::{Exit, Signal};
use crate::supervise::restart::Policy;

pub(super) const DEPTH: usize = 7;

const INPUTS: [Input; 33] = [
    Input::Start,
    Input::Stop(Signal::SIGINT),
    Input::Stop(Signal::SIGTERM),
    Input::Interrupted(Signal::SIGINT),
    Input::Kill,
    Input::CallerGone,
    Input::Restart,
    Input::NeedFailed,
    Input::NotStarted { errno: 2, no_directory: false },
    Input::NotStarted { errno: 2, no_directory: true },
    Input::Left { step: 0, exit: Exit::Code(0), listening: false },
    Input::Left { step: 0, exit: Exit::Code(1), listening: false },
    Input::Left { step: 1, exit: Exit::Code(0), listening: true },
    Input::Left { step: 1, exit: Exit::Code(0), listening: false },
    Input::Left { step: 1, exit: Exit::Signal(Signal::SIGKILL), listening: true },
    Input::Empty { stranger: false, redirectable: false },
    Input::Empty { stranger: false, redirectable: true },
    Input::Empty { stranger: true, redirectable: false },
    Input::Elsewhere { redirectable: false },
    Input::Elsewhere { redirectable: true },
    Input::Refused,
    Input::NotFollowed,
    Input::Misplaced,
    Input::Followed,
    Input::Listening,
    Input::NotListening,
    Input::Stranger,
    Input::GuardianLost,
    Input::Relocated,
    Input::NoPort,
    Input::Built,
    Input::Tick,
    // The early tick, for which the clock is not moved, must have no effect.
    Input::Tick,
];

/// Whether this input is the tick that is due: the clock is moved to the deadline before.
fn is_due(index: usize) -> bool {
    index == INPUTS.len() - 2
}

pub(super) fn settings(policy: Policy, ready_required: bool, relocations: u32) -> Settings {
    let follows = relocations > 0;
    Settings {
        steps: 2,
        main: 1,
        policy,
        grace: Duration::from_secs(10),
        ready_timeout: Duration::from_secs(60),
        overdue: if ready_required { Overdue::Ended } else { Overdue::Warned },
        relocations,
        redirects: 2,
        follows,
        ready_at: ReadyAt::Listener,
        finishes: false,
    }
}

/// Checks one transition.
fn check(before: &Service, input: Input, effects: &[Effect], after: &Service) {
    let mut alive = before.is_alive();
    let mut released = false;
    if let Input::Empty { .. } = input {
        alive = false;
    }
    for effect in effects {
        assert!(!released, "{effect:?} after the release: {before:?} on {input:?}");
        match effect {
            Effect::Order(Order::Run(0)) => {
                assert!(!alive, "started over a living tree: {before:?} on {input:?}");
                alive = true;
            }
            Effect::Order(Order::Run(_)) => {
                assert!(matches!(input, Input::Left { .. }), "{before:?} on {input:?}");
            }
            Effect::Order(Order::Signal(_) | Order::SignalRest(_) | Order::Kill) => {
                assert!(alive, "signalled a dead tree: {before:?} on {input:?}");
            }
            Effect::Order(Order::Probe | Order::EndProbe | Order::Conclude) => {
                panic!("not the machine's: {effect:?}");
            }
            Effect::Release => {
                assert!(!alive, "released a living tree's port: {before:?} on {input:?}");
                released = true;
            }
            Effect::Relocate => assert!(!alive, "moved a living tree: {before:?} on {input:?}"),
            Effect::Redirect => {
                assert!(before.redirects > after.redirects, "redirected for ever: {before:?} on {input:?}");
            }
            Effect::Follow => assert!(
                alive && after.settings.follows && matches!(after.state, State::Starting { .. }),
                "followed what does not run, or against an order: {before:?} on {input:?}"
            ),
            Effect::Confirm | Effect::Notify(_) => {}
        }
    }
    assert_eq!(alive, after.is_alive(), "{before:?} on {input:?}");
    assert_eq!(released, after.has_ended(), "{before:?} on {input:?}");
    let ending = effects.iter().find_map(|effect| match effect {
        Effect::Notify(Notice::End(ending)) => Some(ending),
        Effect::Order(_)
        | Effect::Release
        | Effect::Relocate
        | Effect::Redirect
        | Effect::Follow
        | Effect::Confirm
        | Effect::Notify(_) => None,
    });
    if let Some(ending) = ending {
        assert_eq!(
            after.state() == crate::event::State::Failed,
            ending.failure.is_some(),
            "{before:?} on {input:?}"
        );
    }
    let notified = ending.is_some();
    assert_eq!(
        notified, released,
        "users hear of an end exactly when the port is given back: {before:?} on {input:?}"
    );
}

/// Equal for two services that behave alike from here on.
fn key(service: &Service) -> String {
    format!(
        "{:?} {} {} {} {:?} {:?} {:?} {} {:?}",
        service.state,
        service.is_alive(),
        service.settings.relocations,
        service.redirects,
        service.asked,
        (
            service.run.ending.step,
            service.run.ending.exit,
            service.run.ending.errno,
            service.run.ending.failure
        ),
        (service.run.ending.was_ready, service.run.settled),
        service.deadline().is_some(),
        service.backoff
    )
}

pub(super) fn walk(service: &Service, now: Instant, depth: usize, seen: &mut HashSet<(usize, String)>) {
    if depth == 0 || !seen.insert((depth, key(service))) {
        return;
    }
    for (index, &input) in INPUTS.iter().enumerate() {
        // Reports come only from a living tree.
        let of_tree = matches!(input, Input::Left { .. } | Input::Empty { .. } | Input::NotStarted { .. });
        if of_tree && !service.is_alive() && !service.has_ended() {
            let mut after = service.clone();
            assert_eq!(after.on(input, now), [], "{service:?} on {input:?}");
            continue;
        }
        let now = if is_due(index) { service.deadline().unwrap_or(now) } else { now };
        let mut after = service.clone();
        let effects = after.on(input, now);
        if service.has_ended() {
            assert_eq!(effects, [], "something after the end: {input:?}");
            continue;
        }
        check(service, input, &effects, &after);
        if is_due(index) && service.deadline().is_some() {
            assert!(
                !effects.is_empty() || after.deadline() != service.deadline(),
                "a due timer did nothing: {service:?}"
            );
        }
        assert_ne!(
            (after.is_alive(), after.state == State::Idle),
            (true, true),
            "idle with a living tree: {service:?} on {input:?}"
        );
        walk(&after, now, depth - 1, seen);
    }
}

#[test]
fn no_sequence_of_inputs_breaks_the_rules() {
    let now = Instant::now();
    for policy in [Policy::Never, Policy::OnFailure, Policy::Always] {
        for ready_required in [false, true] {
            for relocations in [0, 1, 3] {
                let service = Service::new(settings(policy, ready_required, relocations), now);
                walk(&service, now, DEPTH, &mut HashSet::new());
            }
        }
    }
}

#[test]
fn no_sequence_of_inputs_breaks_the_rules_of_services_without_ports() {
    let now = Instant::now();
    for ready_at in [ReadyAt::FirstBuild, ReadyAt::Start, ReadyAt::End] {
        for policy in [Policy::Never, Policy::OnFailure] {
            let settings = Settings { ready_at, finishes: true, ..settings(policy, true, 1) };
            walk(&Service::new(settings, now), now, DEPTH, &mut HashSet::new());
        }
    }
}

pub(super) fn run(service: &mut Service, now: Instant, inputs: &[Input]) -> Vec<Effect> {
    inputs.iter().flat_map(|&input| service.on(input, now)).collect()
}

#[test]
fn a_second_interrupt_kills_and_a_second_termination_does_not() {
    let now = Instant::now();
    for (signal, last) in [
        (Signal::SIGINT, Effect::Order(Order::Kill)),
        (Signal::SIGTERM, Effect::Order(Order::Signal(Signal::SIGTERM))),
    ] {
        let mut service = Service::new(settings(Policy::Never, false, 3), now);
        let effects = run(&mut service, now, &[Input::Start, Input::Stop(signal), Input::Stop(signal)]);
        assert_eq!(effects.last(), Some(&last));
    }
}

#[test]
fn a_leader_that_leaves_a_listener_behind_is_still_running() {
    let now = Instant::now();
    let mut service = Service::new(settings(Policy::Never, false, 3), now);
    let left = |step, listening| Input::Left { step, exit: Exit::Code(0), listening };
    run(&mut service, now, &[Input::Start, left(0, false), Input::Listening]);
    assert_eq!(run(&mut service, now, &[left(1, true)]), []);
    assert_eq!(service.state(), crate::event::State::Running);
    let effects = run(&mut service, now, &[Input::Empty { stranger: false, redirectable: false }]);
    assert!(
        matches!(effects[..], [Effect::Notify(Notice::End(ending)), Effect::Release] if ending.failure.is_none())
    );
}

#[test]
fn a_lost_race_relocates_three_times_and_then_fails() {
    let now = Instant::now();
    let mut service = Service::new(settings(Policy::Never, false, 3), now);
    let crash = Input::Left { step: 0, exit: Exit::Code(1), listening: false };
    run(&mut service, now, &[Input::Start]);
    for _ in 0..3 {
        let effects = run(&mut service, now, &[crash, Input::Empty { stranger: true, redirectable: false }]);
        assert_eq!(effects.last(), Some(&Effect::Relocate));
        run(&mut service, now, &[Input::Relocated]);
    }
    let effects = run(&mut service, now, &[crash, Input::Empty { stranger: true, redirectable: false }]);
    let Some(Effect::Notify(Notice::End(ending))) =
        effects.iter().find(|effect| matches!(effect, Effect::Notify(Notice::End(_))))
    else {
        panic!("{effects:?}")
    };
    assert_eq!(ending.failure, Some(FailureReason::PortInUse));
}

#[test]
fn a_crash_loop_ends_as_a_failure() {
    let mut now = Instant::now();
    let mut service = Service::new(settings(Policy::OnFailure, false, 0), now);
    let crash = Input::Left { step: 0, exit: Exit::Code(1), listening: false };
    run(&mut service, now, &[Input::Start]);
    let ending = loop {
        let effects = run(&mut service, now, &[crash, Input::Empty { stranger: false, redirectable: false }]);
        match effects.iter().rfind(|effect| matches!(effect, Effect::Notify(_))) {
            Some(Effect::Notify(Notice::Restart(_, pause))) => now += *pause,
            Some(Effect::Notify(Notice::End(ending))) => break *ending,
            _ => panic!("{effects:?}"),
        }
        assert_eq!(run(&mut service, now, &[Input::Tick]), [Effect::Order(Order::Run(0))]);
    };
    assert!(ending.gave_up && ending.failure.is_some(), "{ending:?}");
    assert_eq!(service.state(), crate::event::State::Failed);
}

#[test]
fn a_service_that_listens_elsewhere_is_redirected_twice_and_then_followed() {
    let now = Instant::now();
    let mut service = Service::new(settings(Policy::Never, false, 3), now);
    let elsewhere = Input::Elsewhere { redirectable: true };
    run(&mut service, now, &[Input::Start]);
    for _ in 0..2 {
        let effects = run(&mut service, now, &[elsewhere]);
        assert_eq!(effects, [Effect::Redirect, Effect::Order(Order::Signal(Signal::SIGTERM))]);
        let effects = run(&mut service, now, &[Input::Empty { stranger: false, redirectable: true }]);
        assert_eq!(effects, [Effect::Order(Order::Run(0))], "a requested end is no failure");
    }
    assert_eq!(run(&mut service, now, &[elsewhere]), [Effect::Follow]);
    let effects = run(&mut service, now, &[Input::Listening]);
    assert!(matches!(effects[..], [Effect::Notify(Notice::Ready(_))]), "{effects:?}");
}

#[test]
fn a_service_with_an_exact_port_is_not_followed() {
    let now = Instant::now();
    let mut service = Service::new(settings(Policy::Never, false, 0), now);
    let effects = run(&mut service, now, &[Input::Start, Input::Elsewhere { redirectable: false }]);
    assert_eq!(effects[1..], [Effect::Order(Order::Signal(Signal::SIGTERM))]);
    let effects = run(&mut service, now, &[Input::Empty { stranger: false, redirectable: true }]);
    assert!(
        matches!(effects[..], [Effect::Notify(Notice::End(ending)), Effect::Release]
            if ending.failure == Some(FailureReason::HealthCheckFailed)),
        "{effects:?}"
    );
}

#[test]
fn a_run_that_was_refused_its_own_port_is_redirected_unless_its_end_was_requested() {
    let now = Instant::now();
    let refused = Input::Empty { stranger: false, redirectable: true };
    let crash = Input::Left { step: 0, exit: Exit::Code(1), listening: false };
    let mut service = Service::new(settings(Policy::Never, false, 3), now);
    let effects = run(&mut service, now, &[Input::Start, crash, refused]);
    assert_eq!(effects[effects.len() - 2..], [Effect::Redirect, Effect::Order(Order::Run(0))]);
    let effects = run(&mut service, now, &[Input::Stop(Signal::SIGINT), refused]);
    assert!(
        matches!(effects[1..], [Effect::Notify(Notice::End(ending)), Effect::Release] if ending.requested)
    );
}

/// A service without a port that has a pre script.
fn portless(ready_at: ReadyAt, now: Instant) -> Service {
    Service::new(Settings { ready_at, finishes: true, ..settings(Policy::Never, false, 3) }, now)
}

const DONE: Input = Input::Left { step: 1, exit: Exit::Code(0), listening: false };
const PREPARED: Input = Input::Left { step: 0, exit: Exit::Code(0), listening: false };
const EMPTY: Input = Input::Empty { stranger: false, redirectable: false };

#[test]
fn a_watch_is_ready_at_its_first_build_and_not_at_that_of_its_pre_script() {
    let now = Instant::now();
    let mut service = portless(ReadyAt::FirstBuild, now);
    let effects = run(&mut service, now, &[Input::Start, Input::Built]);
    assert_eq!((effects.len(), service.awaits_build()), (1, false));
    let effects = run(&mut service, now, &[PREPARED, Input::Built]);
    assert!(matches!(effects[..], [_, Effect::Notify(Notice::Ready(_))]), "{effects:?}");
    assert_eq!(service.deadline(), None, "nothing is confirmed");
    assert_eq!(run(&mut service, now, &[Input::Built]), []);
}

#[test]
fn an_unknown_watch_is_ready_when_it_has_started() {
    let now = Instant::now();
    let mut service = portless(ReadyAt::Start, now);
    run(&mut service, now, &[Input::Start]);
    assert_eq!(service.deadline(), None, "the pre script is no start");
    run(&mut service, now, &[PREPARED]);
    let then = service.deadline().unwrap();
    let effects = service.on(Input::Tick, then);
    assert!(matches!(effects[..], [Effect::Notify(Notice::Ready(_))]), "{effects:?}");
}

#[test]
fn what_is_no_server_is_done_with_exit_code_0() {
    let now = Instant::now();
    for ready_at in [ReadyAt::FirstBuild, ReadyAt::Start, ReadyAt::End] {
        let mut service = portless(ready_at, now);
        let effects = run(&mut service, now, &[Input::Start, PREPARED, DONE, EMPTY]);
        assert!(effects.contains(&Effect::Release), "{effects:?}");
        assert_eq!(service.state(), crate::event::State::Done, "{ready_at:?}");

        let mut service = portless(ready_at, now);
        let failed = Input::Left { step: 1, exit: Exit::Code(1), listening: false };
        run(&mut service, now, &[Input::Start, PREPARED, failed, EMPTY]);
        assert_eq!(service.state(), crate::event::State::Failed, "{ready_at:?}");

        let mut service = portless(ready_at, now);
        run(&mut service, now, &[Input::Start, PREPARED, Input::Stop(Signal::SIGTERM), DONE, EMPTY]);
        assert_eq!(service.state(), crate::event::State::Stopped, "{ready_at:?}");
    }
}

#[test]
fn a_task_has_no_time_limit_and_leaves_nothing_behind() {
    let now = Instant::now();
    let mut service = portless(ReadyAt::End, now);
    run(&mut service, now, &[Input::Start, PREPARED]);
    assert_eq!(service.deadline(), None);
    let effects = run(&mut service, now, &[DONE]);
    assert_eq!(effects, [Effect::Order(Order::Signal(Signal::SIGTERM))]);
}
