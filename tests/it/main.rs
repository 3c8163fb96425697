//! The tests that need only this repository and node: the program, its modules, its documents.

mod agents;
#[path = "../architecture.rs"]
mod architecture;
mod beside;
mod caught;
mod caught_beside;
#[cfg(target_os = "linux")]
#[path = "../chaos/mod.rs"]
mod chaos;
mod completions;
mod configuration;
#[cfg(target_os = "linux")]
#[path = "../conformance/mod.rs"]
mod conformance;
mod control;
mod cross;
mod cross_files;
mod detect;
mod dev;
mod dev_server;
mod documents;
mod edges;
mod elsewhere;
mod filters;
mod https;
mod kinds;
mod launch;
#[cfg(target_os = "linux")]
mod leftovers;
mod mcp;
mod mistakes;
mod order;
mod packaging;
mod port;
mod readme;
mod root;
mod root_app;
mod root_tools;
mod runner;
mod runtimes;
mod seams;
mod security;
mod siblings;
mod supervise;
#[path = "../support/mod.rs"]
mod support;

/// See [`support::memory`].
const STATE_IN_MEMORY: bool = true;
