//! Between a service and its processes: reports become inputs, effects become orders.

use std::collections::VecDeque;
use std::io;

use tokio::time::Instant;

use super::first_build::FirstBuild;
use super::readiness::ReadinessWatch;
use super::run::Instance;
use super::scheme_watch::SchemeWatch;
use super::service::{Effect, Input, ReadyAt, Service};
use super::substitute::Substitute;
use super::tail::Tail;
use super::{Backend, Condition, Control, PortOwner, Reload, Review, Sink, Supervisor};
use crate::event::{Refusal, State, What};
use crate::exit_code::FAILURE;
use crate::graph::Turn;
use crate::process::guardian::{Order, Report};

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn feed_all(&mut self, input: Input) {
        for index in 0..self.instances.len() {
            self.feed(index, input);
        }
    }

    /// Gives an input to a service, and performs the effects, and those of the inputs that follow from them.
    pub(super) fn feed(&mut self, index: usize, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.instances[index].service.on(input, Instant::now()) {
                inputs.extend(self.perform(index, effect));
            }
        }
        self.has_changed = true;
        let instance = &mut self.instances[index];
        if instance.service.state() != State::Running {
            instance.review_at = None;
        }
        if instance.service.awaits_listener() || instance.awaits_conditions() {
            instance.readiness.get_or_insert_with(|| ReadinessWatch::new(Instant::now()));
        } else {
            instance.readiness = None;
            self.end_questions(index);
        }
        self.show_condition(index);
    }

    /// Tells the clients the condition of a service.
    pub(super) fn show_condition(&mut self, index: usize) {
        let (port, scheme) = (self.backend.port(index), self.backend.scheme(index));
        let instance = &self.instances[index];
        let (mut state, guardian) = (instance.service.state(), instance.guardian());
        let (mut waits_for, mut blocked_by) = (Vec::new(), Vec::new());
        if state == State::Idle {
            match &instance.turn {
                Turn::Started | Turn::Free => {}
                Turn::Waits(needs) => (state, waits_for) = (State::Waiting, self.names(needs)),
                Turn::Blocked(blocked) => (state, blocked_by) = (State::Blocked, self.names(&blocked.by)),
            }
        }
        let keyboard = self.keyboard_kind(index);
        let condition = Condition { state, port, scheme, guardian, keyboard, waits_for, blocked_by };
        self.inputs.control.changed(index, condition);
    }

    /// Starts a service again, by what its files say now. If they are wrong, it goes on as it is, and the error says
    /// what is wrong.
    pub(super) fn restart(&mut self, index: usize, by: &str) -> Result<(), String> {
        let has_ended = self.instances[index].service.has_ended();
        let is_ending = !has_ended && !self.instances[index].service.state().is_alive();
        if is_ending || has_ended && self.is_ending {
            let refusal = Refusal { exit_code: FAILURE, hint: None };
            let error = if is_ending { "the service is ending" } else { "the other services are ending" };
            self.inputs.control.refused(index, error, &refusal);
            return Err(error.to_owned());
        }
        match self.backend.reload(index) {
            Ok(Reload { settings, changes, news }) => {
                if has_ended {
                    // It starts when its turn comes.
                    self.instances[index] = Instance::new(Service::new(settings, Instant::now()));
                } else {
                    self.instances[index].service.reconfigure(settings);
                }
                self.inputs.control.restarting(index, changes.as_deref());
                let changes = changes.map_or_else(String::new, |changes| format!(": {changes}"));
                let what = if has_ended { "started again" } else { "restarted" };
                self.tell(index, format!("{what} by {by}{changes}"));
                self.instances[index].stopped_by = None;
                for what in news {
                    self.announce(index, what);
                }
                self.feed(index, Input::Restart);
                Ok(())
            }
            Err((error, refusal)) => {
                self.inputs.control.refused(index, &error, &refusal);
                Err(error)
            }
        }
    }

    /// Performs one effect, and returns the inputs that follow from it at once.
    fn perform(&mut self, index: usize, effect: Effect) -> Vec<Input> {
        match effect {
            Effect::Order(Order::Run(0)) => {
                let Err(error) = self.spawn(index) else { return Vec::new() };
                // An error of bowline's own has no number, and the event of the failure has no place for its text.
                if error.kind() == io::ErrorKind::Other {
                    self.warn(index, error.to_string());
                }
                let errno = error.raw_os_error().unwrap_or(nix::libc::EIO);
                return vec![
                    Input::NotStarted { errno, no_directory: false },
                    Input::Empty { stranger: false, redirectable: false },
                ];
            }
            Effect::Order(order) => self.order(index, order),
            Effect::Confirm => {
                let listening = self.verify(index).is_ours();
                return vec![if listening { Input::Listening } else { Input::NotListening }];
            }
            Effect::Relocate => {
                let relocated = self.backend.relocate(index);
                let input = if relocated.is_ok() { Input::Relocated } else { Input::NoPort };
                self.announce(index, relocated.unwrap_or_else(|what| what));
                return vec![input];
            }
            Effect::Redirect => {
                let what = self.backend.redirect(index);
                self.announce(index, what);
            }
            Effect::Follow => {
                let followed = self.backend.follow(index, self.root(index));
                let input = followed.is_err().then_some(Input::NotFollowed);
                self.announce(index, followed.unwrap_or_else(|what| what));
                return input.into_iter().collect();
            }
            Effect::Release => {
                self.take_keyboard_from(index);
                self.backend.release(index);
            }
            Effect::Notify(notice) => self.notify(index, notice),
        }
        Vec::new()
    }

    fn spawn(&mut self, index: usize) -> io::Result<()> {
        self.read_rest(index);
        let (stdio, sources, input) = self.open_streams(index)?;
        let first_build = FirstBuild::of(self.backend.first_builds(index));
        let tree = self.backend.spawn(index, stdio)?;
        let instance = &mut self.instances[index];
        (instance.tree, instance.sources, instance.tail) = (Some(tree), sources, Tail::default());
        (instance.input, instance.first_build) = (input, first_build);
        (instance.readiness, instance.scheme) = (None, SchemeWatch::default());
        instance.substitute = Substitute::default();
        self.watch_conditions(index);
        self.inputs.control.started(index, self.backend.description(index));
        self.order(index, Order::Run(0));
        self.instances[index].service.ordered(Instant::now());
        Ok(())
    }

    pub(super) fn order(&mut self, index: usize, order: Order) {
        let guardians = self.guardians();
        let Instance { tree, orphans, .. } = &mut self.instances[index];
        if let Some(orphans) = orphans {
            orphans.last_order = order;
        }
        if let Some(tree) = tree {
            tree.order(order, &guardians);
        }
    }

    pub(super) fn guardians(&self) -> Vec<i32> {
        self.instances.iter().filter_map(Instance::guardian).collect()
    }

    pub(super) fn verify(&mut self, index: usize) -> PortOwner {
        let root = self.root(index);
        self.backend.verify(index, root)
    }

    /// Whether a process of the tree itself listens on the port.
    pub(super) fn listens(&mut self, index: usize) -> bool {
        matches!(self.verify(index), PortOwner::Ours { pid: 1.., .. })
    }

    /// The process that the tree descends from.
    pub(super) fn root(&self, index: usize) -> i32 {
        self.instances[index].guardian().unwrap_or_else(|| std::process::id().cast_signed())
    }

    pub(super) fn announce(&mut self, index: usize, what: What) {
        self.inputs.control.notify(index, &what);
        self.sink.notify(index, what);
    }

    pub(super) fn reported(&mut self, index: usize, report: Report) {
        match report {
            Report::Failed { errno, no_directory, .. } => {
                self.feed(index, Input::NotStarted { errno, no_directory });
            }
            // Without a terminal, the stop was not meant for us.
            Report::Stopped if self.has_keyboard(index) => self.suspend(),
            Report::Stopped => {}
            Report::Left { step, exit } => {
                let listening = match self.verify(index) {
                    // A script that puts others into the background has done its work.
                    PortOwner::Ours { pid: 0, .. } => exit.success(),
                    PortOwner::Ours { .. } => true,
                    PortOwner::Nobody | PortOwner::Stranger | PortOwner::Hidden => false,
                };
                if !self.instances[index].service.awaits_build() {
                    self.read_before_script(index);
                }
                self.feed(index, Input::Left { step, exit, listening });
            }
            // An earlier step has ended, and the order to run the next one is on its way.
            Report::Empty { step } if step != self.instances[index].service.step() => {}
            Report::Empty { .. } if self.conclude(index) => {}
            Report::Empty { .. } => self.emptied(index),
            Report::Probed { exit } => self.probed(index, exit),
            Report::Concluded { exit } => self.concluded(index, exit),
        }
    }

    /// No process of the tree is left.
    pub(super) fn emptied(&mut self, index: usize) {
        let stranger = self.verify(index) != PortOwner::Nobody;
        if let Some(mut tree) = self.instances[index].tree.take() {
            tree.reap();
        }
        self.read_rest(index);
        let instance = &self.instances[index];
        let failed = instance.service.failed_run();
        let redirectable =
            failed.is_some_and(|run| self.backend.is_redirectable(index, run, &instance.tail.text()));
        self.feed(index, Input::Empty { stranger, redirectable });
    }

    /// Looks again at a service that is ready.
    pub(super) fn review(&mut self, index: usize) {
        if !self.is_itself(index) {
            return;
        }
        let (root, output) = (self.root(index), self.instances[index].tail.text());
        let Review { event, input, again } = self.backend.review(index, root, &output);
        self.instances[index].review_at = again.map(|pause| Instant::now() + pause);
        if let Some(what) = event {
            self.announce(index, what);
        }
        if self.instances[index].service.ready_at() != ReadyAt::Listener {
            if self.listens(index) {
                self.instances[index].review_at = None;
                self.announce_ready(index, None);
            }
            return;
        }
        if let Some(input) = input {
            self.feed(index, input);
        }
    }
}
