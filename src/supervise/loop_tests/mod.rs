//! The loop without processes: the backend, the trees, signals, clients and the clock are the test's own.

mod clients;
mod conditions;
mod failures;
mod fake;
mod lives;
mod order;
mod pipes;
mod pressure;
mod restarts;
mod schemes;
mod sequences;
mod signals;
mod sink;

use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use super::restart::Policy;
use super::service::{Overdue, ReadyAt, Service, Settings};
use super::{Finished, Lifeline, LoopInputs, Outcome, StartOrder, Supervisor};
use crate::graph::Graph;
use crate::process::caller::CallerWatch;
use fake::{Shared, World};
use lives::End;
use pipes::Pipes;
use sink::FakeSink;

/// Longer than any pause or deadline of [`settings`], except the settling time.
const PAUSE: Duration = Duration::from_millis(300);
/// Long enough for the loop to believe a listener, shorter than every deadline of [`settings`].
const MOMENT: Duration = Duration::from_millis(15);
/// Longer than all that the loop does.
const FOR_EVER: Duration = Duration::from_secs(3_600);

fn settings() -> Settings {
    Settings {
        steps: 1,
        main: 0,
        policy: Policy::Never,
        grace: Duration::from_millis(200),
        ready_timeout: Duration::from_millis(250),
        overdue: Overdue::Warned,
        relocations: 1,
        redirects: 1,
        follows: true,
        ready_at: ReadyAt::Listener,
        finishes: false,
    }
}

/// A runtime whose clock advances only when every task is idle.
fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

/// A supervisor of one started service for each of `settings`. Needs a running runtime.
fn supervisor(settings: &[Settings]) -> (Supervisor<Shared, FakeSink, Shared>, Shared) {
    ordered(settings, StartOrder { graph: Graph::unordered(settings.len()), fail_fast: false })
}

/// A supervisor that has begun. Needs a running runtime.
fn ordered(settings: &[Settings], order: StartOrder) -> (Supervisor<Shared, FakeSink, Shared>, Shared) {
    let pipes = Pipes::new().unwrap();
    let lifeline = Lifeline::new(pipes.lifeline_reader.try_clone().unwrap()).unwrap();
    let caller = CallerWatch::new(&[pipes.output.as_fd()], None).unwrap();
    let world = World::shared(settings, pipes);
    let services = settings.iter().map(|settings| Service::new(settings.clone(), Instant::now())).collect();
    let inputs = LoopInputs {
        signals: Box::new(Rc::clone(&world)),
        console: None,
        terminal: None,
        lifeline: Some(lifeline),
        caller: Some(caller),
        control: Rc::clone(&world),
    };
    let mut supervisor = Supervisor::new(services, order, Rc::clone(&world), FakeSink::new(&world), inputs);
    supervisor.start_all();
    (supervisor, world)
}

/// Runs services to their ends, and `script` concurrently.
fn run(settings: &[Settings], script: impl AsyncFnOnce(Shared)) -> (Vec<Outcome>, Shared) {
    let order = StartOrder { graph: Graph::unordered(settings.len()), fail_fast: false };
    run_ordered(settings, order, script)
}

/// As [`run`], in an order.
fn run_ordered(
    settings: &[Settings],
    order: StartOrder,
    script: impl AsyncFnOnce(Shared),
) -> (Vec<Outcome>, Shared) {
    runtime().block_on(async {
        let (supervisor, world) = ordered(settings, order);
        let ended = async {
            let ended = tokio::time::timeout(FOR_EVER, supervisor.run()).await;
            world.borrow_mut().ended_at = Some(Instant::now());
            ended
        };
        let (ended, ()) = tokio::join!(ended, script(Rc::clone(&world)));
        let Ok(Finished { outcomes, .. }) = ended else {
            panic!("the loop does not end: {:?}", world.borrow())
        };
        assert_eq!(outcomes.len(), settings.len(), "{:?}", world.borrow());
        assert!(
            world.borrow().services.iter().all(|service| service.end == End::Released),
            "{:?}",
            world.borrow()
        );
        (outcomes, world)
    })
}
