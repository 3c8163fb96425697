//! The store: the only file that names redb.
//!
//! redb locks its file to one process and refuses a second one at once, so the store is opened for
//! one transaction at a time, by whoever holds the lock of [`super::world::Locked`], and closed again.
//!
//! | table | key | value |
//! | --- | --- | --- |
//! | `meta` | `"schema"` | the version of this layout |
//! | `reservations` | port | [`Reservation`] as JSON |
//! | `projects` | project id | [`Remembered`] as JSON |
//! | `keepers` | port | last use, and id, of the one project that remembers the port |
//!
//! A port is remembered by one project at most: by the one that had it last. That keeps a scan's
//! cost to the ports of its range, however many projects are remembered.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::{Database, ReadOnlyTable, ReadableDatabase, ReadableTable, Table, TableDefinition};
use serde::{Deserialize, Serialize};

use super::Reservation;
use super::error::{Error, Warning};

const SCHEMA: u32 = 1;
const META: TableDefinition<'_, &str, u32> = TableDefinition::new("meta");
const RESERVATIONS: TableDefinition<'_, u16, &str> = TableDefinition::new("reservations");
const PROJECTS: TableDefinition<'_, &str, &str> = TableDefinition::new("projects");
const KEEPERS: TableDefinition<'_, u16, (u64, &str)> = TableDefinition::new("keepers");

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
    /// A fingerprint of what the framework was detected by.
    pub evidence: String,
    /// The project's name.
    pub name: String,
    /// The project's directory.
    #[serde(serialize_with = "super::lossy")]
    pub dir: PathBuf,
    /// When it was last started or ended, in seconds since 1970.
    pub last_used: u64,
    /// What later starts have to know; forgotten when the evidence changes.
    pub notes: BTreeMap<String, String>,
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
        match error {
            E::UpgradeRequired(_) => Self::Foreign(text),
            E::Io(error) if !matches!(error.kind(), InvalidData | UnexpectedEof) => Self::Unusable(text),
            E::DatabaseAlreadyOpen | E::LockProtocolMismatch | E::PreviousIo => Self::Unusable(text),
            _ => Self::Damaged(text),
        }
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

/// What an allocation reads.
pub(super) trait Memory {
    fn project(&self, id: &str) -> Result<Option<Remembered>, Trouble>;
    /// When the project that remembers the port last used it, and its id.
    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, Trouble>;
}

/// What there is to read without a store.
pub(super) struct Forgetful;

impl Memory for Forgetful {
    fn project(&self, _id: &str) -> Result<Option<Remembered>, Trouble> {
        Ok(None)
    }

    fn keeper(&self, _port: u16) -> Result<Option<(u64, String)>, Trouble> {
        Ok(None)
    }
}

fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(|error| Trouble::Damaged(error.to_string()))
}

fn encode<T: Serialize>(value: &T) -> Result<String, Trouble> {
    serde_json::to_string(value).map_err(|error| Trouble::Unusable(error.to_string()))
}

fn get_project(
    projects: &impl ReadableTable<&'static str, &'static str>,
    id: &str,
) -> Result<Option<Remembered>, Trouble> {
    projects.get(id)?.map(|row| decode(row.value())).transpose()
}

fn get_keeper(
    keepers: &impl ReadableTable<u16, (u64, &'static str)>,
    port: u16,
) -> Result<Option<(u64, String)>, Trouble> {
    Ok(keepers.get(port)?.map(|row| {
        let (last_used, project) = row.value();
        (last_used, project.to_owned())
    }))
}

/// The tables, open for reading.
pub(super) struct Reading {
    projects: ReadOnlyTable<&'static str, &'static str>,
    keepers: ReadOnlyTable<u16, (u64, &'static str)>,
}

impl Memory for Reading {
    fn project(&self, id: &str) -> Result<Option<Remembered>, Trouble> {
        get_project(&self.projects, id)
    }

    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, Trouble> {
        get_keeper(&self.keepers, port)
    }
}

/// The tables, open for writing.
pub(super) struct Writing<'txn> {
    reservations: Table<'txn, u16, &'static str>,
    projects: Table<'txn, &'static str, &'static str>,
    keepers: Table<'txn, u16, (u64, &'static str)>,
}

impl Memory for Writing<'_> {
    fn project(&self, id: &str) -> Result<Option<Remembered>, Trouble> {
        get_project(&self.projects, id)
    }

    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, Trouble> {
        get_keeper(&self.keepers, port)
    }
}

impl Writing<'_> {
    /// Every reservation row.
    pub fn reservations(&self) -> Result<Vec<Reservation>, Trouble> {
        self.reservations.iter()?.map(|row| decode(row?.1.value())).collect()
    }

    pub fn put_reservation(&mut self, reservation: &Reservation) -> Result<(), Trouble> {
        self.reservations.insert(reservation.port, encode(reservation)?.as_str())?;
        Ok(())
    }

    pub fn remove_reservation(&mut self, port: u16) -> Result<(), Trouble> {
        self.reservations.remove(port)?;
        Ok(())
    }

    /// Every remembered project with its id.
    pub fn projects(&self) -> Result<Vec<(String, Remembered)>, Trouble> {
        self.projects
            .iter()?
            .map(|row| {
                let (id, value) = row?;
                Ok((id.value().to_owned(), decode(value.value())?))
            })
            .collect()
    }

    /// Remembers a project. The one that remembered the same port before loses it.
    pub fn remember(&mut self, id: &str, new: &Remembered) -> Result<(), Trouble> {
        let old_port = self.project(id)?.and_then(|old| old.port);
        if let Some(port) = old_port.filter(|_| old_port != new.port) {
            self.unkeep(port, id)?;
        }
        if let Some(port) = new.port {
            if let Some((_, loser)) = self.keeper(port)?.filter(|(_, keeper)| keeper != id)
                && let Some(row) = self.project(&loser)?
            {
                let row = Remembered { port: None, ..row };
                self.projects.insert(loser.as_str(), encode(&row)?.as_str())?;
            }
            self.keepers.insert(port, (new.last_used, id))?;
        }
        self.projects.insert(id, encode(new)?.as_str())?;
        Ok(())
    }

    pub fn forget(&mut self, id: &str) -> Result<Option<Remembered>, Trouble> {
        let Some(row) = self.project(id)? else { return Ok(None) };
        if let Some(port) = row.port {
            self.unkeep(port, id)?;
        }
        self.projects.remove(id)?;
        Ok(Some(row))
    }

    fn unkeep(&mut self, port: u16, id: &str) -> Result<(), Trouble> {
        if self.keeper(port)?.is_some_and(|(_, keeper)| keeper == id) {
            self.keepers.remove(port)?;
        }
        Ok(())
    }

    /// Marks the project as used at `now`.
    pub fn touch(&mut self, id: &str, now: u64) -> Result<(), Trouble> {
        match self.project(id)? {
            Some(row) => self.remember(id, &Remembered { last_used: now, ..row }),
            None => Ok(()),
        }
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder
}

/// Does `work` in one durable transaction, or without a store (`None`) where that has to be.
///
/// A damaged store is set aside and a new one begun. `work` may then be called again, so what it
/// does besides writing to the store must bear repeating. If only the commit fails, the work
/// stands, and is not remembered.
pub(super) fn write<T, R: From<Trouble>>(
    path: &Path,
    warnings: &mut Vec<Warning>,
    mut work: impl FnMut(Option<&mut Writing<'_>>) -> Result<T, Fault<R>>,
) -> Result<T, R> {
    let mut may_set_aside = true;
    loop {
        let trouble = match guarded(|| attempt(path, &mut work)) {
            Ok(Attempt::Committed(value)) => return Ok(value),
            Ok(Attempt::Uncommitted(value, trouble)) if !matches!(trouble, Trouble::Damaged(_)) => {
                warnings.push(trouble.warning(path));
                return Ok(value);
            }
            Err(Fault::Refused(refusal)) => return Err(refusal),
            Ok(Attempt::Uncommitted(_, trouble)) | Err(Fault::Store(trouble)) => trouble,
        };
        let set_aside =
            std::mem::replace(&mut may_set_aside, false) && matches!(trouble, Trouble::Damaged(_));
        match set_aside.then(|| set_damaged_aside(path)) {
            Some(Ok(kept)) => warnings.push(Warning::StoreDamaged { kept, reason: trouble.into_reason() }),
            Some(Err(_)) | None => {
                warnings.push(trouble.warning(path));
                break;
            }
        }
    }
    work(None).map_err(|fault| match fault {
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

enum Attempt<T> {
    Committed(T),
    Uncommitted(T, Trouble),
}

fn attempt<T, R>(
    path: &Path,
    work: &mut impl FnMut(Option<&mut Writing<'_>>) -> Result<T, Fault<R>>,
) -> Result<Attempt<T>, Fault<R>> {
    let database = builder().create(path).map_err(Trouble::from)?;
    let transaction = database.begin_write().map_err(Trouble::from)?;
    let value = {
        let mut meta = transaction.open_table(META).map_err(Trouble::from)?;
        let schema = meta.get("schema").map_err(Trouble::from)?.map(|row| row.value());
        match schema {
            None => drop(meta.insert("schema", SCHEMA).map_err(Trouble::from)?),
            Some(found) => check_schema(found)?,
        }
        let mut tables = Writing {
            reservations: transaction.open_table(RESERVATIONS).map_err(Trouble::from)?,
            projects: transaction.open_table(PROJECTS).map_err(Trouble::from)?,
            keepers: transaction.open_table(KEEPERS).map_err(Trouble::from)?,
        };
        work(Some(&mut tables))?
    };
    Ok(match transaction.commit() {
        Ok(()) => Attempt::Committed(value),
        Err(error) => Attempt::Uncommitted(value, error.into()),
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
    let database = match builder().open_read_only(path) {
        // A transaction was cut short. Only a writer repairs that.
        Err(redb::DatabaseError::RepairAborted) => {
            drop(builder().open(path)?);
            builder().open_read_only(path)?
        }
        other => other?,
    };
    let transaction = database.begin_read()?;
    match transaction.open_table(META) {
        Ok(meta) => {
            let Some(found) = meta.get("schema")? else { return Ok(None) };
            check_schema(found.value())?;
        }
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(Reading {
        projects: transaction.open_table(PROJECTS)?,
        keepers: transaction.open_table(KEEPERS)?,
    }))
}

/// redb trusts pages that were written cleanly, and panics on some that were altered since.
fn guarded<T, E: From<Trouble>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Trouble::Damaged("its pages contradict each other".to_owned()).into()))
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
