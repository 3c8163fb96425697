//! The call stack of a leaf: the scripts that lead to it, and where each calls the next one.

use std::ops::Range;

use super::error::RewriteError;
use super::scripts::PackageManager;
use super::word::{QuotedText, Splice};

/// One script on the way to a leaf.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    /// `None` for the outermost script.
    pub name: Option<String>,
    /// The package of the script, if the call names it: a directory or a name.
    pub package: Option<String>,
    pub text: String,
    /// The quoted command texts that lead to the leaf or call, outermost first.
    pub quoted: Vec<QuotedText>,
    pub call: Option<Call>,
    pub pre: Option<String>,
    pub post: Option<String>,
}

impl Frame {
    /// The text at a level: the script's own at 0, the quoted texts from 1 on.
    pub fn text_at(&self, level: usize) -> &str {
        let quoted = level.checked_sub(1).and_then(|index| self.quoted.get(index));
        quoted.map_or(&self.text, |quoted| &quoted.text)
    }

    /// Whether the script that the frame calls by name runs in a shell of ours.
    pub fn has_shell(&self, shells: &[PackageManager]) -> bool {
        let Some(Call { invoker: Invoker::Manager(manager), form, .. }) = &self.call else { return false };
        matches!(form, CallForm::Shorthand { .. } | CallForm::Name(_)) && shells.contains(manager)
    }

    /// Whether the command that ends at `end` is the last of the script's own text, so that pasted arguments reach
    /// it.
    pub fn ends_at(&self, end: usize) -> bool {
        let after = self.text.get(end..).unwrap_or_default();
        self.quoted.is_empty() && after.trim_matches([' ', '\t']).is_empty()
    }

    /// The splice of the script's own text that makes this splice of the text at `level`.
    pub fn outer_splice(&self, level: usize, splice: Splice) -> Result<Splice, RewriteError> {
        let mut inner_first = self.quoted.iter().take(level).rev();
        inner_first
            .try_fold(splice.kept_apart(self.text_at(level)), |splice, quoted| quoted.outer_splice(&splice))
            .ok_or(RewriteError::Quoting)
    }
}

pub(super) struct Nested {
    pub name: String,
    pub call: Call,
    /// The arguments that the manager pastes at the end of the script's text.
    pub pasted: String,
    /// The script's text, if it belongs to another package.
    pub text: Option<String>,
    /// That package.
    pub package: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invoker {
    Manager(PackageManager),
    /// `node --run x`
    Node,
}

impl Invoker {
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "node" { Some(Self::Node) } else { PackageManager::from_name(name).map(Self::Manager) }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Manager(manager) => manager.name(),
            Self::Node => "node",
        }
    }

    /// The `--` that has to precede arguments for the script, with a space; empty if none is needed.
    pub fn marker(self) -> &'static str {
        match self {
            Self::Manager(PackageManager::Npm) | Self::Node => " --",
            Self::Manager(PackageManager::Pnpm | PackageManager::Yarn | PackageManager::Bun) => "",
        }
    }
}

/// The call of a nested script: `npm run x -- --open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub invoker: Invoker,
    /// From the invoker's word to the last argument.
    pub span: Range<usize>,
    pub form: CallForm,
    /// Where a wrapper before the call needs `--` to let flags through.
    pub separator: Option<usize>,
    /// The manager replaces node: `bun --bun run x`.
    pub replaces_node: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallForm {
    /// A simple command. Arguments for the script are inserted at `at`, after `marker`.
    Command { at: usize, marker: &'static str, is_last: bool },
    /// The same for a script of another package, whose text cannot be inlined.
    OtherPackage { at: usize, marker: &'static str },
    /// The word `npm:x` of `concurrently`.
    Shorthand { name: String },
    /// A name, or a pattern of several, in a list of names.
    Name(Name),
    /// A call that cannot be changed.
    Fixed,
}

/// One of the scripts that a word of a list names. Each can be written out with arguments of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub all: Vec<String>,
    pub this: usize,
    pub list: ListKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    /// `run-p a b`: names with their arguments.
    Names,
    /// `concurrently npm:a`: names with the manager before them, or any other command.
    Shorthands,
    /// `concurrently 'npm run a:*'`
    Commands,
}
