//! The results of calls: their schemas, their text, and their bound.

use serde_json::{Map, Value, json};

use crate::visible;

/// The longest result, in bytes of its JSON.
const LONGEST: usize = 16 * 1024;
/// The fields that are shortened, from their beginning, where a result is too long.
const TEXTS: [&str; 2] = ["lines", "logTail"];

/// The result of a call. `structured` is bounded, and given once more as text.
pub fn result(mut structured: Value, is_error: bool) -> Value {
    loop {
        let text = text(&structured);
        let content = json!([{ "type": "text", "text": text }]);
        let result = json!({ "content": content, "structuredContent": structured, "isError": is_error });
        if result.to_string().len() <= LONGEST || !shorten(&mut structured) {
            return result;
        }
    }
}

/// The result of a call that could not be carried out.
pub fn refusal(why: &str) -> Value {
    failure(why, None, None)
}

/// The result of a call that failed as a whole. Without `structuredContent`, which would have to follow the schema.
pub fn failure(message: &str, hint: Option<&str>, code: Option<i32>) -> Value {
    let fields = [
        ("error", Some(json!(message))),
        ("hint", hint.map(|hint| json!(hint))),
        ("exitCode", code.map(|code| json!(code))),
    ];
    let fields: Map<_, _> =
        fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect();
    let text: String = text(&Value::Object(fields)).chars().take(LONGEST / 8).collect();
    json!({ "content": [{ "type": "text", "text": text }], "isError": true })
}

/// Halves the longest text, or else the number of services. False if nothing is left to shorten.
fn shorten(structured: &mut Value) -> bool {
    let mut longest: Option<(usize, &mut Value)> = None;
    let (own, services) = match structured {
        Value::Object(fields) => {
            let (texts, rest): (Vec<_>, Vec<_>) =
                fields.iter_mut().partition(|(key, _)| TEXTS.contains(&key.as_str()));
            let services = rest.into_iter().find(|(key, _)| *key == "services").map(|(_, services)| services);
            (texts, services)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => return false,
    };
    let mut services = services.and_then(Value::as_array_mut);
    let theirs = services.iter_mut().flat_map(|services| services.iter_mut());
    let theirs = theirs.filter_map(Value::as_object_mut).flat_map(|fields| fields.iter_mut());
    for (_, value) in own.into_iter().chain(theirs.filter(|(key, _)| TEXTS.contains(&key.as_str()))) {
        let length = value.as_str().map_or(0, str::len);
        if length > 1 && longest.as_ref().is_none_or(|(known, _)| length > *known) {
            longest = Some((length, value));
        }
    }
    if let Some((length, value)) = longest {
        let text = value.as_str().unwrap_or_default();
        let half = text.char_indices().find(|(at, _)| *at >= length / 2).map_or("", |(at, _)| &text[at..]);
        *value = json!(half.split_once('\n').map_or("", |(_, rest)| rest));
        return true;
    }
    services.is_some_and(|services| {
        let left = services.len() / 2;
        services.truncate(left);
        left > 0
    })
}

/// The result as text: `key: value` lines, longer texts below their key, services apart.
fn text(value: &Value) -> String {
    let mut lines = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(all) => lines.extend(all.iter().map(|one| format!("\n{}", text(one)))),
            Value::String(text) if TEXTS.contains(&key.as_str()) => lines.push(format!("{key}:\n{text}")),
            Value::String(text) => lines.push(format!("{key}: {text}")),
            Value::Object(_) => lines.push(format!("{key}:\n{}", text(value))),
            Value::Bool(_) | Value::Number(_) => lines.push(format!("{key}: {value}")),
        }
    }
    lines.join("\n")
}

/// Output of a service as an answer has it: without colours and other control characters.
pub fn plain(output: &str) -> String {
    let mut plain = String::with_capacity(output.len());
    for line in output.lines() {
        // What a carriage return has overwritten was never read.
        let line = line.trim_end_matches('\r');
        let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
        let stripped = anstream::adapter::strip_str(line).to_string();
        plain.push_str(&visible::line(&stripped));
        plain.push('\n');
    }
    plain
}

fn service_properties() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    json!({
        "name": text, "dir": text,
        "state": {
            "type": "string",
            "description": "idle, starting, running, stopping, stopped, failed, or suspended",
        },
        "url": text, "port": number, "framework": text,
        "command": text, "startedAt": text,
        "alreadyRunning": { "type": "boolean" },
        "failureReason": text, "exitCode": number, "signal": text,
        "error": text, "hint": text,
        "frameworkMcp": { "type": "string", "description": "The URL of the framework's own MCP server" },
        "logTail": { "type": "string", "description": "The last lines of output" },
    })
}

/// One service, with its fields at the top; or several, in `services`.
pub fn services_schema() -> Value {
    let mut properties = service_properties();
    properties["services"] = json!({
        "type": "array",
        "items": {
            "type": "object", "properties": service_properties(), "required": ["name", "state"],
        },
    });
    json!({ "type": "object", "properties": properties })
}

pub fn logs_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string" },
            "lines": { "type": "string", "description": "Lines of output, the oldest first" },
            "cursor": { "type": "string", "description": "Where the output ends, for the next call" },
        },
        "required": ["name", "lines", "cursor"],
    })
}

pub fn port_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "port": { "type": "integer" },
            "free": { "type": "boolean" },
            "ours": { "type": "boolean", "description": "Whether a dev server of bowline's has it" },
            "holder": { "type": "string" },
            "pid": { "type": "integer" },
            "dir": { "type": "string" },
            "advice": { "type": "string" },
        },
        "required": ["port", "free", "ours", "advice"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_bounded_and_keeps_the_end_of_the_output() {
        let lines = (0..100_000).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
        let result = result(json!({ "name": "shop", "lines": lines, "cursor": "s:1" }), false);
        assert!(result.to_string().len() <= LONGEST);
        let kept = result["structuredContent"]["lines"].as_str().unwrap();
        assert!(kept.starts_with("line ") && kept.ends_with("line 99999\n") && kept.len() > 1_000, "{kept}");
        let many: Vec<Value> =
            (0..2_000).map(|number| json!({ "name": number.to_string(), "state": "idle" })).collect();
        assert!(super::result(json!({ "services": many }), false).to_string().len() <= LONGEST);
        assert!(failure(&"é".repeat(LONGEST), None, None).to_string().len() <= LONGEST);
    }

    #[test]
    fn the_text_says_what_the_structure_says() {
        let value = json!({
            "name": "shop", "port": 3101, "alreadyRunning": true, "logTail": "a\nb\n",
            "services": [{ "name": "one" }, { "name": "two" }],
        });
        let text = text(&value);
        assert_eq!(
            text,
            "name: shop\nport: 3101\nalreadyRunning: true\nlogTail:\na\nb\n\n\nname: one\n\nname: two"
        );
    }

    #[test]
    fn output_is_plain() {
        assert_eq!(plain("\u{1b}[32mok\u{1b}[0m\r\n10%\r100%\n\u{7}"), "ok\n100%\n\\u0007\n");
    }
}
