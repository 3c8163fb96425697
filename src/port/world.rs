//! Everything that is reserved, under the lock of one transaction.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::error::Error;
use super::session::{self, Seen};
use super::store::{Memory, Trouble, Writing};
use super::{Life, Reservation, SessionId, Terms};
use crate::paths::{StateDir, open_lock};

/// The lock of one transaction, in every directory where this user's reservations may be recorded.
pub(super) struct Locked {
    roots: Vec<PathBuf>,
    files: Vec<File>,
}

impl Locked {
    /// Waits for the lock of the state directory, and of the others that exist.
    pub fn for_writing(dir: &StateDir) -> Result<Self, Error> {
        Self::take(dir, |root| if root == dir.root() { open_lock(root) } else { open_existing(root) })
    }

    /// Waits for the locks that exist; what cannot be locked is read as it is.
    pub fn for_reading(dir: &StateDir) -> Self {
        Self::take(dir, open_existing).unwrap_or_else(|_| Self { roots: dir.roots(), files: Vec::new() })
    }

    /// Everybody takes the locks in the same order, or two might wait for each other.
    fn take(dir: &StateDir, open: impl Fn(&Path) -> io::Result<File>) -> Result<Self, Error> {
        let mut locked = Self { roots: Vec::new(), files: Vec::new() };
        for root in dir.roots() {
            match open(&root).and_then(wait) {
                Ok(file) => locked.files.push(file),
                Err(source) if root == dir.root() => {
                    return Err(Error::Lock { path: root.join("ports.lock"), source });
                }
                // What lies there is not ours to change, but its locks can be seen.
                Err(_) => {}
            }
            locked.roots.push(root);
        }
        Ok(locked)
    }

    /// Locks the spare directory, which has only just been made.
    pub fn add(&mut self, spare: &Path) -> Result<(), Error> {
        let lock = open_lock(spare).and_then(wait);
        self.files.push(lock.map_err(|source| Error::Lock { path: spare.join("ports.lock"), source })?);
        Ok(())
    }
}

fn open_existing(root: &Path) -> io::Result<File> {
    File::open(root.join("ports.lock"))
}

fn wait(file: File) -> io::Result<File> {
    while let Err(error) = file.lock() {
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(file)
}

/// All sessions but our own.
pub(super) struct World {
    seen: Vec<Seen>,
}

impl World {
    /// Looks at every session's locks.
    pub fn look(locked: &Locked, own: Option<&SessionId>) -> Self {
        let mut seen = session::survey(&locked.roots);
        seen.retain(|session| Some(&session.id) != own);
        Self { seen }
    }

    /// What is known after leftovers were ended and ending services waited for, with the lock held.
    pub fn settled(
        dir: &StateDir,
        own: Option<&SessionId>,
        projects: &[String],
        terms: &mut Terms<'_>,
    ) -> Result<(Locked, Self), Error> {
        let locked = Locked::for_writing(dir)?;
        let world = Self::look(&locked, own);
        let restless: Vec<&Seen> = world
            .seen
            .iter()
            .filter(|session| match session.life {
                Life::Orphaned => true,
                Life::Ending => session.reservations.iter().any(|held| projects.contains(&held.project)),
                Life::Live | Life::Over => false,
            })
            .collect();
        if restless.is_empty() {
            return Ok((locked, world));
        }
        drop(locked);
        let deadline = Instant::now() + terms.patience;
        let mut ended = Vec::new();
        for session in restless {
            if session.life == Life::Orphaned {
                (terms.end_leftovers)(&session.id);
                ended.push(session.id.clone());
            } else {
                session.await_guardian(deadline.saturating_duration_since(Instant::now()));
            }
        }
        let locked = Locked::for_writing(dir)?;
        let mut world = Self::look(&locked, own);
        for session in &mut world.seen {
            if session.life == Life::Orphaned && ended.contains(&session.id) {
                session.life = Life::Over;
            }
        }
        Ok((locked, world))
    }

    /// What is not to be given away: live reservations, and ports that are not free yet.
    pub fn reservations(&self) -> impl Iterator<Item = &Reservation> {
        self.seen
            .iter()
            .filter(|session| session.life != Life::Over)
            .flat_map(|session| &session.reservations)
    }

    /// Who has the port.
    pub fn at(&self, port: u16) -> Option<&Reservation> {
        self.reservations().find(|reservation| reservation.port == port)
    }

    /// The project's live reservation.
    pub fn live(&self, project: &str) -> Option<&Reservation> {
        self.reservations().find(|r| r.life == Life::Live && r.project == project)
    }

    /// Makes the store's rows agree with the locks, and returns those that were taken back.
    ///
    /// Rows of the dead go, and their projects count as used until now. Rows of the living that the
    /// store lacks (it was damaged, or could not be written) are put in.
    pub fn reconcile(
        &self,
        tables: &mut Writing<'_>,
        own: &[Reservation],
        now: u64,
    ) -> Result<Vec<Reservation>, Trouble> {
        let same = |a: &Reservation, b: &Reservation| a.port == b.port && a.session == b.session;
        let rows = tables.reservations()?;
        let (kept, dead): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| self.reservations().chain(own).any(|live| same(live, row)));
        for row in &dead {
            tables.remove_reservation(row.port)?;
            if tables.project(&row.project)?.is_some() {
                tables.touch(&row.project, now)?;
            }
        }
        for live in self.reservations().filter(|live| !kept.iter().any(|row| same(live, row))) {
            tables.put_reservation(live)?;
        }
        Ok(dead)
    }

    /// Removes the files of sessions that are over.
    pub fn clear(&self) {
        self.seen.iter().filter(|session| session.life == Life::Over).for_each(Seen::clear);
    }
}
