//! Where reservations are recorded, and the lock of one transaction.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::error::PortError;
use crate::paths::{StateDir, open_lock};

/// How long a start waits for the transactions of others. A hundred of them take a second or two, and ten times that
/// where as many processes want the same processor.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a supervisor, which has services to attend to, and a command that only reads wait for them.
pub(super) const BRIEFLY: Duration = Duration::from_secs(2);
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

    /// The same, with this limit on every wait for the transactions of others if it is the lower one.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub fn dir(&self) -> &StateDir {
        &self.dir
    }

    /// Waits for the lock of the state directory, and of the others that exist, at most for `limit`.
    pub(super) fn lock(&self, limit: Duration) -> Result<Locked, PortError> {
        Locked::take(&self.dir, self.patience.min(limit), true)
    }

    /// Waits for the locks that exist. If one cannot be had in time, everything is read without any.
    pub(super) fn lock_to_read(&self) -> Locked {
        Locked::take(&self.dir, self.patience.min(BRIEFLY), false)
            .unwrap_or_else(|_| Locked { roots: self.dir.roots(), files: Vec::new() })
    }
}

/// The lock of one transaction, in every directory in which this user's reservations may be recorded.
pub(super) struct Locked {
    pub roots: Vec<PathBuf>,
    files: Vec<File>,
}

impl Locked {
    /// Every process takes the locks in the same order, or two might wait for each other.
    fn take(dir: &StateDir, patience: Duration, create: bool) -> Result<Self, PortError> {
        let deadline = Instant::now() + patience;
        let mut locked = Self { roots: Vec::new(), files: Vec::new() };
        for root in dir.roots() {
            let file = if create && root == dir.root() {
                open_lock(&root)
            } else {
                File::open(root.join("ports.lock"))
            };
            match wait(file, &root, deadline) {
                Ok(file) => locked.files.push(file),
                // A directory that is read-only for us; the locks of its sessions can be read all the same.
                Err(PortError::Lock { .. }) if root != dir.root() => {}
                Err(error) => return Err(error),
            }
            locked.roots.push(root);
        }
        Ok(locked)
    }

    /// Locks the spare directory, which has only just been made.
    pub fn add(&mut self, spare: &Path) -> Result<(), PortError> {
        self.files.push(wait(open_lock(spare), spare, Instant::now() + BRIEFLY)?);
        Ok(())
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // Explicit, as closing is not enough: a guardian that was just forked may have copies of the descriptors.
        for file in &self.files {
            let _ = file.unlock();
        }
    }
}

/// Polls the lock: a blocking `flock` would wait for ever for a process that was stopped.
fn wait(file: io::Result<File>, root: &Path, deadline: Instant) -> Result<File, PortError> {
    let path = root.join("ports.lock");
    let file = match file {
        Ok(file) => file,
        Err(source) => return Err(PortError::Lock { path, source }),
    };
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(PortError::Lock { path, source }),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
            Err(TryLockError::WouldBlock) => return Err(PortError::Busy { path }),
        }
    }
}
