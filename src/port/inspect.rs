//! Questions about ports, and pruning.

use std::time::SystemTime;

use super::blocked::is_blocked;
use super::choice::{Chooser, is_there};
use super::error::{PortError, StoreFault, Warning};
use super::ports::{BRIEFLY, PATIENCE, Ports};
use super::probe::{Probe, Verdict};
use super::remembered::{Remembered, is_stale};
use super::request::{AllocateOptions, Grant, PortRequest};
use super::reservation::{Reservation, SessionId, SessionState, seconds};
use super::session;
use super::snapshot::Snapshot;
use super::store::{self, Memory, WriteTables};
use crate::range::Range;

#[derive(Clone, Debug)]
pub enum Lookup {
    /// The project runs.
    Live(Reservation),
    /// It would get this port if it were started now.
    Would(Grant),
}

/// How full a range is. Ports that browsers refuse to open are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    pub range: Range,
    /// How many ports can be handed out at all.
    pub total: usize,
    pub in_use: usize,
    pub available: usize,
}

#[derive(Debug, Default)]
pub struct Pruned {
    pub released: Vec<Reservation>,
    pub forgotten: Vec<Forgotten>,
    pub warnings: Vec<Warning>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forgotten {
    pub project: String,
    pub port: Option<u16>,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Unused,
    Gone,
}

impl Ports {
    /// Every live reservation, by port.
    pub fn reservations(&self) -> Vec<Reservation> {
        self.alive(&[SessionState::Live])
    }

    /// The live reservations. Waits for no transaction, and so may miss those that are made right now.
    pub fn seen(&self) -> Vec<Reservation> {
        let seen = session::survey(&self.dir.roots());
        let live = seen.into_iter().filter(|seen| seen.state == SessionState::Live);
        live.flat_map(|seen| seen.reservations).collect()
    }

    /// The live reservations of one session. Waits for no transaction.
    pub fn of_session(&self, session: &str) -> Vec<Reservation> {
        let id = SessionId::try_from(session.to_owned()).ok();
        let seen = id.and_then(|id| session::find(&self.dir.roots(), &id));
        seen.filter(|seen| seen.state == SessionState::Live).map_or_else(Vec::new, |seen| seen.reservations)
    }

    /// The live reservations, and those whose supervisor is gone while a guardian still ends the service.
    pub(crate) fn unfinished(&self) -> Vec<Reservation> {
        self.alive(&[SessionState::Live, SessionState::Ending])
    }

    /// Reservations whose supervisor and guardian are gone, although processes of the service may be left.
    pub(crate) fn leftovers(&self) -> Vec<Reservation> {
        self.alive(&[SessionState::Orphaned])
    }

    fn alive(&self, states: &[SessionState]) -> Vec<Reservation> {
        let snapshot = self.snapshot();
        let alive = snapshot.reservations().filter(|held| states.contains(&held.state));
        let mut alive: Vec<Reservation> = alive.cloned().collect();
        alive.sort_unstable_by_key(|held| held.port);
        alive
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::take(&self.lock_to_read(), None)
    }

    /// The error if another process holds the lock of the store for long.
    pub(crate) fn lock_error(&self) -> Option<PortError> {
        self.lock(BRIEFLY).err()
    }

    /// The faults of the store.
    pub(crate) fn examine(&self) -> Vec<Warning> {
        let (_locked, mut warnings) = (self.lock_to_read(), Vec::new());
        // An error comes with a warning.
        let _nobody = store::read(&self.dir.store(), &mut warnings, |memory| memory.project(""));
        warnings
    }

    pub fn live(&self, project: &str) -> Option<Reservation> {
        self.snapshot().live(project).cloned()
    }

    /// The port that each project has, or would get if all were started now. Nothing is reserved or written.
    pub fn lookup(&self, requests: &[PortRequest], now: SystemTime) -> Result<Vec<Lookup>, PortError> {
        let locked = self.lock_to_read();
        let snapshot = Snapshot::take(&locked, None);
        let live: Vec<_> = requests.iter().map(|request| snapshot.live(&request.project)).collect();
        let absent = requests.iter().zip(&live).filter(|(_, live)| live.is_none());
        let absent: Vec<PortRequest> = absent.map(|(request, _)| request.clone()).collect();
        let chosen = store::read(&self.dir.store(), &mut Vec::new(), |memory| {
            let (own, probe, now) = (Vec::new(), Probe::default(), seconds(now));
            let mut chooser = Chooser { snapshot: &snapshot, own, memory, probe, now };
            chooser.grant_all(absent.clone(), &SessionId::of_nobody())
        });
        drop(locked);
        let chosen = chosen.map_err(|error| snapshot.with_occupants(error, &[]))?;
        let mut chosen = chosen.into_iter().map(Lookup::Would);
        let found = live.into_iter().map(|live| live.cloned().map(Lookup::Live).or_else(|| chosen.next()));
        Ok(found.flatten().collect())
    }

    pub fn remembered(&self, project: &str) -> Option<Remembered> {
        self.read(|memory| memory.project(project)).flatten()
    }

    /// The project that had a port last, with its id, if it is remembered.
    pub fn keeper(&self, port: u16) -> Option<(String, Remembered)> {
        let found = self.read(|memory| {
            let Some((_, id)) = memory.keeper(port)? else { return Ok(None) };
            Ok(memory.project(&id)?.map(|row| (id, row)))
        });
        found.flatten()
    }

    /// Every remembered project with its id.
    pub(crate) fn projects(&self) -> Vec<(String, Remembered)> {
        self.read(|memory| memory.projects()).unwrap_or_default()
    }

    fn read<T>(&self, work: impl Fn(&dyn Memory) -> Result<T, PortError>) -> Option<T> {
        let _locked = self.lock_to_read();
        store::read(&self.dir.store(), &mut Vec::new(), work).ok()
    }

    /// Stores a note for later starts of a project, or with `None` removes it. Notes last until the evidence
    /// changes.
    pub fn note(&self, project: &str, key: &str, value: Option<&str>) -> Result<(), PortError> {
        let _locked = self.lock(BRIEFLY)?;
        self.update(&mut Vec::new(), |tables| {
            let Some(mut row) = tables.project(project)? else { return Ok(()) };
            match value {
                Some(value) => row.notes.insert(key.to_owned(), value.to_owned()),
                None => row.notes.remove(key),
            };
            tables.remember(project, &row, None)
        })
    }

    pub fn usage(&self, ranges: &[Range]) -> Vec<Usage> {
        let snapshot = self.snapshot();
        let mut probe = Probe::default();
        let mut is_free = |port| {
            snapshot.at(port).is_none() && probe.check(port).is_ok_and(|verdict| verdict == Verdict::Free)
        };
        let mut usage = |&range: &Range| {
            let ports = || (range.start..=range.end).filter(|&port| !is_blocked(port));
            let total = ports().count();
            let available = ports().filter(|&port| is_free(port)).count();
            Usage { range, total, in_use: total - available, available }
        };
        ranges.iter().map(&mut usage).collect()
    }

    /// Releases the reservations of supervisors that are gone, ends the processes they left behind, and forgets
    /// projects that were not used for [`MEMORY`](super::MEMORY) or whose directory is gone.
    pub fn prune(&self, options: AllocateOptions<'_>) -> Result<Pruned, PortError> {
        let now = seconds(options.now);
        let (_locked, snapshot) = Snapshot::after_endings(|| self.lock(PATIENCE), None, &[], options)?;
        let mut warnings = Vec::new();
        let (released, forgotten) = self.update(&mut warnings, |tables| {
            let released = snapshot.reconcile(tables, &[], now)?;
            let mut forgotten = Vec::new();
            for (project, mut row) in tables.projects()? {
                let why = if !is_there(&row.dir) {
                    Why::Gone
                } else if is_stale(row.last_used, now) {
                    Why::Unused
                } else {
                    let unused = row.forget_unused(now);
                    if !unused.is_empty() {
                        tables.remember(&project, &row, None)?;
                    }
                    let gone =
                        |port| Forgotten { project: project.clone(), port: Some(port), why: Why::Unused };
                    forgotten.extend(unused.into_iter().map(gone));
                    continue;
                };
                if snapshot.live(&project).is_none() {
                    tables.forget(&project)?;
                    forgotten.push(Forgotten { project, port: row.port, why });
                }
            }
            Ok((released, forgotten))
        })?;
        snapshot.clear();
        Ok(Pruned { released, forgotten, warnings })
    }

    /// Forgets a project and returns its last port.
    ///
    /// # Errors
    /// It runs, or the store cannot be written.
    pub fn forget(&self, project: &str) -> Result<Option<u16>, PortError> {
        let locked = self.lock(PATIENCE)?;
        if let Some(live) = Snapshot::take(&locked, None).live(project) {
            return Err(PortError::StillRunning(Box::new(live.clone())));
        }
        self.update(&mut Vec::new(), |tables| {
            Ok(tables.forget(project)?.and_then(|row| row.ports().next().map(|(port, _)| port)))
        })
    }

    fn update<T>(
        &self,
        warnings: &mut Vec<Warning>,
        work: impl FnMut(&mut WriteTables<'_>) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        store::write(&self.dir.store(), warnings, work)?.ok_or_else(|| {
            let reason = warnings.pop().map_or_else(String::new, |warning| warning.to_string());
            PortError::Store { fault: StoreFault::Unusable, reason }
        })
    }
}
