//! Every ordered pair of signals to bowline itself.

use std::io::Write;
use std::time::Duration;

use nix::sys::signal::Signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};

use super::fake::{World, change};
use super::{MOMENT, run, settings};
use crate::process::caller::SECOND_LOOK;
use crate::process::guardian::Order;
use crate::process::signals::{ReceivedSignal, asks_to_end};
use crate::process::{ABANDONED_GRACE, Exit, Signal};
use crate::supervise::PortOwner;
use crate::supervise::restart::Policy;
use crate::supervise::service::{Input, Settings};

/// Shorter than the time within which two interrupts may be one Ctrl-C.
const BETWEEN: Duration = Duration::from_millis(100);

const SIGNALS: [ReceivedSignal; 9] = [
    ReceivedSignal { signal: SIGINT, sent: Some(false), sender: None },
    ReceivedSignal { signal: SIGINT, sent: Some(true), sender: None },
    ReceivedSignal { signal: SIGTERM, sent: Some(true), sender: None },
    ReceivedSignal { signal: SIGHUP, sent: Some(false), sender: None },
    ReceivedSignal { signal: SIGQUIT, sent: Some(false), sender: None },
    ReceivedSignal { signal: SIGTSTP, sent: Some(false), sender: None },
    ReceivedSignal { signal: SIGCONT, sent: Some(true), sender: None },
    ReceivedSignal { signal: SIGWINCH, sent: Some(false), sender: None },
    ReceivedSignal { signal: SIGCHLD, sent: Some(false), sender: None },
];

/// The orders that a guardian gets for `second`, once it has got those for `first`.
fn orders(first: Option<ReceivedSignal>, second: ReceivedSignal) -> Vec<Order> {
    let first = first.filter(|first| asks_to_end(first.signal));
    match (first, second.signal) {
        (Some(first), SIGINT) if first.signal == SIGINT && first.sent != second.sent => vec![],
        (Some(first), SIGINT) if first.signal == SIGINT => vec![Order::Kill],
        (_, signal) if asks_to_end(signal) => vec![Order::Signal(signal)],
        (_, SIGTSTP) => vec![Order::Signal(SIGTSTP), Order::Signal(SIGCONT)],
        (_, SIGCONT) => vec![Order::Signal(SIGCONT)],
        (_, _) => vec![],
    }
}

fn pair(first: ReceivedSignal, second: ReceivedSignal, services: usize, ready: bool) {
    let last = [first, second].map(|caught| caught.signal).into_iter().rfind(|signal| asks_to_end(*signal));
    let exit = last.map_or(Exit::Code(0), Exit::Signal);
    let all = vec![settings(); services];
    let (outcomes, world) = run(&all, async |world| {
        let listener = ready.then_some(PortOwner::Ours { socket: 1, pid: 7 });
        let listen =
            |world: &mut World| world.services.iter_mut().for_each(|service| service.listener = listener);
        change(&world, MOMENT, listen).await;
        for caught in [first, second] {
            change(&world, BETWEEN, |world| world.signals.push_back(caught)).await;
        }
        change(&world, MOMENT, |world| world.services.iter_mut().for_each(|service| service.end(exit))).await;
    });
    let world = world.borrow();
    let mut expected = vec![Order::Run(0)];
    expected.extend(orders(None, first));
    expected.extend(orders(Some(first), second));
    for (service, outcome) in world.services.iter().zip(outcomes) {
        let orders: Vec<_> =
            service.orders.iter().copied().filter(|order| !matches!(order, Order::SignalRest(_))).collect();
        assert_eq!(orders, expected, "{first:?} and {second:?}, {world:?}");
        let ending = outcome.ending;
        assert_eq!((ending.exit, ending.requested), (Some(exit), last.is_some()), "{first:?} and {second:?}");
        assert_eq!(ending.was_ready, ready, "{first:?} and {second:?}");
    }
    let stops = [first, second].iter().filter(|caught| caught.signal == SIGTSTP).count();
    assert_eq!(world.stops, stops, "{first:?} and {second:?}");
}

#[test]
fn every_ordered_pair_of_signals_does_what_each_of_them_means() {
    for first in SIGNALS {
        for second in SIGNALS {
            for services in [1, 2] {
                for ready in [false, true] {
                    pair(first, second, services, ready);
                }
            }
        }
    }
}

#[test]
fn two_interrupts_that_are_far_apart_both_count() {
    let [terminal, passed_on, ..] = SIGNALS;
    let (_, world) = run(&[settings()], async |world| {
        change(&world, Duration::from_millis(150), |world| world.signals.push_back(terminal)).await;
        change(&world, Duration::from_millis(10), |world| world.signals.push_back(passed_on)).await;
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), Order::Signal(SIGINT)]);
        change(&world, Duration::from_secs(2), |world| world.signals.push_back(terminal)).await;
        change(&world, MOMENT, |world| world.services[0].end(Exit::Signal(Signal::SIGKILL))).await;
    });
    assert_eq!(world.borrow().services[0].orders.last(), Some(&Order::Kill));
}

#[test]
fn the_end_of_the_lifeline_stops_what_runs_and_leaves_alone_what_is_ending() {
    let (outcomes, world) = run(&[settings(), settings()], async |world| {
        change(&world, MOMENT, |world| world.commands.push_back((1, Input::Stop(SIGTERM)))).await;
        change(&world, MOMENT, |world| {
            world.pipes().lifeline.as_mut().unwrap().write_all(b"means nothing").unwrap();
        })
        .await;
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0)]);
        change(&world, MOMENT, |world| world.pipes().end_lifeline()).await;
        change(&world, MOMENT, |world| {
            world.services.iter_mut().for_each(|service| service.end(Exit::Code(0)));
        })
        .await;
    });
    for service in &world.borrow().services {
        let orders = service.orders.iter().filter(|order| **order == Order::Signal(SIGTERM)).count();
        assert_eq!(orders, 1, "{service:?}");
    }
    assert!(outcomes.iter().all(|outcome| outcome.ending.requested));
}

#[test]
fn the_loss_of_the_caller_ends_everything_as_a_hangup_does_but_soon() {
    let patient = Settings { grace: Duration::from_secs(100), ..settings() };
    let (outcomes, world) = run(&[patient.clone(), patient], async |world| {
        // The second service is ending already.
        change(&world, MOMENT, |world| world.commands.push_back((1, Input::Stop(SIGTERM)))).await;
        change(&world, SECOND_LOOK + MOMENT, |world| world.pipes().lose_caller()).await;
        // The terminal's own hangup is the same event.
        let hangup = ReceivedSignal { signal: SIGHUP, sent: Some(true), sender: None };
        change(&world, MOMENT, |world| world.signals.push_back(hangup)).await;
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), Order::Signal(SIGHUP)]);
        assert_eq!(world.borrow().services[1].orders, [Order::Run(0), Order::Signal(SIGTERM)]);
        change(&world, ABANDONED_GRACE, |_| {}).await;
        for service in &world.borrow().services {
            assert_eq!(service.orders.last(), Some(&Order::Kill));
        }
        let killed = Exit::Signal(Signal::SIGKILL);
        change(&world, MOMENT, |world| world.services.iter_mut().for_each(|service| service.end(killed)))
            .await;
    });
    assert!(outcomes.iter().all(|outcome| outcome.ending.requested), "{world:?}");
}

#[test]
fn the_loss_of_the_caller_makes_no_grace_period_longer() {
    let (_, world) = run(&[settings()], async |world| {
        change(&world, settings().grace + SECOND_LOOK + MOMENT, |world| world.pipes().lose_caller()).await;
        assert_eq!(world.borrow().services[0].orders.last(), Some(&Order::Kill));
        change(&world, MOMENT, |world| world.services[0].end(Exit::Signal(Signal::SIGKILL))).await;
    });
    assert_eq!(world.borrow().services[0].starts, 1);
}

#[test]
fn the_loss_of_the_caller_ends_the_pause_before_a_restart() {
    let again = Settings { policy: Policy::Always, ..settings() };
    let (outcomes, world) = run(&[again], async |world| {
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(1))).await;
        change(&world, SECOND_LOOK + MOMENT, |world| world.pipes().lose_caller()).await;
    });
    assert!(outcomes[0].ending.requested);
    assert_eq!(world.borrow().services[0].starts, 1);
}
