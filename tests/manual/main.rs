//! Programs to run by hand, for their tables and figures: `just conformance`, `just chaos`, `just matrix`,
//! `just figures`, `just release-rehearsal`.

#[cfg(target_os = "linux")]
#[path = "../chaos/mod.rs"]
mod chaos;
#[cfg(target_os = "linux")]
mod chaos_kills;
#[cfg(target_os = "linux")]
#[path = "../conformance/mod.rs"]
mod conformance;
mod figures;
mod keys;
#[cfg(target_os = "linux")]
mod launchers;
#[path = "../matrix/mod.rs"]
mod matrix;
#[path = "../published/mod.rs"]
mod packages;
#[allow(dead_code, reason = "the tests of ports use all of it")]
#[path = "../it/port/support.rs"]
mod port;
mod projects;
mod published;
#[path = "../support/mod.rs"]
mod support;
#[cfg(target_os = "linux")]
mod table;
mod versions;

/// See [`support::memory`].
const STATE_IN_MEMORY: bool = false;
