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

use super::super::service::{FailedRun, Input, Settings};
use super::super::{
    Backend, Conditions, Description, Observation, PageQuestion, PortOwner, ProcessTree, Reload, Review,
    SchemeAnswer,
};
use super::lives::{End, Processes};
use super::pipes::Pipes;
use crate::event::{Level, Refusal, State, What};
use crate::port::Scheme;
use crate::port::page::Page;
use crate::process::guardian::{Order, Report};
use crate::process::signals::ReceivedSignal;
use crate::process::{Exit, Signal, Stdio};

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
    /// How long a start takes, as on a busy disk.
    pub spawn_time: Duration,
    /// Whether the tree ends when it is asked to.
    pub obedient: bool,
    pub listener: Option<PortOwner>,
    pub observation: Option<Observation>,
    /// Why it may never be ready, once it has run for so long.
    pub obstacle: Option<(Duration, &'static str)>,
    /// How often it was asked what it speaks, and how long it takes to answer that this is TLS.
    pub asked: usize,
    pub answer: Option<Duration>,
    pub scheme: Scheme,
    pub conditions: Conditions,
    /// The answers of its server, the last of which is repeated, and how often it was asked.
    pub pages: VecDeque<Result<(), String>>,
    pub asked_for_pages: usize,
    /// What the next looks show while it is ready.
    pub reviews: VecDeque<Review>,
    pub other_ports: usize,
    pub stdout: Option<File>,
    /// The settings after the next restart; none if the files are wrong.
    pub reloaded: Option<Settings>,
    /// For each restart that was asked for, whether it was carried out.
    pub restarts: Vec<bool>,
    pub told: Vec<What>,
    /// Those that are found to be misled when it is ready for the next time, and why.
    pub misled: Option<(Vec<usize>, String)>,
    /// How often its URL was opened.
    pub opened: usize,
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
    pub turns: usize,
    pub waker: Option<Waker>,
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

    pub fn service(&mut self, service: usize) -> &mut Fake {
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
            Order::Signal(Signal::SIGTSTP | Signal::SIGCONT)
            | Order::Probe
            | Order::EndProbe
            | Order::Conclude => return,
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
        let advance = std::pin::pin!(tokio::time::advance(fake.spawn_time));
        let _time_has_passed = advance.poll(&mut Context::from_waker(Waker::noop()));
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

    fn open(&mut self, service: usize) -> What {
        self.borrow_mut().service(service).opened += 1;
        What::Noted { level: Level::Plain, message: "opened".to_owned() }
    }

    fn description(&self, service: usize) -> Description {
        Description { name: service.to_string(), ..Description::default() }
    }

    fn first_builds(&self, _service: usize) -> Vec<regex_lite::Regex> {
        Vec::new()
    }

    fn verify(&mut self, service: usize, _root: i32) -> PortOwner {
        self.borrow_mut().service(service).listener.unwrap_or(PortOwner::Nobody)
    }

    fn observe(&mut self, service: usize, _root: i32, _output: &str) -> Option<Observation> {
        self.borrow_mut().service(service).observation.clone()
    }

    fn obstacle(&mut self, service: usize, age: Duration, _output: &str) -> Option<String> {
        let obstacle = self.borrow_mut().service(service).obstacle;
        obstacle.filter(|(after, _)| age >= *after).map(|(_, why)| why.to_owned())
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

    fn told_another_address(&self, service: usize) -> Option<(Vec<usize>, String)> {
        self.borrow_mut().services[service].misled.take()
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

    fn conditions(&self, service: usize) -> Conditions {
        self.borrow().services[service].conditions.clone()
    }

    fn ask_page(&mut self, service: usize, _root: i32, _page: Page) -> Option<PageQuestion> {
        let mut world = self.borrow_mut();
        let fake = world.service(service);
        assert!(matches!(fake.listener, Some(PortOwner::Ours { .. })), "somebody else is asked: {fake:?}");
        fake.asked_for_pages += 1;
        let is_last = fake.pages.len() == 1;
        let answer = if is_last { fake.pages.front().cloned() } else { fake.pages.pop_front() };
        Some(answer.map_or_else(
            || Box::pin(std::future::pending()) as PageQuestion,
            |answer| Box::pin(std::future::ready(answer)),
        ))
    }

    fn hook_before(&self, _service: usize) -> Option<&str> {
        None
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
