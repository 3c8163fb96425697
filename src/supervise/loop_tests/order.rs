//! Services that need others: they start, are blocked and end in order.

use std::time::Duration;

use nix::sys::signal::Signal::{SIGHUP, SIGINT, SIGTERM};

use super::fake::{Shared, World, change};
use super::lives::Processes;
use super::{MOMENT, run_ordered, settings};
use crate::event::{FailureReason, State, What};
use crate::graph::Graph;
use crate::process::caller::SECOND_LOOK;
use crate::process::guardian::Order;
use crate::process::signals::ReceivedSignal;
use crate::process::{Exit, Signal};
use crate::supervise::restart::Policy;
use crate::supervise::service::{Input, Settings};
use crate::supervise::{Outcome, PortOwner, StartOrder};

/// web needs api, api needs db, and docs nothing.
const WEB: usize = 0;
const API: usize = 1;
const DB: usize = 2;
const DOCS: usize = 3;

fn play(fail_fast: bool, script: impl AsyncFnOnce(Shared)) -> (Vec<Outcome>, Shared) {
    let graph = Graph::new(4, &[(WEB, API), (API, DB)]).unwrap();
    run_ordered(&[settings(), settings(), settings(), settings()], StartOrder { graph, fail_fast }, script)
}

fn listen(world: &mut World, service: usize) {
    world.services[service].listener = Some(PortOwner::Ours { socket: 1, pid: 7 });
}

fn fail(world: &mut World, service: usize) {
    world.services[service].listener = None;
    world.services[service].end(Exit::Code(7));
}

fn signal(world: &mut World, signal: Signal) {
    world.signals.push_back(ReceivedSignal { signal, sent: Some(false), sender: None });
}

/// How often each was started.
fn starts(world: &Shared) -> Vec<usize> {
    world.borrow().services.iter().map(|service| service.starts).collect()
}

fn states(world: &Shared) -> Vec<State> {
    world.borrow().services.iter().map(|service| service.state.unwrap_or_default()).collect()
}

/// The orders of each but the first, which starts it.
fn orders(world: &Shared) -> Vec<Vec<Order>> {
    let orders = |orders: &[Order]| orders.iter().skip(1).copied().collect();
    world.borrow().services.iter().map(|service| orders(&service.orders)).collect()
}

async fn all_ready(world: &Shared) {
    for service in [DB, API, WEB, DOCS] {
        change(world, MOMENT, |world| listen(world, service)).await;
    }
    assert_eq!(states(world), [State::Running; 4]);
}

/// Ends everything that runs.
async fn finish(world: &Shared) {
    change(world, MOMENT, |world| {
        world.services.iter_mut().for_each(|service| service.obedient = true);
        signal(world, SIGHUP);
    })
    .await;
}

#[test]
fn what_needs_others_starts_once_they_are_ready() {
    play(false, async |world| {
        change(&world, MOMENT, |_| {}).await;
        assert_eq!(starts(&world), [0, 0, 1, 1]);
        assert_eq!(states(&world), [State::Waiting, State::Waiting, State::Starting, State::Starting]);
        let told = What::Waiting { waits_for: vec![API.to_string()] };
        assert_eq!(world.borrow().services[WEB].told, [told]);
        change(&world, MOMENT, |world| listen(world, DB)).await;
        assert_eq!(starts(&world), [0, 1, 1, 1]);
        change(&world, MOMENT, |world| listen(world, API)).await;
        assert_eq!(starts(&world), [1; 4]);
        finish(&world).await;
    });
}

#[test]
fn a_need_that_fails_blocks_what_needs_it_until_it_is_ready_after_all() {
    let (outcomes, _) = play(false, async |world| {
        change(&world, MOMENT, |world| listen(world, DOCS)).await;
        change(&world, MOMENT, |world| fail(world, DB)).await;
        assert_eq!(states(&world), [State::Blocked, State::Blocked, State::Failed, State::Running]);
        let blocked = |by: usize, message: &str| What::Blocked {
            blocked_by: vec![by.to_string()],
            root_causes: vec![DB.to_string()],
            message: message.to_owned(),
        };
        let told = blocked(DB, "is blocked: its need `2` failed");
        assert_eq!(world.borrow().services[API].told.last(), Some(&told));
        let told = blocked(API, "is blocked: its need `1` is blocked by `2`");
        assert_eq!(world.borrow().services[WEB].told.last(), Some(&told));
        // The restart of what is blocked has it read its files, and does not start it.
        change(&world, MOMENT, |world| world.commands.push_back((API, Input::Restart))).await;
        assert_eq!((starts(&world), world.borrow().services[API].restarts.len()), (vec![0, 0, 1, 1], 1));
        change(&world, MOMENT, |world| world.commands.push_back((DB, Input::Restart))).await;
        assert_eq!(states(&world), [State::Waiting, State::Waiting, State::Starting, State::Running]);
        change(&world, MOMENT, |world| listen(world, DB)).await;
        change(&world, MOMENT, |world| listen(world, API)).await;
        assert_eq!(starts(&world), [1, 1, 2, 1]);
        finish(&world).await;
    });
    assert!(outcomes.iter().all(|outcome| outcome.ending.requested));
}

#[test]
fn a_need_that_its_policy_starts_again_is_waited_for() {
    let again = Settings { policy: Policy::OnFailure, ..settings() };
    let graph = Graph::new(2, &[(0, 1)]).unwrap();
    run_ordered(&[settings(), again], StartOrder { graph, fail_fast: true }, async |world| {
        change(&world, Duration::from_secs(5), |world| fail(world, 1)).await;
        assert_eq!((starts(&world), states(&world)[0]), (vec![0, 2], State::Waiting));
        change(&world, MOMENT, |world| listen(world, 1)).await;
        assert_eq!(starts(&world), [1, 2]);
        finish(&world).await;
    });
}

#[test]
fn what_has_started_goes_on_when_its_need_fails_or_is_stopped_or_started_again() {
    play(false, async |world| {
        all_ready(&world).await;
        world.borrow_mut().services[API].obedient = true;
        change(&world, MOMENT, |world| world.commands.push_back((API, Input::Restart))).await;
        assert_eq!((starts(&world), states(&world)[WEB]), (vec![1, 2, 1, 1], State::Running));
        change(&world, MOMENT, |world| world.commands.push_back((API, Input::Stop(SIGTERM)))).await;
        change(&world, MOMENT, |world| fail(world, DB)).await;
        assert_eq!(states(&world), [State::Running, State::Stopped, State::Failed, State::Running]);
        assert_eq!(orders(&world)[WEB], []);
        finish(&world).await;
    });
}

#[test]
fn a_session_in_which_everything_left_is_blocked_ends() {
    let (outcomes, world) = play(false, async |world| {
        change(&world, MOMENT, |world| fail(world, DB)).await;
        assert!(!world.borrow().is_released(WEB), "docs still runs");
        change(&world, MOMENT, |world| world.services[DOCS].end(Exit::Code(0))).await;
    });
    for (service, why) in [(API, "its need `2` failed"), (WEB, "its need `1` is blocked by `2`")] {
        let failure = outcomes[service].ending.failure;
        assert_eq!((failure, world.borrow().services[service].starts), (Some(FailureReason::NeedFailed), 0));
        assert_eq!(outcomes[service].how, format!("was not started: {why}"));
        assert!(outcomes[DB].at < outcomes[service].at, "the cause comes first");
    }
}

#[test]
fn what_waits_and_is_stopped_ends_at_once_and_blocks_what_needs_it() {
    let (outcomes, _) = play(false, async |world| {
        change(&world, MOMENT, |world| world.commands.push_back((API, Input::Stop(SIGTERM)))).await;
        assert_eq!(states(&world), [State::Blocked, State::Stopped, State::Starting, State::Starting]);
        let told = world.borrow().services[WEB].told.last().cloned();
        assert!(
            matches!(&told, Some(What::Blocked { message, .. }) if message.ends_with("its need `1` was stopped")),
            "{told:?}"
        );
        finish(&world).await;
    });
    assert_eq!(outcomes[API].ending.failure, None);
}

#[test]
fn interrupted_dependents_end_first() {
    for asked in [SIGINT, SIGTERM] {
        play(false, async |world| {
            all_ready(&world).await;
            let asks = vec![Order::Signal(asked)];
            change(&world, MOMENT, |world| signal(world, asked)).await;
            assert_eq!(orders(&world), [asks.clone(), vec![], vec![], asks.clone()]);
            change(&world, MOMENT, |world| world.services[WEB].end(Exit::Code(0))).await;
            assert_eq!(orders(&world)[API], asks);
            assert_eq!(orders(&world)[DB], []);
            change(&world, MOMENT, |world| world.services[API].end(Exit::Code(0))).await;
            assert_eq!(orders(&world)[DB], asks);
            for service in [DB, DOCS] {
                change(&world, MOMENT, |world| world.services[service].end(Exit::Code(0))).await;
            }
        });
    }
}

#[test]
fn after_one_grace_period_the_rest_ends_side_by_side_and_after_two_all_is_killed() {
    let (_, world) = play(false, async |world| {
        all_ready(&world).await;
        change(&world, MOMENT, |world| signal(world, SIGTERM)).await;
        let killed = vec![Order::Signal(SIGTERM), Order::Kill];
        change(&world, settings().grace, |_| {}).await;
        let asked = vec![Order::Signal(SIGTERM)];
        assert_eq!(orders(&world), [killed.clone(), asked.clone(), asked, killed.clone()]);
        change(&world, settings().grace, |_| {}).await;
        assert_eq!(orders(&world), [killed.clone(), killed.clone(), killed.clone(), killed]);
        change(&world, MOMENT, |world| {
            world.services.iter_mut().for_each(|service| service.end(Exit::Signal(Signal::SIGKILL)));
        })
        .await;
    });
    assert!(world.borrow().services.iter().all(|service| service.processes == Processes::None));
}

#[test]
fn a_second_interrupt_kills_everything_at_once() {
    play(false, async |world| {
        all_ready(&world).await;
        change(&world, MOMENT, |world| signal(world, SIGINT)).await;
        change(&world, MOMENT, |world| signal(world, SIGINT)).await;
        for (service, orders) in orders(&world).iter().enumerate() {
            assert_eq!(orders.last(), Some(&Order::Kill), "{service}");
        }
        change(&world, MOMENT, |world| {
            world.services.iter_mut().for_each(|service| service.end(Exit::Signal(Signal::SIGKILL)));
        })
        .await;
    });
}

#[test]
fn a_hangup_or_the_loss_of_the_caller_ends_everything_at_once() {
    for hang_up in
        [|world: &mut World| signal(world, SIGHUP), |world: &mut World| world.pipes().lose_caller()]
    {
        play(false, async |world| {
            all_ready(&world).await;
            change(&world, MOMENT, |world| signal(world, SIGTERM)).await;
            change(&world, SECOND_LOOK + MOMENT, hang_up).await;
            assert_eq!(orders(&world)[DB], [Order::Signal(SIGHUP)]);
            change(&world, MOMENT, |world| {
                world.services.iter_mut().for_each(|service| service.end(Exit::Code(0)));
            })
            .await;
        });
    }
}

#[test]
fn services_that_one_command_stops_end_in_order_and_others_stay() {
    play(false, async |world| {
        all_ready(&world).await;
        change(&world, MOMENT, |world| {
            world.along = vec![API, DB];
            world.commands.extend([DB, API].map(|service| (service, Input::Stop(SIGTERM))));
        })
        .await;
        let asks = [Order::Signal(SIGTERM)];
        assert_eq!((orders(&world)[API].as_slice(), orders(&world)[DB].as_slice()), (&asks[..], &[][..]));
        // Another one that is meant alone does not wait for its turn.
        change(&world, MOMENT, |world| {
            world.along = Vec::new();
            world.commands.push_back((DB, Input::Stop(SIGTERM)));
        })
        .await;
        assert_eq!(orders(&world)[DB], asks);
        for service in [API, DB] {
            change(&world, MOMENT, |world| world.services[service].end(Exit::Code(0))).await;
        }
        assert_eq!(states(&world), [State::Running, State::Stopped, State::Stopped, State::Running]);
        finish(&world).await;
    });
}

#[test]
fn the_first_failure_ends_all_if_that_is_asked_for() {
    let (outcomes, world) = play(true, async |world| {
        change(&world, MOMENT, |world| listen(world, DOCS)).await;
        change(&world, MOMENT, |world| listen(world, DB)).await;
        change(&world, MOMENT, |world| fail(world, API)).await;
        assert_eq!(states(&world)[WEB], State::Stopped, "it never starts");
        assert_eq!(orders(&world)[DB], [Order::Signal(SIGTERM)]);
        // Nobody starts what has failed while the others are ending.
        change(&world, MOMENT, |world| world.commands.push_back((API, Input::Restart))).await;
        assert_eq!(world.borrow().services[API].restarts, [false]);
        for service in [DB, DOCS] {
            change(&world, MOMENT, |world| world.services[service].end(Exit::Code(0))).await;
        }
    });
    let failed: Vec<bool> = outcomes.iter().map(|outcome| outcome.ending.failure.is_some()).collect();
    assert_eq!(failed, [false, true, false, false]);
    assert_eq!(starts(&world), [0, 1, 1, 1]);
}
