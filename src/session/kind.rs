//! What a service is there for, by its files and what was detected.

use super::configured::{ConfiguredProject, Runnable};
use super::options::Options;
use crate::config::{FILE, FilePlace, Orchestrator, PortSetting};
use crate::detect::catalog::Role;
use crate::detect::{CommandWords, Detection, ServiceKind};
use crate::exit_code::USAGE;
use crate::invocation::Failure;
use crate::launch::Reading;

/// The catalog's entry for what is no framework.
pub const NO_FRAMEWORK: &str = "default";

/// Whether the script is the root's, and runs as it is: it starts the scripts of packages, which are caught.
pub fn is_orchestrator(configured: &ConfiguredProject, reading: &Reading<'_>) -> bool {
    let ConfiguredProject { project, config, runnable, .. } = configured;
    let is_asked = config.workspace.orchestrator == Some(Orchestrator::Script);
    let starts_others = || !reading.has_own_programs(true) && !reading.has_only_own_programs();
    project.is_workspace_root()
        && matches!(runnable, Runnable::Script { .. })
        && project.dir.to_string_lossy() == project.id
        && (is_asked || configured.additions.orchestrates || starts_others())
}

/// Whether a script that runs as it is has no server of its own: it starts nothing but scripts and task runners, and
/// more than one program. A port in bowline.toml says otherwise.
pub fn delegates(configured: &ConfiguredProject, reading: &Reading<'_>) -> bool {
    let has_port = configured.config.settings.has_port();
    is_orchestrator(configured, reading)
        && !has_port
        && !reading.has_own_server()
        && !reading.has_one_program()
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

/// Refuses a port for a service that has none, and a server without one.
pub fn ensure_no_port(
    configured: &ConfiguredProject,
    (kind, delegates): (ServiceKind, bool),
    options: &Options,
) -> Result<(), Failure> {
    let ConfiguredProject { project, config, .. } = configured;
    let name = &project.name;
    if delegates && let Some(port) = options.port {
        let message = format!("`{name}` only starts others, and has no port of its own: {port}");
        let hint = format!("name the package that is to have it: `bowline dev NAME --port {port}`");
        return Err(Failure::new(USAGE, message, Some(hint)));
    }
    let kind_name = kind.name();
    match (kind, options.port, config.settings.port) {
        (ServiceKind::Server, None, Some(PortSetting::None)) => {
            let message = format!("`{name}` is a server by its `kind`, which has a port");
            let hint = "leave one of the two out, or make it a watch or a task";
            Err(configured.mistake(&FilePlace::at(&["port"]), &message, hint))
        }
        (ServiceKind::Server, ..) | (_, None, Some(PortSetting::None) | None) => Ok(()),
        (_, Some(port), _) => {
            let message = format!("`{name}` is a {kind_name}, which has no port: {port}");
            let hint = if config.settings.kind.is_some() {
                "leave the port out, or its `kind` in bowline.toml"
            } else {
                "leave `--port` out, or set `kind = \"server\"` in bowline.toml if it listens"
            };
            Err(Failure::new(USAGE, message, Some(hint.to_owned())))
        }
        (_, None, Some(PortSetting::Own | PortSetting::Exact(_))) => {
            let message = format!("`{name}` is a {kind_name} by its `kind`, which has no port");
            Err(configured.mistake(&FilePlace::at(&["port"]), &message, "leave one of the two out"))
        }
    }
}

/// Whether a program that nobody knows may be no server, and build something: by its name or flag, or because it
/// belongs to a library of a workspace. Not if its source or bowline.toml says that it serves.
pub fn may_only_build(
    configured: &ConfiguredProject,
    reading: &Reading<'_>,
    detection: &Detection<'_>,
) -> bool {
    let ConfiguredProject { project, config, .. } = configured;
    if config.settings.has_port()
        || config.settings.kind.is_some()
        || detection.tool.is_some_and(|tool| is_server(tool.framework.role))
    {
        return false;
    }
    let is_library = project.workspace.is_some()
        && ["exports", "module", "types"].iter().any(|key| project.manifest.document.get(key).is_some());
    let is_watch = reading.commands().iter().any(is_called_watch);
    let sources = reading.sources();
    // What a runtime runs without that its file is known is a program like any other.
    let is_unknown = sources.is_empty() && detection.tool.is_some();
    (is_watch || is_library && !is_unknown) && sources.iter().all(|(file, text)| may_be_watch(file, text))
}

/// Whether a program watches something, and does not serve.
fn may_be_watch(file: &str, text: &str) -> bool {
    let serves = |line: &str| {
        let is_call = |(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric());
        line.contains("listen(") || line.contains("Server(") || line.match_indices("serve(").any(is_call)
    };
    (file.contains("watch") || text.contains("watch")) && !text.lines().any(serves)
}

/// Whether a program is called a watch by its file, script or arguments. A flag in front of its file is one of node.
fn is_called_watch(command: &CommandWords<'_>) -> bool {
    let mut behind = command.arguments.iter().skip_while(|word| word.starts_with('-')).skip(1);
    command.names.iter().any(|name| name == "watch") || behind.any(|word| ["--watch", "-w"].contains(word))
}

fn is_server(role: Role) -> bool {
    matches!(role, Role::Main | Role::Side)
}

/// Names of processes that are servers, whatever they run.
pub const NAMES_OF_SERVERS: [&str; 8] =
    ["web", "api", "app", "server", "frontend", "backend", "client", "site"];

/// Whether it is a process of a Procfile that nothing says to be a server: neither its name nor its command, which
/// does not ask for a port.
fn is_worker(configured: &ConfiguredProject, detection: &Detection<'_>) -> bool {
    let ConfiguredProject { project, runnable, .. } = configured;
    let Runnable::Text { text, .. } = runnable else { return false };
    let is_process = project.defined_in.as_ref().is_some_and(|file| !file.ends_with(FILE));
    let runs_server = detection.tool.is_some_and(|tool| is_server(tool.framework.role));
    let asks_for_port = text.contains("$PORT") || text.contains("${PORT");
    is_process
        && detection.kind == ServiceKind::Server
        && !(runs_server || asks_for_port || NAMES_OF_SERVERS.contains(&&*project.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_serves_or_watches_nothing_is_no_watch() {
        for (file, text, expected) in [
            ("build.mjs", "const it = await esbuild.context(options)\nawait it.watch()", true),
            ("scripts/watch.mjs", "import './build.mjs'", true),
            ("build.mjs", "if (process.argv.includes('--watch')) observe(files)", true),
            ("src/index.ts", "import { start } from './app'\nawait start()", false),
            ("src/index.ts", "chokidar.watch('views')\napp.listen(process.env.PORT)", false),
            ("watch.ts", "Bun.serve({ fetch })", false),
            ("watch.js", "http.createServer(answer)", false),
        ] {
            assert_eq!(may_be_watch(file, text), expected, "{file}: {text}");
        }
    }

    #[test]
    fn a_program_is_called_a_watch_by_its_file_and_flags() {
        for (names, arguments, expected) in [
            (&["scripts", "watch", "mjs"][..], &["scripts/watch.mjs"][..], true),
            (&["build", "mjs"], &["build.mjs", "--watch"], true),
            (&["src", "index", "ts"], &["watch", "src/index.ts"], false),
            (&["server", "mjs"], &["--watch", "server.mjs"], false),
            (&["watcher", "js"], &["watcher.js"], false),
        ] {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let command = CommandWords { names, arguments: arguments.to_vec(), ..CommandWords::default() };
            assert_eq!(is_called_watch(&command), expected, "{arguments:?}");
        }
    }
}
