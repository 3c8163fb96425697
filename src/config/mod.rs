//! The configuration of users and projects: `bowline.toml`, the user's `frameworks.toml`, and Procfiles.
//!
//! Order of precedence: flags, the environment, `bowline.toml`, the user's file, the defaults. This module reads
//! the files; `cli` puts flags and environment above them.

#[cfg(test)]
mod agreement;
mod check;
mod error;
mod file;
mod names;
mod process_runner;
mod procfile;
mod read;
#[cfg(test)]
mod schema;
mod settings;
mod values;

pub use error::{ConfigError, did_you_mean};
pub use file::{FILE, FilePlace, SCHEMA};
pub use read::{Config, Files, catalog, may_have_procfile};
pub use settings::{Build, Orchestrator, ProjectSettings, Ready};
pub use values::{PortSetting, parse_duration, parse_port};
