//! The effects of each input in each state.

use std::time::Duration;

use tokio::time::Instant;

use super::{Effect, Ending, Goal, Notice, Overdue, ReadyAt, Run, Service, State};
use crate::event::FailureReason;
use crate::exit_code::{NOT_EXECUTABLE, NOT_FOUND};
use crate::process::guardian::Order;
use crate::process::{ABANDONED_GRACE, Exit, Signal};
use crate::supervise::restart::Backoff;

/// The settling time, after which a listener is believed: a second Next in one directory opens its port for half a
/// second and then ends.
const SETTLING_TIME: Duration = Duration::from_millis(1_500);

/// How long a service runs that is ready at its start: a shell that does not find the program has ended by then.
const STARTING_TIME: Duration = Duration::from_millis(200);

/// A failed run shorter than this is an immediate crash (docs/runner-protocol.md).
const IMMEDIATE_CRASH: Duration = Duration::from_secs(3);

impl Service {
    pub(super) fn start(&mut self, now: Instant) -> Vec<Effect> {
        if let Some(settings) = self.next.take() {
            self.redirects = settings.redirects;
            self.settings = settings;
        }
        self.run = Run::new(now);
        self.state = State::Starting { ready_by: self.ready_by(0, now) };
        vec![Effect::Order(Order::Run(0))]
    }

    /// The guardian was told to run the script just now. What the start has waited for until then, such as the
    /// disk, is not the script's time.
    pub fn ordered(&mut self, now: Instant) {
        self.run.since = now;
        if self.is_starting() {
            self.state = State::Starting { ready_by: self.ready_by(0, now) };
        }
    }

    /// When a tick is due in the starting phase of this step.
    fn ready_by(&self, step: usize, now: Instant) -> Option<Instant> {
        match self.ready_at() {
            ReadyAt::Listener | ReadyAt::FirstBuild => Some(now + self.settings.ready_timeout),
            ReadyAt::Start => (step >= self.settings.main).then(|| now + STARTING_TIME),
            ReadyAt::End => None,
        }
    }

    pub(super) fn stop(&mut self, signal: Signal, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Starting { .. } | State::Running { .. } => {
                self.asked = Some(signal);
                self.stopping(Goal::End, signal, now)
            }
            State::Stopping { goal: Goal::End, kill_at: None } | State::Ended => Vec::new(),
            State::Stopping { goal: Goal::End, kill_at: Some(_) } => {
                // The second interrupt kills; other signals do not count.
                if signal == Signal::SIGINT && self.asked.replace(signal) == Some(signal) {
                    return self.kill(now);
                }
                vec![Effect::Order(Order::Signal(signal))]
            }
            State::Stopping { kill_at, .. } => {
                self.asked = Some(signal);
                self.state = State::Stopping { goal: Goal::End, kill_at };
                vec![Effect::Order(Order::Signal(signal))]
            }
            State::Idle | State::Waiting { .. } | State::Relocating => {
                self.asked = Some(signal);
                self.run.ending.failure = None;
                self.finish(now)
            }
        }
    }

    /// Like [`Service::stop`], for a service that has had the signal already.
    pub(super) fn interrupted(&mut self, signal: Signal, now: Instant) -> Vec<Effect> {
        let mut effects = self.stop(signal, now);
        effects.retain(|effect| *effect != Effect::Order(Order::Signal(signal)));
        effects
    }

    pub(super) fn kill(&mut self, now: Instant) -> Vec<Effect> {
        if !self.is_alive() {
            return self.stop(Signal::SIGKILL, now);
        }
        self.asked = self.asked.or(Some(Signal::SIGKILL));
        self.state = State::Stopping { goal: Goal::End, kill_at: None };
        vec![Effect::Order(Order::Kill)]
    }

    /// Ends the service as SIGHUP would, but with a short grace period. A service that is ending already gets no
    /// second signal, as that could kill it.
    pub(super) fn abandon(&mut self, now: Instant) -> Vec<Effect> {
        let is_ending = matches!(self.state, State::Stopping { .. });
        let effects = if is_ending { Vec::new() } else { self.stop(Signal::SIGHUP, now) };
        if let State::Stopping { goal, kill_at } = &mut self.state {
            *goal = Goal::End;
            *kill_at = kill_at.map(|at| at.min(now + self.settings.grace.min(ABANDONED_GRACE)));
            self.asked.get_or_insert(Signal::SIGHUP);
        }
        effects
    }

    /// A start that was asked for makes earlier failures irrelevant.
    pub(super) fn restart(&mut self, now: Instant) -> Vec<Effect> {
        match self.state {
            State::Starting { .. } | State::Running { .. } => {
                self.backoff = Backoff::default();
                self.stopping(Goal::Restart, Signal::SIGTERM, now)
            }
            State::Waiting { .. } => {
                self.backoff = Backoff::default();
                self.start(now)
            }
            State::Idle | State::Stopping { .. } | State::Relocating | State::Ended => Vec::new(),
        }
    }

    /// Asks the tree to end, and sets the time when it is killed.
    fn stopping(&mut self, goal: Goal, signal: Signal, now: Instant) -> Vec<Effect> {
        self.state = State::Stopping { goal, kill_at: Some(now + self.settings.grace) };
        vec![Effect::Order(Order::Signal(signal))]
    }

    /// Ends a run that has failed by itself.
    pub(super) fn fail(&mut self, failure: FailureReason, now: Instant) -> Vec<Effect> {
        self.run.ending.failure = Some(failure);
        self.stopping(Goal::Conclude, Signal::SIGTERM, now)
    }

    pub(super) fn not_started(&mut self, errno: i32, no_directory: bool, now: Instant) -> Vec<Effect> {
        self.run.ending.errno = Some(errno);
        // That of the step before it.
        self.run.ending.exit = None;
        if let State::Stopping { .. } = self.state {
            return Vec::new();
        }
        if no_directory {
            self.run.ending.failure = Some(FailureReason::DirectoryMissing);
        }
        self.stopping(Goal::Conclude, Signal::SIGTERM, now)
    }

    pub(super) fn left(&mut self, step: usize, exit: Exit, listening: bool, now: Instant) -> Vec<Effect> {
        if step != self.run.ending.step {
            return Vec::new();
        }
        // The script decides; its `post` only adds its own failure.
        if step <= self.settings.main || !exit.success() {
            self.run.ending.exit = Some(exit);
        }
        if let State::Stopping { kill_at, .. } = self.state {
            // The leader's group has had a signal already: a second one could cut short what its other processes
            // do to end. The processes outside the group have had none.
            return kill_at.map(|_| Effect::Order(Order::SignalRest(Signal::SIGTERM))).into_iter().collect();
        }
        let next = step + 1;
        if exit.success() && next < self.settings.steps {
            self.run.ending.step = next;
            if self.is_starting() && self.ready_at() == ReadyAt::Start {
                self.state = State::Starting { ready_by: self.ready_by(next, now) };
            }
            return vec![Effect::Order(Order::Run(next))];
        }
        // A server that daemonizes: its command ends while its descendants listen or are about to.
        let goes_on = match self.ready_at() {
            ReadyAt::Listener if self.is_starting() => exit.success(),
            ReadyAt::Listener => listening,
            // Watches that it has started in the background.
            ReadyAt::FirstBuild | ReadyAt::Start => exit.success(),
            ReadyAt::End => false,
        };
        if goes_on { Vec::new() } else { self.stopping(Goal::Conclude, Signal::SIGTERM, now) }
    }

    pub(super) fn emptied(&mut self, stranger: bool, redirectable: bool, now: Instant) -> Vec<Effect> {
        let lost = stranger && !self.run.ending.was_ready;
        let goal = if let State::Stopping { goal, .. } = self.state { goal } else { Goal::Conclude };
        match goal {
            Goal::End => self.finish(now),
            Goal::Restart | Goal::Redirect => self.start(now),
            Goal::Relocate => self.relocate(),
            Goal::Conclude if lost && self.settings.relocations > 0 => self.relocate(),
            Goal::Conclude if redirectable && self.may_redirect() => {
                self.redirects -= 1;
                [Effect::Redirect].into_iter().chain(self.start(now)).collect()
            }
            Goal::Conclude => {
                if lost {
                    self.run.ending.failure = Some(FailureReason::PortInUse);
                }
                self.conclude(now)
            }
        }
    }

    /// Whether the run's only failure is that its server did not listen on its port, and a redirect is left.
    fn may_redirect(&self) -> bool {
        self.redirects > 0 && self.run.ending.failure.is_none()
    }

    pub(super) fn elsewhere(&mut self, redirectable: bool, now: Instant) -> Vec<Effect> {
        // A service that has listened on the right port and stopped may be about to listen there again.
        if self.run.ending.was_ready {
            return Vec::new();
        }
        if redirectable && self.may_redirect() {
            return self.redirect(now);
        }
        if self.settings.follows {
            vec![Effect::Follow]
        } else {
            self.fail(FailureReason::HealthCheckFailed, now)
        }
    }

    fn redirect(&mut self, now: Instant) -> Vec<Effect> {
        if !self.may_redirect() {
            return Vec::new();
        }
        self.redirects -= 1;
        let ending = self.stopping(Goal::Redirect, Signal::SIGTERM, now);
        [Effect::Redirect].into_iter().chain(ending).collect()
    }

    pub(super) fn refused(&mut self, now: Instant) -> Vec<Effect> {
        if self.run.ending.was_ready { Vec::new() } else { self.redirect(now) }
    }

    pub(super) fn misplaced(&mut self, now: Instant) -> Vec<Effect> {
        if let State::Running { .. } = self.state { self.redirect(now) } else { Vec::new() }
    }

    /// The service is ready once more as soon as its server is seen on the new port.
    pub(super) fn followed(&mut self, now: Instant) -> Vec<Effect> {
        if let State::Running { .. } = self.state {
            self.state = State::Starting { ready_by: Some(now + self.settings.ready_timeout) };
        }
        Vec::new()
    }

    fn relocate(&mut self) -> Vec<Effect> {
        self.settings.relocations = self.settings.relocations.saturating_sub(1);
        self.state = State::Relocating;
        vec![Effect::Relocate]
    }

    pub(super) fn listening(&mut self, now: Instant) -> Vec<Effect> {
        if let State::Running { settled_at } = &mut self.state {
            *settled_at = None;
            self.run.settled = true;
            self.redirects = self.settings.redirects;
        }
        if !self.is_starting() {
            return Vec::new();
        }
        self.run.ending.was_ready = true;
        self.run.ending.failure = None;
        self.state = State::Running { settled_at: Some(now + SETTLING_TIME) };
        vec![Effect::Notify(Notice::Ready(now.saturating_duration_since(self.run.since)))]
    }

    /// The first build is through, or the service that is ready at its start has run for long enough.
    pub(super) fn built(&mut self, now: Instant) -> Vec<Effect> {
        let is_due = matches!(self.ready_at(), ReadyAt::FirstBuild | ReadyAt::Start);
        if !is_due || !self.is_starting() || self.run.ending.step < self.settings.main {
            return Vec::new();
        }
        self.run.ending.was_ready = true;
        self.run.settled = true;
        self.state = State::Running { settled_at: None };
        vec![Effect::Notify(Notice::Ready(now.saturating_duration_since(self.run.since)))]
    }

    pub(super) fn not_listening(&mut self, now: Instant) -> Vec<Effect> {
        if !matches!(self.state, State::Running { settled_at: Some(_) }) {
            return Vec::new();
        }
        self.run.ending.failure = Some(FailureReason::HealthCheckFailed);
        self.state = State::Starting { ready_by: Some(now + self.settings.ready_timeout) };
        vec![Effect::Notify(Notice::Withdrawn)]
    }

    pub(super) fn stranger(&mut self, now: Instant) -> Vec<Effect> {
        if self.settings.relocations > 0 {
            return self.stopping(Goal::Relocate, Signal::SIGTERM, now);
        }
        self.fail(FailureReason::PortInUse, now)
    }

    pub(super) fn guardian_lost(&mut self, now: Instant) -> Vec<Effect> {
        let State::Stopping { kill_at, .. } = self.state else {
            return self.fail(FailureReason::Unknown, now);
        };
        let order = if kill_at.is_some() { Order::Signal(Signal::SIGTERM) } else { Order::Kill };
        vec![Effect::Order(order)]
    }

    pub(super) fn tick(&mut self, now: Instant) -> Vec<Effect> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return Vec::new();
        }
        match self.state {
            State::Starting { .. } if self.ready_at() == ReadyAt::Start => self.built(now),
            State::Starting { .. } if self.settings.overdue == Overdue::Accepted && self.is_at_main() => {
                let mut effects = vec![Effect::Notify(Notice::Unproven)];
                self.run.is_unproven = true;
                effects.extend(self.built(now));
                effects
            }
            State::Starting { .. } if self.settings.overdue != Overdue::Warned => {
                self.fail(self.run.ending.failure.unwrap_or(FailureReason::HealthCheckTimeout), now)
            }
            State::Starting { .. } => {
                self.state = State::Starting { ready_by: None };
                vec![Effect::Notify(Notice::Slow)]
            }
            State::Running { .. } => {
                self.state = State::Running { settled_at: Some(now + SETTLING_TIME) };
                vec![Effect::Confirm]
            }
            State::Stopping { goal, .. } => {
                self.state = State::Stopping { goal, kill_at: None };
                vec![Effect::Order(Order::Kill)]
            }
            State::Waiting { .. } => self.start(now),
            State::Idle | State::Relocating | State::Ended => Vec::new(),
        }
    }

    /// After an end that nobody asked for, starts the service again or not.
    fn conclude(&mut self, now: Instant) -> Vec<Effect> {
        let ending = self.ending(now);
        let healthy = ending.was_ready.then_some(ending.after);
        // A directory does not come back by itself.
        let gone = ending.failure == Some(FailureReason::DirectoryMissing);
        if gone || !self.settings.policy.restarts(ending.failure.is_some()) {
            return self.finish(now);
        }
        let Some(pause) = self.backoff.next(healthy) else {
            return self.end(Ending { gave_up: true, ..ending });
        };
        self.state = State::Waiting { until: now + pause };
        vec![Effect::Notify(Notice::Restart(ending, pause))]
    }

    pub(super) fn finish(&mut self, now: Instant) -> Vec<Effect> {
        self.end(self.ending(now))
    }

    fn end(&mut self, ending: Ending) -> Vec<Effect> {
        self.run.ending.failure = ending.failure;
        self.state = State::Ended;
        vec![Effect::Notify(Notice::End(ending)), Effect::Release]
    }

    fn ending(&self, now: Instant) -> Ending {
        let after = now.saturating_duration_since(self.run.since);
        let requested = self.asked.is_some();
        let failure = self.run.ending.failure.or_else(|| self.failure(after)).filter(|_| !requested);
        Ending { failure, after, requested, ..self.run.ending }
    }

    /// Why a run that ended by itself failed.
    fn failure(&self, after: Duration) -> Option<FailureReason> {
        let Ending { exit, errno, was_ready, .. } = self.run.ending;
        match (errno, exit) {
            (Some(nix::libc::ENOENT | nix::libc::ENOTDIR), _) => Some(FailureReason::CommandNotFound),
            (Some(nix::libc::EACCES | nix::libc::EPERM), _) => Some(FailureReason::PermissionDenied),
            (None, Some(Exit::Code(NOT_FOUND))) if !was_ready => Some(FailureReason::CommandNotFound),
            (None, Some(Exit::Code(NOT_EXECUTABLE))) if !was_ready => Some(FailureReason::PermissionDenied),
            (None, Some(Exit::Code(0))) if was_ready || self.settings.finishes => None,
            (None, _) if after < IMMEDIATE_CRASH => Some(FailureReason::ImmediateCrash),
            (Some(_) | None, _) => Some(FailureReason::Unknown),
        }
    }
}
