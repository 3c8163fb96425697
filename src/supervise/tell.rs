//! What the loop tells of a service's life.

use std::time::{Duration, Instant};

use super::service::{Effect, Ending};
use super::{Control, Outcome, Sink, Supervisor, World};
use crate::event::{Level, State, What};
use crate::process::Exit;

impl<W: World, S: Sink, C: Control> Supervisor<W, S, C> {
    pub(super) fn tell(&mut self, index: usize, effect: Effect) {
        match effect {
            Effect::TellReady(after) => self.tell_ready(index, after),
            Effect::TellSlow => self.warn(index, |port| {
                format!("nothing of the service listens on port {port} yet; still waiting for it")
            }),
            Effect::TellWithdrawn => {
                self.warn(index, |port| format!("the service has stopped listening on port {port}"));
            }
            Effect::TellRestart(ending, pause) => {
                self.tell_exit(index, ending, State::Starting);
                let pause = humantime::format_duration(round(pause));
                self.warn(index, |_| format!("the service {ending}; starting it again in {pause}"));
            }
            Effect::TellEnd(ending) => {
                let state = if ending.failure.is_some() { State::Failed } else { State::Stopped };
                self.tell_exit(index, ending, state);
                self.outcomes[index] = Some(Outcome { ending, at: Instant::now() });
            }
            Effect::Run(_)
            | Effect::Signal(_)
            | Effect::SignalRest(_)
            | Effect::Kill
            | Effect::Watch
            | Effect::Unwatch
            | Effect::Confirm
            | Effect::Move
            | Effect::Redirect
            | Effect::Follow
            | Effect::Release => {}
        }
    }

    fn tell_ready(&mut self, index: usize, after: Duration) {
        let (port, framework) = self.world.port(index);
        self.announce(index, What::PortDetected { port, framework, after });
    }

    fn warn(&mut self, index: usize, message: impl FnOnce(u16) -> String) {
        let (port, _) = self.world.port(index);
        self.announce(index, What::Noted { level: Level::Warning, message: message(port) });
    }

    fn tell_exit(&mut self, index: usize, ending: Ending, state: State) {
        let stderr = ending.failure.is_some().then(|| self.stages[index].tail.lines());
        self.announce(
            index,
            What::ProcessExited {
                exit_code: ending.exit.and_then(Exit::code),
                signal: ending.exit.and_then(Exit::signal).map(str::to_owned),
                duration_ms: u64::try_from(ending.after.as_millis()).unwrap_or(u64::MAX),
                state,
                failure_reason: ending.failure,
                stderr: stderr.filter(|lines| !lines.is_empty()),
            },
        );
    }
}

fn round(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
