//! Servers that are hard to end × ways to go × terminal or not: what does a launcher leave behind?
//!
//! `cargo test --test it leftovers` holds bowline to it. `just conformance [LAUNCHER…]` tries any launchers, bowline among
//! them, and prints the table of `docs/conformance.md`.

#![allow(dead_code, reason = "each test program uses a part of this")]

pub mod matrix;
pub mod stage;

use std::sync::Mutex;

use matrix::Cell;
use stage::Left;

/// Runs every combination, and answers in their order.
pub fn run_all(
    cells: &[Cell],
    at_once: usize,
    run: impl Fn(Cell) -> Result<Left, String> + Sync,
) -> Vec<(Cell, Result<Left, String>)> {
    let (next, done) = (Mutex::new(cells.iter().enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let Some((at, &cell)) = next.lock().unwrap().next() else { return };
                    let outcome = run(cell);
                    done.lock().unwrap().push((at, cell, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|&(at, ..)| at);
    done.into_iter().map(|(_, cell, outcome)| (cell, outcome)).collect()
}
