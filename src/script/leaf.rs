//! A leaf: a program that a script really runs, and all that is known about the place it stands in.

use std::collections::BTreeMap;
use std::ops::Range;

use super::edit::Unsafe;
use super::word::{Layer, Splice, Word};

/// The scripts of the package, for those that a script calls.
pub trait Scripts {
    /// The text of a script.
    fn text(&self, name: &str) -> Option<String>;

    /// The names of all scripts, in the order of package.json, for patterns as in `run-p dev:*`.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }

    /// The text of another package's script.
    fn elsewhere(&self, _place: &Place, _name: &str) -> Option<String> {
        None
    }

    /// The binary that stands for an installed package, if it has one that does.
    fn binary(&self, _package: &str) -> Option<String> {
        None
    }

    /// The manager with which programs like `run-p` run scripts.
    fn manager(&self) -> Manager {
        Manager::Npm
    }

    /// Whether `manager` runs the `pre` and `post` scripts around one that it is told to run.
    fn runs_hooks(&self, manager: Manager) -> bool {
        manager != Manager::Node
    }
}

impl<F: Fn(&str) -> Option<String>> Scripts for F {
    fn text(&self, name: &str) -> Option<String> {
        self(name)
    }
}

impl Scripts for BTreeMap<String, String> {
    fn text(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// Another package, as a script names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// By its directory, relative to that of the script.
    Directory(String),
    /// By its name in the workspace.
    Package(String),
}

/// What a nested script is run with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manager {
    /// `npm run x`
    Npm,
    /// `pnpm x`
    Pnpm,
    /// `yarn x`
    Yarn,
    /// `bun run x`
    Bun,
    /// `node --run x`
    Node,
}

impl Manager {
    /// The word that calls it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
            Self::Bun => "bun",
            Self::Node => "node",
        }
    }

    /// Whether it hands arguments on only behind a `--`; the others hand that on as well, or need none.
    pub(super) fn wants_marker(self) -> bool {
        matches!(self, Self::Npm | Self::Node)
    }

    /// The words that run a script with arguments.
    pub(super) fn command(self, script: &str, arguments: &str) -> String {
        let run = if self == Self::Node { "--run" } else { "run" };
        let marker = if self.wants_marker() { " --" } else { "" };
        format!("{} {run} {script}{marker} {arguments}", self.word())
    }
}

/// What a leaf is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A program with its arguments.
    Program,
    /// A shell builtin, which is never a server: `cd`, `echo`, `export`.
    Builtin,
    /// Something that starts programs which cannot be seen from here: `turbo run dev`, a script of another
    /// package, `$COMMAND`, `eval`.
    Opaque,
}

/// The part a leaf plays in its script. Where several apply, the first of them in the order of
/// nesting counts: a list within a background subshell is in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one command of the script.
    Sole,
    /// The last command of a list, which the script waits for.
    Last,
    /// In the foreground of a list, with others after it.
    Step,
    /// Started with `&`.
    Background,
    /// Part of a pipeline.
    Pipe,
    /// On the right of `||`.
    Alternative,
    /// Within `if`, `while`, `until`, `for` or `case`.
    Branch,
    /// One of several that run side by side under `concurrently`, `run-p` and their kin.
    Parallel,
}

impl Role {
    /// The role of something that plays `inner` within what plays `self`.
    pub(super) fn within(self, inner: Self) -> Self {
        match (self, inner) {
            (Self::Last, Self::Sole) => Self::Last,
            (Self::Step, Self::Sole | Self::Last) => Self::Step,
            (Self::Sole | Self::Last | Self::Step, inner) => inner,
            (outer, _) => outer,
        }
    }

    /// Whether other commands of the script may run at the same time.
    pub fn is_concurrent(self) -> bool {
        match self {
            Self::Background | Self::Pipe | Self::Parallel => true,
            Self::Sole | Self::Last | Self::Step | Self::Alternative | Self::Branch => false,
        }
    }
}

/// An assignment that reaches a leaf: `PORT=4000 vite`, `cross-env PORT=4000 vite`, `export PORT=4000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// The value, where it does not depend on variables or commands.
    pub value: Option<String>,
    pub(super) site: Site,
    /// Identifies the assignment among the leaves that it reaches.
    pub(super) id: usize,
    /// Reaches a leaf that may run at the same time as this one.
    pub(super) contested: bool,
}

/// What the script does to the environment that a leaf inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Nothing of it arrives: `env -i`, `sudo`.
    pub cleared: bool,
    /// Variables that do not arrive: `env -u PORT`, `unset PORT`.
    pub removed: Vec<String>,
    /// A file of assignments is read before: `. ./.env`, `dotenv --`, `export $(cat .env)`.
    pub files: bool,
}

/// Bytes of a text within the frames of a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub frame: usize,
    pub layer: usize,
    pub range: Range<usize>,
    /// What goes before the value when the whole word is replaced.
    pub prefix: String,
}

/// One script on the way to a leaf, and where the next one is called in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The name of the script; the outermost one's is not known here.
    pub name: Option<String>,
    pub text: String,
    /// The command texts within the text that lead to the leaf or call, outermost first.
    pub layers: Vec<Layer>,
    pub call: Option<Call>,
    pub pre: Option<String>,
    pub post: Option<String>,
}

impl Frame {
    pub fn new(name: Option<String>, text: String) -> Self {
        Self { name, text, layers: Vec::new(), call: None, pre: None, post: None }
    }

    /// The text in which the leaf or call stands.
    pub fn innermost(&self) -> &str {
        self.text_at(self.layers.len())
    }

    pub fn text_at(&self, layer: usize) -> &str {
        match layer.checked_sub(1).and_then(|index| self.layers.get(index)) {
            Some(layer) => &layer.text,
            None => &self.text,
        }
    }

    /// The same change, made to the script's own text.
    pub fn outward(&self, layer: usize, splice: Splice) -> Result<Splice, Unsafe> {
        self.layers
            .iter()
            .take(layer)
            .rev()
            .try_fold(splice, |splice, layer| layer.outward(&splice).ok_or(Unsafe::Quoting))
    }
}

/// A nested script's call: `npm run x -- --open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub manager: Manager,
    /// From the manager's word to the last argument.
    pub span: Range<usize>,
    pub form: CallForm,
    /// Where a wrapper before the call needs `--` to let flags through.
    pub separator: Option<usize>,
    /// The manager puts itself in the place of node: `bun --bun run x`.
    pub runtime: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallForm {
    /// A simple command. Arguments for the script go to `at`, after a `--` of their own if `separated`.
    Command { at: usize, separated: bool, last: bool },
    /// The same for a script of another package, whose text cannot stand here.
    Elsewhere { at: usize, separated: bool },
    /// The word `npm:x` of `concurrently`, which runs it with the manager.
    Shorthand { name: String },
    /// A name, or a pattern of several, in a list of names.
    Name(Name),
    /// A place that nothing can be put into.
    Listed,
}

/// A script among those that a word of a list means. Each may be written out with arguments of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// All that the word means, in their order.
    pub all: Vec<String>,
    /// Which of them this is.
    pub this: usize,
    pub list: ListKind,
}

/// Who reads a list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListKind {
    /// `run-p a b`: names with their arguments.
    Names,
    /// `concurrently npm:a`: names with the manager before them, or any other command.
    Shorthands,
    /// `concurrently 'npm run a:*'`
    Commands,
}

/// A program that a script runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The name of the program: `vite` for `vite`, `npx vite@7`, `node ./node_modules/vite/bin/vite.js`.
    /// Empty where it is not known before the shell runs.
    pub program: String,
    /// The program and its arguments, wrappers left out.
    pub words: Vec<Word>,
    /// The assignments that reach it, the one that counts last.
    pub assignments: Vec<Assignment>,
    /// What the script does to its environment beside assignments.
    pub environment: Environment,
    /// What it is.
    pub kind: Kind,
    /// The part it plays.
    pub role: Role,
    pub(super) frames: Vec<Frame>,
    /// Why its arguments cannot be changed, whatever the change.
    pub(super) fixed: Option<Unsafe>,
    /// Where a wrapper needs `--` before it lets flags through.
    pub(super) separator: Option<usize>,
    /// Whether the text of the frame ends with this command, so that pasted arguments reach it.
    pub(super) ends_text: bool,
}

impl Leaf {
    /// The nested scripts that lead to the leaf, outermost first.
    pub fn scripts(&self) -> Vec<&str> {
        self.frames.iter().filter_map(|frame| frame.name.as_deref()).collect()
    }

    /// The text of the innermost script, in which the leaf stands.
    pub fn text(&self) -> &str {
        self.frames.last().map_or("", |frame| &frame.text)
    }

    /// Whether the leaf is this command: `next dev` is `next`, `next dev` and not `next build`.
    ///
    /// The words after the first are compared with the leaf's arguments that are no flags, in order; a flag
    /// may stand anywhere.
    pub fn is(&self, command: &str) -> bool {
        let mut wanted = command.split_ascii_whitespace();
        if wanted.next() != Some(self.program.as_str()) {
            return false;
        }
        let words: Vec<Option<String>> = self.words.iter().skip(1).map(Word::literal).collect();
        let mut plain = words.iter().filter(|word| !word.as_deref().is_some_and(|w| w.starts_with('-')));
        wanted.all(|part| {
            if part.starts_with('-') {
                words.iter().any(|word| word.as_deref() == Some(part))
            } else {
                plain.next().and_then(Option::as_deref) == Some(part)
            }
        })
    }

    /// Whether one of these flags stands on its command line, with a value or without.
    pub fn has_flag(&self, flags: &[&str]) -> bool {
        let own = self.words.iter().skip(1).map(Word::prefix).take_while(|word| word != "--");
        own.into_iter().any(|word| {
            flags.iter().any(|flag| {
                word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            })
        })
    }

    /// The value of a variable as the script sets it for this leaf; `Some(None)` where it is set to what
    /// only the shell knows.
    pub fn assigned(&self, name: &str) -> Option<Option<&str>> {
        let last = self.assignments.iter().rev().find(|assignment| assignment.name == name)?;
        Some(last.value.as_deref())
    }
}
