//! From text to tokens, by the rules of POSIX `sh`.

use std::ops::Range;

use super::error::ParseError;
use super::word::{Part, Piece, Quoting, UNKNOWN, Word};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Newline,
    End,
}

/// The operators of POSIX. The longer ones come first, as the first match counts.
const OPERATORS: [&str; 17] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&", "|", ";", "<", ">", "(", ")"];

/// Operators of bash that other shells read otherwise; `sh` may be either.
const DISPUTED: [&str; 6] = ["<<<", "&>", "|&", "<(", ">(", "(("];

/// Deeper than any script that a person wrote, and shallow enough for the smallest stack.
const MAX_DEPTH: usize = 48;

/// Finds the end of the command substitution whose commands start at a byte of the text, at a nesting depth: the
/// parser's part, passed in so that the lexer need not know the parser.
pub(super) type SubstitutionEnd = fn(text: &str, start: usize, depth: usize) -> Result<usize, ParseError>;

struct Heredoc {
    delimiter: String,
    strip_tabs: bool,
}

pub(super) struct Lexer<'t> {
    pub text: &'t str,
    pub position: usize,
    depth: usize,
    heredocs: Vec<Heredoc>,
    substitution_end: SubstitutionEnd,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str, position: usize, depth: usize, substitution_end: SubstitutionEnd) -> Self {
        Self { text, position, depth, heredocs: Vec::new(), substitution_end }
    }

    /// Opens one more level of nesting; [`Lexer::leave`] closes it.
    pub fn enter(&mut self, at: usize) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(ParseError::TooDeep { at }) } else { Ok(()) }
    }

    pub fn leave(&mut self) {
        self.depth -= 1;
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn advance(&mut self, character: char) {
        self.position += character.len_utf8();
    }

    fn unclosed(&self, what: &'static str) -> ParseError {
        ParseError::Unclosed { what, at: self.position }
    }

    pub fn next(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks();
        let Some(character) = self.peek() else {
            return if self.heredocs.is_empty() {
                Ok(Token::End)
            } else {
                Err(self.unclosed("here-document"))
            };
        };
        if character == '\n' {
            self.position += 1;
            self.read_heredocs()?;
            return Ok(Token::Newline);
        }
        if let Some(disputed) = DISPUTED.into_iter().find(|operator| self.rest().starts_with(operator)) {
            return Err(ParseError::Unsupported { what: disputed.to_owned(), at: self.position });
        }
        if let Some(operator) = OPERATORS.into_iter().find(|operator| self.rest().starts_with(operator)) {
            self.position += operator.len();
            return Ok(Token::Operator(operator));
        }
        self.word().map(Token::Word)
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t']) {
                self.position += 1;
            } else if rest.starts_with("\\\n") {
                self.position += 2;
            } else if rest.starts_with('#') {
                self.position += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    pub fn expect_heredoc(&mut self, delimiter: String, strip_tabs: bool) {
        self.heredocs.push(Heredoc { delimiter, strip_tabs });
    }

    fn read_heredocs(&mut self) -> Result<(), ParseError> {
        for heredoc in std::mem::take(&mut self.heredocs) {
            loop {
                let rest = self.rest();
                if rest.is_empty() {
                    return Err(self.unclosed("here-document"));
                }
                let line = rest.split_inclusive('\n').next().unwrap_or_default();
                self.position += line.len();
                let line = line.strip_suffix('\n').unwrap_or(line);
                let line = if heredoc.strip_tabs { line.trim_start_matches('\t') } else { line };
                if line == heredoc.delimiter {
                    break;
                }
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Result<Word, ParseError> {
        let start = self.position;
        let mut pieces = Pieces::default();
        while let Some(character) = self.peek() {
            let at = self.position;
            match character {
                ' ' | '\t' | '\n' | '&' | '|' | ';' | '<' | '>' | '(' | ')' => break,
                '\'' => self.single_quoted(&mut pieces)?,
                '"' => self.double_quoted(&mut pieces)?,
                '\\' => self.escaped(&mut pieces),
                '$' | '`' => self.dollar(&mut pieces, Quoting::Bare)?,
                UNKNOWN => {
                    self.position += 1;
                    pieces.expansion(at..self.position, Quoting::Bare);
                }
                '*' | '?' | '[' => self.pattern(character, &mut pieces),
                '~' if at == start => self.pattern(character, &mut pieces),
                '{' if self.is_brace_expansion() => self.pattern(character, &mut pieces),
                _ => {
                    self.advance(character);
                    pieces.verbatim(character, at, Quoting::Bare);
                }
            }
        }
        Ok(Word { pieces: pieces.list, span: start..self.position })
    }

    /// bash makes several words of `{a,b}` and `{1..3}`, other shells one.
    fn is_brace_expansion(&self) -> bool {
        let end = self.rest().find(|character: char| character.is_ascii_whitespace() || character == '}');
        let inside = end.and_then(|end| self.rest().get(..end)).unwrap_or_default();
        inside.contains(',') || inside.contains("..")
    }

    fn pattern(&mut self, character: char, pieces: &mut Pieces) {
        let at = self.position;
        self.advance(character);
        let part = Part::Pattern(character.to_string());
        pieces.list.push(Piece { part, source: at..self.position, quoting: Quoting::Bare });
    }

    fn escaped(&mut self, pieces: &mut Pieces) {
        let at = self.position;
        self.position += 1;
        match self.peek() {
            Some('\n') => self.position += 1,
            Some(character) => {
                self.advance(character);
                pieces.encoded(character, at..self.position, Quoting::Bare);
            }
            None => pieces.verbatim('\\', at, Quoting::Bare),
        }
    }

    fn single_quoted(&mut self, pieces: &mut Pieces) -> Result<(), ParseError> {
        self.position += 1;
        let start = self.position;
        while let Some(character) = self.peek() {
            let at = self.position;
            self.advance(character);
            match character {
                '\'' if at == start => {
                    pieces.empty(at, Quoting::Single);
                    return Ok(());
                }
                '\'' => return Ok(()),
                UNKNOWN => pieces.expansion(at..self.position, Quoting::Single),
                _ => pieces.verbatim(character, at, Quoting::Single),
            }
        }
        Err(self.unclosed("`'`"))
    }

    fn double_quoted(&mut self, pieces: &mut Pieces) -> Result<(), ParseError> {
        self.position += 1;
        let start = self.position;
        while let Some(character) = self.peek() {
            let at = self.position;
            match character {
                '"' => {
                    if at == start {
                        pieces.empty(at, Quoting::Double);
                    }
                    self.position += 1;
                    return Ok(());
                }
                '$' | '`' => self.dollar(pieces, Quoting::Double)?,
                '\\' => self.escaped_in_quotes(pieces),
                UNKNOWN => {
                    self.position += 1;
                    pieces.expansion(at..self.position, Quoting::Double);
                }
                _ => {
                    self.advance(character);
                    pieces.verbatim(character, at, Quoting::Double);
                }
            }
        }
        Err(self.unclosed("`\"`"))
    }

    fn escaped_in_quotes(&mut self, pieces: &mut Pieces) {
        let at = self.position;
        self.position += 1;
        match self.peek() {
            Some('\n') => self.position += 1,
            Some(character @ ('"' | '$' | '`' | '\\')) => {
                self.position += 1;
                pieces.encoded(character, at..self.position, Quoting::Double);
            }
            Some(_) | None => pieces.verbatim('\\', at, Quoting::Double),
        }
    }

    /// A `$` or a backtick, and the expansion that it may begin.
    fn dollar(&mut self, pieces: &mut Pieces, quoting: Quoting) -> Result<(), ParseError> {
        let at = self.position;
        let arguments = self.rest().starts_with("$@") || self.rest().starts_with("${@");
        if self.skip_expansion(quoting)? {
            let part = Part::Expansion { splits: arguments || quoting == Quoting::Bare };
            pieces.list.push(Piece { part, source: at..self.position, quoting });
        } else {
            self.position += 1;
            pieces.verbatim('$', at, quoting);
        }
        Ok(())
    }

    /// Moves past an expansion; `false` if the `$` stands for itself.
    fn skip_expansion(&mut self, quoting: Quoting) -> Result<bool, ParseError> {
        let rest = self.rest();
        self.enter(self.position)?;
        let mut characters = rest.chars().skip(1);
        match (characters.next(), characters.next()) {
            _ if rest.starts_with('`') => self.skip_backticks()?,
            (Some('('), Some('(')) => {
                self.position += 1;
                self.skip_parentheses()?;
            }
            (Some('('), _) => {
                self.position = (self.substitution_end)(self.text, self.position + 2, self.depth)?;
            }
            (Some('{'), _) => {
                self.position += 2;
                self.skip_braces(quoting)?;
            }
            (Some('\'' | '"'), _) if quoting == Quoting::Bare => {
                return Err(ParseError::Unsupported {
                    what: rest.chars().take(2).collect(),
                    at: self.position,
                });
            }
            (Some('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9'), _) => self.position += 2,
            (Some('a'..='z' | 'A'..='Z' | '_'), _) => {
                let end = rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
                self.position += 1 + end;
            }
            (Some(_) | None, _) => {
                self.leave();
                return Ok(false);
            }
        }
        self.leave();
        Ok(true)
    }

    fn skip_backticks(&mut self) -> Result<(), ParseError> {
        self.position += 1;
        while let Some(character) = self.peek() {
            self.advance(character);
            match character {
                '`' => return Ok(()),
                '\\' => {
                    if let Some(escaped) = self.peek() {
                        self.advance(escaped);
                    }
                }
                _ => {}
            }
        }
        Err(self.unclosed("`` ` ``"))
    }

    /// Arithmetic, from its first parenthesis to the one that closes it.
    fn skip_parentheses(&mut self) -> Result<(), ParseError> {
        let mut open = 0_usize;
        while let Some(character) = self.peek() {
            match character {
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                _ => {}
            }
            self.skip_element(character, Quoting::Bare)?;
            if open == 0 {
                return Ok(());
            }
        }
        Err(self.unclosed("`$((`"))
    }

    fn skip_braces(&mut self, quoting: Quoting) -> Result<(), ParseError> {
        while let Some(character) = self.peek() {
            self.skip_element(character, quoting)?;
            if character == '}' {
                return Ok(());
            }
        }
        Err(self.unclosed("`${`"))
    }

    /// Moves past one character, or past the whole quotation or expansion that it opens.
    fn skip_element(&mut self, character: char, quoting: Quoting) -> Result<(), ParseError> {
        let mut ignored = Pieces::default();
        match character {
            '\\' => self.escaped(&mut ignored),
            '\'' if quoting == Quoting::Bare => self.single_quoted(&mut ignored)?,
            '"' => self.double_quoted(&mut ignored)?,
            '$' | '`' => self.dollar(&mut ignored, quoting)?,
            _ => self.advance(character),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Pieces {
    list: Vec<Piece>,
}

impl Pieces {
    /// A character that is written as itself, joined to an adjacent one before it.
    fn verbatim(&mut self, character: char, at: usize, quoting: Quoting) {
        let end = at + character.len_utf8();
        if let Some(Piece { part: Part::Literal(text), source, quoting: last }) = self.list.last_mut()
            && *last == quoting
            && source.end == at
            && source.len() == text.len()
        {
            text.push(character);
            source.end = end;
            return;
        }
        self.encoded(character, at..end, quoting);
    }

    fn encoded(&mut self, character: char, source: Range<usize>, quoting: Quoting) {
        self.list.push(Piece { part: Part::Literal(character.to_string()), source, quoting });
    }

    fn empty(&mut self, at: usize, quoting: Quoting) {
        self.list.push(Piece { part: Part::Literal(String::new()), source: at..at, quoting });
    }

    fn expansion(&mut self, source: Range<usize>, quoting: Quoting) {
        let part = Part::Expansion { splits: quoting == Quoting::Bare };
        self.list.push(Piece { part, source, quoting });
    }
}
