//! What coding agents and editors get: files that tell them of bowline, ports of their own, and a short status.

mod brief;
mod files;
mod forward;
mod several;

use std::fs;

use crate::support::Sandbox;

/// The text of a file of the project.
fn text(sandbox: &Sandbox, path: &str) -> String {
    fs::read_to_string(sandbox.project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
