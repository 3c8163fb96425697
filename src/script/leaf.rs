//! A leaf: a program that a script really runs, and its place in the script.

use std::ops::Range;

use super::arguments::port_of;
use super::error::RewriteError;
use super::frame::Frame;
use super::lead::{Lane, Lead, LeafEnvironment};
use super::word::Word;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Program,
    /// A shell builtin, which is never a server: `cd`, `echo`, `export`.
    Builtin,
    /// A command that starts programs which the script does not show: `turbo run dev`, `$COMMAND`, `eval`.
    Opaque,
}

/// The part a leaf plays in its script. Where several apply, the outermost counts: a list within a background
/// subshell is in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafRole {
    Sole,
    /// The last command of a list, which the script waits for.
    Last,
    /// In the foreground of a list, with others after it.
    Step,
    Background,
    Pipe,
    Alternative,
    /// Within `if`, `while`, `until`, `for` or `case`.
    Branch,
    /// One of several that run side by side under `concurrently`, `run-p` and their kin.
    Parallel,
}

impl LeafRole {
    /// The role of a command that plays `inner` within a command that plays `self`.
    pub(super) fn within(self, inner: Self) -> Self {
        match (self, inner) {
            (Self::Last, Self::Sole) => Self::Last,
            (Self::Step, Self::Sole | Self::Last) => Self::Step,
            (Self::Sole | Self::Last | Self::Step, inner) => inner,
            (outer, _) => outer,
        }
    }

    pub fn is_concurrent(self) -> bool {
        matches!(self, Self::Background | Self::Pipe | Self::Parallel)
    }
}

/// An assignment that reaches a leaf: `PORT=4000 vite`, `cross-env PORT=4000 vite`, `export PORT=4000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub name: String,
    /// `None` where it depends on variables or commands.
    pub value: Option<String>,
    /// The frame, and the level of the text within the frame.
    pub place: (usize, usize),
    pub range: Range<usize>,
    /// The text before a new value: `NAME=` if `range` is the whole word, else nothing.
    pub prefix: String,
    pub word: Word,
    /// The same for all leaves that the assignment reaches.
    pub id: usize,
    /// The assignment also reaches a leaf that may run at the same time as this one.
    pub contested: bool,
}

/// The state of one shell, as far as it matters to the commands that follow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The calls and quoted texts that lead here, outermost first.
    pub(super) frames: Vec<Frame>,
    /// For each name, the last one counts.
    pub(super) assignments: Vec<Assignment>,
    pub environment: LeafEnvironment,
    /// The working directory is no longer the package's, so a script's name means a script of another package.
    pub(super) moved: bool,
    /// That working directory, relative to the package, if it is known.
    pub(super) directory: Option<String>,
    /// Why the commands cannot be changed.
    pub(super) fixed: Option<RewriteError>,
    /// Where the wrapper of the only command here needs a `--` to pass flags on.
    pub(super) separator: Option<usize>,
    pub(super) lanes: Vec<Lane>,
    /// The commands that lead here, outermost first.
    pub(super) leads: Vec<Lead>,
    /// The programs that start the commands here, outermost first, each with its own words: wrappers, shells,
    /// `concurrently`.
    pub starters: Vec<Vec<Word>>,
}

impl Scope {
    /// The innermost frame, and the level of the text within it that has the commands.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.frames.len() - 1, self.frames.last().map_or(0, |frame| frame.quoted.len()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The name of the program: `vite` for `vite`, `npx vite@7`, `node ./node_modules/vite/bin/vite.js`.
    /// Empty where only the running shell knows it.
    pub program: String,
    /// The program and its arguments, without wrappers.
    pub words: Vec<Word>,
    pub kind: Kind,
    pub role: LeafRole,
    /// The shell in which it runs.
    pub scope: Scope,
    /// It is the last command of the frame's text, so pasted arguments reach it.
    pub(super) ends_text: bool,
}

impl Leaf {
    /// The names of the scripts and packages that lead here, outermost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.scope.frames.iter().flat_map(|frame| [frame.name.as_deref(), frame.package.as_deref()]).flatten()
    }

    /// The directory that the leaf's own package or `cd` names, relative to the script's; empty for that itself.
    pub fn directory(&self) -> &str {
        let package = self.scope.frames.iter().rev().find_map(|frame| frame.package.as_deref());
        self.scope.directory.as_deref().or(package).unwrap_or_default()
    }

    /// The port that the command line sets by one of `flags`, if it is a number.
    pub fn port(&self, flags: &[&str]) -> Option<u16> {
        port_of(self.words.get(1..)?, flags)
    }

    /// The working directory, relative to the script's; `None` if only the running shell knows it.
    pub fn working_directory(&self) -> Option<&str> {
        if self.scope.moved { self.scope.directory.as_deref() } else { Some("") }
    }

    /// The texts of the scripts that lead here, outermost first.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.scope.frames.iter().map(|frame| frame.text.as_str())
    }

    /// The names of scripts that run before or after one that leads here.
    pub fn hooks(&self) -> impl Iterator<Item = String> {
        self.scope.frames.iter().flat_map(|frame| {
            let name = frame.name.as_deref().unwrap_or_default();
            let pre = frame.pre.as_ref().map(|_| format!("pre{name}"));
            pre.into_iter().chain(frame.post.as_ref().map(|_| format!("post{name}")))
        })
    }

    /// The names of the programs that start it, outermost first.
    pub fn starters(&self) -> Vec<String> {
        let first = |words: &Vec<Word>| words.first()?.literal()?.rsplit('/').next().map(str::to_owned);
        self.scope.starters.iter().filter_map(first).collect()
    }

    /// The variables that the script sets for this command, the last one first; `None` for a value that only the
    /// running shell knows.
    pub fn assignments(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.scope.assignments.iter().rev().map(|one| (one.name.as_str(), one.value.as_deref()))
    }

    pub fn scripts(&self) -> Vec<&str> {
        self.scope.frames.iter().filter_map(|frame| frame.name.as_deref()).collect()
    }

    /// Whether the leaf is this command: `next dev` is `next`, `next dev` and not `next build`.
    ///
    /// The words after the first must be the leaf's first arguments that are no flags, in order; a flag may be at
    /// any position.
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

    /// The value that the script gives to a variable for this command, if it is known.
    pub fn assigned(&self, name: &str) -> Option<&str> {
        self.scope.assignments.iter().rev().find(|one| one.name == name)?.value.as_deref()
    }

    /// Whether the command line has one of these flags, with a value or without.
    pub fn has_flag(&self, flags: &[&str]) -> bool {
        let mut own = self.words.iter().skip(1).map(Word::prefix).take_while(|word| word != "--");
        own.any(|word| {
            flags.iter().any(|flag| {
                word.strip_prefix(flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
            })
        })
    }
}

/// The name of the program that a word runs, without directory and, in `node_modules`, without extension.
pub(super) fn program_name(word: &str) -> String {
    let Some((_, inside)) = word.rsplit_once("node_modules/") else {
        return word.rsplit('/').next().unwrap_or(word).to_owned();
    };
    let file = inside.rsplit('/').next().unwrap_or(inside);
    let stem = ["cmd", "ps1", "exe", "js", "mjs", "cjs", "ts"]
        .into_iter()
        .find_map(|ending| file.strip_suffix(ending)?.strip_suffix('.'))
        .unwrap_or(file);
    let is_generic = matches!(stem, "cli" | "cmd" | "index" | "main" | "bin" | "run" | "start" | "entry");
    if !is_generic || inside.starts_with(".bin/") {
        return stem.to_owned();
    }
    let mut parts = inside.split('/');
    let package = parts.next().unwrap_or(stem);
    match (package.strip_prefix('@'), parts.next()) {
        (Some(scope), Some("dev" | "cli") | None) => scope.to_owned(),
        (Some(_), Some(name)) => name.to_owned(),
        (None, _) => package.to_owned(),
    }
}
