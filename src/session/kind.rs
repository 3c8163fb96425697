//! What a service is there for, by its files and what was detected.

use std::num::NonZeroU16;

use regex_lite::Regex;

use super::configured::{ConfiguredProject, Runnable};
use super::options::Options;
use super::prepared::Detected;
use crate::config::{FILE, Orchestrator, PortSetting};
use crate::detect::catalog::Role;
use crate::detect::{Detection, ServiceKind};
use crate::exit_code::USAGE;
use crate::invocation::Failure;
use crate::launch::Reading;

/// The catalog's entry for what is no framework.
pub const NO_FRAMEWORK: &str = "default";

/// Whether the script is the root's, and runs as it is: it starts the scripts of packages, which are caught.
pub fn is_orchestrator(configured: &ConfiguredProject, reading: &Reading<'_>) -> bool {
    let ConfiguredProject { project, config, runnable, .. } = configured;
    let is_asked = config.workspace.orchestrator == Some(Orchestrator::Script);
    project.is_workspace_root()
        && matches!(runnable, Runnable::Script { .. })
        && project.dir.to_string_lossy() == project.id
        && (is_asked || configured.additions.orchestrates || !reading.has_own_programs(true))
}

/// Whether a script that runs as it is has no server of its own: it starts nothing but scripts and task runners. A
/// port in bowline.toml says otherwise.
pub fn delegates(configured: &ConfiguredProject, reading: &Reading<'_>) -> bool {
    let has_port = matches!(configured.config.settings.port, Some(PortSetting::Own | PortSetting::Exact(_)));
    is_orchestrator(configured, reading) && !has_port && !reading.has_own_server()
}

/// The kind of a service: what bowline.toml says, else what its commands are. A port in bowline.toml makes it a
/// server, and `port = false` makes it none.
pub fn kind(configured: &ConfiguredProject, detection: &Detection<'_>) -> ServiceKind {
    let settings = &configured.config.settings;
    let by_port = match settings.port {
        Some(PortSetting::Own | PortSetting::Exact(_)) => ServiceKind::Server,
        Some(PortSetting::None) if detection.kind == ServiceKind::Server => ServiceKind::Watch,
        None if is_worker(configured, detection) => ServiceKind::Watch,
        Some(PortSetting::None) | None => detection.kind,
    };
    settings.kind.unwrap_or(by_port)
}

/// Refuses a port for a service that has none.
pub fn ensure_no_port(
    configured: &ConfiguredProject,
    (kind, delegates): (ServiceKind, bool),
    options: &Options,
) -> Result<(), Failure> {
    let ConfiguredProject { project, config, .. } = configured;
    let ordered = options.port.map(NonZeroU16::get).or(config.settings.exact_port());
    let Some(port) = ordered else { return Ok(()) };
    if delegates {
        let message = format!("`{}` only starts others, and has no port of its own: {port}", project.name);
        let hint = format!("name the package that is to have it: `bowline dev NAME --port {port}`");
        return Err(Failure::new(USAGE, message, Some(hint)));
    }
    if kind == ServiceKind::Server {
        return Ok(());
    }
    let (name, kind) = (&project.name, kind.name());
    let message = format!("`{name}` is a {kind}, which has no port: {port}");
    let hint = if config.settings.kind.is_some() {
        "leave the port out, or its `kind` in bowline.toml".to_owned()
    } else {
        "leave `--port` out, or set `kind = \"server\"` in bowline.toml if it listens".to_owned()
    };
    Err(Failure::new(USAGE, message, Some(hint)))
}

/// The lines at which a watch is ready: those of bowline.toml, else those of the tools that it runs.
///
/// # Errors
/// The one of bowline.toml is no regular expression.
pub fn first_builds(detected: &Detected<'_>) -> Result<Vec<Regex>, Failure> {
    if detected.kind != ServiceKind::Watch {
        return Ok(Vec::new());
    }
    let ready = &detected.configured.config.settings.ready;
    let texts = match &ready.log {
        Some(own) => vec![own.as_str()],
        None => detected.detection.first_builds.iter().map(|text| &**text).collect(),
    };
    let regex = |text: &str| {
        Regex::new(text).map_err(|error| {
            let message = format!(
                "`ready.log` of `{}` is not a regular expression: {error}: {text}",
                detected.configured.project.name
            );
            Failure::new(USAGE, message, None)
        })
    };
    texts.into_iter().map(regex).collect()
}

/// Names of processes that are servers, whatever they run.
const NAMES_OF_SERVERS: [&str; 8] = ["web", "api", "app", "server", "frontend", "backend", "client", "site"];

/// Whether it is a process of a Procfile that nothing says to be a server: neither its name nor its command, which
/// does not ask for a port.
fn is_worker(configured: &ConfiguredProject, detection: &Detection<'_>) -> bool {
    let ConfiguredProject { project, runnable, .. } = configured;
    let Runnable::Text { text, .. } = runnable else { return false };
    let is_process = project.defined_in.as_ref().is_some_and(|file| !file.ends_with(FILE));
    let runs_server =
        detection.tool.is_some_and(|tool| matches!(tool.framework.role, Role::Main | Role::Side));
    let asks_for_port = text.contains("$PORT") || text.contains("${PORT");
    is_process
        && detection.kind == ServiceKind::Server
        && !(runs_server || asks_for_port || NAMES_OF_SERVERS.contains(&&*project.name))
}
