//! Tests that need packages from the npm registry: real frameworks, real package managers, real projects.

mod caught;
mod elsewhere;
mod filters;
mod frameworks;
mod https;
mod managers;
#[path = "../matrix/mod.rs"]
mod matrix;
mod mcp;
mod packages;
mod playwright;
#[path = "../published/mod.rs"]
mod published;
mod roots;
mod rows;
mod runtimes;
mod scripts;
#[path = "../support/mod.rs"]
mod support;
mod watchers;
mod workspaces;

/// See [`support::memory`].
const STATE_IN_MEMORY: bool = true;

/// The page of the matrix names all that is tried.
#[test]
fn every_row_is_on_the_page_and_every_fixture_in_a_row() {
    matrix::page::assert_complete();
}
