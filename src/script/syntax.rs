//! The syntax tree of a script.

use super::word::Word;

pub(super) type List = Vec<Item>;

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
    /// Where each begins, with the descriptor or the operator.
    pub redirections: Vec<usize>,
}
