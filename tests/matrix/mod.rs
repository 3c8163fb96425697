//! Real projects from the npm registry, a row each: is the framework recognised, does its server come up on the
//! port reserved for it, is a stranger on the framework's own default port left alone, and is nothing left
//! afterwards?
//!
//! `cargo test --test real rows` tries the small ones, which are named at the end of this file. `just matrix` tries
//! all, `just matrix nuxt expo` these two; both write the results into `docs/matrix.md`.
//!
//! The projects in `fixtures/matrix`, listed in its `projects.toml`, are what the frameworks' own `create`
//! tools make, with the scripts those write, but without linters, tests and pictures. They have no lock files,
//! which would be 200,000 lines: each direct dependency is one exact version, and `support::npm` resolves the
//! rest as of a fixed date.

#![allow(dead_code, unused_imports, reason = "each test program uses a part of this")]

pub mod page;
pub mod rows;
mod stranger;
pub mod trial;

use rows::Row;
use trial::{Outcome, Trial};

pub fn run(row: &Row) -> Outcome {
    match Trial::prepare(row) {
        Ok(trial) => Outcome::Works(trial.run()),
        Err(said) => Outcome::Missing(said),
    }
}

/// Gives the rows that `cargo test` tries to a macro.
macro_rules! on_every_push {
    ($to:ident) => {
        $to! {
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
    };
}
pub(crate) use on_every_push;

macro_rules! names {
    ($($name:ident)*) => { &[$(stringify!($name)),*] };
}

/// The names of those rows.
pub const ON_EVERY_PUSH: &[&str] = on_every_push!(names);
