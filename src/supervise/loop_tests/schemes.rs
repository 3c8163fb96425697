//! What servers speak: waited for, late, and asked again.

use std::io::Write;
use std::time::Duration;

use super::fake::{World, change};
use super::{MOMENT, PAUSE, run, settings};
use crate::event::What;
use crate::process::Exit;
use crate::supervise::PortOwner;

const SOON: Duration = Duration::from_millis(100);
const LATE: Duration = Duration::from_secs(1);

fn listen(world: &mut World, socket: u64, answer: Option<Duration>) {
    world.services[0].answer = answer;
    world.services[0].listener = Some(PortOwner::Ours { socket, pid: 7 });
}

/// The URLs that were told, and whether each was the first of a start.
fn told(world: &World) -> Vec<(&str, bool)> {
    let urls = world.services[0].told.iter().filter_map(|what| {
        if let What::PortDetected { url, after, .. } = what { Some((&**url, after.is_some())) } else { None }
    });
    urls.collect()
}

const HTTP: &str = "http://localhost:3000";
const HTTPS: &str = "https://localhost:3000";

#[test]
fn readiness_waits_for_the_answer_but_not_for_long() {
    for (answer, first, all) in [
        (None, vec![(HTTP, true)], vec![(HTTP, true)]),
        (Some(SOON), vec![], vec![(HTTPS, true)]),
        (Some(LATE), vec![], vec![(HTTP, true), (HTTPS, false)]),
    ] {
        run(&[settings()], async |world| {
            change(&world, MOMENT, |world| listen(world, 1, answer)).await;
            assert_eq!(told(&world.borrow()), first, "{answer:?}");
            change(&world, 2 * LATE, |_| {}).await;
            assert_eq!((told(&world.borrow()), world.borrow().services[0].asked), (all, 1), "{answer:?}");
            change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
        });
    }
}

#[test]
fn another_listener_is_asked_anew_once_there_is_output() {
    run(&[settings()], async |world| {
        let write = |world: &mut World| {
            world.services[0].stdout.as_mut().unwrap().write_all(b"starting again\n").unwrap();
        };
        change(&world, PAUSE, |world| listen(world, 1, None)).await;
        change(&world, PAUSE, write).await;
        assert_eq!(world.borrow().services[0].asked, 1, "it is the same one");
        change(&world, PAUSE, |world| {
            write(world);
            world.services[0].listener = None;
        })
        .await;
        change(&world, LATE, |world| listen(world, 2, Some(SOON))).await;
        assert_eq!(told(&world.borrow()), [(HTTP, true), (HTTPS, false)]);
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
}

#[test]
fn the_answer_of_a_listener_that_is_gone_does_not_count() {
    run(&[settings()], async |world| {
        change(&world, MOMENT, |world| listen(world, 1, Some(PAUSE / 2))).await;
        change(&world, MOMENT, |world| listen(world, 2, None)).await;
        change(&world, 2 * LATE, |_| {}).await;
        assert_eq!(told(&world.borrow()), [(HTTP, true)]);
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
}
