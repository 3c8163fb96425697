//! The commands, and how they are parsed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::visible::Visible;

/// The fields of a command that its answers copy.
#[derive(Clone, Debug, Default)]
pub struct ReplyTo {
    pub id: Option<String>,
    pub project: Option<String>,
    /// The trace context of Sentry, copied unread.
    pub sentry: Option<Value>,
}

#[derive(Debug)]
pub enum RunnerCommand {
    Start(Start),
    Stop {
        project: String,
    },
    /// Sends the output behind `cursor`, or all of it, once more: at most `limit` log chunks.
    FetchLogs {
        project: String,
        cursor: Option<String>,
        limit: usize,
    },
    HealthCheck,
}

#[derive(Debug)]
pub struct Start {
    pub project: String,
    /// A command line for the shell.
    pub command: String,
    pub dir: PathBuf,
    /// Variables in addition to the runner's own.
    pub env: BTreeMap<String, String>,
    pub port: Option<u16>,
    pub framework: Option<String>,
}

/// Parses a line into the command's name and the command, or what is wrong. Its answers need a [`ReplyTo`] in
/// either case.
pub fn parse(line: &[u8]) -> (ReplyTo, Result<(String, RunnerCommand), String>) {
    let fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return (ReplyTo::default(), Err("not a command: it is no object".to_owned())),
        Err(error) => return (ReplyTo::default(), Err(format!("not a command: {error}"))),
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let reply_to =
        ReplyTo { id: text("id"), project: text("projectId"), sentry: fields.get("_sentry").cloned() };
    (reply_to, command(&fields))
}

fn command(fields: &Map<String, Value>) -> Result<(String, RunnerCommand), String> {
    text(fields, "id")?;
    let project = text(fields, "projectId")?.filter(|project| !project.is_empty());
    let kind = text(fields, "type")?.ok_or("the command has no `type`")?;
    let payload = object(fields, "payload")?.unwrap_or(fields);
    let project = || project.ok_or_else(|| format!("`{kind}` needs a `projectId`"));
    let command = match kind.as_str() {
        "start-dev-server" => RunnerCommand::Start(start(project()?, payload)?),
        "stop-dev-server" => RunnerCommand::Stop { project: project()? },
        "fetch-logs" => RunnerCommand::FetchLogs {
            cursor: text(payload, "cursor")?,
            project: project()?,
            limit: number(payload, "limit", "number of pieces", |limit| usize::try_from(limit).ok())?
                .unwrap_or(usize::MAX),
        },
        "runner-health-check" => RunnerCommand::HealthCheck,
        other => return Err(format!("unknown command `{other}`")),
    };
    Ok((kind, command))
}

fn start(project: String, payload: &Map<String, Value>) -> Result<Start, String> {
    let command = text(payload, "runCommand")?.filter(|command| !command.trim().is_empty());
    let command = command.ok_or("No run command configured for this project")?;
    let dir = text(payload, "workingDirectory")?.filter(|dir| !dir.is_empty());
    let dir = PathBuf::from(dir.ok_or("Project path is not set")?);
    if !dir.is_absolute() {
        return Err(format!("`workingDirectory` is no absolute path: `{}`", dir.visible()));
    }
    let port =
        number(payload, "preferredPort", "port", |port| u16::try_from(port).ok().filter(|&port| port > 0));
    let framework = text(payload, "framework")?;
    Ok(Start { project, command, dir, env: environment(payload)?, port: port?, framework })
}

fn environment(payload: &Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let variable = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(flag) => flag.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(format!("the variable `{name}` is no text"));
            }
        };
        if name.is_empty() || name.contains(['=', '\0']) || text.contains('\0') {
            return Err(format!("`{}` cannot be a variable", name.escape_debug()));
        }
        Ok((name.clone(), text))
    };
    object(payload, "env")?.into_iter().flatten().map(variable).collect()
}

/// A field. One that is `null` counts as missing.
fn field<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn object<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Map<String, Value>>, String> {
    let object = |value: &'a Value| value.as_object().ok_or_else(|| format!("`{name}` is no object"));
    field(fields, name).map(object).transpose()
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match field(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.contains('\0') => Err(format!("`{name}` has a zero byte")),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value) => Err(format!("`{name}` is no text: {value}")),
    }
}

fn number<T>(
    fields: &Map<String, Value>,
    name: &str,
    kind: &str,
    convert: impl Fn(u64) -> Option<T>,
) -> Result<Option<T>, String> {
    let number = |value: &Value| {
        value.as_u64().and_then(&convert).ok_or_else(|| format!("`{name}` is no {kind}: {value}"))
    };
    field(fields, name).map(number).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(line: &str) -> String {
        parse(line.as_bytes()).1.err().unwrap_or_default()
    }

    #[test]
    fn a_start_is_understood_with_and_without_a_payload() {
        for line in [
            r#"{"id":"1","type":"start-dev-server","projectId":"p","payload":{"runCommand":"npm run dev","workingDirectory":"/a","env":{"PORT":"1"},"preferredPort":3101}}"#,
            r#"{"id":"1","type":"start-dev-server","projectId":"p","runCommand":"npm run dev","workingDirectory":"/a","env":{"PORT":1},"preferredPort":3101,"x":1}"#,
        ] {
            let (reply_to, command) = parse(line.as_bytes());
            assert_eq!(reply_to.id.as_deref(), Some("1"));
            let Ok((_, RunnerCommand::Start(start))) = command else { panic!("{command:?}") };
            assert_eq!((start.port, start.env["PORT"].as_str()), (Some(3101), "1"));
        }
    }

    #[test]
    fn an_invalid_command_is_explained() {
        for (line, expected) in [
            ("x", "not a command"),
            ("[]", "no object"),
            ("{}", "no `type`"),
            (r#"{"type":"dance"}"#, "unknown command `dance`"),
            (r#"{"type":"stop-dev-server"}"#, "needs a `projectId`"),
            (r#"{"type":"stop-dev-server","projectId":""}"#, "needs a `projectId`"),
            (r#"{"type":"stop-dev-server","projectId":7}"#, "`projectId` is no text: 7"),
            (r#"{"type":"runner-health-check","id":[]}"#, "`id` is no text: []"),
            (r#"{"type":7}"#, "`type` is no text: 7"),
            (r#"{"type":"runner-health-check","payload":7}"#, "`payload` is no object"),
            (r#"{"type":"start-dev-server","projectId":"p"}"#, "No run command configured for this project"),
            (r#"{"type":"start-dev-server","projectId":"p","runCommand":"x"}"#, "Project path is not set"),
            (
                r#"{"type":"start-dev-server","projectId":"p","runCommand":"x","workingDirectory":"a"}"#,
                "absolute",
            ),
            (
                r#"{"type":"start-dev-server","projectId":"p","runCommand":"x","workingDirectory":"/a","preferredPort":70000}"#,
                "no port",
            ),
            (
                r#"{"type":"start-dev-server","projectId":"p","runCommand":"x","workingDirectory":"/a","env":{"A=":"1"}}"#,
                "variable",
            ),
            (r#"{"type":"fetch-logs","projectId":"p","limit":-1}"#, "limit"),
        ] {
            assert!(error(line).contains(expected), "{line}: {}", error(line));
        }
    }
}
