//! Commands as they come in.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::visible::Visible;
use serde_json::{Map, Value};

/// Whose command it is, which its answers say.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The command's id.
    pub id: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// What is copied to the answers as it is.
    pub sentry: Option<Value>,
}

/// What is wanted.
#[derive(Debug)]
pub enum Wish {
    /// Run a project's dev server.
    Start {
        /// The project.
        project: String,
        /// How.
        start: Start,
    },
    /// End it.
    Stop {
        /// The project.
        project: String,
    },
    /// Say again what it wrote.
    FetchLogs {
        /// The project.
        project: String,
        /// What has been seen; all if nothing.
        cursor: Option<String>,
        /// How many pieces at most.
        limit: usize,
    },
    /// Say how the runner is.
    HealthCheck,
}

/// How a dev server is started.
#[derive(Debug)]
pub struct Start {
    /// A shell's command line.
    pub command: String,
    /// Where.
    pub dir: PathBuf,
    /// Variables beside the runner's own.
    pub env: BTreeMap<String, String>,
    /// The port that is wished for.
    pub port: Option<u16>,
    /// The framework's key, if it is said.
    pub framework: Option<String>,
}

/// Understands a line: whose command it is, as far as that is known, and its name and wish, or what is wrong with it.
pub fn parse(line: &[u8]) -> (Origin, Result<(&'static str, Wish), String>) {
    let fields = match serde_json::from_slice(line) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) => return (Origin::default(), Err("not a command: it is no object".to_owned())),
        Err(error) => return (Origin::default(), Err(format!("not a command: {error}"))),
    };
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let origin =
        Origin { id: text("id"), project: text("projectId"), sentry: fields.get("_sentry").cloned() };
    let wish = recognise(&fields, &origin);
    (origin, wish)
}

fn recognise(fields: &Map<String, Value>, origin: &Origin) -> Result<(&'static str, Wish), String> {
    for name in ["id", "projectId"] {
        optional_text(fields, name)?;
    }
    let kind = optional_text(fields, "type")?.ok_or("the command has no `type`")?;
    let payload = match fields.get("payload") {
        None | Some(Value::Null) => fields,
        Some(Value::Object(payload)) => payload,
        Some(_) => return Err("`payload` is no object".to_owned()),
    };
    understand(&kind, payload, origin)
}

fn understand(
    kind: &str,
    payload: &Map<String, Value>,
    origin: &Origin,
) -> Result<(&'static str, Wish), String> {
    let project = || {
        let named = origin.project.clone().filter(|project| !project.is_empty());
        named.ok_or_else(|| format!("`{kind}` needs a `projectId`"))
    };
    Ok(match kind {
        "start-dev-server" => {
            ("start-dev-server", Wish::Start { project: project()?, start: start(payload)? })
        }
        "stop-dev-server" => ("stop-dev-server", Wish::Stop { project: project()? }),
        "fetch-logs" => {
            let cursor = optional_text(payload, "cursor")?;
            let limit = match payload.get("limit") {
                None | Some(Value::Null) => usize::MAX,
                Some(value) => value
                    .as_u64()
                    .and_then(|limit| usize::try_from(limit).ok())
                    .ok_or_else(|| format!("`limit` is no number of pieces: {value}"))?,
            };
            ("fetch-logs", Wish::FetchLogs { project: project()?, cursor, limit })
        }
        "runner-health-check" => ("runner-health-check", Wish::HealthCheck),
        other => return Err(format!("unknown command `{other}`")),
    })
}

fn start(payload: &Map<String, Value>) -> Result<Start, String> {
    let command = optional_text(payload, "runCommand")?.filter(|command| !command.trim().is_empty());
    let command = command.ok_or("No run command configured for this project")?;
    let dir = optional_text(payload, "workingDirectory")?.filter(|dir| !dir.is_empty());
    let dir = PathBuf::from(dir.ok_or("Project path is not set")?);
    if !dir.is_absolute() {
        return Err(format!("`workingDirectory` is no absolute path: `{}`", dir.visible()));
    }
    let port = match payload.get("preferredPort") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let port = value.as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
            Some(port.ok_or_else(|| format!("`preferredPort` is no port: {value}"))?)
        }
    };
    let framework = optional_text(payload, "framework")?;
    Ok(Start { command, dir, env: environment(payload)?, port, framework })
}

fn environment(payload: &Map<String, Value>) -> Result<BTreeMap<String, String>, String> {
    let variables = match payload.get("env") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(variables)) => variables,
        Some(_) => return Err("`env` is no object".to_owned()),
    };
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
    variables.iter().map(variable).collect()
}

fn optional_text(payload: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match payload.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.contains('\0') => Err(format!("`{name}` has a zero byte")),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(value) => Err(format!("`{name}` is no text: {value}")),
    }
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
            let (origin, wish) = parse(line.as_bytes());
            assert_eq!(origin.id.as_deref(), Some("1"));
            let Ok((_, Wish::Start { start, .. })) = wish else { panic!("{wish:?}") };
            assert_eq!((start.port, start.env["PORT"].as_str()), (Some(3101), "1"));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
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
