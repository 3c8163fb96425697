//! Servers that are hard to end × ways to go × terminal or not: what does a launcher leave behind?
//!
//! `cargo test --test it leftovers` requires that bowline leaves nothing. `just conformance [LAUNCHER…]` tries any
//! launchers, bowline among them, and prints the table of `docs/conformance.md`.

#![allow(dead_code, reason = "each test program uses a part of this")]

pub mod matrix;
pub mod stage;
