//! Services that count as ready though nothing was seen of that.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::walk::{DEPTH, run, settings, walk};
use super::{Effect, Input, Notice, Overdue, ReadyAt, Service, Settings};
use crate::process::guardian::Order;
use crate::process::{Exit, Signal};
use crate::supervise::restart::Policy;

#[test]
fn a_service_that_is_accepted_counts_as_ready_once_the_time_is_over() {
    for ready_at in [ReadyAt::Listener, ReadyAt::FirstBuild] {
        let now = Instant::now();
        let settings = Settings {
            ready_at,
            overdue: Overdue::Accepted,
            finishes: true,
            ..settings(Policy::Never, true, 1)
        };
        walk(&Service::new(settings.clone(), now), now, DEPTH, &mut HashSet::new());
        let mut service = Service::new(settings, now);
        let left = |step| Input::Left { step, exit: Exit::Code(0), listening: false };
        run(&mut service, now, &[Input::Start, left(0)]);
        let waited = Duration::from_secs(60);
        let effects = run(&mut service, now + waited, &[Input::Tick]);
        assert_eq!(effects, [Effect::Notify(Notice::Unproven), Effect::Notify(Notice::Ready(waited))]);
        assert_eq!((service.state(), service.deadline()), (crate::event::State::Running, None));
        let empty = Input::Empty { stranger: false, redirectable: false };
        run(&mut service, now + waited, &[left(1), empty]);
        assert_eq!(service.state(), crate::event::State::Done);
    }
}

#[test]
fn what_runs_before_a_service_that_is_accepted_may_not_take_longer() {
    let now = Instant::now();
    let settings = Settings { overdue: Overdue::Accepted, ..settings(Policy::Never, true, 1) };
    let mut service = Service::new(settings, now);
    run(&mut service, now, &[Input::Start]);
    let effects = run(&mut service, now + Duration::from_secs(60), &[Input::Tick]);
    assert_eq!(effects, [Effect::Order(Order::Signal(Signal::SIGTERM))]);
}
