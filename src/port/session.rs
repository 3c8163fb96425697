//! Sessions: the kernel's file locks tell which are alive.
//!
//! A supervisor holds a lock on `run/<session>.lock` for its life; the guardian that it forks holds one on
//! `run/<session>.guard` until the service's processes are gone. Both locks end with their holder, however it
//! ends. The `.lock` file lists the reservations, so that they are known even without the store.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::reservation::{Reservation, SessionId, SessionState};
use crate::process::{Identity, Signal, signal, wait_for_end};

/// The pause between two tries of a lock whose holder is unknown.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// How long a guardian may take to end after it has let go of its lock.
const FINISH_PATIENCE: Duration = Duration::from_secs(1);

/// A session's files, as found.
#[derive(Debug)]
pub(super) struct Seen {
    pub id: SessionId,
    pub run: PathBuf,
    pub state: SessionState,
    pub reservations: Vec<Reservation>,
}

pub(super) fn clear(run: &Path, id: &SessionId) {
    let socket = crate::paths::socket(run, id.as_str());
    // The lock last, as the socket is found by its name.
    for path in [socket, guard_path(run, id), lock_path(run, id)] {
        // Another bowline may have been faster, and a file that stays does no harm.
        let _ = fs::remove_file(path);
    }
}

impl Reservation {
    pub fn socket(&self) -> PathBuf {
        crate::paths::socket(&self.run, self.session.as_str())
    }

    /// Whether the supervisor lives at this moment.
    pub(crate) fn is_live(&self) -> bool {
        lock_state(&lock_path(&self.run, &self.session)) == LockState::Held
    }

    /// Whether the reservation was given back, by the supervisor or by another bowline after its end.
    pub(crate) fn is_released(&self) -> bool {
        lock_state(&lock_path(&self.run, &self.session)) == LockState::Absent
    }

    /// Waits for the session's guardians, at most for `patience` beyond the grace period of their services, and
    /// returns the state of the session.
    pub(crate) fn await_guardian(&self, patience: Duration) -> SessionState {
        await_guardian(&self.run, &self.session, patience);
        session_state(&self.run, &self.session)
    }
}

/// Waits for the guardians of a session, at most for `patience` beyond the grace period of their services.
pub(super) fn await_guardian(run: &Path, id: &SessionId, patience: Duration) {
    let path = guard_path(run, id);
    let is_held = || lock_state(&path) == LockState::Held;
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut numbers = text.split_whitespace();
        let pid = numbers.next().and_then(|pid| pid.parse().ok());
        let grace = Duration::from_millis(numbers.next().and_then(|grace| grace.parse().ok()).unwrap_or(0));
        if !is_held() {
            // A guardian that has let go of its lock is about to remove the file.
            let _gone = pid.map(|pid| wait_for_end(pid, FINISH_PATIENCE, || true));
            return;
        }
        let left = patience.saturating_add(grace).saturating_sub(begun.elapsed());
        if left.is_zero() {
            return;
        }
        // A stopped guardian would never end.
        let stopped = pid.and_then(Identity::of).filter(|_| is_held());
        let _gone = stopped.map(|guardian| signal::send(guardian, Signal::SIGCONT));
        // The lock is tried again once the process is pinned: if it is held then, the pid is the guardian's and
        // not a later process's.
        if !pid.is_some_and(|pid| wait_for_end(pid, left, is_held)) {
            // Several guardians share the lock, and the file names the youngest one.
            std::thread::sleep(left.min(RETRY_PAUSE));
        }
    }
}

fn session_state(run: &Path, id: &SessionId) -> SessionState {
    match (lock_state(&lock_path(run, id)), lock_state(&guard_path(run, id))) {
        (LockState::Held, _) => SessionState::Live,
        (_, LockState::Held) => SessionState::Ending,
        (_, LockState::Free) => SessionState::Orphaned,
        (_, LockState::Absent) => SessionState::Over,
    }
}

/// Every session with files in these state directories.
pub(super) fn survey(roots: &[PathBuf]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for run in roots.iter().map(|root| root.join("run")) {
        let Ok(entries) = fs::read_dir(&run) else { continue };
        let ids: BTreeSet<SessionId> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let id = name.strip_suffix(".lock").or_else(|| name.strip_suffix(".guard"))?;
                SessionId::try_from(id.to_owned()).ok()
            })
            .collect();
        seen.extend(ids.into_iter().map(|id| read(&run, id)));
    }
    seen
}

/// A session with files in one of these state directories, found without any lock.
pub(super) fn find(roots: &[PathBuf], id: &SessionId) -> Option<Seen> {
    let seen = |root: &PathBuf| read(&root.join("run"), id.clone());
    roots.iter().map(seen).find(|seen| seen.state != SessionState::Over)
}

fn read(run: &Path, id: SessionId) -> Seen {
    let lock = lock_path(run, &id);
    let state = session_state(run, &id);
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let reservations = text
        .lines()
        .filter_map(|line| serde_json::from_slice::<Reservation>(line.as_bytes()).ok())
        .filter(|reservation| reservation.session == id)
        .map(|reservation| Reservation { run: run.to_owned(), state, ..reservation })
        .collect();
    Seen { id, run: run.to_owned(), state, reservations }
}

#[derive(Debug, PartialEq)]
enum LockState {
    Held,
    Free,
    Absent,
}

/// Tries a shared lock, so that two processes that ask at the same time do not take each other for the holder.
fn lock_state(path: &Path) -> LockState {
    let Ok(file) = File::open(path) else { return LockState::Absent };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => LockState::Held,
        Ok(()) | Err(TryLockError::Error(_)) => LockState::Free,
    }
}

fn lock_path(run: &Path, id: &SessionId) -> PathBuf {
    run.join(format!("{id}.lock"))
}

fn guard_path(run: &Path, id: &SessionId) -> PathBuf {
    run.join(format!("{id}.guard"))
}

/// A session of this process. If it is dropped, the next transaction removes its files, as after a kill.
#[derive(Debug)]
pub(super) struct Session {
    pub id: SessionId,
    pub run: PathBuf,
    lock: File,
    guard: File,
}

impl Session {
    /// Creates the session's files, takes both locks and records the reservations. Only under the lock of a
    /// transaction, or others would remove the files before they are locked.
    pub fn begin(run: &Path, id: &SessionId, reservations: &mut [Reservation]) -> io::Result<Self> {
        let guard = create(&guard_path(run, id))?;
        let lock = create(&lock_path(run, id)).inspect_err(|_| {
            let _ = fs::remove_file(guard_path(run, id));
        })?;
        let mut session = Self { id: id.clone(), run: run.to_owned(), lock, guard };
        match session.record(reservations) {
            Ok(()) => Ok(session),
            Err(error) => {
                session.end();
                Err(error)
            }
        }
    }

    /// Writes down the reservations. A reader skips lines that were cut short.
    pub fn record(&mut self, reservations: &mut [Reservation]) -> io::Result<()> {
        let mut text = Vec::new();
        for reservation in reservations {
            reservation.run.clone_from(&self.run);
            serde_json::to_writer(&mut text, reservation)?;
            text.push(b'\n');
        }
        self.lock.rewind()?;
        self.lock.write_all(&text)?;
        self.lock.set_len(text.len() as u64)
    }

    /// Ends the session. The files stay while a guardian still works.
    pub fn end(self) {
        let Self { id, run, lock, guard } = self;
        drop(guard);
        if lock_state(&guard_path(&run, &id)) != LockState::Held {
            clear(&run, &id);
        }
        // Explicit, as closing is not enough: a guardian that was just forked may have a copy of the descriptor.
        let _ = lock.unlock();
    }

    /// The guard for a guardian that is about to be forked.
    pub fn guard(&self) -> io::Result<Guard> {
        Ok(Guard { path: guard_path(&self.run, &self.id), file: self.guard.try_clone()? })
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    file.try_lock().inspect_err(|_| drop(fs::remove_file(path)))?;
    Ok(file)
}

/// The guardian's half of a session: while it is held, nobody else gets the session's ports.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    file: File,
}

impl Guard {
    /// Writes down the guardian's pid and its service's grace period. To be called in the guardian.
    pub fn begin(&mut self, grace: Duration) -> io::Result<()> {
        let text = format!("{} {}", std::process::id(), grace.as_millis());
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        // Last, so that a reader never finds it empty again.
        self.file.set_len(text.len() as u64)
    }

    /// The descriptor that holds the lock.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Removes the file, as no process of the service is left. If a guard is dropped without this, the next
    /// bowline looks for leftovers.
    pub fn finish(self) {
        drop(self.file);
        // A supervisor that still lives shares the lock, and needs the file.
        if lock_state(&self.path) == LockState::Free {
            let _ = fs::remove_file(&self.path);
        }
    }
}
