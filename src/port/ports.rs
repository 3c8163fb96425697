//! Where reservations are recorded, and the lock of one transaction.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use crate::paths::{StateDir, open_lock};

/// How long a start waits for the transactions of others. A hundred of them take about a second.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a supervisor that has services to attend to, and for whoever only looks.
const BRIEFLY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(1);

/// The ports of this user's projects.
#[derive(Clone, Debug)]
pub struct Ports {
    pub(super) dir: Arc<StateDir>,
    patience: Duration,
}

impl Ports {
    /// Ports as recorded in `dir`; nothing is opened yet.
    pub fn new(dir: Arc<StateDir>) -> Self {
        Self { dir, patience: PATIENCE }
    }

    /// The same, with no wait for the transactions of others longer than this.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where they are recorded.
    pub fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// Waits for the lock of the state directory, and of the others that exist.
    pub(super) fn lock(&self) -> Result<Locked, Error> {
        self.lock_within(self.patience)
    }

    /// As [`Ports::lock`], without keeping anybody waiting for long.
    pub(super) fn lock_briefly(&self) -> Result<Locked, Error> {
        self.lock_within(self.patience.min(BRIEFLY))
    }

    fn lock_within(&self, patience: Duration) -> Result<Locked, Error> {
        let root = self.dir.root();
        Locked::take(
            &self.dir,
            patience,
            |path| if path == root { open_lock(path) } else { open_existing(path) },
        )
    }

    /// Waits for the locks that exist. What cannot be locked, or not soon, is read as it is.
    pub(super) fn lock_to_read(&self) -> Locked {
        let patience = self.patience.min(BRIEFLY);
        Locked::take(&self.dir, patience, open_existing)
            .unwrap_or_else(|_| Locked { roots: self.dir.roots(), files: Vec::new() })
    }
}

/// The lock of one transaction, in every directory where this user's reservations may be recorded.
pub(super) struct Locked {
    pub roots: Vec<PathBuf>,
    files: Vec<File>,
}

impl Locked {
    /// Everybody takes the locks in the same order, or two might wait for each other.
    fn take(
        dir: &StateDir,
        patience: Duration,
        open: impl Fn(&Path) -> io::Result<File>,
    ) -> Result<Self, Error> {
        let deadline = Instant::now() + patience;
        let mut locked = Self { roots: Vec::new(), files: Vec::new() };
        for root in dir.roots() {
            match open(&root)
                .map_err(|source| lock_error(&root, source))
                .and_then(|file| wait(file, &root, deadline))
            {
                Ok(file) => locked.files.push(file),
                // What lies there is not ours to change, but its locks can be seen.
                Err(Error::Lock { .. }) if root != dir.root() => {}
                Err(error) => return Err(error),
            }
            locked.roots.push(root);
        }
        Ok(locked)
    }

    /// Locks the spare directory, which has only just been made.
    pub fn add(&mut self, spare: &Path) -> Result<(), Error> {
        let file = open_lock(spare).map_err(|source| lock_error(spare, source))?;
        self.files.push(wait(file, spare, Instant::now() + BRIEFLY)?);
        Ok(())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Not left to the end of the descriptors: a guardian that was just forked may have copies.
        for file in &self.files {
            let _ = file.unlock();
        }
    }
}

fn open_existing(root: &Path) -> io::Result<File> {
    File::open(root.join("ports.lock"))
}

/// Asks again and again, as a wait in the kernel has no limit: whoever has the lock may have been stopped.
fn wait(file: File, root: &Path, deadline: Instant) -> Result<File, Error> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(lock_error(root, source)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { path: root.join("ports.lock") }),
        }
    }
}

fn lock_error(root: &Path, source: io::Error) -> Error {
    Error::Lock { path: root.join("ports.lock"), source }
}
