//! One transaction, from the lock to the commit, and the reservations that it leaves.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use tracing::info;

use super::blocked::is_blocked;
use super::choice::Chooser;
use super::error::{PortError, Warning};
use super::ports::{BRIEFLY, Locked, PATIENCE, Ports};
use super::probe::Probe;
use super::remembered::Remembered;
use super::request::{AllocateOptions, Grant, PortChoice, PortRequest};
use super::reservation::{Reservation, SessionId, SessionState, seconds};
use super::scheme::Scheme;
use super::session::{Guard, Session};
use super::snapshot::Snapshot;
use super::store::{self, EmptyMemory, Memory, WriteTables};

/// Ports that are reserved until this value is dropped, or this process ends.
///
/// [`Lease::release`] gives them back. If a lease is dropped instead, its locks are released too, and the next
/// transaction removes its files.
#[derive(Debug)]
pub struct Lease {
    ports: Ports,
    id: SessionId,
    /// `None` before the first transaction.
    session: Option<Session>,
    reservations: Vec<Reservation>,
    grants: Vec<Grant>,
    /// The live reservations of other sessions in the last transaction.
    others: Vec<Reservation>,
    warnings: Vec<Warning>,
    pending: Option<Box<Pending>>,
}

/// The rest of a transaction: commit, close the store, unlock. The fields are dropped in this order.
struct Pending {
    store: store::OpenStore,
    now: u64,
    _locked: Locked,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pending")
    }
}

impl Ports {
    /// Reserves a port for every project, or none at all, in one transaction. The projects are distinct; `request`
    /// is given the index of one and its memory, more than once if the store turns out to be damaged.
    ///
    /// The session's lock holds the ports when this returns. They are durable after [`Lease::commit`]; until
    /// [`Lease::close_store`] every other transaction has to wait, those of this process included.
    ///
    /// # Errors
    /// [`PortError::AlreadyRunning`] before any request is made; [`PortError::Busy`] after half a minute of others'
    /// transactions; and what keeps a request from being granted.
    pub fn allocate(
        &self,
        projects: &[String],
        request: impl FnMut(usize, Option<&Remembered>) -> PortRequest,
        options: AllocateOptions<'_>,
    ) -> Result<Lease, PortError> {
        let mut lease = Lease {
            ports: self.clone(),
            id: SessionId::random().map_err(|source| PortError::Record { path: self.dir.run(), source })?,
            session: None,
            reservations: Vec::new(),
            grants: Vec::new(),
            others: Vec::new(),
            warnings: Vec::new(),
            pending: None,
        };
        lease.transact(&[], projects, request, options)?;
        Ok(lease)
    }
}

impl Lease {
    /// Makes the reservations durable. Call it before anything runs on the ports. If it fails, the ports are held
    /// all the same but not remembered, and the warnings say why.
    pub fn commit(&mut self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Some(pending) = &mut self.pending {
            let now = pending.now;
            // The ports stay the same in a new store: the session's lock holds them already.
            pending.store.commit(&self.ports.dir.store(), &mut warnings, |tables| {
                put(tables, &self.reservations, &self.grants, now)
            });
        }
        warnings
    }

    /// Commits unless [`Lease::commit`] has, and closes the store. That writes to the disk: start the services
    /// first. Every other method that changes the lease calls this first.
    pub fn close_store(&mut self) {
        let warnings = self.commit();
        self.warnings.extend(warnings);
        self.pending = None;
    }

    pub fn session(&self) -> &SessionId {
        &self.id
    }

    pub fn reservations(&self) -> &[Reservation] {
        &self.reservations
    }

    /// The answers to the last requests, in their order.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The live reservations of other sessions, as they were in the last transaction.
    pub fn others(&self) -> &[Reservation] {
        &self.others
    }

    /// Keeps in mind which ports the project was told for others; [`Lease::record_told`] lets others know.
    pub fn tell(&mut self, project: &str, told: BTreeMap<String, u16>) {
        if let Some(held) = self.reservations.iter_mut().find(|held| held.project == project) {
            held.told = told;
        }
    }

    pub fn record_told(&mut self) -> io::Result<()> {
        self.rewrite()
    }

    /// Writes the reservations to the session's file anew.
    fn rewrite(&mut self) -> io::Result<()> {
        self.session.as_mut().map_or(Ok(()), |session| session.record(&mut self.reservations))
    }

    /// Warnings of the last transaction.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Where the session's control socket belongs.
    pub fn socket(&self) -> PathBuf {
        crate::paths::socket(&self.run(), self.id.as_str())
    }

    /// The directory of the session's files.
    fn run(&self) -> PathBuf {
        self.session.as_ref().map_or_else(|| self.ports.dir.run(), |session| session.run.clone())
    }

    /// The guard for a service's guardian. The guardians of one session share its lock.
    pub fn guard(&self) -> io::Result<Guard> {
        self.session.as_ref().map_or_else(|| Err(io::ErrorKind::NotFound.into()), Session::guard)
    }

    /// Notes what the project's server speaks, for other bowlines. No transaction: the session's file is ours.
    pub fn set_scheme(&mut self, project: &str, scheme: Scheme) -> io::Result<()> {
        let Some(held) = self.reservations.iter_mut().find(|held| held.project == project) else {
            return Ok(());
        };
        held.scheme = scheme;
        self.rewrite()
    }

    /// Gives the project another port, in one transaction. If that fails, it keeps what it has.
    pub fn replace(&mut self, request: &PortRequest, options: AllocateOptions<'_>) -> Result<(), PortError> {
        let others = self.reservations.iter().filter(|held| held.project != request.project);
        let kept: Vec<Reservation> = others.cloned().collect();
        self.transact(&kept, std::slice::from_ref(&request.project), |_, _| request.clone(), options)?;
        self.close_store();
        Ok(())
    }

    /// Gives back one project's port and goes on with the others. The session's file decides: the store learns of it
    /// with the next transaction.
    pub fn remove(&mut self, project: &str) -> Result<(), PortError> {
        self.close_store();
        self.reservations.retain(|held| held.project != project);
        // Without it, a transaction could read a line that is cut short.
        let _locked = self.ports.lock(BRIEFLY);
        let recorded = self.rewrite();
        recorded.map_err(|source| PortError::Record { path: self.run(), source })
    }

    /// Gives all ports back, and remembers them. The ports of a guardian that is not done yet are free once it is.
    ///
    /// # Errors
    /// The store could not be tidied, which the next transaction does. The ports are given back all the same.
    pub fn release(mut self, now: SystemTime) -> Result<(), PortError> {
        self.close_store();
        let locked = self.ports.lock(BRIEFLY);
        let tidied = locked.as_ref().map_or(Ok(()), |locked| {
            let snapshot = Snapshot::take(locked, Some(&self.id));
            let tidy = |tables: &mut WriteTables<'_>| snapshot.reconcile(tables, &[], seconds(now));
            store::write(&self.ports.dir.store(), &mut Vec::new(), tidy).map(drop)
        });
        if let Some(session) = self.session.take() {
            session.end();
        }
        match locked {
            Err(PortError::Busy { .. }) => Ok(()),
            // The state directory was removed meanwhile, and the reservations with it.
            Err(PortError::Lock { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(_) => tidied,
        }
    }

    /// Keeps `kept`, adds ports for `projects`, and gives back the rest. If it fails, everything is as before.
    fn transact(
        &mut self,
        kept: &[Reservation],
        projects: &[String],
        mut request: impl FnMut(usize, Option<&Remembered>) -> PortRequest,
        options: AllocateOptions<'_>,
    ) -> Result<(), PortError> {
        self.close_store();
        let limit = if self.session.is_some() { BRIEFLY } else { PATIENCE };
        let lock = || self.ports.lock(limit);
        let (mut locked, snapshot) = Snapshot::after_endings(lock, Some(&self.id), projects, options)?;
        let now = seconds(options.now);
        let mut warnings = Vec::new();
        let mut choose = |memory: &dyn Memory| {
            let mut chooser =
                Chooser { snapshot: &snapshot, own: kept.to_vec(), memory, probe: Probe::default(), now };
            let grants = chooser.choose_all(projects, &mut request, &self.id)?;
            Ok::<_, PortError>((chooser.own, grants))
        };
        let begun = store::begin(&self.ports.dir.store(), &mut warnings, |tables| {
            snapshot.reconcile(tables, kept, now)?;
            let (reservations, grants) = choose(tables)?;
            put(tables, &reservations, &grants, now)?;
            Ok((reservations, grants))
        });
        let begun = begun.and_then(|begun| match begun {
            Some(begun) => Ok(begun),
            None => Ok((choose(&EmptyMemory)?, store::OpenStore::default())),
        });
        let ((mut reservations, grants), store) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                drop(locked);
                return Err(snapshot.with_occupants(error, kept));
            }
        };
        let fresh = || grants.iter().filter(|grant| !grant.reused).map(|grant| grant.port);
        for port in fresh() {
            info!(target: "port-allocator", "💾 Reserving port {port} in database");
        }
        warnings.extend(self.record(&mut locked, &mut reservations)?);
        let insists = |choice| matches!(choice, PortChoice::Exact(_) | PortChoice::Observed(_));
        let blocked = grants.iter().filter(|grant| insists(grant.request.choice) && is_blocked(grant.port));
        warnings.extend(blocked.map(|grant| Warning::Blocked { port: grant.port }));
        snapshot.clear();
        self.others =
            snapshot.reservations().filter(|one| one.state == SessionState::Live).cloned().collect();
        for port in fresh() {
            info!(target: "port-allocator", "✅ Successfully reserved port {port}");
        }
        self.pending = Some(Box::new(Pending { store, now, _locked: locked }));
        (self.reservations, self.grants, self.warnings) = (reservations, grants, warnings);
        Ok(())
    }

    /// Writes the reservations into the session's lock. The first time, that is created: in the state directory,
    /// or if that takes no more files, in the spare one.
    fn record(
        &mut self,
        locked: &mut Locked,
        reservations: &mut [Reservation],
    ) -> Result<Option<Warning>, PortError> {
        let record_error = |run: PathBuf, source| PortError::Record { path: run, source };
        if let Some(session) = &mut self.session {
            return session.record(reservations).map(|()| None).map_err(|source| {
                // The previous lines fitted on the disk.
                let _ = session.record(&mut self.reservations);
                record_error(session.run.clone(), source)
            });
        }
        let dir = &self.ports.dir;
        let run = dir.run();
        let reason = match Session::begin(&run, &self.id, reservations) {
            Ok(session) => {
                self.session = Some(session);
                return Ok(None);
            }
            Err(error) => error,
        };
        let was_there = dir.has_spare();
        let spare = dir.prepare_spare().ok().filter(|spare| !run.starts_with(spare));
        let Some(spare) = spare else { return Err(record_error(run, reason)) };
        if !was_there {
            locked.add(spare)?;
        }
        let instead = spare.join("run");
        let session = Session::begin(&instead, &self.id, reservations);
        self.session = Some(session.map_err(|error| record_error(instead.clone(), error))?);
        Ok(Some(Warning::Elsewhere { path: run, reason: reason.to_string(), instead }))
    }
}

/// Stores the reservations, and what is to be remembered.
fn put(
    tables: &mut WriteTables<'_>,
    reservations: &[Reservation],
    grants: &[Grant],
    now: u64,
) -> Result<(), PortError> {
    for reservation in reservations.iter().filter(|one| one.has_port()) {
        tables.put_reservation(reservation)?;
    }
    for grant in grants {
        let held = grant.has_port().then_some(grant.port);
        tables.remember(&grant.request.project, &grant.remembered(now), held)?;
    }
    Ok(())
}
