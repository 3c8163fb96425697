//! Keeping services running.

pub mod restart;
pub mod service;
