//! The builds of packages that the services depend on, where these were never built.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Build;
use crate::detect::ServiceKind;
use crate::invocation::{Failure, Invocation};
use crate::project::Project;
use crate::session::configured::{Additions, ConfiguredProject, Runnable};
use crate::workspace::{Packages, lacks_entry};

const BUILD: &str = "build";

/// Adds the `build` scripts of packages that the services depend on, have no service of their own, and lack the files
/// that others use. Who depends on such a package needs its build.
pub fn add(invocation: &Invocation, services: &mut Vec<ConfiguredProject>) -> Result<(), Failure> {
    let Some(first) = services.iter().find(|one| has_linked_dependency(&one.project)) else { return Ok(()) };
    let is_task = |one: &ConfiguredProject| one.additions.kind == Some(ServiceKind::Task);
    let when = first.config.workspace.build;
    // turbo or nx have been asked for what comes first.
    if when == Build::Never || services.iter().any(is_task) {
        return Ok(());
    }
    let packages = Packages::around(&first.project)?;
    let index_of = |one: &ConfiguredProject| packages.index_of(&one.project.dir);
    let running: BTreeSet<usize> = services.iter().filter_map(index_of).collect();
    let mut built = BTreeMap::new();
    for service in services.iter_mut() {
        let Some(index) = index_of(service) else { continue };
        for below in packages.dependencies_of(index) {
            let project = &packages.projects()[below];
            let is_built = || {
                let can_be = !running.contains(&below) && project.script(Some(BUILD)).is_ok();
                can_be && (when == Build::Always || lacks_entry(project))
            };
            if *built.entry(below).or_insert_with(is_built) {
                service.need(&name(project));
            }
        }
    }
    for (index, _) in built.iter().filter(|(_, is_built)| **is_built) {
        let project = packages.projects()[*index].clone();
        let below = packages.dependencies_of(*index);
        // Packages in a circle do not wait for each other.
        let is_in_circle = |other: usize| packages.dependencies_of(other).contains(index);
        let needs = below.iter().filter(|one| built.get(one) == Some(&true) && !is_in_circle(**one));
        let additions = Additions {
            needs: needs.map(|one| name(&packages.projects()[*one])).collect(),
            kind: Some(ServiceKind::Task),
            name: Some(name(&project)),
            ..Additions::default()
        };
        let runnable = Runnable::Script { name: Some(BUILD.to_owned()), arguments: Vec::new() };
        services.push(ConfiguredProject::read(invocation, project, runnable, additions)?);
    }
    Ok(())
}

fn name(project: &Project) -> String {
    format!("{}:{BUILD}", project.name)
}

/// Whether one of the project's dependencies may be a package of its workspace. All packages are read only then.
pub(super) fn has_linked_dependency(project: &Project) -> bool {
    let Some(workspace) = &project.workspace else { return false };
    let places = [&project.dir, &workspace.root];
    let is_linked = |name: &String| places.iter().any(|dir| dir.join("node_modules").join(name).is_symlink());
    let is_declared = |range: &String| {
        ["workspace:", "file:", "link:", "portal:"].iter().any(|start| range.starts_with(start))
    };
    let mut dependencies = project.manifest.dependencies.iter();
    dependencies.any(|(name, range)| is_declared(range) || is_linked(name))
}
