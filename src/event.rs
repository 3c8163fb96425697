//! What happened: all that a user, a script or the SentryVibe runner may be told, in the past tense.
//!
//! The names and fields of the JSON form are those of the runner's messages, so one vocabulary serves
//! `--json`, the control socket and `bowline runner`.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

mod output;

pub use output::{Output, cursor, parse_cursor};

/// One thing that happened to one service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// What it was.
    #[serde(flatten)]
    pub what: What,
    /// The runner command that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The project it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// When it happened.
    #[serde(serialize_with = "rfc3339")]
    pub timestamp: SystemTime,
}

impl Event {
    /// The same event as the answer to a command.
    #[must_use]
    pub fn answering(mut self, command_id: Option<&str>) -> Self {
        self.command_id = command_id.map(str::to_owned);
        self
    }

    /// `what` happened to the project with this id, now.
    pub fn now(project_id: &str, what: What) -> Self {
        Self { what, command_id: None, project_id: Some(project_id.to_owned()), timestamp: SystemTime::now() }
    }

    /// The event as one line of JSON, without the line's end.
    pub fn to_json(&self) -> String {
        // Strings, numbers and times always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn rfc3339<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*time))
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum What {
    /// A command was taken in, or has done what it should.
    Ack {
        /// Which of both.
        message: String,
    },
    /// The service wrote something.
    LogChunk {
        /// Where it wrote.
        stream: Stream,
        /// What it wrote; bytes that are not UTF-8 are replaced.
        data: String,
        /// The place in the service's output, unique and opaque.
        cursor: String,
    },
    /// A process of the service listens on the reserved port.
    PortDetected {
        /// The port.
        port: u16,
        /// The framework's key.
        framework: String,
        /// How long after the start.
        #[serde(skip)]
        after: Duration,
    },
    /// The wanted port is taken and none is left.
    PortConflict {
        /// The wanted port.
        port: u16,
        /// Who holds it.
        message: String,
    },
    /// Another port than the wanted one is used.
    PortReallocated {
        /// The wanted port.
        original_port: u16,
        /// The port used.
        new_port: u16,
        /// Why.
        message: String,
    },
    /// The service ended.
    ProcessExited {
        /// Its code, if it exited by itself.
        exit_code: Option<u8>,
        /// The signal that ended it, `SIGTERM`.
        signal: Option<&'static str>,
        /// How long it ran.
        duration_ms: u64,
        /// What becomes of the service now.
        state: State,
        /// Why it failed, if it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        failure_reason: Option<FailureReason>,
        /// The last lines of its output, if it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        stderr: Option<String>,
    },
    /// Something failed.
    Error {
        /// What failed.
        error: String,
    },
    /// Something a person may want to know and no program needs: it has no JSON form.
    #[serde(skip)]
    Noted {
        /// How much it matters.
        level: Level,
        /// One line.
        message: String,
    },
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Plain,
    /// Something is not as it should be.
    Warning,
}

/// Where a service wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Its standard output, or its terminal.
    Stdout,
    /// Its standard error.
    Stderr,
}

/// The state of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not started yet.
    Idle,
    /// Started, not listening yet, or about to be started again.
    Starting,
    /// Listening on its port.
    Running,
    /// Asked to end.
    Stopping,
    /// Ended as it should.
    Stopped,
    /// Ended as it should not.
    Failed,
}

impl State {
    /// Whether it runs, or is about to: neither ending nor ended.
    pub fn is_alive(self) -> bool {
        match self {
            Self::Idle | Self::Starting | Self::Running => true,
            Self::Stopping | Self::Stopped | Self::Failed => false,
        }
    }
}

/// Why a service failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// Another program has the port.
    PortInUse,
    /// The program does not exist.
    CommandNotFound,
    /// The project's directory does not exist.
    DirectoryMissing,
    /// The program may not be executed.
    PermissionDenied,
    /// It ended within three seconds.
    ImmediateCrash,
    /// It did not listen on its port in time.
    HealthCheckTimeout,
    /// It stopped listening on its port a moment after it had begun.
    HealthCheckFailed,
    /// None of the others.
    Unknown,
}

impl fmt::Display for FailureReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As in the JSON form, which is a string.
        let word = serde_json::to_value(self).ok();
        f.write_str(word.as_ref().and_then(Value::as_str).unwrap_or_default())
    }
}

/// How a service has ended, in words that follow "ended": nothing if it was not even started.
pub fn how_ended(exit_code: Option<u8>, signal: Option<&str>) -> String {
    match (exit_code, signal) {
        (Some(code), _) => format!(" with exit code {code}"),
        (None, Some(signal)) => format!(" with {signal}"),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(what: What) -> String {
        let event = Event {
            what,
            command_id: None,
            project_id: Some("/app".to_owned()),
            timestamp: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
        };
        event.to_json()
    }

    #[test]
    fn events_have_the_names_of_the_runners_messages() {
        let detected = What::PortDetected { port: 3101, framework: "next".to_owned(), after: Duration::ZERO };
        assert_eq!(
            json(detected),
            r#"{"type":"port-detected","port":3101,"framework":"next","projectId":"/app","timestamp":"1970-01-01T00:00:01.500Z"}"#
        );
        let exited = What::ProcessExited {
            exit_code: None,
            signal: Some("SIGTERM"),
            duration_ms: 12,
            state: State::Failed,
            failure_reason: Some(FailureReason::ImmediateCrash),
            stderr: None,
        };
        assert_eq!(
            json(exited),
            r#"{"type":"process-exited","exitCode":null,"signal":"SIGTERM","durationMs":12,"state":"failed","failureReason":"immediate_crash","projectId":"/app","timestamp":"1970-01-01T00:00:01.500Z"}"#
        );
        let moved = What::PortReallocated { original_port: 1, new_port: 2, message: "taken".to_owned() };
        assert_eq!(
            json(moved),
            r#"{"type":"port-reallocated","originalPort":1,"newPort":2,"message":"taken","projectId":"/app","timestamp":"1970-01-01T00:00:01.500Z"}"#
        );
    }
}
