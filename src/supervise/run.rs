//! The loop itself, and what it knows of each service.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, sleep_until};

use super::backend::{Backend, Control, PortOwner, SignalSource, Sink};
use super::conditions::ConditionWatch;
use super::console::Console;
use super::first_build::FirstBuild;
use super::input_end::InputEnd;
use super::process_tree::ProcessTree;
use super::readiness::ReadinessWatch;
use super::scheme_watch::SchemeWatch;
use super::service::{Ending, Input, Service};
use super::shared_terminal::SharedTerminal;
use super::start_order::{Leaving, StartOrder};
use super::streams::{Lifeline, Source};
use super::substitute::Substitute;
use super::tail::Tail;
use crate::graph::Turn;
use crate::process::Signal;
use crate::process::caller::CallerWatch;
use crate::process::guardian::{Order, Report};
use crate::process::signals::ReceivedSignal;
use crate::process::terminal::Pty;

#[derive(Clone, Debug)]
pub struct Outcome {
    pub ending: Ending,
    /// The ending as people read it: the predicate of a sentence.
    pub how: String,
    /// Whether it listened, and only conditions of bowline.toml were missing.
    pub lacked_conditions: bool,
    pub at: Instant,
}

/// The order that is still to be carried out on a tree whose guardian has died.
#[derive(Debug)]
pub(super) struct Orphans {
    pub last_order: Order,
    /// When to look again whether the tree is gone.
    pub check_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// As Ctrl-C in the service's terminal, which no other process has seen.
    Typed,
    /// As a SIGINT to bowline itself.
    Received,
    /// By a key that asks for the end, which is no failure.
    Quit,
}

/// What is left once the last service has ended.
pub struct Finished<B> {
    pub outcomes: Vec<Outcome>,
    pub backend: B,
    pub interrupt: Option<Interrupt>,
}

pub(super) struct Instance {
    pub service: Service,
    pub tree: Option<Box<dyn ProcessTree>>,
    pub orphans: Option<Orphans>,
    pub sources: Vec<Source>,
    /// The other end of its standard input, where that is bowline's; it is held open for as long as the service runs.
    pub input: Option<InputEnd>,
    /// Its terminal, if it is one of several at the user's.
    pub pty: Option<Pty>,
    pub tail: Tail,
    /// Until a watch is ready.
    pub first_build: Option<FirstBuild>,
    pub readiness: Option<ReadinessWatch>,
    pub scheme: SchemeWatch,
    pub conditions: ConditionWatch,
    /// Whether what runs after the service has begun.
    pub concludes: bool,
    /// When to look again at a service that is ready.
    pub review_at: Option<Instant>,
    /// For a service that starts others.
    pub substitute: Substitute,
    pub outcome: Option<Outcome>,
    /// Who has asked it to end, if somebody else than the user of this bowline did.
    pub stopped_by: Option<String>,
    /// It is to end when its turn comes.
    pub leaving: Option<Leaving>,
    /// Its turn as it was told last.
    pub turn: Turn,
    /// Why it never was started, and never will be.
    pub not_started: Option<String>,
}

impl Instance {
    pub fn new(service: Service) -> Self {
        Self {
            service,
            tree: None,
            orphans: None,
            sources: Vec::new(),
            input: None,
            pty: None,
            tail: Tail::default(),
            first_build: None,
            readiness: None,
            scheme: SchemeWatch::default(),
            conditions: ConditionWatch::default(),
            concludes: false,
            review_at: None,
            substitute: Substitute::default(),
            outcome: None,
            stopped_by: None,
            leaving: None,
            turn: Turn::Started,
            not_started: None,
        }
    }

    pub fn guardian(&self) -> Option<i32> {
        self.tree.as_ref().and_then(|tree| tree.guardian())
    }

    /// Whether its first build is through, or not waited for, and the rest of what makes it ready is.
    pub fn awaits_conditions(&self) -> bool {
        self.service.awaits_build() && self.first_build.is_none() && !self.conditions.is_empty()
    }

    /// No deadline of the service is for what runs after it.
    fn service_deadline(&self) -> Option<Instant> {
        self.service.deadline().filter(|_| !self.concludes)
    }

    /// When the loop has to do something about it, if ever.
    fn deadline(&self) -> Option<Instant> {
        let orphans = self.orphans.as_ref().map(|orphans| orphans.check_at);
        let readiness = self.readiness.as_ref().map(|readiness| readiness.check_at);
        let stands_in = self.substitute.due;
        let looks = [self.scheme.look_at, self.review_at, stands_in];
        [self.service_deadline(), orphans, readiness].into_iter().chain(looks).flatten().min()
    }
}

/// The sources of events, apart from the services themselves.
pub struct LoopInputs<C> {
    pub signals: Box<dyn SignalSource>,
    /// The user's terminal. With one there is only one service.
    pub console: Option<Console>,
    /// The same in front of several services.
    pub terminal: Option<SharedTerminal>,
    /// Its end stops every service.
    pub lifeline: Option<Lifeline>,
    /// Its loss ends every service soon.
    pub caller: Option<CallerWatch>,
    pub control: C,
}

pub struct Supervisor<B, S, C> {
    pub backend: B,
    pub sink: S,
    pub(super) start_order: StartOrder,
    pub(super) inputs: LoopInputs<C>,
    pub(super) instances: Vec<Instance>,
    pub(super) interrupted: Option<(ReceivedSignal, Instant)>,
    /// Whether a service has changed since the order was looked at.
    pub(super) has_changed: bool,
    /// Whether all services are to end.
    pub(super) is_ending: bool,
    /// Whether the caller is gone.
    pub(super) abandoned: bool,
    pub(super) interrupt: Option<Interrupt>,
    /// The service whose output is read next, so that none has to wait for one that never pauses.
    pub(super) next_read: usize,
}

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// A supervisor of `services`, none of which is started yet.
    pub fn new(
        services: Vec<Service>,
        start_order: StartOrder,
        backend: B,
        sink: S,
        inputs: LoopInputs<C>,
    ) -> Self {
        Self {
            backend,
            sink,
            start_order,
            inputs,
            instances: services.into_iter().map(Instance::new).collect(),
            interrupted: None,
            has_changed: false,
            is_ending: false,
            abandoned: false,
            interrupt: None,
            next_read: 0,
        }
    }

    /// Runs until the last service has ended and its output is written.
    pub async fn run(mut self) -> Finished<B> {
        self.run_services().await;
        self.flush().await;
        let Self { backend, instances, interrupt, .. } = self;
        let outcomes = instances.into_iter().filter_map(|instance| instance.outcome).collect();
        Finished { outcomes, backend, interrupt }
    }

    /// Runs until the last service has ended. Cancel safe.
    pub(super) async fn run_services(&mut self) {
        loop {
            if std::mem::take(&mut self.has_changed) {
                self.advance();
            }
            if self.instances.iter().all(|instance| instance.service.has_ended()) {
                return;
            }
            let deadlines = self.instances.iter().filter_map(Instance::deadline);
            let deadline = deadlines.chain(self.leaving_deadline()).min();
            tokio::select! {
                biased;
                () = poll_fn(|cx| self.poll_event(cx)) => {}
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => self.pass_time(),
            }
        }
    }

    /// Acts on the next event, and passes on output on the way.
    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let LoopInputs { signals, console, .. } = &mut self.inputs;
        if let Poll::Ready(caught) = signals.poll_next(cx) {
            self.signalled(caught);
        } else if let Some(Poll::Ready(signal)) = console.as_mut().map(|console| console.poll_keys(cx)) {
            if signal == Signal::SIGINT {
                self.interrupt = Some(Interrupt::Typed);
            }
            self.hurry(Input::Interrupted(signal));
        } else if let Poll::Ready(keys) = self.poll_keyboard(cx) {
            self.typed(&keys);
        } else if let Poll::Ready((index, report)) = self.poll_report(cx) {
            match report {
                Ok(report) => self.reported(index, report),
                Err(_) => self.guardian_lost(index),
            }
        } else if self.poll_schemes(cx).is_pending() && self.poll_conditions(cx).is_pending() {
            if self.poll_output(cx).is_ready() {
                return Poll::Ready(());
            }
            let LoopInputs { lifeline, caller, control, .. } = &mut self.inputs;
            if caller.as_mut().is_some_and(|caller| caller.poll_gone(cx).is_ready()) {
                (self.inputs.caller, self.abandoned) = (None, true);
                self.hurry(Input::CallerGone);
            } else if lifeline.as_ref().is_some_and(|lifeline| lifeline.poll_end(cx).is_ready()) {
                self.lifeline_ended();
            } else {
                // Last, so that busy clients cannot starve the services.
                let requested = control.poll_command(cx);
                let told = control.take_told();
                self.deliver_typed(cx);
                let is_idle = told.is_empty();
                for told in told {
                    self.told(&told);
                }
                if is_idle || requested.is_ready() {
                    self.requested(ready!(requested));
                }
            }
        }
        Poll::Ready(())
    }

    fn poll_report(&mut self, cx: &mut Context<'_>) -> Poll<(usize, io::Result<Report>)> {
        for (index, instance) in self.instances.iter_mut().enumerate() {
            if let Some(Poll::Ready(report)) = instance.tree.as_mut().map(|tree| tree.poll_report(cx)) {
                return Poll::Ready((index, report));
            }
        }
        Poll::Pending
    }

    /// Stops every service, except those that are ending already: a second signal could kill them.
    fn lifeline_ended(&mut self) {
        self.inputs.lifeline = None;
        self.is_ending = true;
        let alive: Vec<usize> = self.alive().collect();
        self.end_in_order(&alive, Signal::SIGTERM);
    }

    /// The services that are neither ending nor ended.
    pub(super) fn alive(&self) -> impl Iterator<Item = usize> {
        let services = self.instances.iter().enumerate();
        services.filter(|(_, instance)| instance.service.state().is_alive()).map(|(index, _)| index)
    }

    fn pass_time(&mut self) {
        let now = Instant::now();
        let is_due = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        self.has_changed |= is_due(self.leaving_deadline());
        for index in 0..self.instances.len() {
            if self.instances[index].readiness.as_ref().is_some_and(|readiness| readiness.is_due(now)) {
                self.check_readiness(index);
            }
            if is_due(self.instances[index].scheme.look_at) {
                self.look_at_scheme(index);
            }
            self.stand_in(index);
            if is_due(self.instances[index].review_at) {
                self.review(index);
            }
            if is_due(self.instances[index].service_deadline()) {
                self.feed(index, Input::Tick);
            }
            if is_due(self.instances[index].orphans.as_ref().map(|orphans| orphans.check_at)) {
                self.check_orphans(index);
            }
        }
    }

    /// Asks who listens on the port of a service that is not ready, and what the service does instead.
    pub(super) fn check_readiness(&mut self, index: usize) {
        if self.instances[index].service.awaits_build() {
            return self.check_build(index);
        }
        let may_listen = self.backend.may_listen(index);
        let listener = if may_listen { self.verify(index) } else { PortOwner::Nobody };
        let root = self.root(index);
        let Instance { readiness, tail, .. } = &mut self.instances[index];
        let Some(readiness) = readiness else { return };
        let now = Instant::now();
        let mut input = readiness.see(listener, now);
        if input.is_none() && !listener.is_ours() && readiness.is_observation_due(now) {
            let output = tail.text();
            let observation = self.backend.observe(index, root, &output);
            input = readiness.observe(observation, now);
            if input.is_none() {
                self.tell_obstacle(index, now, &output);
            }
        }
        if let Some(input) = input
            && (input != Input::Listening
                || (self.knows_scheme(index, listener) && self.conditions_hold(index, listener)))
        {
            self.feed(index, input);
        } else if input.is_none() {
            self.check_without_port(index);
        }
    }
}
