//! The six tools: what clients are told of them, and their arguments.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answer;
use super::protocol::{self, INVALID_PARAMS, Reply};
use crate::visible;

/// The longest time that a call waits for a service, in seconds.
const LONGEST_WAIT: u64 = 600;
/// The most lines of output that one answer has.
const MOST_LINES: usize = 500;

/// The arguments of every tool. Those that a tool does not have are refused by its schema.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct Arguments {
    pub name: Option<String>,
    pub restart: bool,
    pub wait_seconds: Option<u64>,
    pub lines: Option<usize>,
    pub since: Option<String>,
    #[serde(rename = "match")]
    pub matching: Option<String>,
    pub cursor: Option<String>,
    pub port: Option<u16>,
    #[serde(rename = "for")]
    pub until: Option<Until>,
    pub seconds: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Until {
    #[default]
    Ready,
    Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpTool {
    Start,
    Stop,
    Status,
    Logs,
    Wait,
    Port,
}

const TOOLS: [McpTool; 6] =
    [McpTool::Start, McpTool::Stop, McpTool::Status, McpTool::Logs, McpTool::Wait, McpTool::Port];

/// A call that cannot be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadCall {
    UnknownTool(String),
    /// The client's model can correct them, so they are a result.
    Arguments(String),
}

impl BadCall {
    /// The line that answers the call.
    pub fn answer(&self, reply: &Reply) -> Value {
        match self {
            Self::UnknownTool(name) => {
                let message = format!("Unknown tool: {}", visible::line(name));
                protocol::error(Some(&reply.id), INVALID_PARAMS, &message)
            }
            Self::Arguments(why) => reply.result(answer::refusal(why)),
        }
    }
}

/// Reads a call: the tool with this name, and its arguments.
pub fn read(name: &str, arguments: Map<String, Value>) -> Result<(McpTool, Arguments), BadCall> {
    let Some(tool) = TOOLS.into_iter().find(|tool| tool.name() == name) else {
        return Err(BadCall::UnknownTool(name.to_owned()));
    };
    let input = tool.input();
    let known = |key: &String| input["properties"].get(key).is_some();
    if let Some(key) = arguments.keys().find(|key| !known(key)) {
        let names =
            input["properties"].as_object().into_iter().flatten().map(|(name, _)| format!("`{name}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        let key = visible::line(key);
        return Err(BadCall::Arguments(format!("`{name}` has no argument `{key}`; it has {names}")));
    }
    let given: Map<String, Value> = arguments.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let arguments: Arguments =
        serde_json::from_value(Value::Object(given)).map_err(|why| BadCall::Arguments(why.to_string()))?;
    check(tool, &arguments).map_err(BadCall::Arguments)?;
    Ok((tool, arguments))
}

fn check(tool: McpTool, arguments: &Arguments) -> Result<(), String> {
    let Arguments { name, wait_seconds, lines, seconds, .. } = arguments;
    if name
        .as_ref()
        .is_some_and(|name| name.is_empty() || name.starts_with('-') || name.contains(char::is_control))
    {
        return Err("`name` must be the name or directory of a project of this workspace".to_owned());
    }
    if wait_seconds.as_ref().max(seconds.as_ref()).is_some_and(|seconds| *seconds > LONGEST_WAIT) {
        return Err(format!("a call waits at most {LONGEST_WAIT} seconds"));
    }
    if lines.is_some_and(|lines| lines == 0 || lines > MOST_LINES) {
        return Err(format!("`lines` must be between 1 and {MOST_LINES}"));
    }
    if tool == McpTool::Port && arguments.port.is_none_or(|port| port == 0) {
        return Err("`port` must be between 1 and 65535".to_owned());
    }
    Ok(())
}

/// The list of tools, always in the same order.
pub fn list() -> Value {
    TOOLS.into_iter().map(McpTool::definition).collect()
}

impl McpTool {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "bowline_start",
            Self::Stop => "bowline_stop",
            Self::Status => "bowline_status",
            Self::Logs => "bowline_logs",
            Self::Wait => "bowline_wait",
            Self::Port => "bowline_port",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Start => "Start a dev server",
            Self::Stop => "Stop a dev server",
            Self::Status => "Show the dev servers",
            Self::Logs => "Read a dev server's output",
            Self::Wait => "Wait for a dev server",
            Self::Port => "Show who holds a port",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Start => {
                "Starts the dev server of a project in the background, and returns when it is ready: with its URL, or \
                 with the reason of its failure and its last lines of output. If it runs already, returns that one. \
                 At a workspace's root, without a name, starts every project that has a dev script."
            }
            Self::Stop => {
                "Stops a dev server with all its processes, and returns when its port is free. Without a name, stops \
                 that of the current project, or of the whole workspace at its root."
            }
            Self::Status => {
                "Shows the projects of this workspace: state, URL, port, command and the reason of a failure, also of \
                 those that do not run."
            }
            Self::Logs => {
                "Returns the last lines of a dev server's output, also after its end. With `cursor`, only what came \
                 after an earlier answer."
            }
            Self::Wait => "Returns when a dev server is ready, or has ended, or when the time is over.",
            Self::Port => {
                "Shows who holds a port: a dev server of bowline's, another program, or nobody; and what to do."
            }
        }
    }

    fn input(self) -> Value {
        let name = json!({
            "type": "string",
            "description": "A project of this workspace, by its name or directory; without it, the current one",
        });
        let seconds = |what: &str, usual: u64| json!({ "type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": usual, "description": what });
        let properties = match self {
            Self::Start => json!({
                "name": name,
                "restart": {
                    "type": "boolean", "default": false,
                    "description": "Start it again if it runs, as its files say now",
                },
                "waitSeconds": seconds("How long to wait until it is ready", 60),
            }),
            Self::Stop | Self::Status => json!({ "name": name }),
            Self::Logs => json!({
                "name": name,
                "lines": {
                    "type": "integer", "minimum": 1, "maximum": MOST_LINES, "default": 50,
                    "description": "The most lines to return, counted from the end",
                },
                "since": {
                    "type": "string",
                    "description": "Only output that is younger: a span such as `30s` or `5m`, or a time (RFC 3339)",
                },
                "match": { "type": "string", "description": "Only lines that contain this text, in any case" },
                "cursor": { "type": "string", "description": "Only output after this place, from an earlier answer" },
            }),
            Self::Wait => json!({
                "name": name,
                "for": { "type": "string", "enum": ["ready", "exit"], "default": "ready" },
                "seconds": seconds("How long to wait", 60),
            }),
            Self::Port => json!({ "port": { "type": "integer", "minimum": 1, "maximum": 65535 } }),
        };
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if self == Self::Port {
            schema["required"] = json!(["port"]);
        }
        schema
    }

    fn output(self) -> Value {
        match self {
            Self::Start | Self::Stop | Self::Status | Self::Wait => answer::services_schema(),
            Self::Logs => answer::logs_schema(),
            Self::Port => answer::port_schema(),
        }
    }

    fn definition(self) -> Value {
        let reads = !matches!(self, Self::Start | Self::Stop);
        json!({
            "name": self.name(),
            "title": self.title(),
            "description": self.description(),
            "inputSchema": self.input(),
            "outputSchema": self.output(),
            "annotations": {
                "title": self.title(),
                "readOnlyHint": reads,
                "destructiveHint": self == Self::Stop,
                "idempotentHint": true,
                "openWorldHint": false,
            },
        })
    }
}
