//! The messages of the protocol, in both eras. Pure: a line comes in, and what to do with it comes out.
//!
//! Since 2026-07-28 every request names its protocol version in `_meta`, and nothing depends on the requests before
//! it. Older clients begin with `initialize`, and their requests name no version. One connection may mix both.

use serde_json::{Map, Value, json};

/// The version of the present era.
pub const MODERN: &str = "2026-07-28";
/// The versions that begin with `initialize`, the newest first.
const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];

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
            result["_meta"] = json!({ SERVER_KEY: server() });
        }
        json!({ "jsonrpc": "2.0", "id": self.id, "result": result })
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
    let mut line = json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message } });
    if let Some(id) = id {
        line["id"] = id.clone();
    }
    line
}

fn server() -> Value {
    json!({ "name": "bowline", "title": "bowline", "version": env!("CARGO_PKG_VERSION") })
}

/// One connection. It only remembers whether the client has begun in the old way.
#[derive(Debug, Default)]
pub struct Connection {
    is_initialized: bool,
}

impl Connection {
    /// Takes in a line. `tools` is the list of tools.
    pub fn read(&mut self, line: &[u8], tools: impl Fn() -> Value) -> Incoming {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Incoming::Nothing;
        }
        let message: Value = match serde_json::from_slice(line) {
            Ok(message) => message,
            Err(reason) => return Incoming::Answer(error(None, PARSE_ERROR, &format!("not JSON: {reason}"))),
        };
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

    fn requested(&mut self, id: &Value, method: &str, params: &Value, tools: impl Fn() -> Value) -> Incoming {
        let reply = |era| Reply { id: id.clone(), era };
        let refuse = |code, why: &str| Incoming::Answer(error(Some(id), code, why));
        match method {
            "initialize" => return self.initialize(&reply(Era::Legacy), params),
            "ping" => return Incoming::Answer(reply(Era::Legacy).result(json!({}))),
            _ => {}
        }
        let era = match self.era(params) {
            Ok(era) => era,
            Err(Refusal::Version(requested)) => {
                let mut line = error(Some(id), UNSUPPORTED_VERSION, "Unsupported protocol version");
                line["error"]["data"] = json!({ "supported": [MODERN], "requested": requested });
                return Incoming::Answer(line);
            }
            Err(Refusal::Params(why)) => return refuse(INVALID_PARAMS, why),
        };
        let reply = reply(era);
        match (method, era) {
            ("server/discover", Era::Modern) => Incoming::Answer(reply.cached(json!({
                "supportedVersions": [MODERN],
                "capabilities": { "tools": {} },
                "instructions": INSTRUCTIONS,
            }))),
            ("tools/list", _) => Incoming::Answer(reply.cached(json!({ "tools": tools() }))),
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
            (_, _) => refuse(METHOD_NOT_FOUND, &format!("Method not found: {method}")),
        }
    }

    fn initialize(&mut self, reply: &Reply, params: &Value) -> Incoming {
        let Some(wanted) = params.get("protocolVersion").and_then(Value::as_str) else {
            let why = "`protocolVersion` must be a string";
            return Incoming::Answer(error(Some(&reply.id), INVALID_PARAMS, why));
        };
        self.is_initialized = true;
        let version = if LEGACY.contains(&wanted) { wanted } else { LEGACY[0] };
        Incoming::Answer(reply.result(json!({
            "protocolVersion": version,
            "capabilities": { "tools": {} },
            "serverInfo": server(),
            "instructions": INSTRUCTIONS,
        })))
    }

    fn era(&self, params: &Value) -> Result<Era, Refusal> {
        let meta = params.get("_meta");
        let of = |key: &str| meta.and_then(|meta| meta.get(key));
        let Some(version) = of(VERSION_KEY) else {
            let why = "`_meta` must have `io.modelcontextprotocol/protocolVersion`, or `initialize` must come first";
            return if self.is_initialized { Ok(Era::Legacy) } else { Err(Refusal::Params(why)) };
        };
        match version.as_str() {
            None => Err(Refusal::Params("the protocol version in `_meta` must be a string")),
            Some(MODERN) if of(CAPABILITIES_KEY).is_some_and(Value::is_object) => Ok(Era::Modern),
            Some(MODERN) => Err(Refusal::Params(
                "`_meta` must have `io.modelcontextprotocol/clientCapabilities`, an object",
            )),
            Some(other) => Err(Refusal::Version(other.to_owned())),
        }
    }
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
