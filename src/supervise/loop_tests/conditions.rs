//! What has to hold before a service is ready: who is asked, how often, and for how long.

use std::time::Duration;

use super::fake::{Shared, World, change};
use super::{MOMENT, run, settings};
use crate::event::State;
use crate::port::page::Page;
use crate::process::Exit;
use crate::process::guardian::{Order, Report};
use crate::supervise::service::{Input, Settings};
use crate::supervise::{Conditions, PortOwner};

const OURS: Option<PortOwner> = Some(PortOwner::Ours { socket: 1, pid: 7 });
const SECOND: Duration = Duration::from_secs(1);

fn patient() -> Settings {
    Settings { ready_timeout: 600 * SECOND, relocations: 0, ..settings() }
}

fn http() -> Conditions {
    Conditions { http: Some(Page { host: None, path: "/".to_owned() }), ..Conditions::default() }
}

fn exec() -> Conditions {
    Conditions { exec: Some("check".to_owned()), ..Conditions::default() }
}

/// Starts the service anew, with conditions.
async fn begin(world: &Shared, conditions: Conditions) {
    change(world, MOMENT, |world| {
        world.services[0].conditions = conditions;
        world.services[0].obedient = true;
        world.commands.push_back((0, Input::Restart));
    })
    .await;
    world.borrow_mut().services[0].obedient = false;
}

fn orders(world: &World, wanted: Order) -> usize {
    world.services[0].orders.iter().filter(|order| **order == wanted).count()
}

#[test]
fn a_page_is_asked_for_at_growing_intervals_until_it_answers() {
    run(&[patient()], async |world| {
        begin(&world, http()).await;
        let no = || Err("503".to_owned());
        change(&world, MOMENT, |_| {}).await;
        assert_eq!(world.borrow().services[0].asked_for_pages, 0, "nothing listens");
        change(&world, 10 * SECOND, |world| {
            world.services[0].pages = [no(), no()].into();
            world.services[0].listener = OURS;
        })
        .await;
        let asked = world.borrow().services[0].asked_for_pages;
        assert!((10..=14).contains(&asked), "100 ms at first, then up to a second: {asked}");
        assert_eq!(world.borrow().services[0].state, Some(State::Starting));
        change(&world, 2 * SECOND, |world| world.services[0].pages = [Ok(())].into()).await;
        assert_eq!(world.borrow().services[0].state, Some(State::Running));
        let asked = world.borrow().services[0].asked_for_pages;
        change(&world, 10 * SECOND, |_| {}).await;
        assert_eq!(world.borrow().services[0].asked_for_pages, asked, "it is ready");
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
}

#[test]
fn a_stranger_is_never_asked_and_a_server_that_does_not_answer_only_once() {
    run(&[patient()], async |world| {
        begin(&world, http()).await;
        change(&world, SECOND, |world| world.services[0].listener = Some(PortOwner::Stranger)).await;
        assert_eq!(world.borrow().services[0].asked_for_pages, 0);
        change(&world, 60 * SECOND, |world| world.services[0].listener = OURS).await;
        assert_eq!(world.borrow().services[0].asked_for_pages, 1, "one request at a time");
        change(&world, SECOND, |world| {
            world.services[0].pages = [Ok(())].into();
            world.services[0].listener = Some(PortOwner::Ours { socket: 2, pid: 7 });
        })
        .await;
        assert_eq!(world.borrow().services[0].asked_for_pages, 2, "another server is another question");
        assert_eq!(world.borrow().services[0].state, Some(State::Running));
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
}

#[test]
fn a_command_that_hangs_is_killed_and_run_again() {
    run(&[patient()], async |world| {
        begin(&world, exec()).await;
        change(&world, 9 * SECOND, |world| world.services[0].listener = OURS).await;
        assert_eq!((orders(&world.borrow(), Order::Probe), orders(&world.borrow(), Order::EndProbe)), (1, 0));
        change(&world, 2 * SECOND, |_| {}).await;
        assert_eq!((orders(&world.borrow(), Order::Probe), orders(&world.borrow(), Order::EndProbe)), (1, 1));
        let probed = |exit| Ok(Report::Probed { exit });
        change(&world, SECOND, |world| {
            world.services[0].reports.push_back(probed(Exit::Signal(crate::process::Signal::SIGKILL)));
        })
        .await;
        assert_eq!(orders(&world.borrow(), Order::Probe), 2);
        change(&world, SECOND, |world| world.services[0].reports.push_back(probed(Exit::Code(0)))).await;
        assert_eq!(world.borrow().services[0].state, Some(State::Running));
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
}
