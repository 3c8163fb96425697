//! What is known about a run when something is decided.

use super::conflict_hints::is_conflict;
use super::place::Place;
use super::sources::Sources;
use crate::launch::Remark;

pub struct Evidence<'a> {
    pub reserved: u16,
    /// The listeners of its tree.
    pub listeners: Vec<Place>,
    /// The end of its output.
    pub output: &'a str,
    /// What the project's sources say, once that is known.
    pub sources: Option<&'a Sources>,
    /// What the preload has remarked.
    pub remark: Option<Remark>,
    /// The port that the moved listener had asked for.
    pub claimed: Option<u16>,
    /// Whether anybody listens on a port.
    pub is_taken: &'a dyn Fn(u16) -> bool,
}

impl Evidence<'_> {
    /// Whether a program was refused the reserved port.
    pub fn is_conflict(&self) -> bool {
        is_conflict(self.output, self.reserved)
    }

    /// Whether what the preload has moved keeps the program from the reserved port.
    pub fn is_in_the_way(&self) -> bool {
        match self.remark {
            Some(Remark::Blocked) => true,
            // A program that the preload does not reach.
            None => self.is_conflict(),
            Some(Remark::Obeyed | Remark::Twice) => false,
        }
    }
}
