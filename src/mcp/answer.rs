//! The results of calls: their text, and their bound.

use serde_json::{Map, Value, json};

use crate::event::State;
use crate::visible;

/// The longest result, in bytes of its JSON.
const LONGEST: usize = 16 * 1024;
/// The hint of a list that had no room for all services.
const LEFT_OUT: &str = "some are left out, as answers are bounded: ask for them by `name`";
/// The fields that are shortened, from their beginning, where a result is too long.
const TEXTS: [&str; 3] = ["error", "lines", "logTail"];

/// The result of a call. `structured` is bounded, and given once more as text.
pub fn result(mut structured: Value, is_error: bool) -> Value {
    loop {
        let text = text(&structured);
        let result = object(&mut [
            ("content", content(text)),
            ("structuredContent", structured.clone()),
            ("isError", is_error.into()),
        ]);
        if result.to_string().len() <= LONGEST || !shorten(&mut structured) {
            return result;
        }
    }
}

/// The result with one service, or all of several. It is an error if one of them failed, or is blocked by one that
/// did.
pub fn one_or_all(mut answers: Vec<Value>, warning: &str) -> Value {
    let is_error = answers.iter().any(|one| one["state"] == "failed" || one["state"] == "blocked");
    let mut value = match answers.len() {
        1 => answers.remove(0),
        _ => object(&mut [("services", answers.into())]),
    };
    if !warning.is_empty() {
        set(&mut value, "warning", warning.into());
    }
    result(value, is_error)
}

/// An object with these fields. Those without a value are left out, as schemas have no null.
pub fn object(fields: &mut [(&str, Value)]) -> Value {
    let mut object = Value::Object(Map::new());
    for (name, value) in fields {
        set(&mut object, name, value.take());
    }
    object
}

/// Sets a field of an object, unless there is no value.
pub fn set(object: &mut Value, name: &str, value: Value) {
    if let (Value::Object(fields), false) = (object, value.is_null()) {
        fields.insert(name.to_owned(), value);
    }
}

pub fn word(state: State) -> Value {
    json!(state)
}

/// The result of a call that could not be carried out. Without `structuredContent`, which would have to follow the
/// schema.
pub fn refusal(why: &str) -> Value {
    let text: String = why.chars().take(LONGEST / 8).collect();
    object(&mut [("content", content(text)), ("isError", true.into())])
}

fn content(text: String) -> Value {
    vec![object(&mut [("type", "text".into()), ("text", text.into())])].into()
}

/// Halves the longest text, or else the number of services. False if nothing is left to shorten.
fn shorten(structured: &mut Value) -> bool {
    let mut longest = None;
    find_longest(structured, &mut longest);
    if let Some(value) = longest.filter(|value| length(value) > 1) {
        let text = value.as_str().unwrap_or_default();
        let half =
            text.char_indices().find(|(at, _)| *at >= text.len() / 2).map_or("", |(at, _)| &text[at..]);
        *value = half.split_once('\n').map_or("", |(_, rest)| rest).into();
        return true;
    }
    let Some(services) = structured["services"].as_array_mut() else { return false };
    let left = services.len() / 2;
    services.truncate(left);
    set(structured, "hint", LEFT_OUT.into());
    left > 0
}

fn length(value: &Value) -> usize {
    value.as_str().map_or(0, str::len)
}

fn find_longest<'a>(value: &'a mut Value, longest: &mut Option<&'a mut Value>) {
    for (key, value) in value.as_object_mut().into_iter().flatten() {
        if let Value::Array(services) = value {
            for service in services {
                find_longest(service, longest);
            }
        } else if TEXTS.contains(&key.as_str())
            && longest.as_ref().is_none_or(|known| length(value) > length(known))
        {
            *longest = Some(value);
        }
    }
}

/// The result as text, which ends with the output.
fn text(value: &Value) -> String {
    if let Some(services) = value["services"].as_array() {
        if services.is_empty() {
            return "there is no project with a dev script".to_owned();
        }
        let warning =
            value["warning"].as_str().map(|warning| format!("warning: {}", plain(warning).trim_end()));
        let hint = value["hint"].as_str().map(|hint| format!("hint: {hint}"));
        return services.iter().map(text).chain(warning).chain(hint).collect::<Vec<_>>().join("\n");
    }
    let of = |key: &str| value[key].as_str().filter(|text| !text.is_empty());
    let mut lines: Vec<String> =
        headline(value).map(|line| visible::line(&line).into_owned()).into_iter().collect();
    for key in [
        "holder", "pid", "dir", "advice", "warning", "waitsFor", "blockedBy", "error", "hint",
        "frameworkMcp", "cursor",
    ] {
        let is_shown = key != "dir" || value["advice"].is_string();
        let number = || value[key].as_u64().map(|number| number.to_string());
        let names = || {
            let names = value[key].as_array()?.iter().filter_map(Value::as_str);
            Some(names.collect::<Vec<_>>().join(", "))
        };
        let text = of(key).map(str::to_owned).or_else(number).or_else(names);
        lines.extend(text.filter(|_| is_shown).map(|text| format!("{key}: {}", plain(&text).trim_end())));
    }
    // Programs print empty lines round what they say.
    lines.extend(TEXTS[1..].iter().filter_map(|key| Some(of(key)?.trim_matches('\n').to_owned())));
    lines.join("\n")
}

/// What a service does and where, or who has a port.
fn headline(value: &Value) -> Option<String> {
    if let Some(free) = value["free"].as_bool() {
        let whose = if value["ours"] == true { "bowline's" } else { "held" };
        return Some(format!("port {}: {}", value["port"], if free { "free" } else { whose }));
    }
    let (name, state) = (value["name"].as_str()?, value["state"].as_str());
    let mut line = state.map_or_else(|| name.to_owned(), |state| format!("{name}: {state}"));
    // The URL of a service that does not run leads nowhere.
    let is_up = matches!(state, Some("starting" | "running" | "stopping" | "suspended" | "unknown"));
    if let Some(url) = value["url"].as_str().filter(|_| is_up) {
        line.push_str(" at ");
        line.push_str(url);
    }
    if value["alreadyRunning"] == true {
        line.push_str(" (already running)");
    }
    let reason = value["failureReason"].as_str().map(str::to_owned);
    let code = value["exitCode"].as_i64().map(|code| format!("exit code {code}"));
    let signal = value["signal"].as_str().map(str::to_owned);
    let why: Vec<String> = [reason, code, signal].into_iter().flatten().collect();
    if !why.is_empty() {
        line.push_str(&format!(" ({})", why.join(", ")));
    }
    Some(line)
}

/// Output of a service as an answer has it: without colours and other control characters.
pub fn plain(output: &str) -> String {
    let mut plain = String::with_capacity(output.len());
    for line in output.lines() {
        // What a carriage return has overwritten was never read.
        let line = line.trim_end_matches('\r');
        let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
        let stripped = anstream::adapter::strip_str(line).to_string();
        plain.push_str(&visible::lines(&stripped));
        plain.push('\n');
    }
    plain
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
        let bounded = super::result(json!({ "services": many }), false);
        assert!(bounded.to_string().len() <= LONGEST);
        assert_eq!(bounded["structuredContent"]["hint"], LEFT_OUT);
        assert!(bounded["content"][0]["text"].as_str().unwrap().ends_with(LEFT_OUT));
        assert!(refusal(&"é".repeat(LONGEST)).to_string().len() <= LONGEST);
        let error = json!({ "error": "\u{1}é\n".repeat(LONGEST) });
        assert!(super::result(error, true).to_string().len() <= LONGEST);
    }

    #[test]
    fn the_text_is_short_and_ends_with_the_output() {
        let url = "http://localhost:3101";
        for (value, expected) in [
            (
                json!({
                    "name": "shop", "dir": "/shop", "state": "running", "url": url, "alreadyRunning": true,
                    "logTail": "a\nb\n",
                }),
                "shop: running at http://localhost:3101 (already running)\na\nb",
            ),
            (
                json!({
                    "name": "shop", "state": "failed", "failureReason": "immediate_crash", "exitCode": 1,
                    "logTail": "Error: boom\n", "hint": "mend it",
                }),
                "shop: failed (immediate_crash, exit code 1)\nhint: mend it\nError: boom",
            ),
            (
                json!({ "exitCode": 2, "error": "bad file", "hint": "mend it" }),
                "error: bad file\nhint: mend it",
            ),
            (
                json!({ "services": [{ "name": "a", "state": "idle" }, { "name": "b", "state": "idle" }] }),
                "a: idle\nb: idle",
            ),
            (json!({ "services": [] }), "there is no project with a dev script"),
            (
                json!({ "port": 1, "free": false, "ours": false, "holder": "node", "pid": 7, "advice": "no" }),
                "port 1: held\nholder: node\npid: 7\nadvice: no",
            ),
            (json!({ "name": "shop", "lines": "x\n", "cursor": "s:1" }), "shop\ncursor: s:1\nx"),
        ] {
            assert_eq!(text(&value), expected);
        }
    }

    #[test]
    fn output_is_plain() {
        assert_eq!(
            plain("\u{1b}[32mok\u{1b}[0m\r\n10%\r100%\n\tat x\n\u{202e}"),
            "ok\n100%\n\tat x\n\\u202e\n"
        );
    }
}
