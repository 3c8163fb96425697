//! The command line of a simple command, read from left to right until its program is found.

use std::ops::Range;

use super::error::RewriteError;
use super::frame::Nested;
use super::leaf::{LeafRole, Scope, program_name};
use super::scripts::{OtherPackage, Scripts};
use super::word::Word;

/// How the current program uses the rest of its command line. The numbers are indices of words.
pub(super) enum Step {
    /// Runs the words from here on.
    Next(usize),
    /// Is the leaf, which starts at this word and has this name.
    Leaf(usize, String),
    /// Runs the word as a command text: `sh -c TEXT`.
    Text(usize),
    Script(Nested),
    /// Runs several commands, each given as one word.
    Several(Vec<StartedCommand>),
    /// Runs a script that does not exist.
    Unknown,
    /// Runs programs that the script does not show.
    Opaque,
}

pub(super) struct StartedCommand {
    pub word: usize,
    pub role: LeafRole,
    pub step: Step,
}

pub(super) struct CommandLine<'w> {
    pub words: &'w [Word],
    pub redirections: &'w [usize],
    pub scripts: &'w dyn Scripts,
    pub scope: Scope,
    /// The current program.
    pub at: usize,
    /// Why the rest of the command line cannot be changed.
    pub fixed: Option<RewriteError>,
    /// The assignments among the arguments of wrappers.
    pub assigned: Vec<&'w Word>,
}

impl CommandLine<'_> {
    pub fn literal(&self, index: usize) -> Option<String> {
        self.words.get(index)?.literal()
    }

    /// Whether a call from here by this name means a script: of this package, or of the one to which `cd` has led.
    pub fn has_script(&self, name: &str) -> bool {
        let directory = self.scope.directory.clone().filter(|_| self.scope.moved);
        let text = match directory {
            Some(dir) => self.scripts.text_in(&OtherPackage::Directory(dir), name),
            None => self.scripts.text(name),
        };
        text.is_some()
    }

    /// The flag at `index`, if there is one; empty if only the running shell knows all of it.
    pub fn flag(&self, index: usize) -> Option<String> {
        let word = self.words.get(index).filter(|word| word.is_flag())?;
        Some(word.literal().unwrap_or_default())
    }

    /// The first word from `index` on that is neither a flag nor the value of one of the `valued` flags, and
    /// whether `--` precedes it.
    pub fn after_flags(&self, mut index: usize, valued: &[&str]) -> (usize, bool) {
        while let Some(flag) = self.flag(index) {
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

    pub fn span(&self) -> Option<Range<usize>> {
        Some(self.words.get(self.at)?.span.start..self.words.last()?.span.end)
    }

    /// Notes that the current program, with its words before `next`, starts the rest.
    pub fn start_from(&mut self, next: usize) {
        let words = self.words.get(self.at..next).unwrap_or_default();
        if !words.is_empty() {
            self.scope.starters.push(words.to_vec());
        }
    }

    /// Whether the words of `span` cannot be replaced.
    pub fn is_fixed(&self, span: &Range<usize>) -> bool {
        self.fixed.is_some() || self.redirections.iter().any(|start| span.contains(start))
    }

    /// Notes that the program before the one at `command` passes flags on only after a `--`, which is missing.
    pub fn require_marker(&mut self, command: usize) {
        let is_plain = |word: &Word| word.literal().is_some_and(|text| !text.starts_with('-'));
        let rest = self.words.get(command..).unwrap_or_default();
        match rest.first() {
            Some(first) if rest.iter().all(is_plain) && self.scope.separator.is_none() => {
                self.scope.separator = Some(first.span.start);
            }
            Some(_) | None => self.fixed = Some(RewriteError::Swallowed),
        }
    }

    /// The leaf at `index`: the binary of a package that may have a version, as `@angular/cli@22` has.
    pub fn binary_of(&self, index: usize, package: &str) -> Step {
        let at = package.rfind('@').filter(|at| *at > 0).unwrap_or(package.len());
        let package = &package[..at];
        Step::Leaf(index, self.scripts.binary(package).unwrap_or_else(|| program_of(package)))
    }
}

/// The name of a package's program, by that of the package: `tailwindcss` for `@tailwindcss/cli`.
fn program_of(package: &str) -> String {
    program_name(&format!("node_modules/{package}"))
}
