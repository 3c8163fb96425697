//! Clients that do not read, and services that never stop writing.

use std::io::Write;
use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Shared, World, change};
use super::{MOMENT, run, settings};
use crate::event::State;
use crate::process::guardian::Order;
use crate::process::signals::ReceivedSignal;
use crate::process::{Exit, Signal};
use crate::supervise::PortOwner;
use crate::supervise::service::Input;

const TERMINATION: ReceivedSignal =
    ReceivedSignal { signal: Signal::SIGTERM, sent: Some(true), sender: None };

fn write(world: &mut World, bytes: &[u8]) {
    let stdout = world.services[0].stdout.as_mut().unwrap();
    stdout.write_all(bytes).unwrap();
}

#[test]
fn a_stalled_reader_delays_neither_signals_nor_ends() {
    let (_, world) = run(&[settings()], async |world| {
        change(&world, MOMENT, |world| {
            (world.sink_is_slow, world.clients_are_slow) = (true, true);
            write(world, b"nobody reads this\n");
        })
        .await;
        assert_eq!(world.borrow().read, 0, "there is no room");
        change(&world, MOMENT, |world| world.signals.push_back(TERMINATION)).await;
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), Order::Signal(Signal::SIGTERM)]);
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
        assert!(world.borrow().is_released(0), "before anybody reads");
        // A second signal gives up the rest of the output.
        change(&world, MOMENT, |world| world.signals.push_back(TERMINATION)).await;
    });
    assert_eq!(world.borrow().read, b"nobody reads this\n".len(), "the rest is passed on");
}

#[test]
fn a_client_that_does_not_read_delays_the_end_by_a_tenth_of_a_second() {
    let mut last = None;
    let (outcomes, world) = run(&[settings()], async |world| {
        change(&world, MOMENT, |world| world.clients_are_slow = true).await;
        last = Some(Instant::now());
        world.borrow_mut().services[0].end(Exit::Code(0));
        world.borrow_mut().wake();
    });
    assert_eq!(Some(outcomes[0].at), last);
    let delay = world.borrow().ended_at.unwrap() - outcomes[0].at;
    assert!((100..110).contains(&delay.as_millis()), "{delay:?} of the test's own clock");
}

/// Lets the loop read once more.
async fn turn(world: &Shared) {
    let reads = world.borrow().reads;
    while world.borrow().reads == reads {
        tokio::task::yield_now().await;
    }
    world.borrow_mut().wake();
}

#[test]
fn a_flood_of_output_starves_nothing_and_is_not_buffered() {
    let (_, world) = run(&[settings(), settings()], async |world| {
        world.borrow_mut().floods = true;
        write(&mut world.borrow_mut(), &[b'x'; 4096]);
        for _ in 0..1_000 {
            turn(&world).await;
        }
        world.borrow_mut().commands.push_back((1, Input::Restart));
        turn(&world).await;
        turn(&world).await;
        assert_eq!(world.borrow().services[1].orders, [Order::Run(0), Order::Signal(Signal::SIGTERM)]);
        world.borrow_mut().services[1].end(Exit::Code(0));
        turn(&world).await;
        turn(&world).await;
        assert_eq!(world.borrow().services[1].starts, 2, "a report is acted on");
        world.borrow_mut().signals.push_back(TERMINATION);
        turn(&world).await;
        turn(&world).await;
        let term = Order::Signal(Signal::SIGTERM);
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), term]);
        // The clock stands still while the loop has something to read.
        tokio::time::advance(settings().grace).await;
        turn(&world).await;
        turn(&world).await;
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), term, Order::Kill]);
        world.borrow_mut().floods = false;
        let kill = |world: &mut World| {
            world.services.iter_mut().for_each(|service| service.end(Exit::Signal(Signal::SIGKILL)));
        };
        change(&world, MOMENT, kill).await;
    });
    let world = world.borrow();
    assert!(world.read > 1_000 * 4096);
    assert_eq!(world.read, world.wrote, "everybody gets all of it");
}

#[test]
fn events_faster_than_the_check_interval_do_not_postpone_checks() {
    let resize = ReceivedSignal { signal: Signal::SIGWINCH, sent: Some(false), sender: None };
    run(&[settings()], async |world| {
        world.borrow_mut().services[0].listener = Some(PortOwner::Ours { socket: 1, pid: 7 });
        for _ in 0..30 {
            change(&world, Duration::from_millis(1), |world| world.signals.push_back(resize)).await;
        }
        assert_eq!(world.borrow().services[0].state, Some(State::Running));
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
}
