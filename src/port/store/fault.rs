//! Errors of redb, by what they mean for the store.

use std::io::ErrorKind;

use crate::port::error::{PortError, StoreFault};

impl<E: Into<redb::Error>> From<E> for PortError {
    fn from(error: E) -> Self {
        use redb::Error as E;
        let error = error.into();
        let reason = error.to_string();
        let is_damage = matches!(
            error,
            E::Corrupted(_)
                | E::RepairAborted
                | E::LockPoisoned(_)
                | E::TableTypeMismatch { .. }
                | E::TableIsMultimap(_)
                | E::TypeDefinitionChanged { .. }
                | E::TableDoesNotExist(_)
        );
        let fault = if matches!(error, E::UpgradeRequired(_)) {
            StoreFault::Foreign
        } else if is_damage || matches!(&error, E::Io(error) if is_cut_short(error.kind())) {
            StoreFault::Damaged
        } else {
            StoreFault::Unusable
        };
        Self::Store { fault, reason }
    }
}

fn is_cut_short(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof)
}
