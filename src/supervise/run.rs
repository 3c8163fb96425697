//! The loop itself.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::service::{Effect, Input, Service};
use super::stage::{Guarded, Lookout, Stage};
use super::{Condition, Console, Control, Lifeline, Listener, Outcome, Sink, World, orphans};
use crate::event::{Level, State, What};
use crate::process::guardian::{Order, Report};
use crate::process::signals::{Caught, Signals};
use crate::process::{Signal, memory};

/// How often the kernel is asked who listens while a service is not ready. There is no event for listen(2) that a
/// program without privileges could wait for; a ready service is not asked about at all.
const LOOK: Duration = Duration::from_millis(4);
/// How often the tree of a guardian that died is looked at until it is gone.
const ORPHANS: Duration = Duration::from_millis(50);

/// Something that the loop has to act on.
#[derive(Clone, Copy)]
enum Happening {
    Signal(Caught),
    Key(Signal),
    Report(usize, Report),
    GuardianLost(usize),
    LifelineEnded,
    Command(usize, Input),
}

/// Where the loop hears what it shall do.
#[derive(Debug)]
pub struct Inputs<C> {
    /// The signals of this process.
    pub signals: Signals,
    /// The user's terminal. With one there is only one service.
    pub console: Option<Console>,
    /// Everybody else.
    pub control: C,
    /// Whose end stops every service.
    pub lifeline: Option<Lifeline>,
}

/// The loop.
pub struct Supervisor<W, S, C> {
    pub(super) world: W,
    pub(super) sink: S,
    pub(super) control: C,
    pub(super) signals: Signals,
    pub(super) console: Option<Console>,
    lifeline: Option<Lifeline>,
    pub(super) stages: Vec<Stage>,
    pub(super) outcomes: Vec<Option<Outcome>>,
    pub(super) interrupted: Option<(Caught, Instant)>,
    pub(super) impatient: bool,
}

impl<W: World, S: Sink, C: Control> Supervisor<W, S, C> {
    /// A supervisor of `services`, none of which is started yet.
    pub fn new(services: Vec<Service>, world: W, sink: S, inputs: Inputs<C>) -> Self {
        let Inputs { signals, console, control, lifeline } = inputs;
        let outcomes = services.iter().map(|_| None).collect();
        let stages = services.into_iter().map(Stage::new).collect();
        Self {
            world,
            sink,
            control,
            signals,
            console,
            lifeline,
            stages,
            outcomes,
            interrupted: None,
            impatient: false,
        }
    }

    /// Starts every service. To be called within the runtime.
    pub fn start_all(&mut self) {
        for index in 0..self.stages.len() {
            self.feed(index, Input::Start);
        }
    }

    /// Where output and events go, and what the services are.
    pub fn sink_and_world(&mut self) -> (&mut S, &mut W) {
        (&mut self.sink, &mut self.world)
    }

    /// Runs until the last service has ended and its output is written.
    pub async fn run(mut self) -> (Vec<Outcome>, W) {
        while !self.stages.iter().all(|stage| stage.service.has_ended()) {
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                happening = poll_fn(|cx| self.poll(cx)) => self.handle(happening),
                () = sleep_until(deadline) => self.pass_time(),
            }
        }
        self.flush().await;
        self.console = None;
        (self.outcomes.into_iter().flatten().collect(), self.world)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Happening> {
        if let Poll::Ready(caught) = self.signals.poll_next(cx) {
            return Poll::Ready(Happening::Signal(caught));
        }
        if let Some(Poll::Ready(signal)) = self.console.as_mut().map(|console| console.poll_keys(cx)) {
            return Poll::Ready(Happening::Key(signal));
        }
        for (index, stage) in self.stages.iter().enumerate() {
            match stage.guarded.as_ref().map(|guarded| guarded.poll_report(cx)) {
                Some(Poll::Ready(Ok(report))) => return Poll::Ready(Happening::Report(index, report)),
                Some(Poll::Ready(Err(_))) => return Poll::Ready(Happening::GuardianLost(index)),
                Some(Poll::Pending) | None => {}
            }
        }
        self.poll_output(cx);
        if let Some(Poll::Ready(())) = self.lifeline.as_ref().map(|lifeline| lifeline.poll_end(cx)) {
            return Poll::Ready(Happening::LifelineEnded);
        }
        // Last, so that whoever is connected never comes before the services.
        self.control.poll_command(cx).map(|(index, input)| Happening::Command(index, input))
    }

    fn handle(&mut self, happening: Happening) {
        match happening {
            Happening::Signal(caught) => self.signalled(caught),
            Happening::Key(signal) => self.feed_all(Input::Interrupted(signal)),
            Happening::Report(index, report) => self.reported(index, report),
            Happening::GuardianLost(index) => self.guardian_lost(index),
            Happening::LifelineEnded => self.lifeline_ended(),
            Happening::Command(index, input) => self.feed(index, input),
        }
    }

    /// Stops every service that is not ending already: a second signal could cut its end short.
    fn lifeline_ended(&mut self) {
        self.lifeline = None;
        for index in 0..self.stages.len() {
            if matches!(self.stages[index].service.state(), State::Idle | State::Starting | State::Running) {
                self.feed(index, Input::Stop(Signal::SIGTERM));
            }
        }
    }

    /// Tells everybody.
    pub(super) fn announce(&mut self, index: usize, what: What) {
        self.control.tell(index, &what);
        self.sink.tell(index, what);
    }

    fn reported(&mut self, index: usize, report: Report) {
        match report {
            Report::Failed { errno, .. } => self.feed(index, Input::NotStarted { errno }),
            Report::NoDirectory { .. } => self.feed(index, Input::NoDirectory),
            // Without a terminal, whoever stopped the service did not mean us.
            Report::Stopped if self.console.is_some() => self.suspend(),
            Report::Started { .. } | Report::Stopped => {}
            Report::Left { step, exit } => {
                let listening = matches!(self.listener(index), Listener::Ours { .. });
                self.feed(index, Input::Left { step, exit, listening });
            }
            // An earlier step's, while the next is about to be started, is no end.
            Report::Empty { step } if step != self.stages[index].service.step() => {}
            Report::Empty { .. } => self.emptied(index),
        }
    }

    /// The tree is empty: its guardian has nothing left to do.
    fn emptied(&mut self, index: usize) {
        let stranger = self.listener(index) != Listener::Nobody;
        if let Some(guarded) = self.stages[index].guarded.take() {
            guarded.reap();
        }
        self.read_rest(index);
        let stage = &self.stages[index];
        let redirectable = stage
            .service
            .failed_exit()
            .is_some_and(|exit| self.world.is_redirectable(index, exit, &stage.tail.text()));
        self.feed(index, Input::Empty { stranger, redirectable });
    }

    fn guardian_lost(&mut self, index: usize) {
        let stage = &mut self.stages[index];
        if let Some(guarded) = stage.guarded.take() {
            guarded.reap();
        }
        stage.orphaned = Some(Order::Signal(Signal::SIGTERM));
        let message = "the guardian of the service was killed; ending the service".to_owned();
        self.announce(index, What::Noted { level: Level::Warning, message });
        self.feed(index, Input::GuardianLost);
        self.look_after_orphans();
    }

    /// Reaps what became ours when a guardian died, and tells when it is gone.
    pub(super) fn look_after_orphans(&mut self) {
        for index in 0..self.stages.len() {
            let Some(order) = self.stages[index].orphaned else { continue };
            if orphans::gone(&self.guardians(), &self.stages[index].mark) {
                self.stages[index].orphaned = None;
                self.emptied(index);
            } else if order == Order::Kill {
                self.order(index, Order::Kill);
            }
        }
    }

    fn guardians(&self) -> Vec<i32> {
        self.stages.iter().filter_map(|stage| stage.guarded.as_ref().map(Guarded::pid)).collect()
    }

    pub(super) fn feed_all(&mut self, input: Input) {
        for index in 0..self.stages.len() {
            self.feed(index, input);
        }
    }

    /// Gives an input to a service and does what it says, and what follows from that.
    pub(super) fn feed(&mut self, index: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.stages[index].service.on(input, Instant::now()) {
                inputs.extend(self.perform(index, effect));
            }
        }
        let stage = &self.stages[index];
        let (port, _) = self.world.port(index);
        let guardian = stage.guarded.as_ref().map(Guarded::pid);
        self.control.changed(index, Condition { state: stage.service.state(), port, guardian });
    }

    /// Does one thing, and answers with what came of it at once.
    fn perform(&mut self, index: usize, effect: Effect) -> Vec<Input> {
        match effect {
            Effect::Run(0) => return self.start(index),
            Effect::Run(step) => self.order(index, Order::Run(step)),
            Effect::Signal(signal) => self.order(index, Order::Signal(signal)),
            Effect::SignalRest(signal) => self.order(index, Order::SignalRest(signal)),
            Effect::Kill => self.order(index, Order::Kill),
            Effect::Watch => self.stages[index].lookout = Some(Lookout::default()),
            Effect::Unwatch => self.stages[index].lookout = None,
            Effect::Confirm => {
                let there = matches!(self.listener(index), Listener::Ours { .. });
                return vec![if there { Input::Listening } else { Input::NotListening }];
            }
            Effect::Move => return vec![self.relocate(index)],
            Effect::Redirect => {
                let what = self.world.redirect(index);
                self.announce(index, what);
            }
            Effect::Follow => return self.follow(index),
            Effect::Release => self.world.release(index),
            Effect::TellReady(_) => {
                memory::let_go_of_code();
                self.tell(index, effect);
                self.world.succeeded(index);
            }
            Effect::TellSlow | Effect::TellWithdrawn | Effect::TellRestart(..) | Effect::TellEnd(_) => {
                self.tell(index, effect);
            }
        }
        Vec::new()
    }

    fn start(&mut self, index: usize) -> Vec<Input> {
        self.read_rest(index);
        let console = self.console.as_ref();
        let started = self.world.start(index).and_then(|start| self.stages[index].guard(start, console));
        self.world.confirm();
        match started {
            Ok(()) => {
                self.order(index, Order::Run(0));
                Vec::new()
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::Other {
                    self.announce(index, What::Noted { level: Level::Warning, message: error.to_string() });
                }
                let errno = error.raw_os_error().unwrap_or(nix::libc::EIO);
                vec![Input::NotStarted { errno }, Input::Empty { stranger: false, redirectable: false }]
            }
        }
    }

    fn order(&mut self, index: usize, order: Order) {
        let guardians = self.guardians();
        let stage = &mut self.stages[index];
        if let Some(guarded) = &stage.guarded {
            guarded.order(order);
        } else if let Some(last) = &mut stage.orphaned {
            *last = order;
            orphans::end(&guardians, &stage.mark, order);
        }
    }

    pub(super) fn listener(&mut self, index: usize) -> Listener {
        let root = self.root(index);
        self.world.listener(index, &[root])
    }

    /// The process that the tree descends from.
    pub(super) fn root(&self, index: usize) -> i32 {
        let own = std::process::id().cast_signed();
        self.stages[index].guarded.as_ref().map_or(own, Guarded::pid)
    }

    fn relocate(&mut self, index: usize) -> Input {
        match self.world.relocate(index) {
            Ok(what) => {
                self.announce(index, what);
                Input::Moved
            }
            Err(what) => {
                self.announce(index, what);
                Input::NoPort
            }
        }
    }

    fn follow(&mut self, index: usize) -> Vec<Input> {
        let root = self.root(index);
        match self.world.follow(index, &[root]) {
            Ok(what) => {
                self.announce(index, what);
                Vec::new()
            }
            Err(what) => {
                self.announce(index, what);
                vec![Input::NotFollowed]
            }
        }
    }

    /// The earliest time at which something is due, if anything ever is.
    fn next_deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let looks = self.stages.iter().filter_map(|stage| {
            if stage.orphaned.is_some() {
                Some(now + ORPHANS)
            } else {
                stage.lookout.as_ref().map(|_| now + LOOK)
            }
        });
        self.stages.iter().filter_map(|stage| stage.service.deadline()).chain(looks).min()
    }

    fn pass_time(&mut self) {
        for index in 0..self.stages.len() {
            if self.stages[index].lookout.is_some() {
                self.look(index);
            }
            self.feed(index, Input::Tick);
        }
        self.look_after_orphans();
    }
}

/// Sleeps until `deadline`, for ever if there is none.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
