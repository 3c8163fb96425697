//! The store: the only module that names redb.
//!
//! redb locks its file to one process and refuses a second one at once, so the store is opened for one transaction
//! at a time, by the process that holds [`super::ports::Locked`], and closed again.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `meta` | `"schema"` | the version of this layout |
//! | `reservations` | port | [`super::Reservation`] as JSON |
//! | `projects` | project id | [`super::Remembered`] as JSON |
//! | `keepers` | port | last use, and id, of the one project that remembers the port |
//!
//! A port is remembered by one project at most: by the one that had it last. That keeps a scan's
//! cost to the ports of its range, however many projects are remembered.

mod fault;
mod guard;
mod late_sync;
#[cfg(test)]
mod power_cut;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
    WriteTransaction,
};

use super::error::{PortError, StoreFault, Warning};
use super::reservation::seconds;
use guard::{ForgetOnPanic, guarded};
use late_sync::{LateSync, Syncs};
use tables::ReadTables;
pub(super) use tables::{EmptyMemory, Memory, WriteTables};

const SCHEMA: u32 = 1;
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");

/// How often, and with which pause, a file is tried that a dying process still has open.
const ATTEMPTS: u32 = 40;
const PAUSE: Duration = Duration::from_millis(5);

/// Enough for the pages of one transaction.
const CACHE_BYTES: usize = 1 << 20;

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// A store with a transaction that is not durable yet, or one that is not closed yet: closing writes more to the
/// disk than the transaction. If the process dies first, the next transaction repairs the store, and what was not
/// committed is lost.
#[derive(Default)]
pub(super) struct OpenStore {
    transaction: Option<ForgetOnPanic<WriteTransaction>>,
    database: Option<ForgetOnPanic<Database>>,
    syncs: Syncs,
}

impl OpenStore {
    /// Makes the transaction durable. If that fails, `work` is repeated in a new store if the old one is damaged,
    /// and is lost otherwise.
    pub fn commit(
        &mut self,
        path: &Path,
        warnings: &mut Vec<Warning>,
        work: impl FnMut(&mut WriteTables<'_>) -> Result<(), PortError>,
    ) {
        let Err(error) = self.try_commit() else { return };
        *self = Self::default();
        if let Ok(true) = set_aside(error, path, warnings)
            && let Ok(Some(((), open))) = begin(path, warnings, work)
        {
            *self = open;
            warnings.extend(self.try_commit().err().and_then(|error| warning(error, path).ok()));
        }
    }

    fn try_commit(&mut self) -> Result<(), PortError> {
        self.syncs.begin();
        let transaction = self.transaction.take();
        guarded(|| Ok(transaction.map_or(Ok(()), |transaction| transaction.into_inner().commit())?))
    }
}

impl Drop for OpenStore {
    fn drop(&mut self) {
        self.syncs.begin();
        let (transaction, database) = (self.transaction.take(), self.database.take());
        let _ = guarded(|| {
            drop(transaction);
            drop(database);
            Ok(())
        });
    }
}

/// Does `work` in one transaction, which is left uncommitted; `None` if the store cannot be used. The lock has to
/// be held until the returned store is dropped. `work` is repeated in a new store if the old one is damaged.
pub(super) fn begin<T>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    mut work: impl FnMut(&mut WriteTables<'_>) -> Result<T, PortError>,
) -> Result<Option<(T, OpenStore)>, PortError> {
    for _ in 0..2 {
        match guarded(|| attempt(path, &mut work)) {
            Ok(done) => return Ok(Some(done)),
            Err(error) => {
                if !set_aside(error, path, warnings)? {
                    break;
                }
            }
        }
    }
    Ok(None)
}

/// Does `work` in one durable transaction, see [`begin`] and [`OpenStore::commit`].
pub(super) fn write<T>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    mut work: impl FnMut(&mut WriteTables<'_>) -> Result<T, PortError>,
) -> Result<Option<T>, PortError> {
    let Some((value, mut open)) = begin(path, warnings, &mut work)? else { return Ok(None) };
    open.commit(path, warnings, |tables| work(tables).map(drop));
    Ok(Some(value))
}

/// Reads what the store remembers, without changing it: nothing if it does not exist or cannot be read.
pub(super) fn read<T>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    work: impl Fn(&dyn Memory) -> Result<T, PortError>,
) -> Result<T, PortError> {
    match guarded(|| reading(path)?.map(|tables| work(&tables)).transpose()) {
        Ok(Some(value)) => return Ok(value),
        Ok(None) => {}
        Err(error) => warnings.push(warning(error, path)?),
    }
    work(&EmptyMemory)
}

/// Renames a damaged store, and warns. Returns whether a new one can be begun; errors that are not about the store
/// are passed on.
fn set_aside(error: PortError, path: &Path, warnings: &mut Vec<Warning>) -> Result<bool, PortError> {
    if let PortError::Store { fault: StoreFault::Damaged, reason } = &error
        && let Ok(kept) = rename_damaged(path)
    {
        warnings.push(Warning::StoreDamaged { kept, reason: reason.clone() });
        return Ok(true);
    }
    warnings.push(warning(error, path)?);
    Ok(false)
}

/// The warning of what is wrong with the store, or the error if that is about something else.
fn warning(error: PortError, path: &Path) -> Result<Warning, PortError> {
    let PortError::Store { fault, reason } = error else { return Err(error) };
    let path = path.to_owned();
    Ok(match fault {
        StoreFault::Foreign => Warning::StoreForeign { path, reason },
        StoreFault::Damaged | StoreFault::Unusable => Warning::StoreUnusable { path, reason },
    })
}

fn attempt<T>(
    path: &Path,
    work: &mut impl FnMut(&mut WriteTables<'_>) -> Result<T, PortError>,
) -> Result<(T, OpenStore), PortError> {
    if is_empty(path) {
        create(path)?;
    }
    let syncs = Syncs::default();
    attempt_in(patiently(|| open(FileBackend::new(file(path)?)?, &syncs))?, syncs, work)
}

fn file(path: &Path) -> std::io::Result<fs::File> {
    fs::OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Opens the database for a transaction. A repair waits for the disk from its first step.
fn open(file: impl StorageBackend, syncs: &Syncs) -> Result<Database, DatabaseError> {
    let at_repair = syncs.clone();
    builder().set_repair_callback(move |_| at_repair.begin()).create_with_backend(LateSync::new(file, syncs))
}

fn attempt_in<T>(
    database: Database,
    syncs: Syncs,
    work: &mut impl FnMut(&mut WriteTables<'_>) -> Result<T, PortError>,
) -> Result<(T, OpenStore), PortError> {
    // Every error from here on drops the store, which closes the database with every wait.
    let mut store = OpenStore::default();
    store.syncs = syncs;
    let database = store.database.insert(ForgetOnPanic::new(database));
    let transaction = store.transaction.insert(ForgetOnPanic::new(database.begin_write()?));
    let value = {
        let mut meta = ForgetOnPanic::new(transaction.open_table(META)?);
        let schema = meta.get("schema")?.map(|row| row.value());
        match schema {
            None => drop(meta.insert("schema", SCHEMA)?),
            Some(found) => check_schema(found)?,
        }
        work(&mut WriteTables::open(transaction)?)?
    };
    Ok((value, store))
}

fn is_empty(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.len() == 0)
}

/// Opens the file. The lock of the transaction is held, so nobody else can have it open except a bowline that was
/// killed: the kernel releases its locks one after the other.
fn patiently<T>(open: impl Fn() -> Result<T, DatabaseError>) -> Result<T, DatabaseError> {
    for _ in 0..ATTEMPTS {
        match open() {
            Err(DatabaseError::DatabaseAlreadyOpen) => std::thread::sleep(PAUSE),
            outcome => return outcome,
        }
    }
    open()
}

/// Makes an empty store, under another name until it is complete: a kill meanwhile, or a full disk, leaves nothing
/// that would look like a damaged store.
fn create(path: &Path) -> Result<(), PortError> {
    let unfinished = path.with_extension("redb.new");
    let _stale = fs::remove_file(&unfinished);
    // redb creates a file by the umask. Whatever fails here fails for redb as well, which reports it.
    let _unreported = crate::paths::create_file(&unfinished);
    let made = builder().create(&unfinished).map_err(PortError::from).and_then(|database| {
        drop(database);
        fs::rename(&unfinished, path)
            .map_err(|error| PortError::store(StoreFault::Unusable, error.to_string()))
    });
    made.inspect_err(|_| {
        let _full = fs::remove_file(&unfinished);
    })
}

fn check_schema(found: u32) -> Result<(), PortError> {
    if found == SCHEMA {
        return Ok(());
    }
    let reason = format!("its layout has version {found}, and this bowline knows version {SCHEMA}");
    Err(PortError::store(StoreFault::Foreign, reason))
}

/// The tables of an existing store; `None` if there is none, or nothing was ever written to it.
fn reading(path: &Path) -> Result<Option<ReadTables>, PortError> {
    if is_empty(path) {
        return Ok(None);
    }
    let database = ForgetOnPanic::new(match patiently(|| builder().open_read_only(path)) {
        // A transaction was cut short, which only opening for writing repairs.
        Err(DatabaseError::RepairAborted) => {
            drop(builder().open(path)?);
            builder().open_read_only(path)?
        }
        other => other?,
    });
    let transaction = ForgetOnPanic::new(database.begin_read()?);
    match transaction.open_table(META) {
        Ok(meta) => {
            let Some(found) = meta.get("schema")? else { return Ok(None) };
            check_schema(found.value())?;
        }
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    ReadTables::open(&transaction).map(Some)
}

fn rename_damaged(path: &Path) -> std::io::Result<PathBuf> {
    let seconds = seconds(std::time::SystemTime::now());
    let name = |attempt: u32| {
        let suffix = if attempt == 0 { String::new() } else { format!("-{attempt}") };
        path.with_extension(format!("redb.damaged-{seconds}{suffix}"))
    };
    // Several within one second are kept apart.
    let kept = (0..100).map(name).find(|kept| !kept.exists()).unwrap_or_else(|| name(100));
    fs::rename(path, &kept).map(|()| kept)
}
