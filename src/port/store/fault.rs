//! Why the work of a transaction came to nothing.

use std::io::ErrorKind;
use std::path::Path;

use thiserror::Error;

use crate::port::error::{PortError, Warning};

#[derive(Debug, Error)]
pub enum Fault {
    /// What is in the file makes no sense.
    #[error("{0}")]
    Damaged(String),
    /// Another version of bowline wrote it, in a layout that this one does not know.
    #[error("{0}")]
    Foreign(String),
    /// The file cannot be read or written at all.
    #[error("{0}")]
    Unusable(String),
    /// The store is sound, but what was asked of it cannot be.
    #[error(transparent)]
    Refused(#[from] PortError),
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        use redb::Error as E;
        let error = error.into();
        let text = error.to_string();
        if matches!(error, E::UpgradeRequired(_)) {
            return Self::Foreign(text);
        }
        let is_damage = if let E::Io(error) = &error {
            matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
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
        if is_damage { Self::Damaged(text) } else { Self::Unusable(text) }
    }
}

impl From<Fault> for PortError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(error) => error,
            Fault::Damaged(reason) | Fault::Foreign(reason) | Fault::Unusable(reason) => {
                Self::Store { reason }
            }
        }
    }
}

impl Fault {
    pub fn warning(&self, path: &Path) -> Warning {
        let (path, reason) = (path.to_owned(), self.to_string());
        if let Self::Foreign(_) = self {
            Warning::StoreForeign { path, reason }
        } else {
            Warning::StoreUnusable { path, reason }
        }
    }
}
