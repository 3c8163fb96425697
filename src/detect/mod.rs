//! Which framework a project uses.

pub mod catalog;
