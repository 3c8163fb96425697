//! The life of one service as a pure state machine: inputs and a time go in, effects come out.
//!
//! A deadline lives in the state that it belongs to, so no timer can outlive its reason. Whether a process of the service
//! may be alive is part of the machine, so that its rules can be walked exhaustively: it never starts over a living
//! tree, never signals a dead one, never releases the port of a living one, and does nothing after the release.

mod transitions;
#[cfg(test)]
mod walk;

use std::time::{Duration, Instant};
use std::{fmt, io};

use super::restart::{Backoff, Policy};
use crate::event::FailureReason;
use crate::process::{Exit, Signal};

/// What does not change during a service's life.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How many programs run one after the other: the script's `pre`, itself, its `post`.
    pub steps: usize,
    /// Which of them is the script itself.
    pub main: usize,
    /// When a service that has ended is started again.
    pub policy: Policy,
    /// How long it may take to end before it is killed.
    pub grace: Duration,
    /// How long it may take to listen.
    pub ready_timeout: Duration,
    /// Whether it is ended if it takes longer; otherwise that is only said.
    pub ready_required: bool,
    /// How often another port may be tried when a stranger has taken the reserved one.
    pub moves: u32,
    /// How often it may be started once more because it asks for another port than the reserved one.
    pub redirects: u32,
    /// Whether the reservation follows it to the port where it listens, should nothing else help.
    pub follows: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// It shall run.
    Start,
    /// It shall end, and this signal is the way to say so.
    Stop(Signal),
    /// Its terminal has just sent it this signal, as for Ctrl-C.
    Interrupted(Signal),
    /// It shall be killed.
    Kill,
    /// It shall end and start again.
    Restart,
    /// A step could not be started.
    NotStarted {
        /// The error number.
        errno: i32,
    },
    /// A step could not be started, as the directory that it runs in is gone.
    NoDirectory,
    /// The leader of a step has ended.
    Left {
        /// Which step.
        step: usize,
        /// How it ended.
        exit: Exit,
        /// Whether a process of the tree listens on the port all the same.
        listening: bool,
    },
    /// No process of the tree is left.
    Empty {
        /// Whether a stranger listens on the reserved port.
        stranger: bool,
        /// Whether it ended because it asked for another port, and there is a way to give it the reserved one.
        redirectable: bool,
    },
    /// A process of the tree listens on the reserved port.
    Listening,
    /// Nobody of the tree listens on the reserved port any more.
    NotListening,
    /// A stranger listens on the reserved port, which therefore is lost.
    Stranger,
    /// A process of the tree listens on another port than the reserved one, and nobody of it on that.
    Elsewhere {
        /// Whether it can be started with that listener moved to the reserved port.
        movable: bool,
    },
    /// The port that the service asked for in place of the reserved one is taken, and it waits for better times.
    Refused,
    /// The reservation could not follow the service to where it listens.
    NotFollowed,
    /// The guardian has died; its service now belongs to the supervisor itself.
    GuardianLost,
    /// Another port was reserved.
    Moved,
    /// No other port could be reserved.
    NoPort,
    /// The time of [`Service::deadline`] has come.
    Tick,
}

/// What shall be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start a step.
    Run(usize),
    /// Signal the service.
    Signal(Signal),
    /// Signal what is left of it outside its leader's process group, which has had a signal already.
    SignalRest(Signal),
    /// Kill the whole tree.
    Kill,
    /// Look out for a listener on the port, from now on.
    Watch,
    /// Look no longer.
    Unwatch,
    /// Look once whether the listener is still there.
    Confirm,
    /// Reserve another port, and answer with [`Input::Moved`] or [`Input::NoPort`].
    Move,
    /// Prepare the next start so that the service gets the reserved port though it asks for another one.
    Redirect,
    /// Reserve the port that it listens on instead, or answer with [`Input::NotFollowed`].
    Follow,
    Notify(Notice),
    /// Give the port back.
    Release,
}

/// What users shall hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It listens on its port, this long after its start.
    Ready(Duration),
    /// It takes longer than it should.
    Slow,
    /// It has stopped listening shortly after it had begun.
    Withdrawn,
    /// It ended, and will be started again after a pause.
    Restart(Ending, Duration),
    /// It ended for good.
    End(Ending),
}

/// How one run of the service ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which of its steps ended it: the last that was started, or was to be.
    pub step: usize,
    /// How that step's leader ended, if it was started at all.
    pub exit: Option<Exit>,
    /// Why it failed; nothing if it ended as it should.
    pub failure: Option<FailureReason>,
    /// The error number of a start that failed.
    pub errno: Option<i32>,
    /// How long it ran.
    pub after: Duration,
    /// Whether it was ended because somebody wanted it.
    pub requested: bool,
    /// Whether it had listened on its port.
    pub was_ready: bool,
    /// Whether it was given up after too many crashes in a row.
    pub gave_up: bool,
}

/// As it goes on after the service's name.
impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.exit, self.errno, self.failure) {
            (Some(exit), ..) => write!(f, "ended with {exit}"),
            (None, Some(errno), _) => {
                write!(f, "could not be started: {}", io::Error::from_raw_os_error(errno))
            }
            (None, None, Some(FailureReason::DirectoryMissing)) => f.write_str("could not be started"),
            (None, None, _) => f.write_str("was ended, as its guardian was killed"),
        }
    }
}

/// Why a tree is being ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    /// Somebody wants it to end.
    End,
    /// Somebody wants it to start anew.
    Restart,
    /// It has failed by itself, or its leader has left.
    Conclude,
    /// It needs another port.
    Move,
    /// It asks for another port than it should.
    Redirect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Starting { ready_by: Option<Instant> },
    Running { settled_at: Option<Instant> },
    Stopping { goal: Goal, kill_at: Option<Instant> },
    Moving,
    Waiting { until: Instant },
    Ended,
}

/// What is known of the current run.
#[derive(Clone, Copy, Debug)]
struct Run {
    since: Instant,
    step: usize,
    exit: Option<Exit>,
    errno: Option<i32>,
    failure: Option<FailureReason>,
    was_ready: bool,
    /// Whether it still listened a moment later.
    settled: bool,
}

impl Run {
    fn new(since: Instant) -> Self {
        Self { since, step: 0, exit: None, errno: None, failure: None, was_ready: false, settled: false }
    }
}

/// One service.
#[derive(Clone, Debug)]
pub struct Service {
    settings: Settings,
    state: State,
    /// Whether a process of the tree may be alive.
    alive: bool,
    moves: u32,
    redirects: u32,
    backoff: Backoff,
    run: Run,
    /// The signal that asked it to end, if one did.
    asked: Option<Signal>,
}

impl Service {
    /// A service that has not been started. `seed` spreads the pauses between restarts of several services.
    pub fn new(settings: Settings, seed: u64, now: Instant) -> Self {
        let run = Run::new(now);
        let (moves, redirects) = (settings.moves, settings.redirects);
        Self {
            settings,
            state: State::Idle,
            alive: false,
            moves,
            redirects,
            backoff: Backoff::new(seed),
            run,
            asked: None,
        }
    }

    /// When [`Input::Tick`] is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Starting { ready_by } => ready_by,
            State::Running { settled_at } => settled_at,
            State::Stopping { kill_at, .. } => kill_at,
            State::Waiting { until } => Some(until),
            State::Idle | State::Moving | State::Ended => None,
        }
    }

    /// The state as the protocol names it.
    pub fn state(&self) -> crate::event::State {
        use crate::event::State as Public;
        match self.state {
            State::Idle => Public::Idle,
            State::Starting { .. } | State::Moving | State::Waiting { .. } => Public::Starting,
            State::Running { .. } => Public::Running,
            State::Stopping { .. } => Public::Stopping,
            State::Ended if self.run.failure.is_some() => Public::Failed,
            State::Ended => Public::Stopped,
        }
    }

    /// How the leader ended, in a run that has not listened on its port for long enough to be believed.
    pub fn failed_exit(&self) -> Option<Exit> {
        self.run.exit.filter(|_| !self.run.settled && self.run.failure.is_none())
    }

    /// The step that runs, or ran last.
    pub fn step(&self) -> usize {
        self.run.step
    }

    /// Whether it has ended for good.
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Takes in what happened at `now` and says what shall be done.
    pub fn on(&mut self, input: Input, now: Instant) -> Vec<Effect> {
        if self.state == State::Ended {
            return Vec::new();
        }
        match input {
            Input::Start => self.begin(now),
            Input::Stop(signal) => self.stop(signal, now),
            Input::Interrupted(signal) => self.interrupted(signal, now),
            Input::Kill => self.kill(now),
            Input::Restart => self.restart(now),
            Input::NotStarted { errno } => self.not_started(errno, now),
            Input::NoDirectory => self.no_directory(now),
            Input::Left { step, exit, listening } => self.left(step, exit, listening, now),
            Input::Empty { stranger, redirectable } => self.emptied(stranger, redirectable, now),
            Input::Listening => self.listening(now),
            Input::NotListening => self.not_listening(now),
            Input::Stranger => self.stranger(now),
            Input::Elsewhere { movable } => self.elsewhere(movable, now),
            Input::Refused => self.redirect(now),
            Input::NotFollowed => self.not_followed(now),
            Input::GuardianLost => self.guardian_lost(now),
            Input::Moved => self.moved(now),
            Input::NoPort => self.no_port(now),
            Input::Tick => self.tick(now),
        }
    }
}
