//! Real projects from the npm registry, a row each: is the framework recognised, does its server come up on the port
//! reserved for it, is a stranger on the framework's own default port left alone, and is nothing left afterwards?
//!
//! `cargo test --test matrix` tries those that are small, which are named at the end of this file. `just matrix` tries all,
//! `just matrix nuxt expo` these; both write what came out into `docs/matrix.md`.
//!
//! The projects in `fixtures/matrix`, listed in its `projects.toml`, are what the frameworks' own `create` tools make, with the scripts those write, but
//! without linters, tests and pictures. They have no lock files, which would be 200,000 lines: each direct dependency is one
//! exact version, and [`support::npm`] resolves the rest as of a fixed date.

mod page;
mod rows;
mod stranger;
#[path = "../support/mod.rs"]
mod support;
mod trial;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rows::{Row, rows};
use trial::{Outcome, Trial};

/// One row, as a test of its own.
fn try_row(name: &str) {
    let row = rows().iter().find(|row| row.name == name).expect("a row of this name");
    if let Outcome::Missing(said) = run(row) {
        panic!("`{name}` could not be installed: {said}");
    }
}

fn run(row: &Row) -> Outcome {
    match Trial::prepare(row) {
        Ok(trial) => Outcome::Works(trial.run()),
        Err(said) => Outcome::Missing(said),
    }
}

/// Tries the rows that `BOWLINE_MATRIX` names, or all, and writes the page.
#[test]
#[ignore = "installs gigabytes and takes long: `just matrix`"]
fn table() {
    let wanted = std::env::var("BOWLINE_MATRIX").unwrap_or_default();
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let unknown: Vec<&&str> =
        wanted.iter().filter(|name| rows().iter().all(|row| row.name != **name)).collect();
    assert!(unknown.is_empty(), "no such rows: {unknown:?}");
    let mut failed = Vec::new();
    for row in rows().iter().filter(|row| wanted.is_empty() || wanted.contains(&row.name.as_str())) {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(row))).unwrap_or(Outcome::Fails);
        if matches!(outcome, Outcome::Fails) || matches!(outcome, Outcome::Missing(_)) && !row.missing {
            failed.push(&row.name);
        }
        page::write(row, &outcome);
    }
    assert!(failed.is_empty(), "these failed: {failed:?}");
}

#[test]
fn every_row_is_on_the_page_and_every_fixture_in_a_row() {
    page::assert_complete();
}

macro_rules! on_every_push {
    ($($name:ident)*) => {
        /// The rows that `cargo test` tries.
        const ON_EVERY_PUSH: &[&str] = &[$(stringify!($name)),*];

        $(
            #[test]
            fn $name() {
                try_row(&stringify!($name).replace('_', "-"));
            }
        )*
    };
}

on_every_push! {
    vite_vue
    vite_svelte
    sveltekit
    rsbuild
    webpack
    parcel
    eleventy
    vitepress
    fastify
    storybook
    hono
}
