//! The events.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// How a warning begins that a service starts its program once a file is mended.
pub const IDLES: &str = "its program does not run";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    #[serde(flatten)]
    pub what: What,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Only of an error that is the answer to a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
    #[serde(with = "rfc3339", default = "SystemTime::now")]
    pub timestamp: SystemTime,
}

/// How a client that was refused is to fail, besides the text of the error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub exit_code: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Event {
    /// The same event, as an answer to this command.
    #[must_use]
    pub fn answering(mut self, command_id: Option<&str>) -> Self {
        self.command_id = command_id.map(str::to_owned);
        self
    }

    pub fn now(project_id: &str, what: What) -> Self {
        Self { project_id: Some(project_id.to_owned()), ..Self::without_project(what) }
    }

    pub fn without_project(what: What) -> Self {
        Self { what, command_id: None, project_id: None, refusal: None, timestamp: SystemTime::now() }
    }

    /// Without the line's end.
    pub fn to_json(&self) -> String {
        // Strings, numbers and times always serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

mod rfc3339 {
    use std::time::SystemTime;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_rfc3339_millis(*time))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        humantime::parse_rfc3339(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum What {
    /// A command was accepted, or has done what it should, as the message says.
    Ack {
        message: String,
    },
    LogChunk {
        stream: Stream,
        /// Bytes that are not UTF-8 are replaced.
        data: String,
        /// Where it ends in the service's output. Unique, and opaque to clients.
        cursor: String,
    },
    /// A process of the service listens on the reserved port.
    PortDetected {
        port: u16,
        #[serde(default)]
        framework: String,
        /// Empty from an older bowline, whose servers speak HTTP.
        #[serde(default)]
        url: String,
        /// The time since the start. `None` if it was ready before, with another URL.
        #[serde(skip)]
        after: Option<Duration>,
    },
    /// A service without a port is ready.
    Ready {
        #[serde(default)]
        framework: String,
        by: ReadyBy,
        /// The time since the start.
        #[serde(skip)]
        after: Option<Duration>,
    },
    /// The wanted port is taken and none is left. The message says who holds them.
    PortConflict {
        port: u16,
        message: String,
    },
    /// Another port than the wanted one is used. The message says why.
    PortReallocated {
        original_port: u16,
        new_port: u16,
        message: String,
    },
    /// The service is started once these others are ready or done.
    Waiting {
        /// Their names.
        waits_for: Vec<String>,
    },
    /// The service cannot be started because others have failed, or were stopped. It starts by itself once they are
    /// ready.
    Blocked {
        /// The names of those that it needs itself.
        blocked_by: Vec<String>,
        /// The names of those that have to be started again.
        root_causes: Vec<String>,
        /// Why, for people: the predicate of a sentence.
        message: String,
    },
    /// Connections to one port of this bowline are passed on to another, the service's.
    PortForwarded {
        from: u16,
        to: u16,
    },
    ProcessExited {
        /// `None` if a signal ended it or it was never started.
        exit_code: Option<u8>,
        /// The name of the signal that ended it, as in `SIGTERM`.
        signal: Option<String>,
        #[serde(default)]
        duration_ms: u64,
        /// The state of the service now.
        state: State,
        #[serde(skip_serializing_if = "Option::is_none")]
        failure_reason: Option<FailureReason>,
        /// How and why it failed, for people: the predicate of a sentence. Older supervisors leave it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// The last lines of its output, if it failed.
        #[serde(skip_serializing_if = "Option::is_none")]
        stderr: Option<String>,
        /// Who has asked it to end, if not the user of its bowline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stopped_by: Option<String>,
    },
    Error {
        error: String,
    },
    /// Something for people only: it has no JSON form.
    #[serde(skip)]
    Noted {
        level: Level,
        message: String,
    },
    /// An event of a newer bowline, unknown to this one.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl What {
    /// The state of the service that the event tells of; `None` if it tells of something else.
    pub fn state(&self) -> Option<State> {
        match self {
            Self::PortDetected { .. } | Self::Ready { .. } => Some(State::Running),
            Self::Waiting { .. } => Some(State::Waiting),
            Self::Blocked { .. } => Some(State::Blocked),
            Self::ProcessExited { state, .. } => Some(*state),
            Self::Ack { .. }
            | Self::LogChunk { .. }
            | Self::PortConflict { .. }
            | Self::PortReallocated { .. }
            | Self::PortForwarded { .. }
            | Self::Error { .. }
            | Self::Noted { .. }
            | Self::Unknown => None,
        }
    }
}

/// What made a service without a port ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadyBy {
    /// It said that its first build is through.
    FirstBuild,
    /// It runs, and nothing is known that it says at its first build; or a reason of a newer bowline.
    #[serde(other)]
    Start,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Plain,
    Warning,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Also all output of a service that has a terminal.
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Not started yet.
    #[default]
    Idle,
    /// Not started yet, as others that it needs are not ready.
    Waiting,
    /// Not started, as others that it needs have failed or were stopped.
    Blocked,
    /// Not listening yet, or about to be started again.
    Starting,
    Running,
    Stopping,
    /// Ended as it should.
    Stopped,
    /// Ended by itself with exit code 0, and is no server.
    Done,
    /// Ended as it should not.
    Failed,
}

impl State {
    /// Whether the service is neither ending nor ended.
    pub fn is_alive(self) -> bool {
        match self {
            Self::Idle | Self::Waiting | Self::Blocked | Self::Starting | Self::Running => true,
            Self::Stopping | Self::Stopped | Self::Done | Self::Failed => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    PortInUse,
    CommandNotFound,
    DirectoryMissing,
    PermissionDenied,
    /// It ended within three seconds.
    ImmediateCrash,
    /// It did not listen on its port in time.
    HealthCheckTimeout,
    /// It stopped listening on its port a moment after it had begun, or listens on another port.
    HealthCheckFailed,
    /// It was never started, as another service that it needs has failed or was stopped.
    NeedFailed,
    /// Any other reason, or one of a newer bowline.
    #[serde(other)]
    Unknown,
}

/// How a service ended: the predicate of a sentence. The `message` of the event says more, if there is one.
pub fn how_ended(exit_code: Option<u8>, signal: Option<&str>, message: Option<String>) -> String {
    message.unwrap_or_else(|| match (exit_code, signal) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(signal)) => format!("ended with {signal}"),
        (None, None) => "ended".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every event that has a JSON form, with that form up to `projectId` and `timestamp`.
    fn events() -> Vec<(What, &'static str)> {
        let exited =
            |exit_code, signal: Option<&str>, failure_reason, stderr: Option<&str>| What::ProcessExited {
                exit_code,
                signal: signal.map(str::to_owned),
                duration_ms: 12,
                state: State::Failed,
                failure_reason,
                message: None,
                stderr: stderr.map(str::to_owned),
                stopped_by: None,
            };
        let text = str::to_owned;
        let crash = Some(FailureReason::ImmediateCrash);
        vec![
            (What::Ack { message: text("done") }, r#""type":"ack","message":"done""#),
            (
                What::LogChunk { stream: Stream::Stderr, data: text("a\n"), cursor: text("s:2") },
                r#""type":"log-chunk","stream":"stderr","data":"a\n","cursor":"s:2""#,
            ),
            (
                What::PortDetected {
                    port: 3101,
                    framework: text("next"),
                    url: text("https://localhost:3101"),
                    after: None,
                },
                r#""type":"port-detected","port":3101,"framework":"next","url":"https://localhost:3101""#,
            ),
            (
                What::PortConflict { port: 1, message: text("taken") },
                r#""type":"port-conflict","port":1,"message":"taken""#,
            ),
            (
                What::PortReallocated { original_port: 1, new_port: 2, message: text("taken") },
                r#""type":"port-reallocated","originalPort":1,"newPort":2,"message":"taken""#,
            ),
            (
                What::Ready { framework: text("tsc"), by: ReadyBy::FirstBuild, after: None },
                r#""type":"ready","framework":"tsc","by":"first-build""#,
            ),
            (What::PortForwarded { from: 1, to: 2 }, r#""type":"port-forwarded","from":1,"to":2"#),
            (What::Waiting { waits_for: vec![text("ui")] }, r#""type":"waiting","waitsFor":["ui"]"#),
            (
                What::Blocked {
                    blocked_by: vec![text("api")],
                    root_causes: vec![text("db")],
                    message: text("why"),
                },
                r#""type":"blocked","blockedBy":["api"],"rootCauses":["db"],"message":"why""#,
            ),
            (
                exited(None, Some("SIGTERM"), crash, None),
                r#""type":"process-exited","exitCode":null,"signal":"SIGTERM","durationMs":12,"state":"failed","failureReason":"immediate_crash""#,
            ),
            (
                exited(Some(7), None, None, Some("why")),
                r#""type":"process-exited","exitCode":7,"signal":null,"durationMs":12,"state":"failed","stderr":"why""#,
            ),
            (What::Error { error: text("no") }, r#""type":"error","error":"no""#),
        ]
    }

    #[test]
    fn events_have_the_names_of_the_runners_messages_and_are_read_back() {
        for (what, fields) in events() {
            let timestamp = SystemTime::UNIX_EPOCH + Duration::from_millis(1_500);
            let event = Event { timestamp, ..Event::now("/app", what) };
            let json = event.to_json();
            let rest = r#""projectId":"/app","timestamp":"1970-01-01T00:00:01.500Z""#;
            assert_eq!(json, format!("{{{fields},{rest}}}"));
            assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
            let answer = event.answering(Some("1"));
            assert_eq!(serde_json::from_str::<Event>(&answer.to_json()).unwrap(), answer);
        }
    }

    #[test]
    fn other_versions_are_understood() {
        let read = |json: &str| serde_json::from_str::<Event>(json).map(|event| event.what);
        assert_eq!(
            read(r#"{"type":"some-news","port":{},"timestamp":"2026-01-31T12:00:00.000Z"}"#).unwrap(),
            What::Unknown
        );
        let nothing = String::new;
        let detected = What::PortDetected { port: 1, framework: nothing(), url: nothing(), after: None };
        assert_eq!(read(r#"{"type":"port-detected","port":1,"new":[1]}"#).unwrap(), detected);
        let exited = What::ProcessExited {
            exit_code: Some(1),
            signal: None,
            duration_ms: 0,
            state: State::Failed,
            failure_reason: Some(FailureReason::Unknown),
            message: None,
            stderr: None,
            stopped_by: None,
        };
        let json =
            r#"{"type":"process-exited","exitCode":1,"state":"failed","failureReason":"some_new_one"}"#;
        assert_eq!(read(json).unwrap(), exited);
        for damaged in ["{}", r#"{"type":"port-detected"}"#, r#"{"type":"ack","message":1}"#, "[]"] {
            assert!(read(damaged).is_err(), "{damaged}");
        }
    }
}
