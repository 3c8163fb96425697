//! What a script consists of.

use std::ops::Range;

use super::word::Word;

/// Commands one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    pub items: Vec<Item>,
}

/// Pipelines joined by `&&` and `||`, and whether the shell waits for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub first: Pipeline,
    pub rest: Vec<(Joint, Pipeline)>,
    pub background: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    And,
    Or,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pipeline {
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
    pub redirections: Vec<Redirection>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirection {
    pub span: Range<usize>,
    pub target: Word,
}
