//! One transaction of an allocation, from the lock to the commit.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::info;

use super::choice::{Chooser, Refusal, memory_of};
use super::error::{Error, Warning};
use super::lease::Lease;
use super::probe::Probe;
use super::session::{Session, SessionId};
use super::store::{self, Fault, Forgetful, Memory, Remembered, Trouble, Writing};
use super::world::{Locked, World};
use super::{Choice, Grant, Life, Request, Reservation, Terms, is_blocked, seconds};
use crate::paths::StateDir;

/// The ports of this user's projects.
#[derive(Clone, Debug)]
pub struct Ports {
    pub(super) dir: Arc<StateDir>,
}

impl Ports {
    /// Ports as recorded in `dir`; nothing is opened yet.
    pub fn new(dir: Arc<StateDir>) -> Self {
        Self { dir }
    }

    /// Where they are recorded.
    pub fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// Reserves a port for every project, or none at all, in one transaction. The projects are distinct; `request` is
    /// given the place of one in `projects` and what is remembered of it, within the transaction, and more than once
    /// if the store turns out to be damaged. The lease starts a session of its own, with no ports if there are no
    /// projects.
    ///
    /// The ports are held by the session's lock when this returns. They are durable after [`Lease::commit`], and until
    /// [`Lease::settle`] every other transaction has to wait, those of this process included.
    pub fn allocate(
        &self,
        projects: &[String],
        mut request: impl FnMut(usize, Option<&Remembered>) -> Request,
        terms: &mut Terms<'_>,
    ) -> Result<Lease, Error> {
        let id = SessionId::random().map_err(|source| Error::Record { path: self.dir.run(), source })?;
        let mut lease = Lease::new(self.clone(), id);
        lease.begin(&mut Wanted { projects, request: &mut request }, terms)?;
        Ok(lease)
    }

    /// One transaction: `kept` stays, what is `wanted` is added, and what else is held goes. If it
    /// fails, everything is as before.
    pub(super) fn reserve(
        &self,
        held: &mut Held,
        kept: &[Reservation],
        wanted: &mut Wanted<'_>,
        terms: &mut Terms<'_>,
    ) -> Result<Reserved, Error> {
        let (mut locked, world) = World::settled(&self.dir, Some(&held.id), wanted.projects, terms)?;
        let now = seconds(terms.now);
        let before = held.session.is_some();
        let mut warnings = Vec::new();
        let done = store::begin(&self.dir.store(), &mut warnings, |mut tables| {
            if let Some(tables) = &mut tables {
                world.reconcile(tables, kept, now)?;
            }
            let memory: &dyn Memory = match &tables {
                Some(tables) => &**tables,
                None => &Forgetful,
            };
            let draft = Draft { world: &world, kept, id: &held.id, now };
            let requests = draft.requests(wanted, memory)?;
            let (mut reservations, grants) = draft.choose(&requests, memory)?;
            for grant in grants.iter().filter(|grant| !grant.reused) {
                info!(target: "port-allocator", "💾 Reserving port {} in database", grant.port);
            }
            let moved = self.record(held, &mut locked, &mut reservations).map_err(Fault::Refused)?;
            let answers = requests.iter().zip(&grants);
            let rows: Vec<_> = answers
                .map(|(request, grant)| (request.project.clone(), memory_of(request, grant, now)))
                .collect();
            if let Some(tables) = tables {
                put(tables, &reservations, &rows)?;
            }
            let warnings: Vec<Warning> = moved.into_iter().chain(blocked_orders(&requests)).collect();
            Ok((reservations, grants, warnings, rows))
        });
        match done {
            Ok(((reservations, grants, others, rows), store)) => {
                world.clear();
                for grant in grants.iter().filter(|grant| !grant.reused) {
                    info!(target: "port-allocator", "✅ Successfully reserved port {}", grant.port);
                }
                warnings.extend(others);
                Ok(Reserved {
                    reservations,
                    grants,
                    warnings,
                    unsettled: Unsettled { store, rows, _locked: locked },
                })
            }
            Err(refusal) => {
                held.restore(before);
                drop(locked);
                Err(refusal.into_error(&world, kept))
            }
        }
    }

    /// Writes the reservations into the session's lock, which is made if there is none yet: in the
    /// state directory, or where that takes no more files, in the spare one.
    fn record(
        &self,
        held: &mut Held,
        locked: &mut Locked,
        reservations: &mut [Reservation],
    ) -> Result<Option<Warning>, Refusal> {
        if let Some(session) = &mut held.session {
            return match place(session, reservations) {
                Ok(()) => Ok(None),
                Err(source) => Err(record_error(&session.run, source)),
            };
        }
        let run = self.dir.run();
        let reason = match begin(&run, &held.id, reservations) {
            Ok(begun) => {
                held.session = Some(begun);
                return Ok(None);
            }
            Err(error) => error,
        };
        let was_there = self.dir.has_spare();
        let spare = match self.dir.prepare_spare() {
            Ok(spare) if !run.starts_with(spare) => spare,
            Ok(_) | Err(_) => return Err(record_error(&run, reason)),
        };
        if !was_there {
            locked.add(spare).map_err(Refusal::Error)?;
        }
        let instead = spare.join("run");
        let begun = begin(&instead, &held.id, reservations).map_err(|error| record_error(&instead, error))?;
        held.session = Some(begun);
        Ok(Some(Warning::Elsewhere { path: run, reason: reason.to_string(), instead }))
    }
}

/// The projects that are to have ports, and what each of them asks for, see [`Ports::allocate`].
pub(super) struct Wanted<'a> {
    pub projects: &'a [String],
    pub request: &'a mut dyn FnMut(usize, Option<&Remembered>) -> Request,
}

/// What a session has.
#[derive(Debug)]
pub(super) struct Held {
    pub id: SessionId,
    /// `None` before its first transaction.
    pub session: Option<Session>,
    pub reservations: Vec<Reservation>,
}

impl Held {
    /// Takes back what a refused transaction may have written down.
    fn restore(&mut self, before: bool) {
        match self.session.take() {
            Some(mut session) if before => {
                // A disk that is full now took these lines before; others have the store as well.
                let _ = session.record(&self.reservations);
                self.session = Some(session);
            }
            Some(session) => session.end(),
            None => {}
        }
    }
}

/// What a transaction came to.
pub(super) struct Reserved {
    pub reservations: Vec<Reservation>,
    pub grants: Vec<Grant>,
    pub warnings: Vec<Warning>,
    pub unsettled: Unsettled,
}

/// What a transaction has still to do once the ports are chosen: it is committed, the store is closed, and then the next
/// one has its turn.
pub(super) struct Unsettled {
    store: store::Open,
    rows: Vec<(String, Remembered)>,
    _locked: Locked,
}

impl Unsettled {
    /// Makes durable what was reserved, and answers what went wrong with that.
    pub fn commit(&mut self, path: &Path, reservations: &[Reservation]) -> Vec<Warning> {
        let mut warnings = Vec::new();
        if let Err(trouble) = self.store.commit() {
            self.store = store::Open::default();
            if trouble.set_aside(path, &mut warnings) {
                // What was chosen stays: its lock is held, and somebody may have been told.
                let again = store::write::<(), Error>(path, &mut warnings, |tables| {
                    Ok(tables.map_or(Ok(()), |tables| put(tables, reservations, &self.rows))?)
                });
                debug_assert!(again.is_ok(), "without a store there is nothing to do");
            }
        }
        warnings
    }
}

/// Writes down what is reserved, and what is to be remembered.
fn put(
    tables: &mut Writing<'_>,
    reservations: &[Reservation],
    rows: &[(String, Remembered)],
) -> Result<(), Trouble> {
    for reservation in reservations {
        tables.put_reservation(reservation)?;
    }
    for (project, row) in rows {
        let held = reservations.iter().find(|held| held.project == *project).map(|held| held.port);
        tables.remember(project, row, held)?;
    }
    Ok(())
}

impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unsettled")
    }
}

fn record_error(run: &Path, source: io::Error) -> Refusal {
    Refusal::Error(Error::Record { path: run.to_owned(), source })
}

fn begin(run: &Path, id: &SessionId, reservations: &mut [Reservation]) -> io::Result<Session> {
    let mut session = Session::begin(run, id)?;
    match place(&mut session, reservations) {
        Ok(()) => Ok(session),
        Err(error) => {
            session.end();
            Err(error)
        }
    }
}

fn place(session: &mut Session, reservations: &mut [Reservation]) -> io::Result<()> {
    for reservation in &mut *reservations {
        reservation.run.clone_from(&session.run);
    }
    session.record(reservations)
}

fn blocked_orders(requests: &[Request]) -> impl Iterator<Item = Warning> {
    requests.iter().filter_map(|request| match request.choice {
        Choice::Order(port) | Choice::Adopt(port) if is_blocked(port) => Some(Warning::Blocked { port }),
        Choice::Order(_) | Choice::Adopt(_) | Choice::Wish(_) | Choice::Any => None,
    })
}

/// Everything that a choice of ports depends on, but for what is remembered.
struct Draft<'a> {
    world: &'a World,
    kept: &'a [Reservation],
    id: &'a SessionId,
    now: u64,
}

impl Draft<'_> {
    /// What the projects ask for, unless some of them run already.
    fn requests(&self, wanted: &mut Wanted<'_>, memory: &dyn Memory) -> Result<Vec<Request>, Fault<Refusal>> {
        let running = |project: &String| {
            let ours = self.kept.iter().find(|kept| kept.project == *project);
            ours.or_else(|| self.world.live(project)).cloned()
        };
        let running: Vec<Reservation> = wanted.projects.iter().filter_map(running).collect();
        if !running.is_empty() {
            return Err(Fault::Refused(Refusal::Error(Error::AlreadyRunning(running))));
        }
        let requests = wanted.projects.iter().enumerate();
        requests.map(|(at, project)| Ok((wanted.request)(at, memory.project(project)?.as_ref()))).collect()
    }

    /// The session's reservations after this, and the grants in the order of the requests.
    fn choose(
        &self,
        requests: &[Request],
        memory: &dyn Memory,
    ) -> Result<(Vec<Reservation>, Vec<Grant>), Fault<Refusal>> {
        let mut chooser = Chooser {
            world: self.world,
            own: self.kept.to_vec(),
            memory,
            probe: Probe::default(),
            now: self.now,
        };
        // Those that insist on a port come before those that might take it.
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|&at| match requests[at].choice {
            Choice::Adopt(_) => 0,
            Choice::Order(_) => 1,
            Choice::Wish(_) => 2,
            Choice::Any => 3,
        });
        let mut grants = Vec::new();
        for at in order {
            let grant = chooser.choose(&requests[at])?;
            chooser.own.push(self.reservation(&requests[at], grant.port));
            grants.push((at, grant));
        }
        grants.sort_by_key(|&(at, _)| at);
        Ok((chooser.own, grants.into_iter().map(|(_, grant)| grant).collect()))
    }

    fn reservation(&self, request: &Request, port: u16) -> Reservation {
        Reservation {
            port,
            project: request.project.clone(),
            name: request.name.clone(),
            dir: request.dir.clone(),
            framework: request.framework.clone(),
            session: self.id.clone(),
            pid: std::process::id(),
            started_at: self.now,
            life: Life::Live,
            run: PathBuf::new(),
        }
    }
}
