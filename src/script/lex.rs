//! From text to tokens, by the rules of POSIX `sh`.

use std::ops::Range;

use super::Error;
use super::parse;
use super::word::{Part, Piece, Quoting, UNKNOWN, Word};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// An operator: `&&`, `;`, `>>`, `(`.
    Operator(&'static str),
    Newline,
    End,
}

/// The operators of POSIX, the longest first, so that the first that fits is the one meant.
const OPERATORS: [&str; 16] =
    ["<<-", "&&", "||", ";;", "<<", ">>", "<&", ">&", "<>", ">|", "&", "|", ";", "<", ">", "("];

/// What bash reads differently from other shells, and `sh` may be either.
const DISPUTED: [&str; 6] = ["<<<", "&>", "|&", "<(", ">(", "(("];

struct Heredoc {
    delimiter: String,
    strip_tabs: bool,
}

pub(super) struct Lexer<'t> {
    pub text: &'t str,
    pub position: usize,
    pub depth: usize,
    heredocs: Vec<Heredoc>,
}

impl<'t> Lexer<'t> {
    pub fn new(text: &'t str, position: usize, depth: usize) -> Self {
        Self { text, position, depth, heredocs: Vec::new() }
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

    fn unclosed(&self, what: &'static str) -> Error {
        Error::Unclosed { what, at: self.position }
    }

    pub fn next(&mut self) -> Result<Token, Error> {
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
            return Err(Error::Unsupported { what: disputed.to_owned(), at: self.position });
        }
        if character == ')' {
            self.position += 1;
            return Ok(Token::Operator(")"));
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

    fn read_heredocs(&mut self) -> Result<(), Error> {
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

    fn word(&mut self) -> Result<Word, Error> {
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

    /// `{a,b}` and `{1..3}` are two words to bash and one to other shells.
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

    fn single_quoted(&mut self, pieces: &mut Pieces) -> Result<(), Error> {
        self.position += 1;
        let mut empty = true;
        while let Some(character) = self.peek() {
            let at = self.position;
            self.advance(character);
            match character {
                '\'' => {
                    if empty {
                        pieces.empty(at, Quoting::Single);
                    }
                    return Ok(());
                }
                UNKNOWN => pieces.expansion(at..self.position, Quoting::Single),
                _ => pieces.verbatim(character, at, Quoting::Single),
            }
            empty = false;
        }
        Err(self.unclosed("`'`"))
    }

    fn double_quoted(&mut self, pieces: &mut Pieces) -> Result<(), Error> {
        self.position += 1;
        let mut empty = true;
        while let Some(character) = self.peek() {
            let at = self.position;
            match character {
                '"' => {
                    if empty {
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
            empty = false;
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

    /// A `$` or a backtick, and all that belongs to it.
    fn dollar(&mut self, pieces: &mut Pieces, quoting: Quoting) -> Result<(), Error> {
        let at = self.position;
        if self.skip_expansion(quoting)? {
            pieces.expansion(at..self.position, quoting);
        } else {
            self.position += 1;
            pieces.verbatim('$', at, quoting);
        }
        Ok(())
    }

    /// Moves past an expansion; `false` if the `$` stands for itself.
    fn skip_expansion(&mut self, quoting: Quoting) -> Result<bool, Error> {
        self.deeper(|lexer| {
            let rest = lexer.rest();
            if rest.starts_with('`') {
                return lexer.skip_backticks();
            }
            if rest.starts_with("$((") {
                lexer.position += 1;
                return lexer.skip_parentheses();
            }
            if rest.starts_with("$(") {
                lexer.position = parse::substitution_end(lexer.text, lexer.position + 2, lexer.depth)?;
                return Ok(true);
            }
            if rest.starts_with("${") {
                lexer.position += 2;
                return lexer.skip_braces(quoting);
            }
            let next = rest.chars().nth(1);
            match next {
                Some('\'' | '"') if quoting == Quoting::Bare => {
                    Err(Error::Unsupported { what: rest.chars().take(2).collect(), at: lexer.position })
                }
                Some('@' | '*' | '#' | '?' | '-' | '$' | '!' | '0'..='9') => {
                    lexer.position += 2;
                    Ok(true)
                }
                Some('a'..='z' | 'A'..='Z' | '_') => {
                    let name = rest.get(1..).unwrap_or_default();
                    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                    lexer.position += 1 + end.unwrap_or(name.len());
                    Ok(true)
                }
                Some(_) | None => Ok(false),
            }
        })
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        self.depth += 1;
        parse::check_depth(self.depth, self.position)?;
        let result = work(self);
        self.depth -= 1;
        result
    }

    fn skip_backticks(&mut self) -> Result<bool, Error> {
        self.position += 1;
        while let Some(character) = self.peek() {
            self.advance(character);
            match character {
                '`' => return Ok(true),
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
    fn skip_parentheses(&mut self) -> Result<bool, Error> {
        let mut open = 0_usize;
        while let Some(character) = self.peek() {
            match character {
                '(' => open += 1,
                ')' => open = open.saturating_sub(1),
                _ => {}
            }
            self.skip_element(character, Quoting::Bare)?;
            if open == 0 {
                return Ok(true);
            }
        }
        Err(self.unclosed("`$((`"))
    }

    fn skip_braces(&mut self, quoting: Quoting) -> Result<bool, Error> {
        while let Some(character) = self.peek() {
            self.skip_element(character, quoting)?;
            if character == '}' {
                return Ok(true);
            }
        }
        Err(self.unclosed("`${`"))
    }

    /// Moves past one character, or past the whole quotation or expansion that it opens.
    fn skip_element(&mut self, character: char, quoting: Quoting) -> Result<(), Error> {
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
    /// A character that is written as itself; joined to the one before where nothing lies between them.
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
        self.list.push(Piece { part: Part::Expansion, source, quoting });
    }
}
