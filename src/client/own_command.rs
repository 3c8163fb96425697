//! The framework's own command for development, for projects without a dev script.

use crate::config::Config;
use crate::detect::Snapshot;
use crate::detect::catalog::{CatalogText, Framework};
use crate::invocation::Failure;
use crate::project::Project;

/// The command of the framework that is configured, else of the one that files and dependencies show; none if the project
/// has a dev script.
///
/// # Errors
/// The configured framework is unknown, or the project's directory cannot be read.
pub fn own_command(project: &Project, config: &Config) -> Result<Option<String>, Failure> {
    Ok(framework(project, config)?.and_then(|framework| framework.dev.as_ref()).map(ToString::to_string))
}

fn framework<'c>(project: &Project, config: &'c Config) -> Result<Option<&'c Framework>, Failure> {
    if project.script(None).is_ok() {
        return Ok(None);
    }
    let files = project.files()?;
    let dependencies = &project.manifest.dependencies;
    let snapshot = Snapshot { dependencies, files: &files, script: None, commands: &[], hides_more: false };
    Ok(Some(match &config.settings.framework {
        Some(key) => config.catalog.find(key)?,
        None => config.catalog.detect(&snapshot)?.framework,
    }))
}

/// Whether that command serves an app, as far as files show it: a library that Vite builds or tests has no page, and one for
/// users of a framework has that among its peers.
pub fn is_app(project: &Project, config: &Config) -> bool {
    let Ok(Some(framework)) = framework(project, config) else { return false };
    let has_page = || project.files().is_ok_and(|files| files.iter().any(|file| file == "index.html"));
    let peers = project.manifest.document.get("peerDependencies");
    let is_peer = |name: &CatalogText| peers.is_some_and(|peers| peers.get(&**name).is_some());
    let serves = framework.dev.as_ref().is_some_and(|command| command != "vite" || has_page());
    serves && !framework.dependencies.iter().any(is_peer)
}
