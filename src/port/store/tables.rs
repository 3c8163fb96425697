//! The tables, and what is done with their rows.

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::{Deserialize, Serialize};

use super::guard::Spared;
use super::{Remembered, Trouble};
use crate::port::Reservation;

const RESERVATIONS: TableDefinition<'_, u16, &str> = TableDefinition::new("reservations");
const PROJECTS: TableDefinition<'_, &str, &str> = TableDefinition::new("projects");
const KEEPERS: TableDefinition<'_, u16, (u64, &str)> = TableDefinition::new("keepers");

/// What an allocation reads.
pub trait Memory {
    fn project(&self, id: &str) -> Result<Option<Remembered>, Trouble>;
    /// Every remembered project with its id.
    fn projects(&self) -> Result<Vec<(String, Remembered)>, Trouble>;
    /// When the project that remembers the port last used it, and its id.
    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, Trouble>;
}

/// What there is to read without a store.
pub struct Forgetful;

impl Memory for Forgetful {
    fn project(&self, _id: &str) -> Result<Option<Remembered>, Trouble> {
        Ok(None)
    }

    fn projects(&self) -> Result<Vec<(String, Remembered)>, Trouble> {
        Ok(Vec::new())
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

fn get_projects(
    projects: &impl ReadableTable<&'static str, &'static str>,
) -> Result<Vec<(String, Remembered)>, Trouble> {
    projects
        .iter()?
        .map(|row| {
            let (id, value) = row?;
            Ok((id.value().to_owned(), decode(value.value())?))
        })
        .collect()
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
pub struct Reading {
    projects: Spared<ReadOnlyTable<&'static str, &'static str>>,
    keepers: Spared<ReadOnlyTable<u16, (u64, &'static str)>>,
}

impl Reading {
    pub fn open(transaction: &ReadTransaction) -> Result<Self, Trouble> {
        Ok(Self {
            projects: Spared::new(transaction.open_table(PROJECTS)?),
            keepers: Spared::new(transaction.open_table(KEEPERS)?),
        })
    }
}

impl Memory for Reading {
    fn project(&self, id: &str) -> Result<Option<Remembered>, Trouble> {
        get_project(&*self.projects, id)
    }

    fn projects(&self) -> Result<Vec<(String, Remembered)>, Trouble> {
        get_projects(&*self.projects)
    }

    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, Trouble> {
        get_keeper(&*self.keepers, port)
    }
}

/// The tables, open for writing.
pub struct Writing<'txn> {
    reservations: Spared<Table<'txn, u16, &'static str>>,
    projects: Spared<Table<'txn, &'static str, &'static str>>,
    keepers: Spared<Table<'txn, u16, (u64, &'static str)>>,
}

impl Memory for Writing<'_> {
    fn project(&self, id: &str) -> Result<Option<Remembered>, Trouble> {
        get_project(&*self.projects, id)
    }

    fn projects(&self) -> Result<Vec<(String, Remembered)>, Trouble> {
        get_projects(&*self.projects)
    }

    fn keeper(&self, port: u16) -> Result<Option<(u64, String)>, Trouble> {
        get_keeper(&*self.keepers, port)
    }
}

impl<'txn> Writing<'txn> {
    pub fn open(transaction: &'txn WriteTransaction) -> Result<Self, Trouble> {
        Ok(Self {
            reservations: Spared::new(transaction.open_table(RESERVATIONS)?),
            projects: Spared::new(transaction.open_table(PROJECTS)?),
            keepers: Spared::new(transaction.open_table(KEEPERS)?),
        })
    }

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

    /// Remembers a project. Whoever remembered the port that it has now (`held`) loses it; any other of its ports that is
    /// somebody else's by now it has lost itself.
    pub fn remember(&mut self, id: &str, new: &Remembered, held: Option<u16>) -> Result<(), Trouble> {
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

    pub fn forget(&mut self, id: &str) -> Result<Option<Remembered>, Trouble> {
        let Some(row) = self.project(id)? else { return Ok(None) };
        for (port, _) in row.ports() {
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
            Some(row) => self.remember(id, &Remembered { last_used: now, ..row }, None),
            None => Ok(()),
        }
    }
}
