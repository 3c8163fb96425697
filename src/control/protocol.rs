//! What is said over a control socket.
//!
//! Both sides begin with a [`Hello`]; the client's may be left out. Then the client sends [`Request`]s, and the server sends
//! the events that answer them, in the vocabulary of [`crate::event`], with one addition: [`Status`].

use serde::{Deserialize, Serialize};

use crate::event::{State, Stream};

/// The version of the protocol. It grows when an older client could misunderstand a newer server.
pub const PROTOCOL: u32 = 1;

/// The longest line that a server reads, in bytes.
pub const LONGEST_REQUEST: usize = 64 * 1024;
/// The longest line that a client reads, in bytes: one read of output whose every byte needs six to be written down.
pub const LONGEST_ANSWER: usize = 2 * 1024 * 1024;

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

/// One line of a server, as a client needs it. What a newer server may add is ignored.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Answer {
    /// The answer to a status, and the first to an attach.
    Status {
        /// The services in question.
        services: Vec<Status>,
    },
    /// See [`crate::event::What::Ack`].
    Ack {
        /// What was acknowledged.
        message: String,
    },
    /// See [`crate::event::What::Error`].
    Error {
        /// What failed.
        error: String,
    },
    /// See [`crate::event::What::LogChunk`].
    LogChunk {
        /// Whose.
        project_id: String,
        /// Where it was written.
        stream: Stream,
        /// What.
        data: String,
        /// The place behind it.
        cursor: String,
    },
    /// See [`crate::event::What::PortDetected`].
    PortDetected {
        /// Whose.
        project_id: String,
        /// The port.
        port: u16,
    },
    /// See [`crate::event::What::PortReallocated`].
    PortReallocated {
        /// Whose.
        project_id: String,
        /// Why.
        message: String,
    },
    /// See [`crate::event::What::ProcessExited`].
    ProcessExited {
        /// Whose.
        project_id: String,
        /// Its code, if it exited by itself.
        exit_code: Option<u8>,
        /// The signal that ended it.
        signal: Option<String>,
        /// What becomes of it now.
        state: State,
        /// Why it failed.
        #[serde(default)]
        failure_reason: Option<String>,
        /// Its last lines.
        #[serde(default)]
        stderr: Option<String>,
    },
    /// Something else.
    #[serde(other)]
    Other,
}

/// Bytes that come in as lines of a bounded length.
#[derive(Debug)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// How far `bytes` has been searched for its end.
    searched: usize,
    longest: usize,
}

/// A line was longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl Lines {
    /// Nothing has come yet; no line may be longer than `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self { bytes: Vec::new(), start: 0, searched: 0, longest }
    }

    /// The lines of a server, as a client reads them.
    pub fn of_server() -> Self {
        Self::new(LONGEST_ANSWER)
    }

    /// Takes in what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its end, if one has come.
    ///
    /// # Errors
    /// A line that is too long, whether or not its end has come.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let end = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n');
        self.searched = end.map_or(self.bytes.len(), |at| self.searched + at);
        if self.searched - self.start > self.longest {
            return Err(TooLong);
        }
        Ok(end.map(|_| {
            let line = self.bytes[self.start..self.searched].to_vec();
            self.searched += 1;
            self.start = self.searched;
            line
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"one\n\ntwo\nthree";
        for cut in 1..text.len() {
            let mut lines = Lines::new(5);
            let mut found = Vec::new();
            for piece in text.chunks(cut) {
                lines.push(piece);
                while let Some(line) = lines.next_line().unwrap() {
                    found.push(line);
                }
            }
            assert_eq!(found, [&b"one"[..], b"", b"two"]);
        }
    }

    #[test]
    fn a_line_has_a_limit() {
        let mut lines = Lines::new(3);
        lines.push(b"abc\nabcd");
        assert_eq!(lines.next_line(), Ok(Some(b"abc".to_vec())));
        assert_eq!(lines.next_line(), Err(TooLong));
    }

    #[test]
    fn requests_are_as_documented() {
        let request = Request::new(Verb::Stop, Some("/app"));
        assert_eq!(serde_json::to_string(&request).unwrap(), r#"{"type":"stop","projectId":"/app"}"#);
        let read: Request = serde_json::from_str(r#"{"type":"attach","output":false,"new":1}"#).unwrap();
        assert_eq!((read.verb, read.output, read.project_id), (Verb::Attach, false, None));
    }
}
