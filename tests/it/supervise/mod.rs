//! Supervision under real conditions: signals, restarts, failures, pipes, terminals, strangers and chaos.

#[cfg(target_os = "linux")]
mod abandoned;
#[cfg(target_os = "linux")]
mod callers;
#[cfg(target_os = "linux")]
mod chaos;
mod conditions;
#[cfg(target_os = "linux")]
mod container;
mod failures;
#[cfg(target_os = "linux")]
mod hooks;
mod keys;
mod locks;
mod pipes;
#[cfg(target_os = "linux")]
mod resources;
mod restarts;
mod several;
mod signals;
#[cfg(target_os = "linux")]
mod strangers;
mod terminal;
mod trees;

use crate::support::Session;
use serde_json::Value;

/// Until the service has come to an end of any kind.
fn next_end(session: &mut Session) -> Value {
    session.event("process-exited")
}
