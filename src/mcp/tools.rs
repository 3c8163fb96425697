//! The six tools: what clients are told of them, and their arguments.

use serde::Deserialize;
use serde_json::{Map, Value};

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
    let input = input(name);
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

/// The list of tools, always in the same order. The program has it as text: building it would take more code.
pub fn list() -> Value {
    // A test reads it.
    serde_json::from_str(include_str!("tools.json")).unwrap_or_default()
}

/// What a tool takes, as JSON Schema.
fn input(name: &str) -> Value {
    let mut tools = list();
    let tool = tools.as_array_mut().and_then(|tools| tools.iter_mut().find(|tool| tool["name"] == name));
    tool.map_or(Value::Null, |tool| tool["inputSchema"].take())
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_tool_and_the_same_limits() {
        let names: Vec<String> =
            list().as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, TOOLS.map(McpTool::name));
        assert_eq!(input("bowline_start")["properties"]["waitSeconds"]["maximum"], LONGEST_WAIT);
        assert_eq!(input("bowline_wait")["properties"]["seconds"]["maximum"], LONGEST_WAIT);
        assert_eq!(input("bowline_logs")["properties"]["lines"]["maximum"], MOST_LINES);
    }
}
