//! The whole conversation of the protocol, recorded: every message that it has, in its order.
//!
//! The record has the commands (`>`) and the events (`<`). Ports, times, places and what belongs to the machine
//! have names instead of values. What the services wrote comes at the end of each step, as its place among the
//! other events is not the same each time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Stage, stage};
use crate::support::{Ports, dev_server, http};

/// All events of the protocol, with all of their fields.
const EVENTS: [(&str, &[&str]); 9] = [
    ("ack", &["message"]),
    ("log-chunk", &["stream", "data", "cursor"]),
    ("port-detected", &["port", "framework", "url"]),
    ("port-conflict", &["port", "message"]),
    ("port-reallocated", &["originalPort", "newPort", "message"]),
    ("process-exited", &["exitCode", "signal", "durationMs", "state", "failureReason", "stderr"]),
    ("dev-server-error", &["error", "message"]),
    ("runner-status", &["payload"]),
    ("error", &["error"]),
];

/// The fields of `payload`, with stand-ins for what differs from one machine and moment to the next.
const STATUS: [(&str, Option<&str>); 6] = [
    ("status", None),
    ("version", Some("VERSION")),
    ("hostname", Some("HOST")),
    ("platform", Some("PLATFORM")),
    ("uptimeSeconds", Some("SECONDS")),
    ("load", Some("LOAD")),
];

/// Longer than what belongs to the start of a server.
const STARTING: Duration = Duration::from_secs(11);

/// A stage whose conversation is written down.
struct Recording {
    stage: Stage,
    /// Ports and paths, and what stands for them.
    names: Vec<(String, String)>,
    /// Cursors by their order.
    cursors: BTreeMap<String, usize>,
    /// How many events have been written down.
    done: usize,
    text: String,
}

impl Recording {
    fn title(&mut self, title: &str) {
        let _ = write!(self.text, "\n# {title}\n");
    }

    fn line(&mut self, line: &str) {
        self.stage.runner.write(&format!("{line}\n"));
        let shown = self.plain(line);
        let _ = writeln!(self.text, "> {shown}");
    }

    fn send(&mut self, id: &str, kind: &str, project: &str, more: &Value) {
        let mut command =
            json!({ "id": id, "type": kind, "projectId": project, "timestamp": "2026-01-31T12:00:00.000Z" });
        command.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.line(&command.to_string());
    }

    /// `ids` are those of the command and of the project.
    fn start(&mut self, ids: [&str; 2], script: &str, preferred: Option<u16>, more: &Value) {
        let [id, project] = ids;
        let payload = json!({
            "runCommand": script, "workingDirectory": self.stage.sandbox.project(),
            "env": preferred.map_or(json!({}), |port| json!({ "PORT": port.to_string() })),
            "preferredPort": preferred, "framework": "default",
        });
        let mut fields = more.as_object().unwrap().clone();
        fields.insert("payload".to_owned(), payload);
        self.send(id, "start-dev-server", project, &Value::Object(fields));
    }

    /// Ends a step once all of these have come, in whichever order.
    fn until(&mut self, awaited: &[(&str, &str, &str)]) {
        for (id, kind, text) in awaited {
            let is = |event: &Value| {
                let answers = id.is_empty() || event["commandId"] == *id;
                answers && event["type"] == *kind && event.to_string().contains(text)
            };
            let new = &self.stage.runner.seen()[self.done..];
            if !new.iter().any(is) {
                self.stage.runner.until(&format!("{kind} {text}"), is);
            }
        }
        self.record();
    }

    fn record(&mut self) {
        let new: Vec<Value> = self.stage.runner.seen()[self.done..].to_vec();
        self.done += new.len();
        // It comes every 15 seconds, wherever that is.
        let new = new.iter().filter(|event| {
            event["type"] != "runner-status" || event.get("commandId").is_some() || self.done == 1
        });
        let (logs, others): (Vec<&Value>, Vec<&Value>) = new.partition(|event| event["type"] == "log-chunk");
        let mut logs = logs;
        logs.sort_by_key(|event| (event["commandId"].to_string(), event["stream"].to_string()));
        for event in others.into_iter().chain(logs) {
            let shown = self.event(event);
            let _ = writeln!(self.text, "< {shown}");
        }
    }

    fn event(&mut self, event: &Value) -> String {
        let mut event = event.clone();
        let fields = event.as_object_mut().unwrap();
        assert!(humantime::parse_rfc3339(fields["timestamp"].as_str().unwrap()).is_ok());
        fields.insert("timestamp".to_owned(), "TIME".into());
        if let Some(took) = fields.get_mut("durationMs") {
            *took = "MS".into();
        }
        if let Some(cursor) = fields.get_mut("cursor") {
            let count = self.cursors.len() + 1;
            let number = *self.cursors.entry(cursor.as_str().unwrap().to_owned()).or_insert(count);
            *cursor = format!("CURSOR-{number}").into();
        }
        for (field, name) in STATUS {
            if let Some(payload) = fields.get_mut("payload").and_then(Value::as_object_mut)
                && let Some(value) = payload.get_mut(field)
                && let Some(name) = name
            {
                *value = name.into();
            }
        }
        let text = event.to_string();
        self.plain(&text)
    }

    fn plain(&self, text: &str) -> String {
        // Which of the two runs a command depends on the machine.
        let text = text.replace("`bash -c ", "`sh -c ");
        self.names.iter().fold(text, |text, (value, name)| text.replace(value, name))
    }

    fn cursor(&self) -> String {
        let chunk = self.stage.runner.seen().iter().find(|event| event["type"] == "log-chunk").unwrap();
        chunk["cursor"].as_str().unwrap().to_owned()
    }
}

/// The services: shell scripts that write one thing at a time.
struct Scripts {
    server: String,
    crash: &'static str,
}

fn scripts() -> Scripts {
    let server = format!(
        "echo \"PORT is $PORT\"; exec '{}' --lifetime 200 --complain \"Module not found: Can't resolve './gone'\" >/dev/null",
        dev_server().display()
    );
    Scripts { server, crash: "echo 'it is broken' >&2; exit 7" }
}

/// The listener on the port, as bowline names it.
fn holder(port: u16) -> String {
    bowline::port::listeners::holders(&[port]).remove(0).to_string()
}

#[test]
fn the_conversation_is_as_recorded() {
    let taken = Ports::claim(1);
    let stage = stage(2);
    let stranger = stage.sandbox.foreign_server(taken.first());
    let names = [
        (stage.sandbox.root().display().to_string(), "/TMP"),
        (dev_server().display().to_string(), "dev-server"),
        (taken.first().to_string(), "TAKEN"),
        (stage.ports.first().to_string(), "PORT-1"),
        (stage.ports.last().to_string(), "PORT-2"),
        (holder(taken.first()), "TESTS (pid PID)"),
    ];
    let names = names.map(|(value, name)| (value, name.to_owned())).to_vec();
    let mut talk = Recording { stage, names, cursors: BTreeMap::new(), done: 0, text: String::new() };
    let scripts = scripts();
    talk.title("The runner says that it is there");
    talk.record();

    healthy(&mut talk);
    server(&mut talk, &scripts, taken.first());
    refusals(&mut talk);
    failures(&mut talk, &scripts);
    late_errors(&mut talk);
    ends(&mut talk, &scripts);

    stranger.stop();
    let Recording { stage, text, .. } = talk;
    let ended = stage.end();
    every_message_occurs(&ended.events);
    insta::assert_snapshot!("conversation", text);
}

fn healthy(talk: &mut Recording) {
    talk.title("A health check; `_sentry` comes back");
    talk.send(
        "health",
        "runner-health-check",
        "p",
        &json!({ "_sentry": { "trace": "t-1", "baggage": "b-1" } }),
    );
    talk.until(&[("health", "runner-status", "")]);
}

fn server(talk: &mut Recording, scripts: &Scripts, wanted: u16) {
    talk.title(
        "A start whose port is taken: `port-reallocated` comes first, and the service has the new `PORT`",
    );
    talk.start(["start", "p"], &scripts.server, Some(wanted), &json!({ "_sentry": { "trace": "t-2" } }));
    talk.until(&[("start", "ack", "healthy"), ("start", "log-chunk", "PORT is")]);

    talk.title("A page is asked for, and the server complains; that is no `dev-server-error` yet");
    assert_eq!(http::get(talk.stage.ports.first()).status, 200);
    talk.until(&[("start", "log-chunk", "Module not found")]);

    talk.title("What it wrote, all of it, then from a cursor");
    talk.send("logs-1", "fetch-logs", "p", &json!({ "payload": {} }));
    talk.until(&[("logs-1", "ack", "Fetched")]);
    let cursor = talk.cursor();
    talk.names.push((cursor.clone(), "CURSOR-1".to_owned()));
    talk.send("logs-2", "fetch-logs", "p", &json!({ "payload": { "cursor": cursor, "limit": 1 } }));
    talk.until(&[("logs-2", "ack", "Fetched")]);

    talk.title("A start of what runs: it is stopped, and started anew on the same port");
    talk.start(["again", "p"], &scripts.server, None, &json!({}));
    talk.until(&[("again", "ack", "healthy"), ("again", "log-chunk", "PORT is")]);
}

fn refusals(talk: &mut Recording) {
    talk.title("Commands that are none");
    for (line, id) in [
        (r#"{"id":"build","type":"start-build","projectId":"p"}"#, "build"),
        ("{\"id\":", ""),
        ("[]", ""),
        (r#"{"id":"field","type":"start-dev-server","projectId":"p","payload":{"runCommand":7}}"#, "field"),
        (
            r#"{"id":"none","type":"start-dev-server","projectId":"p","payload":{"workingDirectory":"/"}}"#,
            "none",
        ),
        (r#"{"id":"path","type":"start-dev-server","projectId":"p","payload":{"runCommand":"x"}}"#, "path"),
        (r#"{"id":"who","type":"stop-dev-server","projectId":"nobody"}"#, "who"),
        (r#"{"id":"what","type":"fetch-logs","projectId":"nobody"}"#, "what"),
    ] {
        talk.line(line);
        talk.until(&[(id, "error", "")]);
    }
}

fn failures(talk: &mut Recording, scripts: &Scripts) {
    talk.title("A service that crashes");
    talk.start(["crash", "crashing"], scripts.crash, None, &json!({}));
    talk.until(&[("crash", "error", ""), ("crash", "process-exited", ""), ("crash", "log-chunk", "broken")]);

    talk.title("No port is left");
    let last = talk.stage.ports.last();
    let stranger = talk.stage.sandbox.foreign_server(last);
    talk.names.push((holder(last), "TESTS (pid PID)".to_owned()));
    talk.start(["full", "late"], &scripts.server, Some(last), &json!({}));
    talk.until(&[("full", "process-exited", "")]);
    stranger.stop();

    talk.title("A directory that is not there");
    let payload = json!({ "runCommand": "true", "workingDirectory": "/nowhere/at/all" });
    talk.send("gone", "start-dev-server", "gone", &json!({ "payload": payload }));
    talk.until(&[("gone", "error", "")]);
}

/// A status that comes by itself, every 15 seconds, shows that the server's first ten are over.
fn late_errors(talk: &mut Recording) {
    talk.title("Later on, the same complaint is an error, once it has settled");
    let time = |event: &Value| humantime::parse_rfc3339(event["timestamp"].as_str().unwrap()).unwrap();
    let ready = talk.stage.runner.seen().iter().rfind(|event| event["type"] == "port-detected").map(time);
    let is_late = |event: &Value| time(event).duration_since(ready.unwrap()).is_ok_and(|age| age > STARTING);
    talk.stage.runner.until("a status after the start", |event| {
        event["type"] == "runner-status" && event.get("commandId").is_none() && is_late(event)
    });
    talk.record();
    assert_eq!(http::get(talk.stage.ports.first()).status, 200);
    talk.until(&[("again", "dev-server-error", "")]);
}

fn ends(talk: &mut Recording, scripts: &Scripts) {
    talk.title("A stop, and another one");
    talk.send("stop", "stop-dev-server", "p", &json!({ "_sentry": { "baggage": "b-3" } }));
    talk.until(&[("stop", "ack", "stopped")]);
    talk.send("stop-2", "stop-dev-server", "p", &json!({}));
    talk.until(&[("stop-2", "error", "")]);

    talk.title("The end of the input stops everything");
    talk.start(["last", "p"], &scripts.server, None, &json!({}));
    talk.until(&[("last", "ack", "healthy"), ("last", "log-chunk", "PORT is")]);
    talk.stage.runner.close_input();
    talk.until(&[("last", "process-exited", ""), ("", "runner-status", "offline")]);
    talk.text.push_str("< {\"type\":\"runner-status\",\"payload\":{\"status\":\"offline\",…}}\n");
}

fn every_message_occurs(events: &[Value]) {
    for (kind, fields) in EVENTS {
        let of: Vec<&Value> = events.iter().filter(|event| event["type"] == kind).collect();
        for field in fields {
            assert!(of.iter().any(|event| event.get(field).is_some()), "no `{field}` in any `{kind}`");
        }
    }
    for (field, _) in STATUS {
        let mut statuses = events.iter().filter(|event| event["type"] == "runner-status");
        assert!(statuses.all(|event| event["payload"].get(field).is_some()), "{field}");
    }
    let mut accepted: Vec<&str> = Vec::new();
    for event in events {
        let Some(id) = event["commandId"].as_str() else { continue };
        if event["message"].as_str().is_some_and(|message| message.ends_with(" accepted")) {
            accepted.push(id);
        } else if event["type"] != "error" {
            assert!(accepted.contains(&id), "the first answer to `{id}` is its `ack`: {event}");
        }
        let sentry = match id {
            "health" => json!({ "trace": "t-1", "baggage": "b-1" }),
            "start" => json!({ "trace": "t-2" }),
            "stop" => json!({ "baggage": "b-3" }),
            _ => Value::Null,
        };
        assert_eq!(event.get("_sentry").cloned().unwrap_or_default(), sentry, "{event}");
    }
}
