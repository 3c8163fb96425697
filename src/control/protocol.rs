//! What is said over a control socket.
//!
//! Both sides begin with a [`Hello`]; the client's may be left out. Then the client sends [`Request`]s, and the server sends
//! the events that answer them, in the vocabulary of [`crate::event`], with one addition: [`Status`].

use serde::{Deserialize, Serialize};

use crate::event::{Event, State};

/// The version of the protocol. It grows when an older client could misunderstand a newer server.
pub const PROTOCOL: u32 = 1;

/// The longest line that a server reads, in bytes.
pub const LONGEST_REQUEST: usize = 64 * 1024;

/// The first line of either side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// The program's version.
    pub bowline: String,
    /// The protocol's version.
    pub protocol: u32,
    /// The supervisor's process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
}

impl Hello {
    /// This program's.
    pub fn ours(pid: Option<u32>) -> Self {
        Self { bowline: env!("CARGO_PKG_VERSION").to_owned(), protocol: PROTOCOL, pid }
    }
}

/// What a client can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// How the services are.
    Status,
    /// End the service, and say when it has ended.
    Stop,
    /// End it and start it again, and say when it is ready.
    Restart,
    /// Say when it is ready.
    Wait,
    /// Say everything that happens from now on, until the connection is closed.
    Attach,
}

/// One line of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// What is wanted.
    #[serde(rename = "type")]
    pub verb: Verb,
    /// A name for the request, which its answers carry as `commandId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Of which project; of all that the supervisor runs if this is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// Kill a service that is to be stopped, at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub force: bool,
    /// Whether output is wanted beside the other events when attached.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub output: bool,
}

fn yes() -> bool {
    true
}

impl Request {
    /// Asks for this of one project, or of all.
    pub fn new(verb: Verb, project_id: Option<&str>) -> Self {
        Self { verb, id: None, project_id: project_id.map(str::to_owned), force: false, output: true }
    }
}

/// How a service is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The project's id.
    pub project_id: String,
    /// Its name.
    pub name: String,
    /// Its directory.
    pub dir: String,
    /// The framework's key.
    pub framework: String,
    /// The reserved port.
    pub port: u16,
    /// Where a browser finds it.
    pub url: String,
    /// Its state.
    pub state: State,
    /// When it was last started (RFC 3339).
    pub started_at: String,
    /// What is run.
    pub command: String,
    /// The same as the script or the caller has it, without the port; older supervisors do not tell.
    #[serde(default)]
    pub original: Option<String>,
    /// How it was started: `foreground`, `background` or `runner`.
    pub started_by: String,
    /// The supervisor's process.
    pub pid: u32,
    /// The process that all of the service's processes descend from, while it runs.
    pub guardian: Option<i32>,
    /// The supervisor's session.
    pub session: String,
    /// Where the output is recorded.
    pub log: String,
    /// The place in the output that comes next.
    pub cursor: String,
}

/// One line of a server.
#[derive(Clone, Debug, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::What;

    #[test]
    fn requests_are_as_documented() {
        let request = Request::new(Verb::Stop, Some("/app"));
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"type":"stop","projectId":"/app"}"#);
        let read: Request = serde_json::from_str(r#"{"type":"attach","output":false,"new":1}"#).unwrap();
        assert_eq!((read.verb, read.output, read.project_id), (Verb::Attach, false, None));
    }

    #[test]
    fn a_line_of_a_server_is_a_status_or_an_event() {
        let json = r#"{"type":"status","services":[],"commandId":"1"}"#;
        let line: Line = serde_json::from_str(json).unwrap();
        assert!(matches!(line, Line::Status { .. }), "{line:?}");
        assert_eq!(serde_json::to_string(&line).unwrap(), json);
        let json = r#"{"type":"ack","message":"done","timestamp":"2026-01-31T12:00:00.000Z"}"#;
        let line: Line = serde_json::from_str(json).unwrap();
        let Line::Event(event) = &line else { panic!("{line:?}") };
        assert_eq!(event.what, What::Ack { message: "done".to_owned() });
        assert_eq!(serde_json::to_string(&line).unwrap(), json);
        let news: Line = serde_json::from_str(r#"{"type":"some-news"}"#).unwrap();
        assert!(matches!(&news, Line::Event(event) if event.what == What::Unknown), "{news:?}");
    }
}
