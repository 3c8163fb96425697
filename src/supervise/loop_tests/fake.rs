//! A world without processes, which checks at every call that the loop keeps the rules.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::super::backend::SignalSource;
use super::super::service::{FailedRun, Input, Settings};
use super::super::{
    Backend, Condition, Control, Description, Observation, PortOwner, ProcessTree, Reload, Requested, Review,
    SchemeAnswer,
};
use super::pipes::Pipes;
use crate::event::{Level, Refusal, State, Stream, What};
use crate::port::Scheme;
use crate::process::guardian::{Order, Report};
use crate::process::signals::ReceivedSignal;
use crate::process::{Exit, Signal, Stdio};

/// The living parts of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processes {
    #[default]
    None,
    Guarded,
    Orphaned,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    #[default]
    NotYet,
    Told,
    Released,
}

#[derive(Debug, Default)]
pub struct Fake {
    pub processes: Processes,
    /// The step that runs, and whether its leader has left.
    pub step: usize,
    pub left: bool,
    pub reports: VecDeque<io::Result<Report>>,
    pub orders: Vec<Order>,
    pub starts: usize,
    /// The error of the next start.
    pub spawn_error: Option<i32>,
    /// Whether the tree ends when it is asked to.
    pub obedient: bool,
    pub listener: Option<PortOwner>,
    pub observation: Option<Observation>,
    /// How often it was asked what it speaks, and how long it takes to answer that this is TLS.
    pub asked: usize,
    pub answer: Option<Duration>,
    pub scheme: Scheme,
    /// What the next looks show while it is ready.
    pub reviews: VecDeque<Review>,
    pub other_ports: usize,
    pub stdout: Option<File>,
    /// The settings after the next restart; none if the files are wrong.
    pub reloaded: Option<Settings>,
    /// For each restart that was asked for, whether it was carried out.
    pub restarts: Vec<bool>,
    pub told: Vec<What>,
    pub state: Option<State>,
    pub end: End,
}

#[derive(Debug, Default)]
pub struct World {
    pub services: Vec<Fake>,
    pub signals: VecDeque<ReceivedSignal>,
    pub commands: VecDeque<(usize, Input)>,
    pub along: Vec<usize>,
    pub pipes: Option<Pipes>,
    /// How often bowline's own process group was stopped.
    pub stops: usize,
    pub sink_is_slow: bool,
    pub clients_are_slow: bool,
    /// Whether the services write as much as is read.
    pub floods: bool,
    pub reads: usize,
    pub read: usize,
    pub wrote: usize,
    turns: usize,
    waker: Option<Waker>,
    /// When the loop returned.
    pub ended_at: Option<Instant>,
    pub history: Vec<String>,
}

pub type Shared = Rc<RefCell<World>>;

impl World {
    pub fn shared(services: &[Settings], pipes: Pipes) -> Shared {
        let fake = |settings: &Settings| Fake {
            reloaded: Some(settings.clone()),
            other_ports: 1,
            ..Fake::default()
        };
        Rc::new(RefCell::new(Self {
            services: services.iter().map(fake).collect(),
            pipes: Some(pipes),
            ..Self::default()
        }))
    }

    pub fn is_released(&self, service: usize) -> bool {
        self.services[service].end == End::Released
    }

    pub fn pipes(&mut self) -> &mut Pipes {
        self.pipes.as_mut().unwrap()
    }

    /// Lets the loop see what has changed.
    pub fn wake(&mut self) {
        self.turns = 0;
        self.waker.iter().for_each(Waker::wake_by_ref);
    }

    fn service(&mut self, service: usize) -> &mut Fake {
        assert!(!self.is_released(service), "something after the release: {self:?}");
        &mut self.services[service]
    }
}

/// Changes the world, and lets the loop come to rest and `time` pass.
pub async fn change(world: &Shared, time: Duration, change: impl FnOnce(&mut World)) {
    change(&mut world.borrow_mut());
    world.borrow_mut().wake();
    tokio::time::sleep(time).await;
}

impl Fake {
    /// Reports that the leader has left, and that nothing else lives.
    pub fn end(&mut self, exit: Exit) {
        if !std::mem::replace(&mut self.left, true) {
            self.reports.push_back(Ok(Report::Left { step: self.step, exit }));
        }
        self.reports.push_back(Ok(Report::Empty { step: self.step }));
    }

    fn obey(&mut self, order: Order) {
        let signal = match order {
            Order::Run(step) => {
                (self.step, self.left) = (step, false);
                return;
            }
            Order::Signal(Signal::SIGTSTP | Signal::SIGCONT) => return,
            Order::Signal(signal) | Order::SignalRest(signal) => signal,
            Order::Kill => Signal::SIGKILL,
        };
        if self.obedient && self.processes == Processes::Orphaned {
            self.processes = Processes::None;
        } else if self.obedient {
            self.end(Exit::Signal(signal));
        }
    }
}

struct Tree {
    world: Shared,
    service: usize,
}

impl ProcessTree for Tree {
    fn guardian(&self) -> Option<i32> {
        let guarded = self.world.borrow().services[self.service].processes == Processes::Guarded;
        // No process has this pid.
        guarded.then_some(0)
    }

    fn order(&self, order: Order, _guardians: &[i32]) {
        let mut world = self.world.borrow_mut();
        assert_ne!(
            world.services[self.service].processes,
            Processes::None,
            "{order:?} to a dead tree: {world:?}"
        );
        let service = world.service(self.service);
        service.orders.push(order);
        service.obey(order);
        world.wake();
    }

    fn poll_report(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Report>> {
        let mut world = self.world.borrow_mut();
        let service = &mut world.services[self.service];
        let Some(report) = service.reports.pop_front() else { return Poll::Pending };
        match &report {
            Ok(Report::Empty { step }) if *step == service.step => service.processes = Processes::None,
            Ok(_) => {}
            Err(_) => service.processes = Processes::Orphaned,
        }
        Poll::Ready(report)
    }

    fn reap(&mut self) {
        let world = self.world.borrow();
        assert_ne!(world.services[self.service].processes, Processes::Guarded, "waits for ever: {world:?}");
    }

    fn is_empty(&self, _guardians: &[i32]) -> bool {
        self.world.borrow().services[self.service].processes == Processes::None
    }
}

impl Backend for Shared {
    fn stdin(&self) -> Option<OwnedFd> {
        None
    }

    fn spawn(&mut self, service: usize, stdio: Stdio) -> io::Result<Box<dyn ProcessTree>> {
        let mut world = self.borrow_mut();
        assert_eq!(world.services[service].processes, Processes::None, "over a living tree: {world:?}");
        let fake = world.service(service);
        fake.starts += 1;
        if let Some(errno) = fake.spawn_error.take() {
            return Err(io::Error::from_raw_os_error(errno));
        }
        fake.processes = Processes::Guarded;
        fake.reports.clear();
        fake.stdout = Some(stdio.stdout.into());
        Ok(Box::new(Tree { world: Rc::clone(self), service }))
    }

    fn reload(&mut self, service: usize) -> Result<Reload, (String, Refusal)> {
        let refused = || ("the files are wrong".to_owned(), Refusal { exit_code: 2, hint: None });
        let fake = &mut self.borrow_mut().services[service];
        let settings = fake.reloaded.clone().ok_or_else(refused)?;
        fake.end = End::NotYet;
        Ok(Reload { settings, changes: None, news: Vec::new() })
    }

    fn description(&self, service: usize) -> Description {
        let fake = || "fake".to_owned();
        Description { name: service.to_string(), framework: fake(), command: fake(), original: fake() }
    }

    fn verify(&mut self, service: usize, _root: i32) -> PortOwner {
        self.borrow_mut().service(service).listener.unwrap_or(PortOwner::Nobody)
    }

    fn observe(&mut self, service: usize, _root: i32, _output: &str) -> Option<Observation> {
        self.borrow_mut().service(service).observation.clone()
    }

    fn elsewhere(&self, _service: usize) -> Option<String> {
        None
    }

    fn is_redirectable(&mut self, service: usize, _run: FailedRun, _output: &str) -> bool {
        self.borrow_mut().service(service).observation.is_some()
    }

    fn redirect(&mut self, service: usize) -> What {
        self.borrow_mut().service(service).observation = None;
        What::Noted { level: Level::Plain, message: "redirected".to_owned() }
    }

    fn follow(&mut self, service: usize, _root: i32) -> Result<What, What> {
        let mut world = self.borrow_mut();
        assert_eq!(world.services[service].processes, Processes::Guarded, "followed a dead tree: {world:?}");
        world.service(service).observation = None;
        Err(What::Error { error: "it cannot be followed".to_owned() })
    }

    fn became_ready(&mut self, service: usize) -> Option<What> {
        self.borrow_mut().service(service);
        None
    }

    fn review(&mut self, service: usize, _root: i32, _output: &str) -> Review {
        let mut world = self.borrow_mut();
        assert_eq!(world.services[service].state, Some(State::Running), "looked at too late: {world:?}");
        world.service(service).reviews.pop_front().unwrap_or_default()
    }

    fn relocate(&mut self, service: usize) -> Result<What, What> {
        let mut world = self.borrow_mut();
        assert_eq!(world.services[service].processes, Processes::None, "moved a living tree: {world:?}");
        let fake = world.service(service);
        fake.listener = None;
        let message = String::new();
        if fake.other_ports > 0 {
            fake.other_ports -= 1;
            Ok(What::PortReallocated { original_port: 3000, new_port: 3001, message })
        } else {
            Err(What::PortConflict { port: 3000, message })
        }
    }

    fn release(&mut self, service: usize) {
        let mut world = self.borrow_mut();
        assert_eq!(world.services[service].processes, Processes::None, "released a living tree: {world:?}");
        let fake = world.service(service);
        assert_eq!(fake.end, End::Told, "{fake:?}");
        fake.end = End::Released;
    }

    fn find_scheme(&mut self, service: usize, _root: i32, _output: &str) -> SchemeAnswer {
        let mut world = self.borrow_mut();
        let fake = world.service(service);
        fake.asked += 1;
        let Some(answer) = fake.answer else { return SchemeAnswer::Known };
        let question = Box::pin(async move {
            tokio::time::sleep(answer).await;
            Some(Scheme::Https)
        });
        SchemeAnswer::Asked { question, patience: Duration::from_millis(250) }
    }

    fn set_scheme(&mut self, service: usize, scheme: Scheme) {
        self.borrow_mut().service(service).scheme = scheme;
    }

    fn scheme(&self, service: usize) -> Scheme {
        self.borrow().services[service].scheme
    }

    fn port(&self, _service: usize) -> u16 {
        3000
    }

    fn framework(&self, _service: usize) -> String {
        "fake".to_owned()
    }
}

impl SignalSource for Shared {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<ReceivedSignal> {
        let mut world = self.borrow_mut();
        world.turns += 1;
        assert!(world.turns < 10_000, "the loop spins: {world:?}");
        world.waker = Some(cx.waker().clone());
        world.signals.pop_front().map_or(Poll::Pending, Poll::Ready)
    }

    fn stop_group(&mut self) {
        self.borrow_mut().stops += 1;
    }

    fn reap_besides(&mut self, _kept: &[i32]) {}
}

impl Control for Shared {
    fn poll_command(&mut self, _cx: &mut Context<'_>) -> Poll<Requested> {
        let mut world = self.borrow_mut();
        let command = world.commands.pop_front();
        let (along, by) = (world.along.clone(), String::new());
        command.map_or(Poll::Pending, |(service, input)| Poll::Ready(Requested { service, input, along, by }))
    }

    fn wrote(&mut self, _service: usize, _stream: Stream, bytes: &[u8]) {
        self.borrow_mut().wrote += bytes.len();
    }

    fn notify(&mut self, service: usize, what: &What) {
        let mut world = self.borrow_mut();
        let fake = world.service(service);
        if let What::ProcessExited { state: State::Failed | State::Stopped, .. } = what {
            assert_eq!(fake.end, End::NotYet, "{fake:?}");
            fake.end = End::Told;
        }
        fake.told.push(what.clone());
    }

    fn restarting(&mut self, service: usize, _changes: Option<&str>) {
        self.borrow_mut().service(service).restarts.push(true);
    }

    fn refused(&mut self, service: usize, _error: &str, _refusal: &Refusal) {
        self.borrow_mut().services[service].restarts.push(false);
    }

    fn started(&mut self, service: usize, _description: Description) {
        self.borrow_mut().service(service);
    }

    fn changed(&mut self, service: usize, now: Condition) {
        let mut world = self.borrow_mut();
        let fake = &mut world.services[service];
        let guarded = fake.processes == Processes::Guarded;
        assert_eq!(now.guardian.is_some(), guarded, "{now:?}: {fake:?}");
        fake.state = Some(now.state);
    }

    fn poll_drain(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        if self.borrow().clients_are_slow { Poll::Pending } else { Poll::Ready(()) }
    }
}
