//! What the loop says of a service's life.

use std::time::Duration;

use super::backend::Backend;
use super::clock::now;
use super::control::Control;
use super::instance::Outcome;
use super::run::Supervisor;
use super::service::{Ending, Notice};
use super::sink::Sink;
use crate::event::{Level, State, What};
use crate::process::Exit;

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn notify(&mut self, index: usize, notice: Notice) {
        let port = self.backend.port(index);
        match notice {
            Notice::Ready(after) => {
                let framework = self.backend.framework(index);
                self.announce(index, What::PortDetected { port, framework, after });
                self.backend.became_ready(index);
            }
            Notice::Slow => self.warn(
                index,
                format!("nothing of the service listens on port {port} yet; still waiting for it"),
            ),
            Notice::Withdrawn => {
                self.warn(index, format!("the service has stopped listening on port {port}"));
            }
            Notice::Restart(ending, pause) => {
                self.notify_exit(index, ending, State::Starting);
                let pause = humantime::format_duration(Duration::from_millis(milliseconds(pause)));
                self.warn(index, format!("the service {ending}; starting it again in {pause}"));
            }
            Notice::End(ending) => {
                let state = if ending.failure.is_some() { State::Failed } else { State::Stopped };
                self.notify_exit(index, ending, state);
                self.instances[index].outcome = Some(Outcome { ending, at: now() });
            }
        }
    }

    fn warn(&mut self, index: usize, message: String) {
        self.announce(index, What::Noted { level: Level::Warning, message });
    }

    fn notify_exit(&mut self, index: usize, ending: Ending, state: State) {
        let stderr = ending.failure.is_some().then(|| self.instances[index].tail.lines());
        self.announce(
            index,
            What::ProcessExited {
                exit_code: ending.exit.and_then(Exit::code),
                signal: ending.exit.and_then(Exit::signal).map(str::to_owned),
                duration_ms: milliseconds(ending.after),
                state,
                failure_reason: ending.failure,
                stderr: stderr.filter(|lines| !lines.is_empty()),
            },
        );
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
