//! The store: the only module that names redb.
//!
//! redb locks its file to one process and refuses a second one at once, so the store is opened for
//! one transaction at a time, by whoever holds the lock of [`super::world::Locked`], and closed again.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `meta` | `"schema"` | the version of this layout |
//! | `reservations` | port | [`super::Reservation`] as JSON |
//! | `projects` | project id | [`Remembered`] as JSON |
//! | `keepers` | port | last use, and id, of the one project that remembers the port |
//!
//! A port is remembered by one project at most: by the one that had it last. That keeps a scan's
//! cost to the ports of its range, however many projects are remembered.

mod guard;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::error::{Error, Warning};
use super::is_stale;
use guard::{Spared, guarded};
use tables::Reading;
pub(super) use tables::{Forgetful, Memory, Writing};

const SCHEMA: u32 = 1;
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");

/// How often and after which pauses a file is tried that a dying process still has open.
const LOOKS: u32 = 40;
const LOOK: Duration = Duration::from_millis(5);

/// Enough for the pages of one transaction.
const CACHE_BYTES: usize = 1 << 20;

/// What is kept of a project after its server has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Remembered {
    /// The port of its range that it had last, unless another project had to take that over.
    pub port: Option<u16>,
    /// The framework that it was started as.
    pub framework: String,
    /// The [`Fingerprint`](crate::fingerprint::Fingerprint) of what the framework was detected by.
    pub evidence: String,
    /// The project's name.
    pub name: String,
    /// The project's directory.
    #[serde(serialize_with = "crate::port::lossy")]
    pub dir: PathBuf,
    /// When it was last started or ended, in seconds since 1970.
    pub last_used: u64,
    /// What later starts have to know; forgotten when the evidence changes.
    pub notes: BTreeMap<String, String>,
    /// What it had as each of the other frameworks that it was started as: a project with a Storybook beside its app has a
    /// port for each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub former: BTreeMap<String, Former>,
}

/// A port that a project had as another framework than it was started as last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Former {
    /// The port.
    pub port: u16,
    /// When the project had it last, in seconds since 1970.
    pub last_used: u64,
}

impl Remembered {
    /// The port that it had last as this framework, or else the one that it had last at all, and the framework it had that as.
    pub(super) fn last_as(&self, framework: &str) -> Option<(u16, String)> {
        match self.former.get(framework) {
            Some(former) if framework != self.framework => Some((former.port, framework.to_owned())),
            _ => Some((self.port?, self.framework.clone())),
        }
    }

    /// Every port that it remembers, the last first, and when it was used last.
    pub(super) fn ports(&self) -> impl Iterator<Item = (u16, u64)> {
        let former = self.former.values().map(|former| (former.port, former.last_used));
        self.port.map(|port| (port, self.last_used)).into_iter().chain(former)
    }

    /// Forgets what it has not used for too long as another framework, and answers those ports.
    pub(super) fn forget_unused(&mut self, now: u64) -> Vec<u16> {
        let unused = |former: &Former| is_stale(former.last_used, now);
        let ports = self.former.values().filter(|former| unused(former)).map(|former| former.port).collect();
        self.former.retain(|_, former| !unused(former));
        ports
    }

    /// The same without one port, which another project has now.
    fn without(mut self, port: u16) -> Self {
        self.port = self.port.filter(|&own| own != port);
        self.former.retain(|_, former| former.port != port);
        self
    }
}

/// Why the store cannot serve.
#[derive(Debug)]
pub(super) enum Trouble {
    /// What is in the file makes no sense.
    Damaged(String),
    /// Another version of bowline wrote it, in a layout that this one does not know.
    Foreign(String),
    /// The file cannot be read or written at all.
    Unusable(String),
}

impl<E: Into<redb::Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        use redb::Error as E;
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        let error = error.into();
        let text = error.to_string();
        if matches!(error, E::UpgradeRequired(_)) {
            return Self::Foreign(text);
        }
        let damaged = if let E::Io(error) = &error {
            matches!(error.kind(), InvalidData | UnexpectedEof)
        } else {
            matches!(
                error,
                E::Corrupted(_)
                    | E::RepairAborted
                    | E::LockPoisoned(_)
                    | E::TableTypeMismatch { .. }
                    | E::TableIsMultimap(_)
                    | E::TypeDefinitionChanged { .. }
                    | E::TableDoesNotExist(_)
            )
        };
        if damaged { Self::Damaged(text) } else { Self::Unusable(text) }
    }
}

/// Why a transaction's work came to nothing.
pub(super) enum Fault<R> {
    Store(Trouble),
    Refused(R),
}

impl<R> From<Trouble> for Fault<R> {
    fn from(trouble: Trouble) -> Self {
        Self::Store(trouble)
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// A store whose transaction is not durable yet, or that has still to be closed, which writes more to the disk than the
/// transaction did. A store that was not closed is repaired by the next transaction, and what was not committed is lost.
#[derive(Default)]
pub(super) struct Open {
    transaction: Option<Spared<WriteTransaction>>,
    database: Option<Spared<Database>>,
}

impl Open {
    /// Makes the transaction durable.
    pub fn commit(&mut self) -> Result<(), Trouble> {
        let transaction = self.transaction.take();
        guarded(|| Ok(transaction.map_or(Ok(()), |transaction| transaction.into_inner().commit())?))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (transaction, database) = (self.transaction.take(), self.database.take());
        let _trouble: Result<(), Trouble> = guarded(|| {
            drop(transaction);
            drop(database);
            Ok(())
        });
    }
}

/// Does `work` in one durable transaction, see [`begin`]. If only the commit fails, the work stands, and is not
/// remembered.
pub(super) fn write<T, R: From<Trouble>>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    mut work: impl FnMut(Option<&mut Writing<'_>>) -> Result<T, Fault<R>>,
) -> Result<T, R> {
    let (mut value, mut open) = begin(path, warnings, &mut work)?;
    if let Err(trouble) = open.commit() {
        drop(open);
        if trouble.set_aside(path, warnings) {
            (value, open) = begin(path, warnings, &mut work)?;
            if let Err(trouble) = open.commit() {
                warnings.push(trouble.warning(path));
            }
        }
    }
    Ok(value)
}

/// Does `work` in one transaction, which is left uncommitted, or without a store (`None`) where that has to be. The lock
/// has to be held until the store that is returned is dropped as well.
///
/// A damaged store is set aside and a new one begun. `work` may then be called again, so what it
/// does besides writing to the store must bear repeating.
pub(super) fn begin<T, R: From<Trouble>>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    mut work: impl FnMut(Option<&mut Writing<'_>>) -> Result<T, Fault<R>>,
) -> Result<(T, Open), R> {
    for may_set_aside in [true, false] {
        match guarded(|| attempt(path, &mut work)) {
            Ok(done) => return Ok(done),
            Err(Fault::Refused(refusal)) => return Err(refusal),
            Err(Fault::Store(trouble)) if may_set_aside => {
                if !trouble.set_aside(path, warnings) {
                    break;
                }
            }
            Err(Fault::Store(trouble)) => warnings.push(trouble.warning(path)),
        }
    }
    work(None).map(|value| (value, Open::default())).map_err(|fault| match fault {
        Fault::Refused(refusal) => refusal,
        Fault::Store(trouble) => trouble.into(),
    })
}

/// Reads what the store remembers, without changing it; there is nothing to read where it does not
/// exist or cannot be read.
pub(super) fn read<T>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    work: impl Fn(&dyn Memory) -> Result<T, Trouble>,
) -> Result<T, Trouble> {
    match guarded(|| reading(path).and_then(|tables| tables.map(|tables| work(&tables)).transpose())) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => work(&Forgetful),
        Err(trouble) => {
            warnings.push(trouble.warning(path));
            work(&Forgetful)
        }
    }
}

impl Trouble {
    /// Puts a damaged store out of the way, and warns of what went wrong in any case. Whether a new one can be begun.
    pub fn set_aside(self, path: &Path, warnings: &mut Vec<Warning>) -> bool {
        let kept = matches!(self, Self::Damaged(_)).then(|| set_damaged_aside(path));
        let Some(Ok(kept)) = kept else {
            warnings.push(self.warning(path));
            return false;
        };
        warnings.push(Warning::StoreDamaged { kept, reason: self.into_reason() });
        true
    }

    fn into_reason(self) -> String {
        match self {
            Self::Damaged(reason) | Self::Foreign(reason) | Self::Unusable(reason) => reason,
        }
    }

    fn warning(self, path: &Path) -> Warning {
        let path = path.to_owned();
        match self {
            Self::Foreign(reason) => Warning::StoreForeign { path, reason },
            Self::Damaged(reason) | Self::Unusable(reason) => Warning::StoreUnusable { path, reason },
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        Self::Store { reason: trouble.into_reason() }
    }
}

fn attempt<T, R>(
    path: &Path,
    work: &mut impl FnMut(Option<&mut Writing<'_>>) -> Result<T, Fault<R>>,
) -> Result<(T, Open), Fault<R>> {
    if fs::metadata(path).map_or(true, |metadata| metadata.len() == 0) {
        create(path)?;
    }
    let database = Spared::new(patiently(|| builder().create(path)).map_err(Trouble::from)?);
    let transaction = Spared::new(database.begin_write().map_err(Trouble::from)?);
    let value = {
        let mut meta = Spared::new(transaction.open_table(META).map_err(Trouble::from)?);
        let schema = meta.get("schema").map_err(Trouble::from)?.map(|row| row.value());
        match schema {
            None => drop(meta.insert("schema", SCHEMA).map_err(Trouble::from)?),
            Some(found) => check_schema(found)?,
        }
        let mut tables = Writing::open(&transaction)?;
        work(Some(&mut tables))?
    };
    Ok((value, Open { transaction: Some(transaction), database: Some(database) }))
}

/// Opens the file, which nobody else has open under the lock of a transaction, but for a bowline that has been killed: it and
/// the guardian that it has forked let go of one lock after the other.
fn patiently<T>(open: impl Fn() -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
    for _ in 0..LOOKS {
        match open() {
            Err(DatabaseError::DatabaseAlreadyOpen) => std::thread::sleep(LOOK),
            outcome => return outcome,
        }
    }
    open()
}

/// Makes an empty store, under another name until it is whole: a bowline that is killed meanwhile, or a disk that is full,
/// leaves nothing that would look like a damaged one.
fn create(path: &Path) -> Result<(), Trouble> {
    let unfinished = path.with_extension("redb.new");
    let _stale = fs::remove_file(&unfinished);
    // redb creates a file by the umask. What keeps this from being made, keeps redb as well, which tells.
    let _untold = crate::paths::create_file(&unfinished);
    let made = builder().create(&unfinished).map_err(Trouble::from).and_then(|database| {
        drop(database);
        fs::rename(&unfinished, path).map_err(|error| Trouble::Unusable(error.to_string()))
    });
    made.inspect_err(|_| {
        let _full = fs::remove_file(&unfinished);
    })
}

fn check_schema(found: u32) -> Result<(), Trouble> {
    if found == SCHEMA {
        return Ok(());
    }
    Err(Trouble::Foreign(format!("its layout has version {found}, and this bowline knows version {SCHEMA}")))
}

/// The tables of an existing store; `None` if there is none, or nothing was ever written to it.
fn reading(path: &Path) -> Result<Option<Reading>, Trouble> {
    if fs::metadata(path).map_or(true, |metadata| metadata.len() == 0) {
        return Ok(None);
    }
    let database = Spared::new(match patiently(|| builder().open_read_only(path)) {
        // A transaction was cut short. Only a writer repairs that.
        Err(DatabaseError::RepairAborted) => {
            drop(builder().open(path)?);
            builder().open_read_only(path)?
        }
        other => other?,
    });
    let transaction = Spared::new(database.begin_read()?);
    match transaction.open_table(META) {
        Ok(meta) => {
            let Some(found) = meta.get("schema")? else { return Ok(None) };
            check_schema(found.value())?;
        }
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Reading::open(&transaction).map(Some)
}

fn set_damaged_aside(path: &Path) -> std::io::Result<PathBuf> {
    let seconds = super::seconds(std::time::SystemTime::now());
    let name = |attempt: u32| {
        let suffix = if attempt == 0 { String::new() } else { format!("-{attempt}") };
        path.with_extension(format!("redb.damaged-{seconds}{suffix}"))
    };
    // Several within one second are kept apart.
    let kept = (0..100).map(name).find(|kept| !kept.exists()).unwrap_or_else(|| name(100));
    fs::rename(path, &kept).map(|()| kept)
}
