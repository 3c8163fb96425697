//! The six tools: what clients are told of them, and their arguments.

use serde_json::{Map, Value, json};

use super::answer;
use super::protocol::{self, INVALID_PARAMS, Reply};
use crate::visible;

/// The arguments of a call, as the schema of its tool has them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arguments(Map<String, Value>);

impl Arguments {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        whole(self.0.get(name)?)
    }

    pub fn says(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| *value == true)
    }
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
pub fn read(name: &str, mut arguments: Map<String, Value>) -> Result<(McpTool, Arguments), BadCall> {
    let Some(tool) = TOOLS.into_iter().find(|tool| tool.name() == name) else {
        return Err(BadCall::UnknownTool(name.to_owned()));
    };
    arguments.retain(|_, value| !value.is_null());
    check(name, &arguments).map_err(BadCall::Arguments)?;
    Ok((tool, Arguments(arguments)))
}

/// Whether the arguments follow the schema of the tool; if not, what is wrong.
fn check(tool: &str, arguments: &Map<String, Value>) -> Result<(), String> {
    let input = input(tool);
    let Some(known) = input["properties"].as_object() else { return Ok(()) };
    if let Some(key) = arguments.keys().find(|key| !known.contains_key(*key)) {
        let names: Vec<String> = known.keys().map(|name| format!("`{name}`")).collect();
        let key = visible::line(key);
        return Err(format!("`{tool}` has no argument `{key}`; it has {}", names.join(", ")));
    }
    for (key, schema) in known {
        let is_required = || input["required"] == json!([key]);
        let follows = arguments.get(key).map_or_else(|| !is_required(), |value| follows(schema, value));
        if !follows {
            return Err(format!("`{key}` must be {}", wanted(schema)));
        }
    }
    // Neither an option nor a second line.
    let is_word = |name: &str| !name.is_empty() && !name.starts_with('-') && !name.contains(char::is_control);
    match arguments.get("name").and_then(Value::as_str) {
        Some(name) if !is_word(name) => {
            Err("`name` must be the name or directory of a project of this workspace".to_owned())
        }
        Some(_) | None => Ok(()),
    }
}

fn follows(schema: &Value, value: &Value) -> bool {
    let is_in = |range: &Value, number: u64| {
        range["minimum"].as_u64() <= Some(number) && range["maximum"].as_u64() >= Some(number)
    };
    match value {
        Value::Bool(_) => schema["type"] == "boolean",
        Value::String(_) => {
            schema["type"] == "string"
                && schema["enum"].as_array().is_none_or(|values| values.contains(value))
        }
        Value::Number(_) => whole(value).is_some_and(|number| is_in(schema, number)),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// An integer, which in JSON Schema may be written as `5.0`.
fn whole(value: &Value) -> Option<u64> {
    let is_whole = |number: &f64| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number);
    let from_decimal = || format!("{:.0}", value.as_f64().filter(is_whole)?).parse().ok();
    value.as_u64().or_else(from_decimal)
}

/// What a schema asks for, in words.
fn wanted(schema: &Value) -> String {
    match (schema["type"].as_str(), schema["enum"].as_array()) {
        (Some("integer"), _) => {
            format!("an integer between {} and {}", schema["minimum"], schema["maximum"])
        }
        (Some("boolean"), _) => "true or false".to_owned(),
        (_, Some(values)) => format!("one of {}", Value::Array(values.clone())),
        (_, None) => "a string".to_owned(),
    }
}

/// The list of tools, always in the same order. The program has it as text, with the parts that tools share only once:
/// building it would take more code.
pub fn list() -> Value {
    // A test reads it.
    let mut text: Value = serde_json::from_str(include_str!("tools.json")).unwrap_or_default();
    let (name, service, output) = (text["name"].take(), text["service"].take(), text["output"].take());
    let mut tools = text["tools"].take();
    for tool in tools.as_array_mut().into_iter().flatten() {
        if let Some(own) = tool["inputSchema"]["properties"].get_mut("name") {
            own.clone_from(&name);
        }
        let (of_one, required) = match tool["outputSchema"].as_str() {
            Some("service") => (&service, json!(["name", "state"])),
            Some(_) => (&output, json!(["name", "lines", "cursor"])),
            None => continue,
        };
        let mut properties = of_one.clone();
        let items = json!({ "type": "object", "properties": of_one, "required": required });
        properties["services"] = json!({ "type": "array", "items": items });
        tool["outputSchema"] = json!({ "type": "object", "properties": properties });
    }
    tools
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
    fn a_number_without_a_fraction_is_an_integer() {
        let port = |value: Value| {
            let arguments = Map::from_iter([("port".to_owned(), value)]);
            read("bowline_port", arguments).map(|(_, arguments)| arguments.number("port"))
        };
        assert_eq!((port(json!(80)), port(json!(80.0))), (Ok(Some(80)), Ok(Some(80))));
        for value in [json!(80.5), json!(-1.0), json!(65536.0), json!(1e300)] {
            assert!(port(value.clone()).is_err(), "{value}");
        }
    }

    #[test]
    fn the_list_has_every_tool() {
        let tools = list();
        let names: Vec<&str> =
            tools.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, TOOLS.map(McpTool::name));
        assert!(
            tools[0]["outputSchema"]["properties"]["services"]["items"]["properties"]["kind"].is_object()
        );
        assert!(tools[3]["inputSchema"]["properties"]["name"]["description"].is_string());
    }
}
