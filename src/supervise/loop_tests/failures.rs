//! Guardians that fail to begin, and what becomes of the service and its port.

use std::io;
use std::time::Duration;

use nix::libc::{EAGAIN, EIO, ENOENT};

use super::fake::{World, change};
use super::lives::Processes;
use super::{MOMENT, run, settings};
use crate::event::{FailureReason, What};
use crate::process::guardian::{Order, Report};
use crate::process::{Exit, Signal};
use crate::supervise::restart::Policy;
use crate::supervise::service::{Ending, Input, Overdue, Settings};
use crate::supervise::{Outcome, PortOwner};

fn ending(outcomes: &[Outcome]) -> Ending {
    let [outcome] = outcomes else { panic!("{outcomes:?}") };
    outcome.ending
}

/// Starts a second service whose guardian cannot be made, which leaves the first one alone.
#[test]
fn a_guardian_that_cannot_be_forked_ends_its_service_and_no_other() {
    let (outcomes, world) = run(&[settings(), settings()], async |world| {
        change(&world, MOMENT, |world| {
            world.commands.push_back((1, Input::Restart));
            world.services[1].obedient = true;
            world.services[1].spawn_error = Some(EAGAIN);
        })
        .await;
        assert_eq!(world.borrow().services[1].processes, Processes::None);
        assert!(world.borrow().is_released(1));
        assert!(!world.borrow().is_released(0));
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
    assert_eq!(world.borrow().services[1].starts, 2);
    let Ending { exit, errno, failure, requested, .. } = outcomes[1].ending;
    assert_eq!((exit, errno, failure, requested), (None, Some(EAGAIN), Some(FailureReason::Unknown), false));
}

#[test]
fn a_guardian_that_cannot_be_forked_is_retried_by_the_restart_policy() {
    let always = Settings { policy: Policy::OnFailure, ..settings() };
    let (outcomes, world) = run(&[always], async |world| {
        for _ in 0..6 {
            change(&world, Duration::from_secs(10), |world| {
                world.services[0].spawn_error = Some(EAGAIN);
                let crash = world.services[0].processes == Processes::Guarded;
                if crash {
                    world.services[0].end(Exit::Code(1));
                }
            })
            .await;
        }
    });
    assert!(ending(&outcomes).gave_up);
    assert_eq!(world.borrow().services[0].starts, 6);
}

#[test]
fn a_first_step_that_cannot_be_started_ends_the_service() {
    for (errno, no_directory, reason) in [
        (ENOENT, false, FailureReason::CommandNotFound),
        (EAGAIN, false, FailureReason::Unknown),
        (ENOENT, true, FailureReason::DirectoryMissing),
    ] {
        let report = Report::Failed { step: 0, errno, no_directory };
        let (outcomes, world) = run(&[settings()], async |world| {
            let fail = |world: &mut World| {
                world.services[0].reports.extend([Ok(report), Ok(Report::Empty { step: 0 })]);
            };
            change(&world, MOMENT, fail).await;
        });
        let ending = ending(&outcomes);
        assert_eq!((ending.exit, ending.failure), (None, Some(reason)), "{report:?}");
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), Order::Signal(Signal::SIGTERM)]);
    }
}

#[test]
fn the_orphans_of_a_guardian_that_dies_before_its_first_report_are_ended_and_then_killed() {
    let (outcomes, world) = run(&[settings()], async |world| {
        let die =
            |world: &mut World| world.services[0].reports.push_back(Err(io::Error::from_raw_os_error(EIO)));
        change(&world, MOMENT, die).await;
        assert_eq!(world.borrow().services[0].processes, Processes::Orphaned);
        let term = Order::Signal(Signal::SIGTERM);
        assert_eq!(world.borrow().services[0].orders, [Order::Run(0), term]);
        change(&world, settings().grace, |_| {}).await;
        let killed = world.borrow().services[0].orders.len();
        assert_eq!(world.borrow().services[0].orders[2], Order::Kill);
        // They may fork faster than they are killed.
        change(&world, Duration::from_millis(60), |_| {}).await;
        assert!(world.borrow().services[0].orders.len() > killed);
        assert!(!world.borrow().is_released(0));
        change(&world, Duration::from_millis(60), |world| world.services[0].processes = Processes::None)
            .await;
        assert!(world.borrow().is_released(0));
    });
    let ending = ending(&outcomes);
    assert_eq!((ending.exit, ending.failure), (None, Some(FailureReason::Unknown)));
    let warned = |what: &What| matches!(what, What::Noted { message, .. } if message.contains("guardian"));
    assert!(world.borrow().services[0].told.iter().any(warned));
}

#[test]
fn what_listens_on_nothing_is_told_how_to_have_no_port() {
    let (_, world) = run(&[settings()], async |world| {
        change(&world, 2 * settings().ready_timeout, |_| {}).await;
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
    let cure = "If it is no server, `port = false` in bowline.toml says so";
    let warned = |what: &What| matches!(what, What::Noted { message, .. } if message.ends_with(cure));
    assert!(world.borrow().services[0].told.iter().any(warned));
}

#[test]
fn the_time_that_a_start_waits_for_the_disk_is_not_the_scripts() {
    let ready_timeout = settings().ready_timeout;
    let (_, world) = run(&[Settings { overdue: Overdue::Ended, ..settings() }], async |world| {
        change(&world, MOMENT, |world| {
            let service = &mut world.services[0];
            (service.obedient, service.spawn_time) = (true, 4 * ready_timeout);
            world.commands.push_back((0, Input::Restart));
        })
        .await;
        change(&world, ready_timeout / 2, |_| {}).await;
        assert_eq!(world.borrow().services[0].processes, Processes::Guarded, "half of its time is left");
        change(&world, ready_timeout, |_| {}).await;
        assert!(world.borrow().is_released(0), "its time is over");
    });
    assert_eq!(world.borrow().services[0].starts, 2);
}

#[test]
fn an_obstacle_is_told_once_and_not_before_the_script_itself_runs() {
    let ready_timeout = Duration::from_secs(2);
    let prepared = Settings { steps: 2, main: 1, ready_timeout, ..settings() };
    let (_, world) = run(&[prepared], async |world| {
        let age = Duration::from_millis(300);
        let begin = |world: &mut World| world.services[0].obstacle = Some((age, "no server"));
        change(&world, Duration::from_secs(1), begin).await;
        let messages = |world: &World| {
            let told = world.services[0].told.iter();
            let message = |what: &What| {
                if let What::Noted { message, .. } = what { Some(message.clone()) } else { None }
            };
            told.filter_map(message).collect::<Vec<_>>()
        };
        assert_eq!(messages(&world.borrow()), [""; 0], "what runs before it is no server");
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
        change(&world, ready_timeout, |_| {}).await;
        let told = messages(&world.borrow());
        assert!(told[0] == "no server" && told[1].ends_with("yet; still waiting for it"), "{told:?}");
        assert_eq!(told.len(), 2, "{told:?}");
        change(&world, MOMENT, |world| world.services[0].end(Exit::Code(0))).await;
    });
    assert_eq!(world.borrow().services[0].starts, 1);
}

#[test]
fn a_stranger_that_stays_on_the_port_makes_the_service_move_until_there_is_no_other_port() {
    let (outcomes, world) = run(&[settings()], async |world| {
        for _ in 0..2 {
            change(&world, Duration::from_secs(3), |world| {
                let service = &mut world.services[0];
                service.obedient = true;
                service.listener = Some(PortOwner::Stranger);
            })
            .await;
        }
    });
    assert_eq!(world.borrow().services[0].starts, 2);
    assert_eq!(ending(&outcomes).failure, Some(FailureReason::PortInUse));
}
