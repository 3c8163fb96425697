//! The loop itself.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Instant;

use super::backend::Backend;
use super::clock::now;
use super::control::Control;
use super::inputs::LoopInputs;
use super::instance::{Instance, Outcome};
use super::service::{Input, Service};
use super::sink::Sink;
use crate::event::State;
use crate::process::Signal;
use crate::process::guardian::Report;
use crate::process::signals::ReceivedSignal;

/// What the loop waits for, apart from the time.
#[derive(Clone, Copy)]
enum LoopEvent {
    Signal(ReceivedSignal),
    Key(Signal),
    Report(usize, Report),
    GuardianLost(usize),
    LifelineEnded,
    Command(usize, Input),
}

/// The loop.
pub struct Supervisor<B, S, C> {
    pub(super) backend: B,
    pub(super) sink: S,
    pub(super) inputs: LoopInputs<C>,
    pub(super) instances: Vec<Instance>,
    pub(super) interrupted: Option<(ReceivedSignal, Instant)>,
}

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// A supervisor of `services`, none of which is started yet.
    pub fn new(services: Vec<Service>, backend: B, sink: S, inputs: LoopInputs<C>) -> Self {
        let instances = services.into_iter().map(Instance::new).collect();
        Self { backend, sink, inputs, instances, interrupted: None }
    }

    /// Starts every service. Needs a running tokio runtime.
    pub fn start_all(&mut self) {
        self.feed_all(Input::Start);
    }

    pub fn sink_and_backend(&mut self) -> (&mut S, &mut B) {
        (&mut self.sink, &mut self.backend)
    }

    /// Runs until the last service has ended and its output is written.
    pub async fn run(mut self) -> (Vec<Outcome>, B) {
        self.run_services().await;
        self.flush().await;
        let Self { backend, instances, .. } = self;
        (instances.into_iter().filter_map(|instance| instance.outcome).collect(), backend)
    }

    /// Runs until the last service has ended. Nothing is lost if the future is dropped and another one made.
    pub(super) async fn run_services(&mut self) {
        while !self.instances.iter().all(|instance| instance.service.has_ended()) {
            let deadline = self.instances.iter().filter_map(Instance::deadline).min();
            tokio::select! {
                biased;
                event = poll_fn(|cx| self.poll(cx)) => self.handle(event),
                () = sleep_until(deadline) => self.pass_time(),
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<LoopEvent> {
        let LoopInputs { signals, console, .. } = &mut self.inputs;
        if let Poll::Ready(caught) = signals.poll_next(cx) {
            return Poll::Ready(LoopEvent::Signal(caught));
        }
        if let Some(Poll::Ready(signal)) = console.as_mut().map(|console| console.poll_keys(cx)) {
            return Poll::Ready(LoopEvent::Key(signal));
        }
        for (index, instance) in self.instances.iter_mut().enumerate() {
            match instance.tree.as_mut().map(|tree| tree.poll_report(cx)) {
                Some(Poll::Ready(Ok(report))) => return Poll::Ready(LoopEvent::Report(index, report)),
                Some(Poll::Ready(Err(_))) => return Poll::Ready(LoopEvent::GuardianLost(index)),
                Some(Poll::Pending) | None => {}
            }
        }
        self.poll_output(cx);
        let LoopInputs { lifeline, control, .. } = &mut self.inputs;
        if let Some(Poll::Ready(())) = lifeline.as_ref().map(|lifeline| lifeline.poll_end(cx)) {
            return Poll::Ready(LoopEvent::LifelineEnded);
        }
        // Last, so that clients never come before the services.
        control.poll_command(cx).map(|(index, input)| LoopEvent::Command(index, input))
    }

    fn handle(&mut self, event: LoopEvent) {
        match event {
            LoopEvent::Signal(caught) => self.signalled(caught),
            LoopEvent::Key(signal) => self.feed_all(Input::Interrupted(signal)),
            LoopEvent::Report(index, report) => self.reported(index, report),
            LoopEvent::GuardianLost(index) => self.guardian_lost(index),
            LoopEvent::LifelineEnded => self.lifeline_ended(),
            LoopEvent::Command(index, input) => self.feed(index, input),
        }
    }

    /// Stops every service that is not ending already: a second signal could cut its end short.
    fn lifeline_ended(&mut self) {
        self.inputs.lifeline = None;
        for index in 0..self.instances.len() {
            let state = self.instances[index].service.state();
            if matches!(state, State::Idle | State::Starting | State::Running) {
                self.feed(index, Input::Stop(Signal::SIGTERM));
            }
        }
    }

    fn pass_time(&mut self) {
        let now = now();
        let is_due = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        for index in 0..self.instances.len() {
            if is_due(self.instances[index].readiness.as_ref().map(|readiness| readiness.check_at)) {
                self.check_readiness(index);
            }
            if is_due(self.instances[index].service.deadline()) {
                self.feed(index, Input::Tick);
            }
            if is_due(self.instances[index].orphans.as_ref().map(|orphans| orphans.check_at)) {
                self.check_orphans(index);
            }
        }
    }

    /// Asks who listens on the port of a service that is not ready, and what the service does instead.
    fn check_readiness(&mut self, index: usize) {
        let listener = self.verify(index);
        let root = self.root(index);
        let Instance { readiness, tail, .. } = &mut self.instances[index];
        let Some(readiness) = readiness else { return };
        let now = now();
        let mut input = readiness.see(listener, now);
        if input.is_none() && !listener.is_ours() && readiness.is_observation_due(now) {
            let observation = self.backend.observe(index, root, &tail.text());
            input = readiness.observe(observation, now);
        }
        if let Some(input) = input {
            self.feed(index, input);
        }
    }
}

/// Sleeps until `deadline`, for ever if there is none.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
