//! The tables and their rows.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::guard::ForgetOnPanic;
use crate::port::error::{PortError, StoreFault};
use crate::port::remembered::Remembered;
use crate::port::reservation::Reservation;

const RESERVATIONS: TableDefinition<'_, u16, &str> = TableDefinition::new("reservations");
const PROJECTS: TableDefinition<'_, &str, &str> = TableDefinition::new("projects");
const KEEPERS: TableDefinition<'_, u16, (u64, &str)> = TableDefinition::new("keepers");

/// The part of the store that an allocation reads. By default, nothing is remembered.
pub trait Memory {
    fn project(&self, _id: &str) -> Result<Option<Remembered>, PortError> {
        Ok(None)
    }

    /// Every remembered project with its id.
    fn projects(&self) -> Result<Vec<(String, Remembered)>, PortError> {
        Ok(Vec::new())
    }

    /// The project that remembers the port: when it last used it, and its id.
    fn keeper(&self, _port: u16) -> Result<Option<(u64, String)>, PortError> {
        Ok(None)
    }
}

pub struct EmptyMemory;

impl Memory for EmptyMemory {}

pub struct Tables<R, P, K> {
    reservations: R,
    projects: ForgetOnPanic<P>,
    keepers: ForgetOnPanic<K>,
}

pub type ReadTables =
    Tables<(), ReadOnlyTable<&'static str, &'static str>, ReadOnlyTable<u16, (u64, &'static str)>>;

pub type WriteTables<'txn> = Tables<
    ForgetOnPanic<Table<'txn, u16, &'static str>>,
    Table<'txn, &'static str, &'static str>,
    Table<'txn, u16, (u64, &'static str)>,
>;

impl<R, P, K> Memory for Tables<R, P, K>
where
    P: ReadableTable<&'static str, &'static str>,
    K: ReadableTable<u16, (u64, &'static str)>,
{
    fn project(&self, id: &str) -> Result<Option<Remembered>, PortError> {
        self.projects.get(id)?.map(|row| decode(row.value())).transpose()
    }

    fn projects(&self) -> Result<Vec<(String, Remembered)>, PortError> {
        let rows = self.projects.iter()?;
        rows.map(|row| row.map(|(id, row)| Ok((id.value().to_owned(), decode(row.value())?)))?).collect()
    }

    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, PortError> {
        Ok(self.keepers.get(port)?.map(|row| (row.value().0, row.value().1.to_owned())))
    }
}

impl ReadTables {
    pub fn open(transaction: &ReadTransaction) -> Result<Self, PortError> {
        Ok(Self {
            reservations: (),
            projects: ForgetOnPanic::new(transaction.open_table(PROJECTS)?),
            keepers: ForgetOnPanic::new(transaction.open_table(KEEPERS)?),
        })
    }
}

impl<'txn> WriteTables<'txn> {
    pub fn open(transaction: &'txn WriteTransaction) -> Result<Self, PortError> {
        Ok(Self {
            reservations: ForgetOnPanic::new(transaction.open_table(RESERVATIONS)?),
            projects: ForgetOnPanic::new(transaction.open_table(PROJECTS)?),
            keepers: ForgetOnPanic::new(transaction.open_table(KEEPERS)?),
        })
    }

    pub fn reservations(&self) -> Result<Vec<Reservation>, PortError> {
        self.reservations.iter()?.map(|row| decode(row?.1.value())).collect()
    }

    pub fn put_reservation(&mut self, reservation: &Reservation) -> Result<(), PortError> {
        self.reservations.insert(reservation.port, encode(reservation)?.as_str())?;
        Ok(())
    }

    pub fn remove_reservation(&mut self, port: u16) -> Result<(), PortError> {
        self.reservations.remove(port)?;
        Ok(())
    }

    /// Remembers a project. A port belongs to one project: the port that this one has now (`held`) is taken from
    /// any other project, while its other ports are dropped if another project remembers them by now.
    pub fn remember(&mut self, id: &str, new: &Remembered, held: Option<u16>) -> Result<(), PortError> {
        let mut row = new.clone();
        for (port, _) in new.ports() {
            let Some((_, other)) = self.keeper(port)?.filter(|(_, keeper)| keeper != id) else { continue };
            let Some(others) = self.project(&other)? else { continue };
            if Some(port) == held {
                self.projects.insert(other.as_str(), encode(&others.without(port))?.as_str())?;
            } else if others.ports().any(|(theirs, _)| theirs == port) {
                row = row.without(port);
            }
        }
        if let Some(old) = self.project(id)? {
            for (port, _) in old.ports().filter(|(port, _)| row.ports().all(|(kept, _)| kept != *port)) {
                self.unkeep(port, id)?;
            }
        }
        for (port, last_used) in row.ports() {
            self.keepers.insert(port, (last_used, id))?;
        }
        self.projects.insert(id, encode(&row)?.as_str())?;
        Ok(())
    }

    pub fn forget(&mut self, id: &str) -> Result<Option<Remembered>, PortError> {
        let Some(row) = self.project(id)? else { return Ok(None) };
        for (port, _) in row.ports() {
            self.unkeep(port, id)?;
        }
        self.projects.remove(id)?;
        Ok(Some(row))
    }

    fn unkeep(&mut self, port: u16, id: &str) -> Result<(), PortError> {
        if self.keeper(port)?.is_some_and(|(_, keeper)| keeper == id) {
            self.keepers.remove(port)?;
        }
        Ok(())
    }
}

fn decode<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, PortError> {
    serde_json::from_slice(text.as_bytes())
        .map_err(|error| PortError::store(StoreFault::Damaged, error.to_string()))
}

fn encode<T: Serialize>(value: &T) -> Result<String, PortError> {
    serde_json::to_string(value).map_err(|error| PortError::store(StoreFault::Unusable, error.to_string()))
}
