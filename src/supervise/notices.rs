//! What users are told of a service, by the notices of its state machine.

use std::time::Duration;

use tokio::time::Instant;

use super::run::Instance;
use super::service::{Ending, Notice, ReadyAt, finished};
use super::{Backend, Control, Outcome, Sink, Supervisor};
use crate::event::{FailureReason, Level, ReadyBy, State, What};
use crate::process::Exit;

/// When to look again at a service that is ready.
const FIRST_REVIEW: Duration = Duration::from_secs(1);

impl<B: Backend, S: Sink, C: Control> Supervisor<B, S, C> {
    pub(super) fn notify(&mut self, index: usize, notice: Notice) {
        let port = self.backend.port(index);
        match notice {
            // Others have announced that they are.
            Notice::Ready(_) if self.backend.orchestrates(index) && !self.listens(index) => {}
            Notice::Ready(after) => {
                self.became_ready(index, after);
                self.restart_misled(index);
            }
            Notice::Slow | Notice::Unproven => {
                let message = self.overdue(index, notice == Notice::Unproven);
                self.warn(index, message);
            }
            Notice::Withdrawn => {
                self.warn(index, format!("the service has stopped listening on port {port}"));
            }
            Notice::Restart(ending, pause) => {
                self.notify_exit(index, ending, State::Starting);
                let pause = humantime::format_duration(Duration::from_millis(milliseconds(pause)));
                let how = self.described(index, &ending);
                self.warn(index, format!("the service {how}; starting it again in {pause}"));
            }
            Notice::End(ending) => {
                let has_finished = self.instances[index].service.has_finished(&ending);
                if has_finished {
                    let message = finished(ending.after);
                    self.announce(index, What::Noted { level: Level::Plain, message });
                }
                let state = match ending.failure {
                    Some(_) => State::Failed,
                    None if has_finished => State::Done,
                    None => State::Stopped,
                };
                self.notify_exit(index, ending, state);
                let how = self.described(index, &ending);
                let lacked_conditions = self.instances[index].conditions.unmet().is_some();
                self.instances[index].outcome =
                    Some(Outcome { ending, how, lacked_conditions, at: Instant::now() });
                self.tell_what_goes_on(index);
            }
        }
    }

    /// Once every service that the user named has ended, tells which of the others still run.
    fn tell_what_goes_on(&mut self, ended: usize) {
        let is_wanted = |&index: &usize| !self.backend.is_added(index);
        let are_over = (0..self.instances.len())
            .filter(is_wanted)
            .all(|index| self.instances[index].service.has_ended());
        let left: Vec<usize> =
            self.alive().filter(|&index| self.instances[index].leaving.is_none()).collect();
        let all_end = self.is_ending || self.start_order.fail_fast;
        if are_over && is_wanted(&ended) && !left.is_empty() && !all_end {
            let names = self.names(&left).join("`, `");
            self.tell(ended, format!("no service that was named is left; still running: `{names}`"));
        }
    }

    fn became_ready(&mut self, index: usize, after: Duration) {
        let by = match self.instances[index].service.ready_at() {
            ReadyAt::Listener | ReadyAt::End => {
                self.announce_ready(index, Some(after));
                self.instances[index].review_at = Some(Instant::now() + FIRST_REVIEW);
                return;
            }
            ReadyAt::FirstBuild => ReadyBy::FirstBuild,
            ReadyAt::Start => ReadyBy::Start,
        };
        self.instances[index].review_at = Some(Instant::now() + FIRST_REVIEW);
        self.instances[index].first_build = None;
        let framework = self.backend.framework(index);
        self.announce(index, What::Ready { framework, by, after: Some(after) });
        if let Some(what) = self.backend.became_ready(index) {
            self.sink.notify(index, what);
        }
    }

    fn described(&self, index: usize, ending: &Ending) -> String {
        let is_blocked = ending.failure == Some(FailureReason::NeedFailed);
        if let Some(reason) = self.instances[index].not_started.as_ref().filter(|_| is_blocked) {
            return reason.clone();
        }
        let Instance { service, conditions, .. } = &self.instances[index];
        let port = self.backend.port(index);
        let is_in_before = ending.step == 0 && !ending.was_ready && self.backend.hook_before(index).is_some();
        if is_in_before && ending.failure.is_some() {
            service.described_before(ending, port)
        } else {
            service.described(ending, port, conditions.unmet().as_deref())
        }
    }

    pub(super) fn warn(&mut self, index: usize, message: String) {
        self.announce(index, What::Noted { level: Level::Warning, message });
    }

    fn notify_exit(&mut self, index: usize, ending: Ending, state: State) {
        let stderr = ending.failure.is_some().then(|| self.instances[index].tail.lines());
        let message = ending.failure.map(|_| self.described(index, &ending));
        self.announce(
            index,
            What::ProcessExited {
                exit_code: ending.exit.and_then(Exit::code),
                signal: ending.exit.and_then(Exit::signal).map(str::to_owned),
                duration_ms: milliseconds(ending.after),
                state,
                failure_reason: ending.failure,
                message,
                stderr: stderr.filter(|lines| !lines.is_empty()),
                stopped_by: self.instances[index].stopped_by.clone(),
            },
        );
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
