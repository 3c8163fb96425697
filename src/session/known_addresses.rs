//! The addresses that the services of a session name, as far as the session knows them.

use super::addresses::Addresses;
use super::backend::SessionBackend;
use super::known_sibling::KnownSibling;
use super::prepared::Prepared;
use crate::port::{Reservation, Scheme};
use crate::project::Project;
use crate::supervise::Backend;

impl SessionBackend<'_> {
    /// The addresses of the services that a service names.
    pub(super) fn addresses(&self, service: usize) -> Addresses<'_> {
        let own = (self.port(service), self.schemes[service].present);
        self.addresses_of(&self.prepared[service], own)
    }

    /// The addresses of the services that one with the address `own` names: those of this session, of others, and of
    /// none.
    pub(super) fn addresses_of<'p>(&self, one: &'p Prepared<'_>, own: (u16, Scheme)) -> Addresses<'p> {
        let address = |other: usize| (self.port(other), self.schemes[other].present);
        Addresses::of(one, own, self.options, |project| {
            known(project, &self.prepared, address, (&self.neighbours, &one.absent))
        })
    }
}

/// The address of a project, and whether this session runs it by the user's wish: `address` has those of its own
/// services, then come `others`, which run in other sessions, and those that do not run.
pub fn known(
    project: &Project,
    prepared: &[Prepared<'_>],
    address: impl Fn(usize) -> (u16, Scheme),
    (others, absent): (&[Reservation], &[KnownSibling]),
) -> Option<((u16, Scheme), bool)> {
    if let Some(ours) = prepared.iter().position(|other| other.project().is_same(project)) {
        return Some((address(ours), !prepared[ours].detected().configured.is_added));
    }
    let live = others.iter().filter(|other| project.is_run_as(&other.project, &other.dir));
    let live = live.max_by_key(|other| other.project == project.id);
    let live = live.map(|other| (other.port, other.scheme));
    let absent = || absent.iter().find(|other| other.project == project.id);
    Some((live.or_else(|| absent().map(|one| (one.sibling.port, one.sibling.scheme)))?, false))
}
