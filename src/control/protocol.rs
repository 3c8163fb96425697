//! The lines of a control socket.
//!
//! Both sides begin with a [`Hello`]; the client may leave out its own. Then the client sends [`ControlRequest`]s,
//! and the server answers with [`Line`]s: the events of [`crate::event`], and [`Status`].

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::detect::ServiceKind;
use crate::event::{Event, State, What};
use crate::port::Scheme;
use crate::supervise::KeyboardKind;

/// The version of the protocol. It grows when an older client could misunderstand a newer server.
pub const PROTOCOL: u32 = 1;

/// The longest line that a server reads, in bytes.
pub const LONGEST_REQUEST: usize = 64 * 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    pub bowline: String,
    pub protocol: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

impl Hello {
    pub fn ours(pid: Option<u32>) -> Self {
        Self { bowline: env!("CARGO_PKG_VERSION").to_owned(), protocol: PROTOCOL, pid }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    Status,
    /// End the service, and say when it has ended.
    Stop,
    /// End the service, start it again, and say when it is ready.
    Restart,
    /// Say when the service is ready.
    Wait,
    /// Pass on every event until the connection is closed.
    Attach,
    /// Give the service what the user types. The first one takes the keyboard, until the connection is closed.
    Input,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The word of the JSON form.
        self.serialize(f)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a request")]
pub struct ControlRequest {
    #[serde(rename = "type")]
    pub verb: Verb,
    /// Copied to the answers, as `commandId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Without it, the request is for every service of the supervisor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Whether a stop kills at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// The command that asks, for people: `bowline stop`. Older clients leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// For a stop, the projects that the same command stops: what needs others of them ends first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub along: Vec<String>,
    /// Whether an attach includes output.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub output: bool,
    /// What the user types.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub data: String,
    /// The size of the user's terminal, for one of the service's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<u16>,
}

fn yes() -> bool {
    true
}

impl ControlRequest {
    pub fn new(verb: Verb, project_id: Option<&str>) -> Self {
        let project_id = project_id.map(str::to_owned);
        Self {
            verb,
            id: None,
            project_id,
            force: false,
            by: None,
            along: Vec::new(),
            output: true,
            data: String::new(),
            rows: None,
            columns: None,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub project_id: String,
    pub name: String,
    pub dir: String,
    /// Where the directory lies now, if it was moved since the start.
    #[serde(default)]
    pub moved_to: Option<String>,
    pub framework: String,
    #[serde(default)]
    pub kind: ServiceKind,
    /// `None` for a service without a port.
    pub port: Option<u16>,
    pub url: Option<String>,
    pub state: State,
    /// The names of the services that it waits for. Older supervisors leave it out, as they do the next four.
    #[serde(default)]
    pub waits_for: Vec<String>,
    /// The names of the services that keep it from being started.
    #[serde(default)]
    pub blocked_by: Vec<String>,
    /// The names of the services that wait for it at their start.
    #[serde(default)]
    pub wanted_by: Vec<String>,
    /// How often it was started in this session.
    #[serde(default)]
    pub attempts: u32,
    /// How it ended the last time: the predicate of a sentence.
    #[serde(default)]
    pub last_end: Option<String>,
    /// The time of the last start (RFC 3339).
    pub started_at: String,
    pub command: String,
    /// The command as the script or the caller has it, without the port. Older supervisors leave it out.
    #[serde(default)]
    pub original: Option<String>,
    /// What it makes of `input`. Older supervisors know none.
    #[serde(default)]
    pub keyboard: KeyboardKind,
    /// The variables that bowline.toml sets, as the service has them. Older supervisors leave them out.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// `foreground`, `background` or `runner`.
    pub started_by: String,
    pub pid: u32,
    /// The pid of the guardian, the ancestor of all the service's processes, while there are any.
    pub guardian: Option<i32>,
    pub session: String,
    /// The version of the supervisor. The client takes it from the greeting.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub bowline: String,
    pub log: String,
    /// The cursor of the output that comes next.
    pub cursor: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line {
    /// The answer to a `status`, and the first to an `attach`.
    #[serde(rename_all = "camelCase")]
    Status {
        services: Vec<Status>,
        #[serde(skip_serializing_if = "Option::is_none")]
        command_id: Option<String>,
    },
    #[serde(untagged)]
    Event(Event),
}

impl Line {
    /// Parses a line of a server by its type, so that an error names the field that is wrong.
    pub fn parse(line: &[u8]) -> serde_json::Result<Self> {
        #[derive(Deserialize)]
        struct Typed {
            r#type: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct StatusAnswer {
            services: Vec<Status>,
            command_id: Option<String>,
        }
        let Typed { r#type } = serde_json::from_slice(line)?;
        if r#type != "status" {
            let mut event: Event = serde_json::from_slice(line)?;
            if let What::PortDetected { port, url, .. } = &mut event.what
                && url.is_empty()
            {
                *url = Scheme::Http.url(*port);
            }
            return Ok(Self::Event(event));
        }
        let StatusAnswer { services, command_id } = serde_json::from_slice(line)?;
        Ok(Self::Status { services, command_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_documented() {
        let request = ControlRequest::new(Verb::Stop, Some("/app"));
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"type":"stop","projectId":"/app"}"#);
        let read: ControlRequest =
            serde_json::from_str(r#"{"type":"attach","output":false,"new":1}"#).unwrap();
        assert_eq!((read.verb, read.output, read.project_id), (Verb::Attach, false, None));
    }

    #[test]
    fn a_line_of_a_server_is_a_status_or_an_event() {
        let json = r#"{"type":"status","services":[],"commandId":"1"}"#;
        let line = Line::parse(json.as_bytes()).unwrap();
        assert!(matches!(line, Line::Status { .. }), "{line:?}");
        assert_eq!(serde_json::to_string(&line).unwrap(), json);
        let json = r#"{"type":"ack","message":"done","timestamp":"2026-01-31T12:00:00.000Z"}"#;
        let line = Line::parse(json.as_bytes()).unwrap();
        let Line::Event(event) = &line else { panic!("{line:?}") };
        assert_eq!(event.what, What::Ack { message: "done".to_owned() });
        assert_eq!(serde_json::to_string(&line).unwrap(), json);
        let older = Line::parse(br#"{"type":"port-detected","port":3101,"framework":"next"}"#).unwrap();
        let Line::Event(Event { what: What::PortDetected { url, .. }, .. }) = older else {
            panic!("{older:?}")
        };
        assert_eq!(url, "http://localhost:3101", "servers of an older bowline");
        let news = Line::parse(br#"{"type":"some-news"}"#).unwrap();
        assert!(matches!(&news, Line::Event(event) if event.what == What::Unknown), "{news:?}");
    }

    #[test]
    fn a_line_that_cannot_be_read_says_why() {
        for (line, reason) in [
            (r#"{"foo":1}"#, "missing field `type`"),
            (r#"{"type":"port-detected"}"#, "missing field `port`"),
            (r#"{"type":"status","services":[{"projectId":"/app"}]}"#, "missing field `name`"),
        ] {
            let error = Line::parse(line.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{line}: {error}");
        }
    }
}
