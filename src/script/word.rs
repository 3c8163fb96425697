//! Words as the shell sees them, with a map from their value back to their source.

use std::ops::Range;

/// Represents a value that only the outer shell knows: `sh -c "vite --port $PORT"` runs `vite --port \0`.
pub(super) const UNKNOWN: char = '\0';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quoting {
    Bare,
    Single,
    Double,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    /// This text, unless files match it or the shell expands braces or a tilde.
    Pattern(String),
    /// A parameter, a command's output or arithmetic. `splits` if it may become several words, or none.
    Expansion {
        splits: bool,
    },
}

impl Part {
    fn literal(&self) -> Option<&str> {
        if let Self::Literal(text) = self { Some(text) } else { None }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Literal(text) | Self::Pattern(text) => Some(text),
            Self::Expansion { .. } => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub part: Part,
    pub source: Range<usize>,
    pub quoting: Quoting,
}

impl Piece {
    pub fn literal(text: impl Into<String>, source: Range<usize>, quoting: Quoting) -> Self {
        Self { part: Part::Literal(text.into()), source, quoting }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub(super) pieces: Vec<Piece>,
    /// The bytes that the word covers in its text, quotes included.
    pub span: Range<usize>,
}

impl Word {
    /// The argument that the program gets, or `None` where that depends on variables, commands or files.
    pub fn literal(&self) -> Option<String> {
        self.pieces.iter().map(|piece| piece.part.literal()).collect()
    }

    /// The literal start of the word: `--port=` of `--port=$PORT`.
    pub fn prefix(&self) -> String {
        self.pieces.iter().map_while(|piece| piece.part.literal()).collect()
    }

    /// Whether it is `--`, after which there are no flags.
    pub(super) fn is_marker(&self) -> bool {
        self.literal().as_deref() == Some("--")
    }

    pub(super) fn is_flag(&self) -> bool {
        self.prefix().starts_with('-')
    }

    /// The name in a word of the form `NAME=value`.
    pub(super) fn assigned_name(&self) -> Option<String> {
        let prefix = self.prefix();
        let (name, _) = prefix.split_once('=')?;
        let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
        let is_name = starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then(|| name.to_owned())
    }

    /// The word with its patterns as written, as the program gets it if no file matches.
    pub fn pattern(&self) -> Option<String> {
        self.pieces.iter().map(|piece| piece.part.text()).collect()
    }

    /// Whether the word may expand to no word, or to several, flags among them.
    pub(super) fn may_vanish(&self) -> bool {
        let splits = |piece: &Piece| piece.part == Part::Expansion { splits: true };
        self.prefix().is_empty() && self.pieces.iter().any(splits)
    }

    /// The text of a word without any quoting, as reserved words must be written.
    pub(super) fn bare(&self) -> Option<&str> {
        let [Piece { part: Part::Literal(text), quoting: Quoting::Bare, source }] = &self.pieces[..] else {
            return None;
        };
        (source.len() == text.len()).then_some(text)
    }

    /// The source after the first `offset` bytes of the literal prefix; `None` if that boundary is quoted.
    pub(super) fn after(&self, offset: usize) -> Option<Range<usize>> {
        let mut seen = 0;
        for piece in &self.pieces {
            let text = piece.part.literal()?;
            if seen + text.len() < offset {
                seen += text.len();
                continue;
            }
            let verbatim = piece.quoting == Quoting::Bare && piece.source.len() == text.len();
            return verbatim.then(|| piece.source.start + (offset - seen)..self.span.end);
        }
        None
    }

    /// The word's value as a text of its own, for programs that run it as a command.
    pub(super) fn quoted_text(&self) -> QuotedText {
        let mut quoted = QuotedText { text: String::new(), runs: Vec::new() };
        for piece in &self.pieces {
            let start = quoted.text.len();
            match piece.part.text() {
                Some(text) => quoted.text.push_str(text),
                None => quoted.text.push(UNKNOWN),
            }
            let inner = start..quoted.text.len();
            quoted.runs.push(Run { inner, outer: piece.source.clone(), quoting: piece.quoting });
        }
        quoted
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Splice {
    pub range: Range<usize>,
    pub text: String,
}

impl Splice {
    pub fn insert(at: usize, text: impl Into<String>) -> Self {
        Self { range: at..at, text: text.into() }
    }

    /// Adds a space if digits would end up right before `<` or `>`, where they would be a file descriptor.
    pub fn kept_apart(mut self, text: &str) -> Self {
        let rest = text.get(self.range.end..).unwrap_or_default();
        if rest.starts_with(['<', '>']) && self.text.ends_with(|last: char| last.is_ascii_digit()) {
            self.text.push(' ');
        }
        self
    }
}

/// A command text that is written as a word of another text: the argument of `sh -c`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QuotedText {
    pub text: String,
    runs: Vec<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    inner: Range<usize>,
    outer: Range<usize>,
    quoting: Quoting,
}

impl Run {
    fn boundary(&self, at: usize) -> Option<usize> {
        if at == self.inner.end {
            Some(self.outer.end)
        } else if at == self.inner.start {
            Some(self.outer.start)
        } else {
            (self.inner.len() == self.outer.len()).then(|| self.outer.start + (at - self.inner.start))
        }
    }
}

impl QuotedText {
    /// The splice of the outer text that makes this one; `None` if quotes open or close within it.
    pub fn outer_splice(&self, splice: &Splice) -> Option<Splice> {
        let Range { start, end } = splice.range;
        let touched: Vec<&Run> = if start == end {
            let before = self.runs.iter().find(|run| run.inner.start < start && start <= run.inner.end);
            before.or_else(|| self.runs.iter().find(|run| run.inner.start == start)).into_iter().collect()
        } else {
            self.runs.iter().filter(|run| run.inner.start < end && start < run.inner.end).collect()
        };
        let (first, last) = (touched.first()?, touched.last()?);
        let joined =
            |pair: &[&Run]| pair[0].outer.end == pair[1].outer.start && pair[0].quoting == pair[1].quoting;
        touched.windows(2).all(joined).then_some(())?;
        let range = first.boundary(start)?..last.boundary(end)?;
        Some(Splice { range, text: requote(&splice.text, first.quoting)? })
    }
}

/// `text` as it must be written within `quoting`.
fn requote(text: &str, quoting: Quoting) -> Option<String> {
    let is_special: fn(char) -> bool = match quoting {
        Quoting::Single => return Some(text.replace('\'', r"'\''")),
        Quoting::Double => |character| matches!(character, '"' | '$' | '`' | '\\'),
        Quoting::Bare if text.contains('\n') => return None,
        Quoting::Bare => |character| !character.is_alphanumeric() && !"_-./:=@%+,".contains(character),
    };
    let escaped = |character| is_special(character).then_some('\\').into_iter().chain([character]);
    Some(text.chars().flat_map(escaped).collect())
}

/// Applies splices that do not overlap, from the last to the first, so that earlier positions stay valid.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut result = text.to_owned();
    for Splice { range, text } in splices.into_iter().rev() {
        result.replace_range(range, &text);
    }
    result
}
