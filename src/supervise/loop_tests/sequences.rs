//! Every sequence of inputs to a depth, through the loop. The rules are in [`super::fake`], which sees each call.

use std::collections::HashSet;
use std::time::Duration;

use nix::libc::{EIO, ENOENT};
use tokio::time::timeout;

use super::fake::{Fake, Shared, World};
use super::lives::Processes;
use super::sink::FakeSink;
use super::{FOR_EVER, MOMENT, PAUSE, runtime, settings, supervisor};
use crate::event::State;
use crate::process::guardian::Report;
use crate::process::signals::ReceivedSignal;
use crate::process::{Exit, Signal};
use crate::supervise::restart::Policy;
use crate::supervise::run::Instance;
use crate::supervise::service::{Input, Overdue, Settings};
use crate::supervise::{Observation, PortOwner, Supervisor};

const DEPTH: usize = 4;

/// Longer than the settling time.
const SETTLED: Duration = Duration::from_millis(1_600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    LeaderLeaves(u8),
    /// With nothing left of the tree, before the order to run the next step arrives.
    AllLeave,
    TreeEmpties,
    StepFails,
    DirectoryIsGone,
    GuardianDies,
    OrphansEnd,
    Listens(PortOwner),
    IsElsewhere {
        redirectable: bool,
    },
    Waits,
    Command(Input),
    Signal(Signal),
    LifelineEnds,
    TimePasses,
}

const MOVES: [Move; 21] = [
    Move::LeaderLeaves(0),
    Move::LeaderLeaves(1),
    Move::AllLeave,
    Move::TreeEmpties,
    Move::StepFails,
    Move::DirectoryIsGone,
    Move::GuardianDies,
    Move::OrphansEnd,
    Move::Listens(PortOwner::Ours { socket: 1, pid: 7 }),
    Move::Listens(PortOwner::Nobody),
    Move::Listens(PortOwner::Stranger),
    Move::IsElsewhere { redirectable: true },
    Move::IsElsewhere { redirectable: false },
    Move::Waits,
    Move::Command(Input::Stop(Signal::SIGTERM)),
    Move::Command(Input::Kill),
    Move::Command(Input::Restart),
    Move::Signal(Signal::SIGINT),
    Move::Signal(Signal::SIGTSTP),
    Move::LifelineEnds,
    Move::TimePasses,
];

impl Move {
    /// Whether the world can make this move now.
    fn is_possible(self, world: &World) -> bool {
        let service = &world.services[0];
        let guarded = service.processes == Processes::Guarded;
        match self {
            Self::LeaderLeaves(_) | Self::AllLeave | Self::StepFails | Self::DirectoryIsGone => {
                guarded && !service.left
            }
            Self::TreeEmpties => guarded && service.left,
            Self::GuardianDies => guarded,
            Self::OrphansEnd => service.processes == Processes::Orphaned,
            Self::Listens(listener) => service.listener.unwrap_or(PortOwner::Nobody) != listener,
            Self::IsElsewhere { .. } | Self::Waits => {
                guarded && service.state == Some(State::Starting) && service.observation.is_none()
            }
            Self::LifelineEnds => world.pipes.as_ref().is_some_and(|pipes| pipes.lifeline.is_some()),
            Self::Command(_) | Self::Signal(_) | Self::TimePasses => true,
        }
    }

    fn make(self, world: &mut World) {
        let step = world.services[0].step;
        let service = &mut world.services[0];
        match self {
            Self::LeaderLeaves(code) => {
                service.left = true;
                service.reports.push_back(Ok(Report::Left { step, exit: Exit::Code(code) }));
            }
            Self::AllLeave => service.end(Exit::Code(0)),
            Self::TreeEmpties => service.reports.push_back(Ok(Report::Empty { step })),
            Self::StepFails => {
                service.left = true;
                service.reports.push_back(Ok(Report::Failed { step, errno: ENOENT, no_directory: false }));
            }
            Self::DirectoryIsGone => {
                service.left = true;
                service.reports.push_back(Ok(Report::Failed { step, errno: ENOENT, no_directory: true }));
            }
            Self::GuardianDies => service.reports.push_back(Err(std::io::Error::from_raw_os_error(EIO))),
            Self::OrphansEnd => {
                service.processes = Processes::None;
                world.signals.push_back(ReceivedSignal {
                    signal: Signal::SIGCHLD,
                    sent: Some(false),
                    sender: None,
                });
            }
            Self::Listens(listener) => service.listener = Some(listener),
            Self::IsElsewhere { redirectable } => observe(service, vec![4000], redirectable),
            Self::Waits => observe(service, vec![], true),
            Self::Command(input) => world.commands.push_back((0, input)),
            Self::Signal(signal) => {
                world.signals.push_back(ReceivedSignal { signal, sent: Some(false), sender: None });
            }
            Self::LifelineEnds => world.pipes().end_lifeline(),
            Self::TimePasses => {}
        }
    }

    fn takes(self, world: &World) -> Duration {
        match (self, world.services[0].state) {
            (Self::TimePasses, Some(State::Running)) => SETTLED,
            (Self::TimePasses, _) => PAUSE,
            (_, _) => MOMENT,
        }
    }
}

fn observe(service: &mut Fake, ports: Vec<u16>, redirectable: bool) {
    service.observation = Some(Observation { ports, redirectable, patience: Some(Duration::ZERO) });
}

/// Equal for two supervisors that behave alike from here on: times and history are left out.
fn key(supervisor: &Supervisor<Shared, FakeSink, Shared>, world: &World) -> String {
    let Instance { service, orphans, readiness, .. } = &supervisor.instances[0];
    let Fake { processes, step, left, listener, observation, .. } = &world.services[0];
    let inner = (service, orphans, readiness, supervisor.interrupted);
    let text = format!(
        "{inner:?} {processes:?} {step} {left} {listener:?} {observation:?} {:?}",
        world.pipes.as_ref().map(|pipes| pipes.lifeline.is_some())
    );
    let mut parts = text.split("Instant {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |key, part| key + part.split_once('}').map_or(part, |(_, rest)| rest))
}

/// Makes the moves and then kills what still runs. Unless the service had ended by then, returns the key of the
/// state before the kill and the moves possible there.
async fn play(settings: &Settings, moves: &[Move]) -> Option<(String, Vec<Move>)> {
    let (mut supervisor, world) = supervisor(std::slice::from_ref(settings));
    for step in moves {
        let time = step.takes(&world.borrow());
        world.borrow_mut().history.push(format!("{step:?}"));
        step.make(&mut world.borrow_mut());
        world.borrow_mut().wake();
        let _rests = timeout(time, supervisor.run_services()).await;
    }
    let ended = world.borrow().is_released(0);
    let reached = (!ended).then(|| {
        let possible = MOVES.into_iter().filter(|step| step.is_possible(&world.borrow())).collect();
        (key(&supervisor, &world.borrow()), possible)
    });
    if !ended {
        world.borrow_mut().history.push("the end".to_owned());
        world.borrow_mut().services[0].obedient = true;
        world.borrow_mut().commands.push_back((0, Input::Kill));
        world.borrow_mut().wake();
    }
    let end = timeout(FOR_EVER, supervisor.run()).await;
    assert!(
        end.is_ok_and(|finished| finished.outcomes.len() == 1),
        "the loop does not end: {:?}",
        world.borrow()
    );
    assert!(world.borrow().is_released(0), "{:?}", world.borrow());
    reached
}

/// Plays every sequence of moves, except those whose start leads to a state that another sequence has reached.
async fn walk(settings: Settings) {
    let (key, possible) = play(&settings, &[]).await.unwrap();
    let mut seen = HashSet::from([key]);
    let mut sequences = vec![(Vec::new(), possible)];
    let mut played = 0;
    for _ in 0..DEPTH {
        let mut longer = Vec::new();
        for (sequence, possible) in sequences {
            for step in possible {
                let moves: Vec<Move> = sequence.iter().copied().chain([step]).collect();
                played += 1;
                if let Some((key, possible)) = play(&settings, &moves).await
                    && seen.insert(key)
                {
                    longer.push((moves, possible));
                }
            }
        }
        sequences = longer;
    }
    assert!(played > 1_000, "{played}");
}

#[test]
fn no_sequence_of_inputs_breaks_the_rules_of_the_loop() {
    runtime().block_on(walk(settings()));
}

#[test]
fn no_sequence_of_inputs_breaks_the_rules_of_a_service_that_is_started_again_and_again() {
    let always = Settings {
        policy: Policy::Always,
        overdue: Overdue::Ended,
        steps: 2,
        main: 1,
        relocations: 0,
        ..settings()
    };
    runtime().block_on(walk(always));
}
