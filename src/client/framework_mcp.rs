//! The servers of the Model Context Protocol that dev servers have themselves.

use std::path::Path;

use crate::control::Status;
use crate::detect::catalog::Catalog;
use crate::project::Project;

/// The URL of the one that this service has, by its framework and the version that is installed.
pub fn url(status: &Status) -> Option<String> {
    let catalog = Catalog::load(&[]).ok()?;
    let own = catalog.get(&status.framework)?.mcp.as_ref()?;
    let version = Project::at(Path::new(&status.dir)).ok()?.installed_version(&own.package)?;
    // A pre-release counts as its release, as for the other differences between versions.
    let release = (version.major, version.minor, version.patch);
    let url = status.url.as_ref().filter(|_| own.from.is_none_or(|from| release >= from))?;
    Some(format!("{url}{}", own.path))
}
