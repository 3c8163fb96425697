//! From text to tokens, by the rules of POSIX `sh`.

use super::error::ParseError;
use super::word::{Part, Piece, Quoting, UNKNOWN, Word};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    Operator(&'static str),
    Newline,
    End,
}

/// The operators of POSIX, the longer ones first, as the first match counts.
const OPERATORS: [&str; 17] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&", "|", ";", "<", ">", "(", ")"];

/// Operators of bash that other shells read otherwise; `sh` may be either.
const DISPUTED: [&str; 6] = ["<<<", "&>", "|&", "<(", ">(", "(("];

/// Deeper than any script that a person wrote, and shallow enough for the smallest stack.
const MAX_DEPTH: usize = 48;

/// Finds the end of the command substitution whose commands start at byte `start`. The parser does that; it is
/// passed in so that the lexer does not depend on the parser.
pub(super) type SubstitutionEnd = fn(text: &str, start: usize, depth: usize) -> Result<usize, ParseError>;

/// A here-document whose text follows the line end.
pub(super) struct Heredoc {
    pub delimiter: String,
    pub strip_tabs: bool,
}

pub(super) struct Lexer<'t> {
    pub text: &'t str,
    pub position: usize,
    pub depth: usize,
    pub heredocs: Vec<Heredoc>,
    pub substitution_end: SubstitutionEnd,
}

impl<'t> Lexer<'t> {
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
            let is_complete = self.heredocs.is_empty();
            return if is_complete { Ok(Token::End) } else { Err(self.unclosed("here-document")) };
        };
        if character == '\n' {
            self.position += 1;
            self.read_heredocs()?;
            return Ok(Token::Newline);
        }
        if let Some(disputed) = DISPUTED.into_iter().find(|operator| self.rest().starts_with(operator)) {
            return Err(ParseError::unsupported(disputed, self.position));
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
        let mut pieces = Vec::new();
        while let Some(character) = self.peek() {
            let at = self.position;
            let is_pattern = match character {
                ' ' | '\t' | '\n' | '&' | '|' | ';' | '<' | '>' | '(' | ')' => break,
                '*' | '?' | '[' => true,
                '~' => at == start,
                '{' => self.is_brace_expansion(),
                _ => false,
            };
            if is_pattern {
                self.advance(character);
                let part = Part::Pattern(character.to_string());
                pieces.push(Piece { part, source: at..self.position, quoting: Quoting::Bare });
            } else {
                self.element(character, Quoting::Bare, &mut pieces)?;
            }
        }
        Ok(Word { pieces, span: start..self.position })
    }

    /// bash makes several words of `{a,b}` and `{1..3}`, other shells one.
    fn is_brace_expansion(&self) -> bool {
        let end = self.rest().find(|character: char| character.is_ascii_whitespace() || character == '}');
        let inside = end.and_then(|end| self.rest().get(..end)).unwrap_or_default();
        inside.contains(',') || inside.contains("..")
    }

    /// Reads one character, or the whole quotation or expansion that it opens.
    fn element(
        &mut self,
        character: char,
        quoting: Quoting,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), ParseError> {
        let at = self.position;
        match (character, quoting) {
            (UNKNOWN, _) => {
                self.position += 1;
                let part = Part::Expansion { splits: quoting == Quoting::Bare };
                pieces.push(Piece { part, source: at..self.position, quoting });
            }
            ('\'', Quoting::Bare) => self.quoted(Quoting::Single, pieces)?,
            ('"', Quoting::Bare | Quoting::Double) => self.quoted(Quoting::Double, pieces)?,
            ('\\', Quoting::Bare | Quoting::Double) => self.escaped(quoting, pieces),
            ('$' | '`', Quoting::Bare | Quoting::Double) => self.dollar(quoting, pieces)?,
            _ => {
                self.advance(character);
                push_verbatim(character, at, quoting, pieces);
            }
        }
        Ok(())
    }

    fn escaped(&mut self, quoting: Quoting, pieces: &mut Vec<Piece>) {
        let at = self.position;
        self.position += 1;
        match self.peek() {
            Some('\n') => self.position += 1,
            Some(character) if quoting == Quoting::Bare || "\"$`\\".contains(character) => {
                self.advance(character);
                pieces.push(Piece::literal(character, at..self.position, quoting));
            }
            Some(_) | None => push_verbatim('\\', at, quoting, pieces),
        }
    }

    fn quoted(&mut self, quoting: Quoting, pieces: &mut Vec<Piece>) -> Result<(), ParseError> {
        let (end, name) = if quoting == Quoting::Single { ('\'', "`'`") } else { ('"', "`\"`") };
        self.position += 1;
        let start = self.position;
        while let Some(character) = self.peek() {
            if character != end {
                self.element(character, quoting, pieces)?;
                continue;
            }
            if self.position == start {
                pieces.push(Piece::literal("", start..start, quoting));
            }
            self.position += 1;
            return Ok(());
        }
        Err(self.unclosed(name))
    }

    /// Reads a `$` or a backtick, and the expansion that it may begin.
    fn dollar(&mut self, quoting: Quoting, pieces: &mut Vec<Piece>) -> Result<(), ParseError> {
        let at = self.position;
        let arguments = self.rest().starts_with("$@") || self.rest().starts_with("${@");
        if self.skip_expansion(quoting)? {
            let part = Part::Expansion { splits: arguments || quoting == Quoting::Bare };
            pieces.push(Piece { part, source: at..self.position, quoting });
        } else {
            self.position += 1;
            push_verbatim('$', at, quoting, pieces);
        }
        Ok(())
    }

    /// Moves past an expansion; `false` if the `$` stands for itself.
    fn skip_expansion(&mut self, quoting: Quoting) -> Result<bool, ParseError> {
        let rest = self.rest();
        self.enter(self.position)?;
        let mut characters = rest.chars().skip(1);
        let mut is_expansion = true;
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
                return Err(ParseError::unsupported(&rest[..2], self.position));
            }
            (Some('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9'), _) => self.position += 2,
            (Some('a'..='z' | 'A'..='Z' | '_'), _) => {
                let end = rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
                self.position += 1 + end;
            }
            (Some(_) | None, _) => is_expansion = false,
        }
        self.leave();
        Ok(is_expansion)
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

    /// Moves past one character, or past the whole quotation or expansion that it opens. A backslash protects any
    /// character here, also within double quotes.
    fn skip_element(&mut self, character: char, quoting: Quoting) -> Result<(), ParseError> {
        let quoting = if character == '\\' { Quoting::Bare } else { quoting };
        self.element(character, quoting, &mut Vec::new())
    }
}

/// Adds a character that is written as itself, to the piece before it if that is adjacent and alike.
fn push_verbatim(character: char, at: usize, quoting: Quoting, pieces: &mut Vec<Piece>) {
    let end = at + character.len_utf8();
    if let Some(Piece { part: Part::Literal(text), source, quoting: last }) = pieces.last_mut()
        && *last == quoting
        && source.end == at
        && source.len() == text.len()
    {
        text.push(character);
        source.end = end;
    } else {
        pieces.push(Piece::literal(character, at..end, quoting));
    }
}
