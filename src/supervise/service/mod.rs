//! The life of one service as a pure state machine: inputs and a time go in, effects come out.
//!
//! A deadline lives in the state that it belongs to, so no timer can outlive its reason. A test walks the rules
//! exhaustively: the machine never starts over a living tree, never signals a dead one, never releases the port of
//! a living one, and does nothing after the release.

mod described;
mod ending;
pub use described::finished;
pub use ending::Ending;
#[cfg(test)]
mod accepted;
mod transitions;
#[cfg(test)]
mod walk;

use std::time::Duration;

use tokio::time::Instant;

use super::restart::{Backoff, Policy};
use crate::event::FailureReason;
use crate::process::guardian::Order;
use crate::process::{Exit, Signal};

#[derive(Clone, Debug)]
pub struct Settings {
    /// How many programs run one after the other: the script's `pre`, itself, its `post`.
    pub steps: usize,
    /// The step that is the script itself.
    pub main: usize,
    pub policy: Policy,
    pub grace: Duration,
    pub ready_timeout: Duration,
    /// What becomes of a service that takes longer.
    pub overdue: Overdue,
    /// How often another port may be tried when a stranger has taken the reserved one.
    pub relocations: u32,
    /// How often the service may be started again because it asks for another port than the reserved one.
    pub redirects: u32,
    /// Whether, as the last resort, the reservation follows the service to the port that it listens on.
    pub follows: bool,
    pub ready_at: ReadyAt,
    /// Whether an end by itself with exit code 0 is no failure, although it was never ready.
    pub finishes: bool,
}

/// What becomes of a service that is not ready in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overdue {
    /// The user is warned.
    #[default]
    Warned,
    /// It is ended.
    Ended,
    /// It counts as ready all the same: nobody knows whether it serves, or what it says at its first build.
    Accepted,
}

/// What makes a service ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReadyAt {
    /// It listens on its port.
    #[default]
    Listener,
    /// It says that its first build is through.
    FirstBuild,
    /// It has started.
    Start,
    /// Nothing: it is done when it has ended.
    End,
}

/// A run that failed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedRun {
    pub exit: Exit,
    /// Whether it had listened on its port for the settling time.
    pub settled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    Start,
    /// End the service with this signal.
    Stop(Signal),
    /// End the service, to which its terminal has sent this signal already (Ctrl-C).
    Interrupted(Signal),
    Kill,
    /// Nobody is left who could wait for the end of the service.
    CallerGone,
    Restart,
    /// Nothing is left that could make those ready that the service needs.
    NeedFailed,
    /// A step could not be started.
    NotStarted {
        errno: i32,
        /// Whether the directory that it runs in is gone.
        no_directory: bool,
    },
    /// The leader of a step has ended.
    Left {
        step: usize,
        exit: Exit,
        /// Whether another process of the tree listens on the port.
        listening: bool,
    },
    /// No process of the tree is left.
    Empty {
        /// Whether a stranger listens on the reserved port.
        stranger: bool,
        /// Whether the run asked for another port and so ended, and another start can give it the reserved one.
        redirectable: bool,
    },
    Listening,
    NotListening,
    /// It has said that its first build is through.
    Built,
    /// A stranger listens on the reserved port: the port is lost.
    Stranger,
    /// The tree listens on another port, and not on the reserved one.
    Elsewhere {
        /// Whether another start can make the service listen on the reserved port.
        redirectable: bool,
    },
    /// The service waits because the port that it asked for in place of the reserved one is taken.
    Refused,
    /// The reservation could not follow the service to where it listens.
    NotFollowed,
    /// What listens on the reserved port is not the service's own server, and another start makes it right.
    Misplaced,
    /// Another port was reserved for a service that is ready, as its server listens there.
    Followed,
    /// The guardian has died, and its tree now belongs to the supervisor itself.
    GuardianLost,
    Relocated,
    NoPort,
    /// [`Service::deadline`] has passed.
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Give the guardian this order; start it for the first step.
    Order(Order),
    /// Look once whether the listener is still there.
    Confirm,
    /// Reserve another port, and answer with [`Input::Relocated`] or [`Input::NoPort`].
    Relocate,
    /// Prepare the next start so that the service gets the reserved port though it asks for another one.
    Redirect,
    /// Reserve the port that the service listens on instead, or answer with [`Input::NotFollowed`].
    Follow,
    Notify(Notice),
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The service is ready, this long after its start.
    Ready(Duration),
    /// The service takes longer to become ready than it should.
    Slow,
    /// The service counts as ready though nothing was seen of that in time.
    Unproven,
    /// The service has stopped listening shortly after it had begun.
    Withdrawn,
    /// The service ended, and will be started again after a pause.
    Restart(Ending, Duration),
    /// The service ended for good.
    End(Ending),
}

/// Why a tree is being ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    End,
    Restart,
    /// The run has failed by itself, or its leader has left.
    Conclude,
    /// A stranger has the port.
    Relocate,
    /// The service asks for another port than the reserved one.
    Redirect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Starting { ready_by: Option<Instant> },
    Running { settled_at: Option<Instant> },
    Stopping { goal: Goal, kill_at: Option<Instant> },
    Relocating,
    Waiting { until: Instant },
    Ended,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    since: Instant,
    /// Whether the service still listened after the settling time.
    settled: bool,
    /// Whether it counts as ready although nothing was seen of that in time.
    is_unproven: bool,
    ending: Ending,
}

impl Run {
    fn new(since: Instant) -> Self {
        Self { since, settled: false, is_unproven: false, ending: Ending::default() }
    }
}

#[derive(Clone, Debug)]
pub struct Service {
    settings: Settings,
    state: State,
    redirects: u32,
    backoff: Backoff,
    run: Run,
    /// The signal that asked for the end.
    asked: Option<Signal>,
    /// The settings from the next start on, if they are others.
    next: Option<Settings>,
}

impl Service {
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            state: State::Idle,
            redirects: settings.redirects,
            backoff: Backoff::default(),
            run: Run::new(now),
            asked: None,
            next: None,
            settings,
        }
    }

    /// Sets what holds from the next start on.
    pub fn reconfigure(&mut self, settings: Settings) {
        self.next = Some(settings);
    }

    /// When [`Input::Tick`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { ready_by } => ready_by,
            State::Running { settled_at } => settled_at,
            State::Stopping { kill_at, .. } => kill_at,
            State::Waiting { until } => Some(until),
            State::Idle | State::Relocating | State::Ended => None,
        }
    }

    /// The state as the protocol names it.
    pub fn state(&self) -> crate::event::State {
        use crate::event::State as Public;
        match self.state {
            State::Idle => Public::Idle,
            State::Starting { .. } | State::Relocating | State::Waiting { .. } => Public::Starting,
            State::Running { .. } => Public::Running,
            State::Stopping { .. } => Public::Stopping,
            State::Ended if self.run.ending.failure.is_some() => Public::Failed,
            State::Ended if self.has_finished(&self.run.ending) => Public::Done,
            State::Ended => Public::Stopped,
        }
    }

    /// How the leader ended, in a run that failed by itself.
    pub fn failed_run(&self) -> Option<FailedRun> {
        let exit = self.run.ending.exit.filter(|_| self.run.ending.failure.is_none())?;
        Some(FailedRun { exit, settled: self.run.settled })
    }

    /// Whether its reservation may follow it to another port.
    pub fn follows(&self) -> bool {
        self.settings.follows
    }

    pub fn grace(&self) -> Duration {
        self.settings.grace
    }

    pub fn step(&self) -> usize {
        self.run.ending.step
    }

    /// Whether the script itself was started, and not only what runs before it.
    pub fn is_at_main(&self) -> bool {
        self.run.ending.step >= self.settings.main
    }

    pub fn ready_at(&self) -> ReadyAt {
        if self.run.is_unproven { ReadyAt::Start } else { self.settings.ready_at }
    }

    /// Whether its first build is waited for, which only the script itself can announce.
    pub fn awaits_build(&self) -> bool {
        self.is_starting() && self.ready_at() == ReadyAt::FirstBuild && self.step() >= self.settings.main
    }

    /// Whether it is waited for that it listens.
    pub fn awaits_listener(&self) -> bool {
        self.is_starting() && self.ready_at() == ReadyAt::Listener
    }

    /// Whether it ended by itself as a program does that has done its work.
    pub fn has_finished(&self, ending: &Ending) -> bool {
        let is_success = ending.exit == Some(Exit::Code(0)) && ending.failure.is_none();
        let was_server = self.ready_at() == ReadyAt::Listener && ending.was_ready;
        self.settings.finishes && is_success && self.asked.is_none() && !was_server
    }

    /// Whether it runs and is not ready yet.
    pub fn is_starting(&self) -> bool {
        matches!(self.state, State::Starting { .. })
    }

    /// Whether a process of the tree may be alive.
    fn is_alive(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Running { .. } | State::Stopping { .. })
    }

    /// Whether it was started and has not ended for good.
    pub fn is_active(&self) -> bool {
        !matches!(self.state, State::Idle | State::Ended)
    }

    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes in what happened at `now`, and returns what to do about it.
    pub fn on(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        if self.state == State::Ended {
            return Vec::new();
        }
        match input {
            // Reports of a run that is over.
            Input::NotStarted { .. } | Input::Left { .. } | Input::Empty { .. } | Input::GuardianLost
                if !self.is_alive() =>
            {
                Vec::new()
            }
            // Observations of a port.
            Input::Listening
            | Input::NotListening
            | Input::Stranger
            | Input::Elsewhere { .. }
            | Input::Refused
            | Input::NotFollowed
            | Input::Misplaced
            | Input::Followed
                if self.ready_at() != ReadyAt::Listener =>
            {
                Vec::new()
            }
            // Observations of a run that is ready or ending.
            Input::Elsewhere { .. } | Input::Refused | Input::NotFollowed | Input::Stranger
                if !self.is_starting() =>
            {
                Vec::new()
            }
            Input::Start if self.state == State::Idle => self.start(now),
            Input::Relocated if self.state == State::Relocating => self.start(now),
            Input::NoPort if self.state == State::Relocating => {
                self.run.ending.failure = Some(FailureReason::PortInUse);
                self.finish(now)
            }
            Input::NeedFailed if self.state == State::Idle => {
                self.run.ending.failure = Some(FailureReason::NeedFailed);
                self.finish(now)
            }
            Input::Start | Input::Relocated | Input::NoPort | Input::NeedFailed => Vec::new(),
            Input::Stop(signal) => self.stop(signal, now),
            Input::Interrupted(signal) => self.interrupted(signal, now),
            Input::Kill => self.kill(now),
            Input::CallerGone => self.abandon(now),
            Input::Restart => self.restart(now),
            Input::NotStarted { errno, no_directory } => self.not_started(errno, no_directory, now),
            Input::Left { step, exit, listening } => self.left(step, exit, listening, now),
            Input::Empty { stranger, redirectable } => self.emptied(stranger, redirectable, now),
            Input::Listening => self.listening(now),
            Input::NotListening => self.not_listening(now),
            Input::Built => self.built(now),
            Input::Stranger => self.stranger(now),
            Input::Elsewhere { redirectable } => self.elsewhere(redirectable, now),
            Input::Refused => self.refused(now),
            Input::NotFollowed => self.fail(FailureReason::HealthCheckFailed, now),
            Input::Misplaced => self.misplaced(now),
            Input::Followed => self.followed(now),
            Input::GuardianLost => self.guardian_lost(now),
            Input::Tick => self.tick(now),
        }
    }
}
