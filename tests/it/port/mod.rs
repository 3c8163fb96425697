//! Ports under real conditions: real processes, locks, sockets and stores.

mod allocation;
mod choice;
mod failures;
mod holder;
mod log;
mod probe;
mod processes;
mod support;
