//! The order of the services: who may start, who is blocked, and who ends before whom.

use tokio::time::Instant;

use super::run::Instance;
use super::service::Input;
use super::start_order::Leaving;
use super::{Backend, Control, Sink, Supervisor};
use crate::event::{State, What};
use crate::graph::{Blocked, Phase, Turn};
use crate::process::Signal;

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    /// Starts the services that need nothing. Needs a running tokio runtime.
    pub fn start_all(&mut self) {
        self.advance();
    }

    /// Starts and ends the services whose turn it is, after a change. Tells which of the others wait for whom.
    pub(super) fn advance(&mut self) {
        self.fail_fast();
        self.end_in_turn();
        while let Some(free) = self.turns().iter().position(|turn| *turn == Turn::Free) {
            self.feed(free, Input::Start);
        }
        self.tell_turns();
        self.give_up_blocked();
    }

    fn turns(&self) -> Vec<Turn> {
        let phases: Vec<Phase> = self.instances.iter().map(|one| phase(one.service.state())).collect();
        self.start_order.graph.turns(&phases)
    }

    /// Ends everything once a service has failed, if that is asked for.
    fn fail_fast(&mut self) {
        let failed = |one: &Instance| one.service.state() == State::Failed;
        let Some(failed) = self.instances.iter().position(failed) else { return };
        if self.start_order.fail_fast && !self.is_ending && self.alive().next().is_some() {
            self.tell(failed, "it has failed: ending the others, as `--fail-fast` asks for".to_owned());
            self.end_all(Signal::SIGTERM);
            self.end_in_turn();
        }
    }

    /// Ends every service: dependents first, unless somebody is in a hurry. A second interrupt kills those as well
    /// whose turn has not come.
    pub(super) fn end_all(&mut self, signal: Signal) {
        self.is_ending = true;
        let all: Vec<usize> = (0..self.instances.len()).collect();
        if matches!(signal, Signal::SIGINT | Signal::SIGTERM) {
            self.end_in_order(&all, signal);
        } else {
            self.hurry(Input::Stop(signal));
        }
    }

    /// Gives the input to every service, whether its turn has come or not.
    pub(super) fn hurry(&mut self, input: Input) {
        self.is_ending = true;
        self.instances.iter_mut().for_each(|one| one.leaving = None);
        self.feed_all(input);
    }

    /// Ends these services with a signal, each once those of them have ended that need it. All have ended after
    /// twice the grace period: when the first one is over, the rest ends side by side.
    pub(super) fn end_in_order(&mut self, services: &[usize], signal: Signal) {
        let grace = services.iter().map(|&service| self.instances[service].service.grace()).max();
        let until = Instant::now() + grace.unwrap_or_default();
        for &service in services {
            let one = &mut self.instances[service];
            match one.leaving {
                Some(before) if (before.signal, signal) == (Signal::SIGINT, Signal::SIGINT) => {
                    one.leaving = None;
                    self.feed(service, Input::Kill);
                }
                Some(_) => one.leaving = Some(Leaving { signal, until }),
                None if one.service.is_active() => one.leaving = Some(Leaving { signal, until }),
                None => self.feed(service, Input::Stop(signal)),
            }
        }
        self.has_changed = true;
    }

    /// When the time is over of services that wait for the end of others.
    pub(super) fn leaving_deadline(&self) -> Option<Instant> {
        self.instances.iter().filter_map(|one| Some(one.leaving?.until)).min()
    }

    /// Asks those services to end that nothing needs any more, or whose time is over.
    fn end_in_turn(&mut self) {
        let now = Instant::now();
        loop {
            // Those that were asked already are still to be waited for.
            let is_ending = |one: &Instance| one.leaving.is_some() || one.service.state() == State::Stopping;
            let ending: Vec<bool> = self.instances.iter().map(is_ending).collect();
            let may_end = self.start_order.graph.may_end(&ending);
            let is_due = |(service, one): (usize, &Instance)| {
                let leaving = one.leaving.filter(|left| may_end.contains(&service) || left.until <= now)?;
                Some((service, leaving.signal))
            };
            let Some((service, signal)) = self.instances.iter().enumerate().find_map(is_due) else { return };
            self.instances[service].leaving = None;
            self.feed(service, Input::Stop(signal));
        }
    }

    /// Tells what has changed for the services that were not started.
    fn tell_turns(&mut self) {
        for (service, turn) in self.turns().into_iter().enumerate() {
            let before = std::mem::replace(&mut self.instances[service].turn, turn.clone());
            if before == turn {
                continue;
            }
            match turn {
                Turn::Started | Turn::Free => continue,
                // One need less is no news.
                Turn::Waits(_) if matches!(before, Turn::Waits(_)) => {}
                Turn::Waits(needs) => {
                    let waits_for = self.names(&needs);
                    tracing::info!("{} waits for {}", self.name(service), waits_for.join(", "));
                    self.announce(service, What::Waiting { waits_for });
                }
                Turn::Blocked(blocked) => {
                    let message = format!("is blocked: {}", self.reason(&blocked));
                    tracing::info!("{} {message}", self.name(service));
                    let (blocked_by, root_causes) = (self.names(&blocked.by), self.names(&blocked.causes));
                    self.announce(service, What::Blocked { blocked_by, root_causes, message });
                }
            }
            self.show_condition(service);
        }
    }

    /// Ends what is blocked once nothing is left that could make its needs ready.
    fn give_up_blocked(&mut self) {
        if self.instances.iter().any(|one| one.service.is_active()) {
            return;
        }
        // All reasons before the first end, which is a reason of its own.
        let reasons = self.turns().into_iter().map(|turn| match turn {
            Turn::Blocked(blocked) => Some(format!("was not started: {}", self.reason(&blocked))),
            Turn::Started | Turn::Free | Turn::Waits(_) => None,
        });
        for (service, reason) in reasons.collect::<Vec<_>>().into_iter().enumerate() {
            if reason.is_some() {
                self.instances[service].not_started = reason;
                self.feed(service, Input::NeedFailed);
            }
        }
    }

    /// Why a service is blocked, as a sentence: that of the first need.
    fn reason(&self, blocked: &Blocked) -> String {
        let first = blocked.by.first().copied().unwrap_or_default();
        let need = format!("its need `{}`", self.name(first));
        if blocked.causes.contains(&first) {
            return format!("{need} {}", self.end_of(first));
        }
        let causes: Vec<String> = blocked.causes.iter().map(|&one| format!("`{}`", self.name(one))).collect();
        format!("{need} is blocked by {}", causes.join(", "))
    }

    fn end_of(&self, service: usize) -> &'static str {
        if self.instances[service].service.state() == State::Failed { "failed" } else { "was stopped" }
    }

    pub(super) fn names(&self, services: &[usize]) -> Vec<String> {
        services.iter().map(|&service| self.name(service)).collect()
    }

    fn name(&self, service: usize) -> String {
        self.backend.description(service).name
    }
}

fn phase(state: State) -> Phase {
    match state {
        State::Idle | State::Waiting | State::Blocked => Phase::Waiting,
        State::Starting | State::Stopping => Phase::Starting,
        State::Running | State::Done => Phase::Ready,
        State::Stopped | State::Failed => Phase::Ended,
    }
}
