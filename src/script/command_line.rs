//! The command line of a simple command, read from left to right until its program is found.

use std::ops::Range;

use super::error::RewriteError;
use super::leaf::LeafRole;
use super::nested::Nested;
use super::scope::Scope;
use super::scripts::Scripts;
use super::word::Word;

/// How the current program uses the rest of its command line.
pub(super) enum Step<'w> {
    /// Runs the words from here on.
    Next(usize),
    /// Is the leaf, from this word on, under this name.
    Leaf(usize, String),
    /// Gives this word to a shell.
    Text(usize),
    /// Runs another script.
    Script(Nested),
    /// Runs several commands.
    Several(Vec<Started<'w>>),
    /// Runs programs that the script does not show.
    Opaque,
}

/// One of several commands that a program starts.
pub(super) struct Started<'w> {
    pub word: &'w Word,
    pub meaning: Meaning,
    pub role: LeafRole,
}

/// How a program understands a word that it runs.
pub(super) enum Meaning {
    Text,
    Script(Nested),
    /// The name of a script that does not exist.
    Unknown,
}

pub(super) struct CommandLine<'w> {
    pub words: &'w [Word],
    /// The word that names the next program.
    pub at: usize,
    pub scope: Scope,
    pub fixed: Option<RewriteError>,
    pub separator: Option<usize>,
    pub redirections: &'w [Range<usize>],
    /// The assignments among the arguments of wrappers.
    pub assigned: Vec<&'w Word>,
}

impl<'w> CommandLine<'w> {
    pub fn new(words: &'w [Word], redirections: &'w [Range<usize>], scope: Scope) -> Self {
        Self { words, at: 0, scope, fixed: None, separator: None, redirections, assigned: Vec::new() }
    }

    pub fn literal(&self, index: usize) -> Option<String> {
        self.words.get(index)?.literal()
    }

    pub fn is_flag(&self, index: usize) -> bool {
        self.words.get(index).is_some_and(|word| word.prefix().starts_with('-'))
    }

    /// The first word at or after `index` that is neither a flag nor the value of one of the `valued` flags, and
    /// whether `--` stands before it.
    pub fn after_flags(&self, mut index: usize, valued: &[&str]) -> (usize, bool) {
        while self.is_flag(index) {
            let flag = self.literal(index).unwrap_or_default();
            if flag == "--" {
                return (index + 1, true);
            }
            index += 1 + usize::from(valued.contains(&flag.as_str()) && self.has_value(index));
        }
        (index, false)
    }

    /// Whether the next word can be the value of the flag at `index`; `--` never is.
    pub fn has_value(&self, index: usize) -> bool {
        self.literal(index + 1).is_none_or(|next| next != "--")
    }

    /// From the word at hand to the last one.
    pub fn span(&self) -> Option<Range<usize>> {
        Some(self.words.get(self.at)?.span.start..self.words.last()?.span.end)
    }

    /// Whether the words of `span` cannot be replaced.
    pub fn is_fixed(&self, span: &Range<usize>) -> bool {
        self.fixed.is_some() || self.redirections.iter().any(|other| span.contains(&other.start))
    }

    /// The program before the one at `command` lets flags through only behind a `--`, which is missing.
    pub fn require_marker(&mut self, command: usize) {
        let is_plain = |word: &Word| word.literal().is_some_and(|text| !text.starts_with('-'));
        let rest = self.words.get(command..).unwrap_or_default();
        match rest.first() {
            Some(first) if rest.iter().all(is_plain) && self.separator.is_none() => {
                self.separator = Some(first.span.start);
            }
            Some(_) | None => self.fixed = Some(RewriteError::Swallowed),
        }
    }
}

/// The binary of a package that may have a version: `@angular/cli@22`.
pub(super) fn binary_of(package: &str, scripts: &dyn Scripts) -> String {
    let at = package.rfind('@').filter(|at| *at > 0).unwrap_or(package.len());
    let package = package.get(..at).unwrap_or(package);
    scripts.binary(package).unwrap_or_else(|| program_name(package))
}

/// The name of the program that a word runs, without the path and file ending of a binary.
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
