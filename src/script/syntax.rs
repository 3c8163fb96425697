//! The syntax tree of a script.

use std::ops::Range;

use super::word::Word;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub items: Vec<Item>,
}

/// Pipelines joined by `&&` and `||`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub pipelines: Vec<Pipeline>,
    pub background: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
    /// Stands on the right of `||`.
    pub is_alternative: bool,
    pub commands: Vec<Command>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Simple(Simple),
    Subshell(List),
    Group(List),
    /// `if`, `while`, `until`, `for`, `case`: the lists within it.
    Compound(Vec<List>),
}

/// A program with its arguments, or assignments alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub assignments: Vec<Word>,
    pub words: Vec<Word>,
    /// From the descriptor or operator to the end of the target.
    pub redirections: Vec<Range<usize>>,
}
