//! Restarts that are asked for: by what the files say now, or not at all.

use super::fake::change;
use super::{MOMENT, run, settings};
use crate::process::Exit;
use crate::process::guardian::Order;
use crate::supervise::service::{Input, Settings};

#[test]
fn a_restart_with_wrong_files_leaves_the_service_alone() {
    let (_, world) = run(&[settings()], async |world| {
        change(&world, MOMENT, |world| {
            world.services[0].reloaded = None;
            world.commands.push_back((0, Input::Restart));
        })
        .await;
        assert_eq!(world.borrow().services[0].restarts, [false]);
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0)]);
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
    assert_eq!(world.borrow().services[0].starts, 1);
}

#[test]
fn a_restart_has_the_settings_of_the_files_from_the_next_start_on() {
    let (_, world) = run(&[settings()], async |world| {
        change(&world, MOMENT, |world| {
            world.services[0].reloaded = Some(Settings { steps: 2, main: 1, ..settings() });
            world.commands.push_back((0, Input::Restart));
        })
        .await;
        assert_eq!(world.borrow().services[0].restarts, [true]);
        // The run that is being ended has one step: its end with 0 begins no second one.
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
        assert_eq!((world.borrow().services[0].starts, world.borrow().services[0].step), (2, 0));
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
        assert_eq!(world.borrow().services[0].step, 1, "now there are two");
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(1))).await;
    });
    assert_eq!(world.borrow().services[0].starts, 2);
}
