//! What a service is there for, by its files and what was detected.

use std::num::NonZeroU16;

use super::configured::{ConfiguredProject, Runnable};
use super::options::Options;
use crate::config::{Orchestrator, PortSetting};
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

/// The kind of a service: what bowline.toml says, else what its commands are. A port in bowline.toml makes it a
/// server, and `port = false` makes it none.
pub fn kind(configured: &ConfiguredProject, detection: &Detection<'_>) -> ServiceKind {
    let settings = &configured.config.settings;
    let by_port = match settings.port {
        Some(PortSetting::Own | PortSetting::Exact(_)) => ServiceKind::Server,
        Some(PortSetting::None) if detection.kind == ServiceKind::Server => ServiceKind::Watch,
        Some(PortSetting::None) | None => detection.kind,
    };
    settings.kind.unwrap_or(by_port)
}

/// Refuses a port for a service that has none.
pub fn ensure_no_port(
    configured: &ConfiguredProject,
    kind: ServiceKind,
    options: &Options,
) -> Result<(), Failure> {
    let ConfiguredProject { project, config, .. } = configured;
    let ordered = options.port.map(NonZeroU16::get).or(config.settings.exact_port());
    let Some(port) = ordered.filter(|_| kind != ServiceKind::Server) else { return Ok(()) };
    let (name, kind) = (&project.name, kind.name());
    let message = format!("`{name}` is a {kind}, which has no port: {port}");
    let hint = if config.settings.kind.is_some() {
        "leave the port out, or its `kind` in bowline.toml".to_owned()
    } else {
        "leave `--port` out, or set `kind = \"server\"` in bowline.toml if it listens".to_owned()
    };
    Err(Failure::new(USAGE, message, Some(hint)))
}
