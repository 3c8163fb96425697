//! The services of the same workspace that run in other sessions, as their files describe them.

use super::configured::ConfiguredProject;
use super::prepared::Prepared;
use super::siblings::is_near;
use crate::invocation::Invocation;
use crate::port::{Ports, Reservation};
use crate::project::{Project, defining_directory};

/// Everything that runs; nothing if none of these projects can have neighbours.
pub fn live(ports: &Ports, projects: &[ConfiguredProject]) -> Vec<Reservation> {
    let has_place =
        |one: &ConfiguredProject| one.project.workspace.is_some() || one.project.defined_in.is_some();
    if projects.iter().any(has_place) { ports.seen() } else { Vec::new() }
}

/// The neighbours of these services. One whose files cannot be read is left out.
pub fn configured(
    invocation: &Invocation,
    prepared: &[Prepared<'_>],
    live: &[Reservation],
) -> Vec<ConfiguredProject> {
    let is_neighbour = |held: &&Reservation| {
        let projects = || prepared.iter().map(Prepared::project);
        held.has_port()
            && !projects().any(|project| project.is_run_as(&held.project, &held.dir))
            && projects().any(|project| is_near(project, held))
    };
    let project = |held: &Reservation| {
        let project = match defining_directory(&held.project) {
            None => Project::at(&held.dir).ok()?.with_id(held.project.clone()),
            Some(dir) => {
                let names = invocation.files.names(&Project::around(dir).ok()?).ok()?;
                names.services().iter().find(|one| one.id == held.project)?.clone()
            }
        };
        ConfiguredProject::asked(invocation, project, None).ok()
    };
    live.iter().filter(is_neighbour).filter_map(project).collect()
}
