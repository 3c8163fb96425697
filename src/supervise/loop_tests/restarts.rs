//! Restarts that are asked for: by what the files say now, or not at all.

use super::fake::change;
use super::{MOMENT, PAUSE, run, settings};
use crate::event::What;
use crate::process::Exit;
use crate::process::guardian::Order;
use crate::supervise::PortOwner;
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

#[test]
fn what_was_told_another_port_is_restarted_once_and_told_why() {
    let (_, world) = run(&[settings(), settings()], async |world| {
        change(&world, MOMENT, |world| {
            for service in &mut world.services {
                service.obedient = true;
                service.listener = Some(PortOwner::Ours { socket: 1, pid: 1 });
            }
            world.services[0].misled = Some((vec![1], "`0` is on port 1 now".to_owned()));
        })
        .await;
        tokio::time::sleep(PAUSE).await;
        assert_eq!(world.borrow().services.iter().map(|one| one.starts).collect::<Vec<_>>(), [1, 2]);
        let why = "restarted by bowline: `0` is on port 1 now";
        let is_why = |what: &&What| matches!(what, What::Noted { message, .. } if message == why);
        assert_eq!(world.borrow().services[1].told.iter().filter(is_why).count(), 1);
        change(&world, MOMENT, |world| world.services.iter_mut().for_each(|one| one.end(Exit::Code(0))))
            .await;
    });
    assert_eq!(world.borrow().services[1].starts, 2);
}
