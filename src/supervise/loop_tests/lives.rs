//! What is left of a fake service.

/// The living parts of a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Processes {
    #[default]
    None,
    Guarded,
    Orphaned,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    #[default]
    NotYet,
    Told,
    Released,
}
