//! Servers that are hard to end × ways to go × terminal or not: what does a launcher leave behind?
//!
//! `cargo test --test conformance` holds bowline to it. `just conformance [LAUNCHER…]` tries any launchers, bowline among
//! them, and prints the table of `docs/conformance.md`.

#![cfg(target_os = "linux")]

mod launchers;
mod matrix;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod table;

use std::sync::Mutex;
use std::time::Duration;

use matrix::{Cell, Place, cells};
use stage::{Left, Stage};

/// How many combinations run at once: most of their time is waiting.
const AT_ONCE: usize = 6;

/// Runs every combination, and answers in their order.
fn run_all(
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

fn bowline_leaves_nothing(place: Place) {
    let cells: Vec<Cell> = cells(true).into_iter().filter(|cell| cell.place == place).collect();
    let launcher = launchers::LAUNCHERS[0].command("");
    let outcomes = run_all(&cells, AT_ONCE, |cell| {
        Stage::new(cell, false, |_, _| {}).run(&launcher, Duration::from_secs(10))
    });
    let failures: Vec<String> = outcomes
        .iter()
        .filter(|(_, outcome)| {
            !outcome.as_ref().is_ok_and(|left| left.is_clean() && left.processes.is_empty())
        })
        .map(|(cell, outcome)| format!("{cell}: {outcome:#?}"))
        .collect();
    assert_eq!(outcomes.len(), cells.len(), "a combination broke down");
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cells.len(), failures.join("\n"));
}

#[test]
fn bowline_at_a_terminal_leaves_nothing() {
    bowline_leaves_nothing(Place::Terminal);
}

#[test]
fn bowline_with_pipes_leaves_nothing() {
    bowline_leaves_nothing(Place::Pipes);
}

#[test]
#[ignore = "installs other launchers and takes minutes: `just conformance`"]
fn table() {
    table::print();
}
