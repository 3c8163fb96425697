//! The watches among the packages that what is chosen depends on.

use std::collections::BTreeSet;

use super::builds::has_linked_dependency;
use crate::detect::ServiceKind;
use crate::invocation::{Failure, Invocation};
use crate::session::Detected;
use crate::session::configured::{Additions, ConfiguredProject, Runnable};
use crate::workspace::Packages;

/// Adds the packages that the services depend on, directly or not, and whose dev script is a watch: their first
/// builds are waited for. One that cannot be read was not asked for, and is left out.
pub fn add(invocation: &Invocation, services: &mut Vec<ConfiguredProject>) -> Result<(), Failure> {
    let Some(first) = services.iter().find(|one| has_linked_dependency(&one.project)) else { return Ok(()) };
    let packages = Packages::around(&first.project)?;
    let running: BTreeSet<usize> =
        services.iter().filter_map(|one| packages.index_of(&one.project.dir)).collect();
    let below: BTreeSet<usize> =
        running.iter().flat_map(|service| packages.dependencies_of(*service)).collect();
    for index in below.difference(&running) {
        let project = &packages.projects()[*index];
        if project.dir == packages.root() || project.script(None).is_err() {
            continue;
        }
        let usual = Runnable::Script { name: None, arguments: Vec::new() };
        let read = ConfiguredProject::read(invocation, project.clone(), usual, Additions::default());
        services.extend(read.ok().filter(|one| is_watch(invocation, one)).map(ConfiguredProject::added));
    }
    Ok(())
}

fn is_watch(invocation: &Invocation, configured: &ConfiguredProject) -> bool {
    Detected::new(invocation, configured, None, None).is_ok_and(|found| found.kind == ServiceKind::Watch)
}
