//! bowline leaves nothing behind, however hard a server is to end.

use std::time::Duration;

use crate::chaos;
use crate::conformance::matrix::{Cell, Place, cells};
use crate::conformance::stage::Stage;
use crate::support::side_by_side;

/// How many combinations run at once: most of their time is waiting.
const AT_ONCE: usize = 6;

fn bowline_leaves_nothing(place: Place) {
    let cells: Vec<Cell> = cells(true).into_iter().filter(|cell| cell.place == place).collect();
    let launcher = [env!("CARGO_BIN_EXE_bowline"), "dev", "--grace", "300ms"].map(str::to_owned);
    let outcomes = side_by_side(AT_ONCE, &cells, |&cell| {
        Stage::new(cell, false, |_, _| {}).run(&launcher, Duration::from_secs(10))
    });
    let failures: Vec<String> = cells
        .iter()
        .zip(&outcomes)
        .filter(|(_, outcome)| {
            !outcome.as_ref().is_ok_and(|left| left.is_clean() && left.processes.is_empty())
        })
        .map(|(cell, outcome)| format!("{cell}: {outcome:#?}"))
        .collect();
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

/// `just chaos` kills more often.
#[test]
fn whoever_is_killed_at_whatever_moment_nothing_is_left() {
    chaos::run(30, 20_261_128, AT_ONCE);
}
