//! Puts another port in place of one that a command names.

use super::edit::Rewrite;
use super::error::RewriteError;
use super::leaf::{Kind, Leaf};
use super::scripts::PackageManager;
use super::word::{Splice, Word};

/// A word that reaches a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The program's own word of this index.
    Word(usize),
    /// The assignment of this index among those that reach it.
    Assignment(usize),
}

impl Leaf {
    /// The words of the command and the assignments that reach it, each with its text. A `NUL` stands for what only the
    /// running shell knows.
    pub fn parts(&self) -> impl Iterator<Item = (Part, String)> {
        let text = |word: &Word| word.quoted_text().text;
        let words = self.words.iter().enumerate().map(move |(index, word)| (Part::Word(index), text(word)));
        let assignments = self.scope.assignments.iter().enumerate();
        words.chain(assignments.map(move |(index, own)| (Part::Assignment(index), text(&own.word))))
    }

    /// What an assignment is known by, the same for all leaves that it reaches.
    pub fn assignment_id(&self, index: usize) -> Option<usize> {
        self.scope.assignments.get(index).map(|assignment| assignment.id)
    }

    /// The script with `new` in place of the bytes of `range` in the text of a part.
    pub fn replace(
        &self,
        (part, range): (Part, std::ops::Range<usize>),
        new: &str,
        shells: &[PackageManager],
    ) -> Result<Rewrite, RewriteError> {
        if self.kind == Kind::Builtin && matches!(part, Part::Word(_)) {
            return Err(RewriteError::Builtin);
        }
        let (word, place) = match part {
            Part::Word(index) => (self.words.get(index), self.scope.place()),
            Part::Assignment(index) => {
                let assignment = self.scope.assignments.get(index).ok_or(RewriteError::Opaque)?;
                (Some(&assignment.word), assignment.place)
            }
        };
        let quoted = word.ok_or(RewriteError::Opaque)?.quoted_text();
        let splice = Splice { range, text: new.to_owned() };
        let mut splices = self.no_splices();
        self.push(&mut splices, place, quoted.outer_splice(&splice).ok_or(RewriteError::Quoting)?)?;
        self.finish(splices, shells)
    }
}
