//! The addresses that the services of a session name, as far as the session knows them.

use super::addresses::Addresses;
use super::backend::SessionBackend;
use super::prepared::Prepared;
use super::siblings::runs;
use crate::port::Scheme;
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
        Addresses::of(one, own, self.options, |project| {
            let ours = self.prepared.iter().position(|other| other.project().is_same(project));
            if let Some(other) = ours {
                let is_user = !self.prepared[other].detected().configured.is_added;
                return Some(((self.port(other), self.schemes[other].present), is_user));
            }
            let live = self.neighbours.iter().filter(|other| runs(other, project));
            let live = live.max_by_key(|other| other.project == project.id);
            let live = live.map(|other| (other.port, other.scheme));
            let absent = || one.absent.iter().find(|other| other.project == project.id);
            let found = live.or_else(|| absent().map(|one| (one.sibling.port, one.sibling.scheme)));
            Some((found?, false))
        })
    }
}
