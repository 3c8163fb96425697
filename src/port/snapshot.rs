//! The reservations of other sessions, under the lock of one transaction.

use std::time::Instant;

use super::error::{Occupant, PortError};
use super::listeners::{Holder, holders};
use super::ports::Locked;
use super::request::AllocateOptions;
use super::reservation::{Reservation, SessionId, SessionState};
use super::session::{self, Seen};
use super::store::{Memory, WriteTables};
use crate::range::Range;

pub(super) struct Snapshot {
    sessions: Vec<Seen>,
}

impl Snapshot {
    /// Every session but our own, as its locks are now.
    pub fn take(locked: &Locked, own: Option<&SessionId>) -> Self {
        let mut sessions = session::survey(&locked.roots);
        sessions.retain(|session| Some(&session.id) != own);
        Self { sessions }
    }

    /// Like [`Snapshot::take`], once leftovers are ended and the guardians of these projects have ended. The lock
    /// is released meanwhile, so `lock` may be called twice.
    pub fn after_endings(
        lock: impl Fn() -> Result<Locked, PortError>,
        own: Option<&SessionId>,
        projects: &[String],
        options: AllocateOptions<'_>,
    ) -> Result<(Locked, Self), PortError> {
        let locked = lock()?;
        let snapshot = Self::take(&locked, own);
        let is_unfinished = |session: &&Seen| match session.state {
            SessionState::Orphaned => true,
            SessionState::Ending => session.reservations.iter().any(|held| projects.contains(&held.project)),
            SessionState::Live | SessionState::Over => false,
        };
        let unfinished: Vec<&Seen> = snapshot.sessions.iter().filter(is_unfinished).collect();
        if unfinished.is_empty() {
            return Ok((locked, snapshot));
        }
        drop(locked);
        let deadline = Instant::now() + options.patience;
        let mut ended = Vec::new();
        for session in unfinished {
            if session.state == SessionState::Orphaned {
                (options.end_leftovers)(&session.id);
                ended.push(&session.id);
            } else {
                let left = deadline.saturating_duration_since(Instant::now());
                session::await_guardian(&session.run, &session.id, left);
            }
        }
        let locked = lock()?;
        let mut after = Self::take(&locked, own);
        for session in &mut after.sessions {
            if session.state == SessionState::Orphaned && ended.contains(&&session.id) {
                session.state = SessionState::Over;
            }
        }
        Ok((locked, after))
    }

    /// The reservations that count: those of every session that is not over.
    pub fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.sessions
            .iter()
            .filter(|session| session.state != SessionState::Over)
            .flat_map(|session| &session.reservations)
    }

    pub fn at(&self, port: u16) -> Option<&Reservation> {
        self.reservations().find(|reservation| reservation.port == port)
    }

    /// The live reservation of a project, see [`Reservation::is_of`].
    pub fn live(&self, project: &str) -> Option<&Reservation> {
        let live = || self.reservations().filter(|held| held.state == SessionState::Live);
        live().find(|held| held.project == project).or_else(|| live().find(|held| held.is_of(project)))
    }

    /// Makes the store's rows agree with the locks, and returns those that were removed.
    ///
    /// Rows of sessions that are over are removed, and their projects count as used until now. Rows of living
    /// sessions that the store lacks (it was damaged, or could not be written) are added.
    pub fn reconcile(
        &self,
        tables: &mut WriteTables<'_>,
        own: &[Reservation],
        now: u64,
    ) -> Result<Vec<Reservation>, PortError> {
        let same = |a: &Reservation, b: &Reservation| a.port == b.port && a.session == b.session;
        let rows = tables.reservations()?;
        let (kept, dead): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| self.reservations().chain(own).any(|live| same(live, row)));
        for row in &dead {
            tables.remove_reservation(row.port)?;
            if let Some(mut project) = tables.project(&row.project)? {
                project.last_used = now;
                tables.remember(&row.project, &project, None)?;
            }
        }
        let with_port = self.reservations().filter(|live| live.has_port());
        for live in with_port.filter(|live| !kept.iter().any(|row| same(live, row))) {
            tables.put_reservation(live)?;
        }
        Ok(dead)
    }

    /// Removes the files of sessions that are over.
    pub fn clear(&self) {
        let over = self.sessions.iter().filter(|session| session.state == SessionState::Over);
        over.for_each(|session| session::clear(&session.run, &session.id));
    }

    /// Adds the occupants of the ports to an error. Looks at every process, so call it without the lock.
    pub fn with_occupants(&self, mut error: PortError, own: &[Reservation]) -> PortError {
        if let PortError::Taken { port, occupants } = &mut error {
            *occupants = self.occupants(Range { start: *port, end: *port }, own);
        } else if let PortError::Exhausted { range, occupants } = &mut error {
            *occupants = self.occupants(*range, own);
        }
        error
    }

    fn occupants(&self, range: Range, own: &[Reservation]) -> Vec<Occupant> {
        let mut services: Vec<&Reservation> =
            self.reservations().chain(own).filter(|reservation| range.contains(reservation.port)).collect();
        services.sort_unstable_by_key(|reservation| reservation.port);
        let is_foreign = |port: &u16| services.iter().all(|service| service.port != *port);
        let foreign: Vec<u16> = (range.start..=range.end).filter(is_foreign).collect();
        let occupant = |held: &Reservation| {
            let how = if held.state == SessionState::Live { "bowline" } else { "bowline, ending" };
            let name = format!("{} ({how})", held.name);
            Occupant { ports: vec![held.port], name, is_service: true }
        };
        let stranger =
            |holder: Holder| Occupant { name: holder.to_string(), ports: holder.ports, is_service: false };
        services.into_iter().map(occupant).chain(holders(&foreign).into_iter().map(stranger)).collect()
    }
}
