//! The messages of the protocol, in both eras. Pure: a line comes in, and what to do with it comes out.
//!
//! Since 2026-07-28 every request names its protocol version in `_meta`, and nothing depends on the requests before
//! it. Older clients begin with `initialize`, and their requests name no version. One connection may mix both.

use serde_json::{Map, Value, json};

use super::answer::object;
use crate::visible;

/// The version of the present era.
pub const MODERN: &str = "2026-07-28";
/// The versions that begin with `initialize`, the newest first.
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", WITH_BATCHES, "2024-11-05"];
const WITH_BATCHES: &str = "2025-03-26";

pub const PARSE_ERROR: i32 = -32700;
pub const INVALID_REQUEST: i32 = -32600;
pub const METHOD_NOT_FOUND: i32 = -32601;
pub const INVALID_PARAMS: i32 = -32602;
const UNSUPPORTED_VERSION: i32 = -32022;

const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

/// How long a client may keep the list of tools, in milliseconds: it changes with the program only.
const TIME_TO_LIVE: u64 = 3_600_000;

const INSTRUCTIONS: &str = "bowline runs this workspace's dev servers, each on a port of its own. Start one with \
bowline_start (it returns the running one if there is one, so it is safe to call), read its URL from the answer, its \
output with bowline_logs, and end it with bowline_stop. Never run `npm run dev` or the like yourself, and never kill \
a process by its port: bowline_port says who holds a port and what to do.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Era {
    Modern,
    Legacy,
}

/// What a line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Send this line.
    Answer(Value),
    /// Carry out a call of a tool, and send its result with [`Reply::result`].
    Call {
        reply: Reply,
        name: String,
        arguments: Map<String, Value>,
    },
    /// Stop the work on this request, and do not answer it.
    Cancel(Value),
    Nothing,
}

/// Where the result of a request goes, and in which form.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub id: Value,
    era: Era,
}

impl Reply {
    /// The line with the result of the request.
    pub fn result(&self, mut result: Value) -> Value {
        if self.era == Era::Modern {
            result["resultType"] = json!("complete");
            result["_meta"] = object(&mut [(SERVER_KEY, server())]);
        }
        object(&mut [("jsonrpc", "2.0".into()), ("id", self.id.clone()), ("result", result)])
    }

    fn cached(&self, mut result: Value) -> Value {
        if self.era == Era::Modern {
            result["ttlMs"] = json!(TIME_TO_LIVE);
            result["cacheScope"] = json!("public");
        }
        self.result(result)
    }
}

/// The line with the error of a request; without an id, of a line that could not be read.
pub fn error(id: Option<&Value>, code: i32, message: &str) -> Value {
    let error = object(&mut [("code", code.into()), ("message", message.into())]);
    let mut line = object(&mut [("jsonrpc", "2.0".into()), ("error", error)]);
    if let Some(id) = id {
        line["id"] = id.clone();
    }
    line
}

fn server() -> Value {
    object(&mut [
        ("name", "bowline".into()),
        ("title", "bowline".into()),
        ("version", env!("CARGO_PKG_VERSION").into()),
    ])
}

fn capabilities() -> Value {
    object(&mut [("tools", object(&mut []))])
}

/// One conversation. It only remembers whether the client has begun in the old way, and in which version.
#[derive(Debug, Default)]
pub struct Conversation {
    initialized: Option<&'static str>,
}

impl Conversation {
    /// Takes in a line. `tools` is the list of tools.
    pub fn read(&mut self, line: &[u8], tools: impl Fn() -> Value) -> Vec<Incoming> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Vec::new();
        }
        match serde_json::from_slice(line) {
            // One version had batches. Each message of them is answered by a line.
            Ok(Value::Array(batch)) if self.initialized == Some(WITH_BATCHES) && !batch.is_empty() => {
                batch.iter().map(|message| self.message(message, &tools)).collect()
            }
            Ok(message) => vec![self.message(&message, &tools)],
            Err(reason) => {
                vec![Incoming::Answer(error(None, PARSE_ERROR, &format!("not JSON: {reason}")))]
            }
        }
    }

    fn message(&mut self, message: &Value, tools: &impl Fn() -> Value) -> Incoming {
        let id = message.get("id").filter(|id| id.is_string() || id.is_i64() || id.is_u64());
        let refuse = |why: &str| Incoming::Answer(error(id, INVALID_REQUEST, why));
        let Some(object) = message.as_object() else {
            return refuse("a message is one JSON object a line");
        };
        if object.get("jsonrpc") != Some(&json!("2.0")) {
            return refuse("`jsonrpc` must be \"2.0\"");
        }
        let Some(method) = object.get("method") else {
            // Responses answer requests, of which this server sends none.
            let is_response = object.contains_key("result") || object.contains_key("error");
            return if is_response { Incoming::Nothing } else { refuse("`method` is missing") };
        };
        let Some(method) = method.as_str() else { return refuse("`method` must be a string") };
        let empty = Value::Object(Map::new());
        let params = object.get("params").unwrap_or(&empty);
        if !object.contains_key("id") {
            return notified(method, params);
        }
        let Some(id) = id else { return refuse("`id` must be a string or an integer") };
        if !params.is_object() {
            return Incoming::Answer(error(Some(id), INVALID_PARAMS, "`params` must be an object"));
        }
        self.requested(id, method, params, tools)
    }

    fn requested(
        &mut self,
        id: &Value,
        method: &str,
        params: &Value,
        tools: &impl Fn() -> Value,
    ) -> Incoming {
        let reply = |era| Reply { id: id.clone(), era };
        let refuse = |code, why: &str| Incoming::Answer(error(Some(id), code, why));
        match method {
            "initialize" => return self.initialize(&reply(Era::Legacy), params),
            // Allowed before `initialize`; gone in the present era.
            "ping" if version_of(params).is_none() => {
                return Incoming::Answer(reply(Era::Legacy).result(object(&mut [])));
            }
            _ => {}
        }
        let era = match self.era(params) {
            Ok(era) => era,
            Err(Refusal::Version(requested)) => {
                let mut line = error(Some(id), UNSUPPORTED_VERSION, "Unsupported protocol version");
                line["error"]["data"] =
                    object(&mut [("supported", vec![MODERN].into()), ("requested", requested.into())]);
                return Incoming::Answer(line);
            }
            Err(Refusal::Params(why)) => return refuse(INVALID_PARAMS, why),
        };
        let reply = reply(era);
        match (method, era) {
            ("server/discover", Era::Modern) => Incoming::Answer(reply.cached(object(&mut [
                ("supportedVersions", vec![MODERN].into()),
                ("capabilities", capabilities()),
                ("instructions", INSTRUCTIONS.into()),
            ]))),
            ("tools/list", _) => Incoming::Answer(reply.cached(object(&mut [("tools", tools())]))),
            ("tools/call", _) => match (params.get("name"), params.get("arguments")) {
                (Some(Value::String(name)), None | Some(Value::Null)) => {
                    Incoming::Call { reply, name: name.clone(), arguments: Map::new() }
                }
                (Some(Value::String(name)), Some(Value::Object(arguments))) => {
                    Incoming::Call { reply, name: name.clone(), arguments: arguments.clone() }
                }
                (Some(Value::String(_)), Some(_)) => refuse(INVALID_PARAMS, "`arguments` must be an object"),
                (_, _) => refuse(INVALID_PARAMS, "`name` must be the name of a tool"),
            },
            (_, _) => refuse(METHOD_NOT_FOUND, &format!("Method not found: {}", visible::line(method))),
        }
    }

    fn initialize(&mut self, reply: &Reply, params: &Value) -> Incoming {
        let Some(wanted) = params.get("protocolVersion").and_then(Value::as_str) else {
            let why = "`protocolVersion` must be a string";
            return Incoming::Answer(error(Some(&reply.id), INVALID_PARAMS, why));
        };
        let version = LEGACY.into_iter().find(|version| *version == wanted).unwrap_or(LEGACY[0]);
        self.initialized = Some(version);
        Incoming::Answer(reply.result(object(&mut [
            ("protocolVersion", version.into()),
            ("capabilities", capabilities()),
            ("serverInfo", server()),
            ("instructions", INSTRUCTIONS.into()),
        ])))
    }

    fn era(&self, params: &Value) -> Result<Era, Refusal> {
        let Some(version) = version_of(params) else {
            let why = "`_meta` must have `io.modelcontextprotocol/protocolVersion`, or `initialize` must come first";
            return self.initialized.map(|_| Era::Legacy).ok_or(Refusal::Params(why));
        };
        let has_capabilities = params["_meta"].get(CAPABILITIES_KEY).is_some_and(Value::is_object);
        match version.as_str() {
            None => Err(Refusal::Params("the protocol version in `_meta` must be a string")),
            Some(MODERN) if has_capabilities => Ok(Era::Modern),
            Some(MODERN) => Err(Refusal::Params(
                "`_meta` must have `io.modelcontextprotocol/clientCapabilities`, an object",
            )),
            Some(other) => Err(Refusal::Version(other.to_owned())),
        }
    }
}

/// The version that a request of the present era names.
fn version_of(params: &Value) -> Option<&Value> {
    params.get("_meta")?.get(VERSION_KEY)
}

enum Refusal {
    Version(String),
    Params(&'static str),
}

/// Notifications are never answered, the damaged ones neither.
fn notified(method: &str, params: &Value) -> Incoming {
    match params.get("requestId") {
        Some(id) if method == "notifications/cancelled" => Incoming::Cancel(id.clone()),
        _ => Incoming::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

    fn answers(conversation: &mut Conversation, line: &[u8]) -> Vec<Value> {
        let answer = |incoming| match incoming {
            Incoming::Answer(line) => Some(line),
            Incoming::Call { reply, .. } => Some(reply.result(json!({}))),
            Incoming::Cancel(_) | Incoming::Nothing => None,
        };
        conversation.read(line, || json!([])).into_iter().filter_map(answer).collect()
    }

    #[test]
    fn instructions_are_short() {
        assert!(INSTRUCTIONS.len() <= 600, "{}", INSTRUCTIONS.len());
    }

    #[test]
    fn each_era_has_its_own_methods_on_one_connection() {
        let mut conversation = Conversation::default();
        let mut code = |line: &str| answers(&mut conversation, line.as_bytes())[0]["error"]["code"].as_i64();
        let old = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
        let new =
            |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{META}}}}}"#);
        assert_eq!(code(&old("ping")), None);
        assert_eq!(code(&old("tools/list")), Some(-32602));
        assert_eq!(code(&new("tools/list")), None);
        assert_eq!(code(&new("ping")), Some(-32601));
        let initialize =
            r#"{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2024-11-05"}}"#;
        assert_eq!(code(initialize), None);
        for method in ["tools/list", "ping"] {
            assert_eq!(code(&old(method)), None, "{method}");
        }
        for method in ["server/discover", "resources/list", "prompts/list", "logging/setLevel", "tools\\n"] {
            assert_eq!(code(&old(method)), Some(-32601), "{method}");
        }
        assert_eq!(code(&new("server/discover")), None);
        assert_eq!(code(&new("subscriptions/listen")), Some(-32601));
    }

    #[test]
    fn batches_belong_to_one_version() {
        let batch = br#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","method":"x"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#;
        for (version, count) in [("2025-03-26", 2), ("2025-06-18", 1)] {
            let mut conversation = Conversation::default();
            let line = format!(
                r#"{{"jsonrpc":"2.0","id":0,"method":"initialize","params":{{"protocolVersion":"{version}"}}}}"#
            );
            answers(&mut conversation, line.as_bytes());
            let answers = answers(&mut conversation, batch);
            assert_eq!(answers.len(), count, "{version}");
            assert_eq!(answers[0]["error"]["code"].as_i64(), (count == 1).then_some(-32600), "{version}");
        }
    }

    /// Lines that are changed at random get at most one answer each, which is a message of the protocol.
    #[test]
    fn damaged_lines_are_answered_at_most_once() {
        let lines = [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#
                .to_owned(),
            format!(
                r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"name":"bowline_port","arguments":{{"port":1}},{META}}}}}"#
            ),
            format!(r#"{{"jsonrpc":"2.0","id":-7,"method":"server/discover","params":{{{META}}}}}"#),
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#.to_owned(),
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#.to_owned(),
        ];
        let mut seed = 1_u64;
        let mut below = |limit: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % limit
        };
        let mut conversation = Conversation::default();
        for turn in 0..20_000 {
            let mut line = lines[turn % lines.len()].clone().into_bytes();
            for _ in 0..below(4) {
                let (at, byte) = (below(line.len()), u8::try_from(below(256)).unwrap());
                match below(3) {
                    0 => line[at] = byte,
                    1 => line.insert(at, byte),
                    _ => line.truncate(at.max(1)),
                }
            }
            let answers = answers(&mut conversation, &line);
            let shown = String::from_utf8_lossy(&line);
            assert!(answers.len() <= 1, "{shown}");
            for answer in answers {
                assert_eq!(answer["jsonrpc"], "2.0", "{shown}");
                assert_ne!(answer.get("result").is_some(), answer.get("error").is_some(), "{shown}");
            }
        }
    }
}
