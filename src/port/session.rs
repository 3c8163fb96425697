//! Sessions: what is alive, as the kernel's file locks tell it.
//!
//! A supervisor holds a lock on `run/<session>.lock` for its life; the guardian that it forks holds
//! one on `run/<session>.guard` until the service's processes are gone. Both locks end with their
//! holder, however it ends. The `.lock` file says which ports are meant, so that they are known
//! even without the store.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Reservation;
use crate::process::{Identity, Signal, signal, wait_for_end};

/// How often a lock is looked at whose holder is not known.
const LOOK: Duration = Duration::from_millis(10);

/// How long a guardian may take from its last deed to its end.
const FINISHING: Duration = Duration::from_secs(1);

/// The name of one supervisor's life: 16 hexadecimal digits, never used twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct SessionId(String);

impl SessionId {
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(format!("{:016x}", u64::from_be_bytes(bytes))))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for SessionId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 16 && text.bytes().all(hex) {
            Ok(Self(text))
        } else {
            Err("a session is 16 hexadecimal digits")
        }
    }
}

/// How much of a session is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Its supervisor lives: its ports are reserved.
    Live,
    /// Only its guardian lives, ending the service: the ports are not free yet.
    Ending,
    /// Supervisor and guardian were killed: processes of the service may be left.
    Orphaned,
    /// Nothing is left but files.
    Over,
}

/// A session's files, as found.
#[derive(Debug)]
pub(super) struct Seen {
    pub id: SessionId,
    pub run: PathBuf,
    pub life: Life,
    pub reservations: Vec<Reservation>,
}

impl Seen {
    /// Removes the files of a session that is over.
    pub fn clear(&self) {
        let socket = crate::paths::socket(&self.run, self.id.as_str());
        // The lock last: by that file, the others are found.
        for path in [socket, guard_path(&self.run, &self.id), lock_path(&self.run, &self.id)] {
            // Another bowline may have been faster, and a file that cannot go does no harm.
            let _ = fs::remove_file(path);
        }
    }

    /// Waits until the guardians are gone, at most for `patience` beyond the grace period that their services have.
    pub fn await_guardian(&self, patience: Duration) {
        await_guardian(&self.run, &self.id, patience);
    }
}

/// Waits until the guardians of a session are gone, at most for `patience` beyond the grace period that their services have.
pub(super) fn await_guardian(run: &Path, id: &SessionId, patience: Duration) {
    let path = guard_path(run, id);
    let is_held = || state(&path) == State::Held;
    let begun = Instant::now();
    loop {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut numbers = text.split_whitespace();
        let pid = numbers.next().and_then(|pid| pid.parse().ok());
        let grace = Duration::from_millis(numbers.next().and_then(|grace| grace.parse().ok()).unwrap_or(0));
        if !is_held() {
            // One that has let go of its lock is about to remove the file.
            let _gone = pid.map(|pid| wait_for_end(pid, FINISHING, || true));
            return;
        }
        let left = patience.saturating_add(grace).saturating_sub(begun.elapsed());
        if left.is_zero() {
            return;
        }
        // One that somebody has stopped would never be gone.
        let stopped = pid.and_then(Identity::of).filter(|_| is_held());
        let _gone = stopped.map(|guardian| signal::send(guardian, Signal::SIGCONT));
        // The lock is looked at after the process is watched: if it is still held then, the pid
        // cannot have been given to another process before.
        if !pid.is_some_and(|pid| wait_for_end(pid, left, is_held)) {
            // Several guardians share the lock, and the file names the youngest of them.
            std::thread::sleep(left.min(LOOK));
        }
    }
}

/// Whether the session's supervisor lives.
pub(super) fn is_live(run: &Path, id: &SessionId) -> bool {
    state(&lock_path(run, id)) == State::Held
}

/// Whether nothing is left of the session, as where its supervisor has ended by itself.
pub(super) fn is_cleared(run: &Path, id: &SessionId) -> bool {
    state(&lock_path(run, id)) == State::Absent
}

/// How much of a session is left.
pub(super) fn life(run: &Path, id: &SessionId) -> Life {
    match (state(&lock_path(run, id)), state(&guard_path(run, id))) {
        (State::Held, _) => Life::Live,
        (_, State::Held) => Life::Ending,
        (_, State::Free) => Life::Orphaned,
        (_, State::Absent) => Life::Over,
    }
}

/// Looks at every session of these run directories.
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
        seen.extend(ids.into_iter().map(|id| look(&run, id)));
    }
    seen
}

fn look(run: &Path, id: SessionId) -> Seen {
    let lock = lock_path(run, &id);
    let life = life(run, &id);
    let text = fs::read_to_string(&lock).unwrap_or_default();
    let reservations = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Reservation>(line).ok())
        .filter(|reservation| reservation.session == id)
        .map(|reservation| Reservation { run: run.to_owned(), life, ..reservation })
        .collect();
    Seen { id, run: run.to_owned(), life, reservations }
}

#[derive(Debug, PartialEq)]
enum State {
    Held,
    Free,
    Absent,
}

/// A shared lock is tried, so that two who look at once do not take each other for the holder.
fn state(path: &Path) -> State {
    let Ok(file) = File::open(path) else { return State::Absent };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => State::Held,
        Ok(()) | Err(TryLockError::Error(_)) => State::Free,
    }
}

fn lock_path(run: &Path, id: &SessionId) -> PathBuf {
    run.join(format!("{id}.lock"))
}

fn guard_path(run: &Path, id: &SessionId) -> PathBuf {
    run.join(format!("{id}.guard"))
}

/// A session of this process. Dropping it is as good as being killed: the locks go, the files are
/// cleared away by the next transaction.
#[derive(Debug)]
pub(super) struct Session {
    pub id: SessionId,
    pub run: PathBuf,
    lock: File,
    guard: File,
}

impl Session {
    /// Creates the session's files and takes both locks; only under the lock of a transaction, as
    /// others would otherwise clear the files away before they are locked.
    pub fn begin(run: &Path, id: &SessionId) -> io::Result<Self> {
        let guard = create(&guard_path(run, id))?;
        let lock = create(&lock_path(run, id)).inspect_err(|_| {
            let _ = fs::remove_file(guard_path(run, id));
        })?;
        Ok(Self { id: id.clone(), run: run.to_owned(), lock, guard })
    }

    /// Writes down which ports are reserved. A reader skips lines that were cut short.
    pub fn record(&mut self, reservations: &[Reservation]) -> io::Result<()> {
        let mut text = Vec::new();
        for reservation in reservations {
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
        if state(&guard_path(&run, &id)) != State::Held {
            Seen { id, run, life: Life::Over, reservations: Vec::new() }.clear();
        }
        // Not left to the end of the descriptor: a process that is being started may have a copy.
        let _ = lock.unlock();
    }

    /// What a guardian that is about to be forked will keep.
    pub fn guard(&self) -> io::Result<Guard> {
        Ok(Guard { path: guard_path(&self.run, &self.id), file: self.guard.try_clone()? })
    }
}

fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    if let Err(error) = file.try_lock() {
        let _ = fs::remove_file(path);
        return Err(error.into());
    }
    Ok(file)
}

/// The guardian's half of a session: while it is held, the service's ports are given to nobody.
#[derive(Debug)]
pub struct Guard {
    path: PathBuf,
    file: File,
}

impl Guard {
    /// Says which process is the guardian, and how long its service may take to end: to be called in it.
    pub fn begin(&mut self, grace: Duration) -> io::Result<()> {
        let text = format!("{} {}", std::process::id(), grace.as_millis());
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        // Last, so that a reader never finds it empty once it was written.
        self.file.set_len(text.len() as u64)
    }

    /// The descriptor that holds the lock.
    pub fn as_file(&self) -> &File {
        &self.file
    }

    /// Says that no process of the service is left. A guard that is dropped without this makes the
    /// next bowline look for leftovers.
    pub fn finish(self) {
        drop(self.file);
        // A supervisor that still lives holds the lock as well, and needs the file.
        if state(&self.path) == State::Free {
            let _ = fs::remove_file(&self.path);
        }
    }
}
