//! The other services of the workspace, whose ports a service finds in its environment.

use std::path::Path;

use super::known_sibling::KnownSibling;
use super::prepared::Prepared;
use crate::launch::Sibling;
use crate::port::{Reservation, Scheme};
use crate::project::{Project, defining_directory};

/// The siblings of a service: the others of this session that have a port, and those of `others`, the reservations
/// of other sessions, that are in the same workspace. Of several with one name only the one with its directory for
/// its id counts.
pub fn siblings(
    prepared: &[Prepared<'_>],
    service: usize,
    address: impl Fn(usize) -> Option<(u16, Scheme)>,
    others: &[Reservation],
) -> Vec<KnownSibling> {
    let known = |project: &str, name: &str, (port, scheme)| KnownSibling {
        project: project.to_owned(),
        sibling: Sibling { name: name.to_owned(), port, scheme },
    };
    let own = prepared.iter().enumerate().filter(|&(other, _)| other != service);
    let own = own
        .filter_map(|(other, one)| Some(known(&one.request.project, &one.project().name, address(other)?)));
    let mut found: Vec<KnownSibling> = own.collect();
    let here = prepared[service].project();
    let is_ours = |name: &str| found.iter().any(|one| one.sibling.name == name);
    let near: Vec<&Reservation> =
        others.iter().filter(|one| one.has_port() && is_near(here, one) && !is_ours(&one.name)).collect();
    let is_usual = |one: &Reservation| {
        one.dir.to_string_lossy() == one.project || defining_directory(&one.project).is_some()
    };
    let is_only = |one: &Reservation| near.iter().filter(|other| other.name == one.name).count() == 1;
    let chosen = near.iter().filter(|one| is_usual(one) || is_only(one));
    let chosen: Vec<KnownSibling> =
        chosen.map(|one| known(&one.project, &one.name, (one.port, one.scheme))).collect();
    found.extend(chosen);
    found
}

/// Whether the service is in the project's workspace, or defined beside the project.
pub fn is_near(project: &Project, other: &Reservation) -> bool {
    if project.is_run_as(&other.project, &other.dir) {
        return false;
    }
    let own = project.defined_in.as_deref().and_then(Path::parent).unwrap_or(&project.dir);
    let place = defining_directory(&other.project).unwrap_or(&other.dir);
    let workspace = project.workspace.as_ref();
    place == own || workspace.is_some_and(|workspace| workspace.contains(place))
}
