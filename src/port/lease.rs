//! Reservations that are held, changed, and given back.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::allocation::{Held, Ports, Reserved, Unsettled, Wanted};
use super::error::{Error, Warning};
use super::session::{Guard, Session, SessionId};
use super::store::{self, Fault, Remembered};
use super::world::{Locked, World};
use super::{Grant, Request, Reservation, Terms, seconds};

/// Ports that are reserved for as long as this value, or at the least this process, lives.
///
/// [`Lease::release`] gives them back. A lease that is merely dropped is as good as released to
/// everybody else, since its locks are gone; the next transaction clears up after it.
#[derive(Debug)]
pub struct Lease {
    ports: Ports,
    held: Held,
    grants: Vec<Grant>,
    warnings: Vec<Warning>,
    unsettled: Option<Box<Unsettled>>,
}

impl Lease {
    pub(super) fn new(ports: Ports, id: SessionId) -> Self {
        let held = Held { id, session: None, reservations: Vec::new() };
        Self { ports, held, grants: Vec::new(), warnings: Vec::new(), unsettled: None }
    }

    /// The first transaction, which is left unsettled.
    pub(super) fn begin(&mut self, wanted: &mut Wanted<'_>, terms: &mut Terms<'_>) -> Result<(), Error> {
        self.transact(&[], wanted, terms)
    }

    /// Makes durable what [`Ports::allocate`] has reserved, and answers what went wrong with that: the ports are
    /// held all the same, and not remembered. Nothing is to run on the ports before.
    pub fn commit(&mut self) -> Vec<Warning> {
        let path = self.ports.dir.store();
        let unsettled = self.unsettled.as_mut();
        unsettled.map(|unsettled| unsettled.commit(&path, &self.held.reservations)).unwrap_or_default()
    }

    /// Closes the store after [`Ports::allocate`], committed if it is not yet, and lets others at it. Whoever
    /// starts something on the ports does so between the two: what is written to the disk here need not be waited for.
    /// Everything else that a lease does settles it first.
    pub fn settle(&mut self) {
        let warnings = self.commit();
        self.warnings.extend(warnings);
        self.unsettled = None;
    }

    /// The session, which marks the processes of its services.
    pub fn session(&self) -> &SessionId {
        &self.held.id
    }

    /// What is reserved now.
    pub fn reservations(&self) -> &[Reservation] {
        &self.held.reservations
    }

    /// The answers to the last requests, in their order.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What went wrong in the last transaction without making it fail.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Where the session's control socket belongs.
    pub fn socket(&self) -> PathBuf {
        let run =
            self.held.session.as_ref().map_or_else(|| self.ports.dir.run(), |session| session.run.clone());
        crate::paths::socket(&run, self.held.id.as_str())
    }

    /// Gives the request's project another port in place of the one it has, in one transaction:
    /// after a lost race, or because its service listens elsewhere. If that fails, it keeps what it has.
    pub fn replace(&mut self, request: &Request, terms: &mut Terms<'_>) -> Result<(), Error> {
        self.change(&request.project, std::slice::from_ref(request), terms)
    }

    /// Gives back one project's port and goes on with the others.
    pub fn remove(&mut self, project: &str, now: SystemTime) -> Result<(), Error> {
        let terms = &mut Terms { now, patience: Duration::ZERO, end_leftovers: &mut |_| {} };
        self.change(project, &[], terms)
    }

    fn change(&mut self, project: &str, instead: &[Request], terms: &mut Terms<'_>) -> Result<(), Error> {
        let kept: Vec<Reservation> =
            self.held.reservations.iter().filter(|held| held.project != project).cloned().collect();
        let projects: Vec<String> = instead.iter().map(|request| request.project.clone()).collect();
        let request = &mut |at: usize, _: Option<&Remembered>| instead[at].clone();
        self.transact(&kept, &mut Wanted { projects: &projects, request }, terms)?;
        self.settle();
        Ok(())
    }

    fn transact(
        &mut self,
        kept: &[Reservation],
        wanted: &mut Wanted<'_>,
        terms: &mut Terms<'_>,
    ) -> Result<(), Error> {
        self.settle();
        let Reserved { reservations, grants, warnings, unsettled } =
            self.ports.reserve(&mut self.held, kept, wanted, terms)?;
        self.held.reservations = reservations;
        self.grants = grants;
        self.warnings = warnings;
        self.unsettled = Some(Box::new(unsettled));
        Ok(())
    }

    /// Gives everything back. The projects' ports stay remembered. If a guardian still works, its
    /// ports are free once it is done.
    pub fn release(mut self, now: SystemTime) -> Result<(), Error> {
        self.settle();
        let dir = &self.ports.dir;
        let locked = Locked::for_writing(dir);
        if let Ok(locked) = &locked {
            let world = World::look(locked, Some(&self.held.id));
            let tidy = |tables: Option<&mut store::Writing<'_>>| match tables {
                Some(tables) => world.reconcile(tables, &[], seconds(now)).map(drop).map_err(Fault::Store),
                None => Ok(()),
            };
            store::write::<(), Error>(&dir.store(), &mut Vec::new(), tidy)?;
        }
        if let Some(session) = self.held.session {
            session.end();
        }
        match locked {
            // The state directory was removed meanwhile: there is nothing left to give back.
            Err(Error::Lock { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    /// What the guardian of a service keeps of the lease. Guardians of one session share the lock.
    pub fn guard(&self) -> io::Result<Guard> {
        self.held.session.as_ref().map_or_else(|| Err(io::ErrorKind::NotFound.into()), Session::guard)
    }
}
