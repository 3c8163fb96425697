//! The end of a service as people read it.

use std::time::Duration;

use super::{Ending, ReadyAt, Service};
use crate::event::FailureReason as Reason;
use crate::process::Exit;

impl Service {
    /// How and why it ended: the predicate of a sentence whose subject is the service. `unmet` are the conditions
    /// without which it was not ready.
    pub fn described(&self, ending: &Ending, port: u16, unmet: Option<&str>) -> String {
        let timeout = self.settings.ready_timeout;
        match unmet.filter(|_| ending.failure == Some(Reason::HealthCheckTimeout)) {
            Some(unmet) => format!("was not ready within {}, and was ended: {unmet}", span(timeout)),
            None if port == 0 && self.ready_at() == ReadyAt::Listener => {
                describe_without_port(ending, timeout)
            }
            None => describe(ending, port, timeout),
        }
    }

    /// The same of one that was not started, as `before` failed.
    pub fn described_before(&self, ending: &Ending, port: u16) -> String {
        let timeout = self.settings.ready_timeout;
        let how = if ending.failure == Some(Reason::HealthCheckTimeout) {
            format!("did not end within {}, and was ended", span(timeout))
        } else {
            describe(ending, port, timeout)
        };
        format!("was not started: `before` {how}")
    }
}

fn describe(ending: &Ending, port: u16, ready_timeout: Duration) -> String {
    let after = span(ending.after);
    let text = match ending.failure {
        None => ending.to_string(),
        Some(Reason::DirectoryMissing) => "could not be started: its directory is gone".to_owned(),
        Some(Reason::NeedFailed) => "was not started: a service that it needs is not ready".to_owned(),
        Some(Reason::CommandNotFound) => not_run(ending, "command not found"),
        Some(Reason::PermissionDenied) => not_run(ending, "permission denied"),
        Some(Reason::PortInUse) => match ending.exit {
            Some(exit) => format!("ended with {exit}: another process has taken port {port}"),
            None => format!("lost port {port} to another process"),
        },
        Some(Reason::HealthCheckTimeout) if port == 0 => {
            format!("was not through with its first build within {}, and was ended", span(ready_timeout))
        }
        Some(Reason::HealthCheckTimeout) => {
            format!("did not listen on port {port} within {}, and was ended", span(ready_timeout))
        }
        Some(Reason::HealthCheckFailed) if ending.was_ready => {
            format!("stopped listening on port {port}, and {ending}")
        }
        Some(Reason::HealthCheckFailed) => format!("listens elsewhere than on port {port}, and was ended"),
        Some(Reason::ImmediateCrash | Reason::Unknown) => match ending.exit {
            Some(Exit::Code(0)) if !ending.was_ready => {
                format!("ended with exit code 0 after {after} without listening on port {port}")
            }
            Some(_) | None => ending.to_string(),
        },
    };
    let again = if ending.gave_up { "; it was started several times and has failed every time" } else { "" };
    text + again
}

/// The same for one that starts others, and has no port of its own.
fn describe_without_port(ending: &Ending, ready_timeout: Duration) -> String {
    match (ending.failure, ending.exit) {
        (Some(Reason::HealthCheckTimeout), _) => {
            format!("had nothing that is ready within {}, and was ended", span(ready_timeout))
        }
        (Some(Reason::ImmediateCrash | Reason::Unknown), Some(Exit::Code(0))) if !ending.was_ready => {
            format!(
                "ended with exit code 0 after {}, and nothing that it started was ready",
                span(ending.after)
            )
        }
        _ => describe(ending, 0, ready_timeout),
    }
}

/// How it ended by itself when it had done its work.
pub fn finished(after: Duration) -> String {
    format!("finished after {} with exit code 0", span(after))
}

/// A command that the shell, or the kernel, could not run.
fn not_run(ending: &Ending, why: &str) -> String {
    match ending.exit {
        Some(exit) => format!("ended with {exit}: {why}"),
        None => format!("could not be started: {why}"),
    }
}

/// A time for people: `12 ms`, `0.4 s`, `43 s`, `2m 5s`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        0 if time.subsec_millis() < 100 => format!("{} ms", time.subsec_millis()),
        0..10 if time.subsec_millis() > 0 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Signal;

    #[test]
    fn every_reason_is_a_sentence() {
        let (zero, one) = (Some(Exit::Code(0)), Some(Exit::Code(1)));
        let term = Some(Exit::Signal(Signal::SIGTERM));
        for (failure, exit, was_ready, expected) in [
            (None, zero, true, "ended with exit code 0"),
            (
                Some(Reason::ImmediateCrash),
                zero,
                false,
                "ended with exit code 0 after 0.4 s without listening on port 6001",
            ),
            (Some(Reason::ImmediateCrash), one, false, "ended with exit code 1"),
            (Some(Reason::ImmediateCrash), term, true, "ended with SIGTERM"),
            (
                Some(Reason::Unknown),
                zero,
                false,
                "ended with exit code 0 after 0.4 s without listening on port 6001",
            ),
            (Some(Reason::Unknown), None, true, "was ended, as its guardian was killed"),
            (
                Some(Reason::HealthCheckTimeout),
                term,
                false,
                "did not listen on port 6001 within 60 s, and was ended",
            ),
            (
                Some(Reason::HealthCheckFailed),
                zero,
                true,
                "stopped listening on port 6001, and ended with exit code 0",
            ),
            (
                Some(Reason::HealthCheckFailed),
                term,
                false,
                "listens elsewhere than on port 6001, and was ended",
            ),
            (
                Some(Reason::PortInUse),
                one,
                false,
                "ended with exit code 1: another process has taken port 6001",
            ),
            (Some(Reason::PortInUse), None, false, "lost port 6001 to another process"),
            (
                Some(Reason::CommandNotFound),
                Some(Exit::Code(127)),
                false,
                "ended with exit code 127: command not found",
            ),
            (Some(Reason::CommandNotFound), None, false, "could not be started: command not found"),
            (Some(Reason::PermissionDenied), None, false, "could not be started: permission denied"),
            (Some(Reason::DirectoryMissing), None, false, "could not be started: its directory is gone"),
        ] {
            let ending =
                Ending { exit, failure, was_ready, after: Duration::from_millis(400), ..Ending::default() };
            assert_eq!(describe(&ending, 6001, Duration::from_secs(60)), expected, "{failure:?} {exit:?}");
        }
    }

    #[test]
    fn a_service_without_a_port_is_not_said_to_listen() {
        let failure = Some(Reason::HealthCheckTimeout);
        let ending = Ending { failure, after: Duration::from_secs(60), ..Ending::default() };
        assert_eq!(
            describe(&ending, 0, Duration::from_secs(60)),
            "was not through with its first build within 60 s, and was ended"
        );
        assert_eq!(finished(ending.after), "finished after 60 s with exit code 0");
    }

    #[test]
    fn times_are_short() {
        for (millis, expected) in
            [(0, "0 ms"), (40, "40 ms"), (412, "0.4 s"), (2_000, "2 s"), (43_700, "43 s"), (125_000, "2m 5s")]
        {
            assert_eq!(span(Duration::from_millis(millis)), expected);
        }
    }
}
