//! The small rows of the matrix, a test each.

use crate::matrix::rows::rows;
use crate::matrix::trial::Outcome;
use crate::matrix::{on_every_push, run};

/// One row, as a test of its own.
fn try_row(name: &str) {
    let row = rows().iter().find(|row| row.name == name).expect("a row of this name");
    if let Outcome::Missing(said) = run(row) {
        panic!("`{name}` could not be installed: {said}");
    }
}

macro_rules! a_test_each {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                try_row(&stringify!($name).replace('_', "-"));
            }
        )*
    };
}

on_every_push!(a_test_each);
