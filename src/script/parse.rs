//! From tokens to commands: as much of the grammar of POSIX `sh` as it takes to find simple commands.

use std::ops::Range;

use super::error::ParseError;
use super::lex::{Lexer, Token};
use super::syntax::{Command, Item, List, Pipeline, Simple};
use super::word::{Quoting, Word};

pub(super) fn parse(text: &str) -> Result<List, ParseError> {
    let mut parser = Parser::new(text, 0, 0)?;
    let list = parser.list()?;
    if parser.token == Token::End { Ok(list) } else { Err(parser.unexpected()) }
}

/// The position after the `)` that closes the command substitution whose commands start at `start`.
fn substitution_end(text: &str, start: usize, depth: usize) -> Result<usize, ParseError> {
    let mut parser = Parser::new(text, start, depth)?;
    parser.list()?;
    if parser.token == Token::Operator(")") {
        Ok(parser.lexer.position)
    } else {
        Err(ParseError::Unclosed { what: "`$(`", at: start })
    }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token,
    start: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, position: usize, depth: usize) -> Result<Self, ParseError> {
        let mut lexer = Lexer::new(text, position, depth, substitution_end);
        let token = lexer.next()?;
        Ok(Self { lexer, token, start: position })
    }

    fn advance(&mut self) -> Result<Token, ParseError> {
        self.start = self.lexer.position;
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn unexpected(&self) -> ParseError {
        match &self.token {
            Token::Word(word) => ParseError::Unexpected {
                what: self.lexer.text.get(word.span()).unwrap_or_default().to_owned(),
                at: word.span.start,
            },
            Token::Operator(operator) => {
                ParseError::Unexpected { what: (*operator).to_owned(), at: self.start }
            }
            Token::Newline => ParseError::Unexpected { what: "line end".to_owned(), at: self.start },
            Token::End => ParseError::Unclosed { what: "command", at: self.lexer.position },
        }
    }

    fn keyword(&self) -> Option<&str> {
        let Token::Word(word) = &self.token else { return None };
        word.bare()
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<(), ParseError> {
        if self.keyword() != Some(keyword) {
            return Err(self.unexpected());
        }
        self.advance().map(drop)
    }

    fn expect_operator(&mut self, operator: &'static str) -> Result<(), ParseError> {
        if self.token != Token::Operator(operator) {
            return Err(self.unexpected());
        }
        self.advance().map(drop)
    }

    fn skip_newlines(&mut self) -> Result<(), ParseError> {
        while self.token == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    fn ends_list(&self) -> bool {
        match &self.token {
            Token::End | Token::Operator(")" | ";;") => true,
            Token::Operator(_) | Token::Newline => false,
            Token::Word(word) => {
                matches!(word.bare(), Some("then" | "else" | "elif" | "fi" | "do" | "done" | "esac" | "}"))
            }
        }
    }

    fn list(&mut self) -> Result<List, ParseError> {
        self.lexer.enter(self.start)?;
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.ends_list() {
                break;
            }
            let pipelines = self.pipelines()?;
            let background = self.token == Token::Operator("&");
            items.push(Item { pipelines, background });
            if !background && !matches!(self.token, Token::Operator(";") | Token::Newline) {
                break;
            }
            self.advance()?;
        }
        self.lexer.leave();
        Ok(List { items })
    }

    /// A list that may not be empty.
    fn body(&mut self) -> Result<List, ParseError> {
        let list = self.list()?;
        if list.items.is_empty() { Err(self.unexpected()) } else { Ok(list) }
    }

    fn pipelines(&mut self) -> Result<Vec<Pipeline>, ParseError> {
        let mut pipelines = vec![self.pipeline(false)?];
        while let Token::Operator(operator @ ("&&" | "||")) = self.token {
            self.advance()?;
            self.skip_newlines()?;
            pipelines.push(self.pipeline(operator == "||")?);
        }
        Ok(pipelines)
    }

    fn pipeline(&mut self, is_alternative: bool) -> Result<Pipeline, ParseError> {
        while self.keyword() == Some("!") {
            self.advance()?;
        }
        let mut commands = vec![self.command()?];
        while self.token == Token::Operator("|") {
            self.advance()?;
            self.skip_newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { is_alternative, commands })
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        if self.ends_list() {
            return Err(self.unexpected());
        }
        let command = if self.token == Token::Operator("(") {
            self.advance()?;
            let list = self.body()?;
            self.expect_operator(")")?;
            Command::Subshell(list)
        } else {
            match self.keyword() {
                Some("{") => {
                    self.advance()?;
                    let list = self.body()?;
                    self.expect_keyword("}")?;
                    Command::Group(list)
                }
                Some("if") => Command::Compound(self.conditional()?),
                Some("while" | "until") => {
                    self.advance()?;
                    let condition = self.body()?;
                    Command::Compound(vec![condition, self.loop_body()?])
                }
                Some("for") => Command::Compound(vec![self.for_loop()?]),
                Some("case") => Command::Compound(self.case()?),
                Some("in") => return Err(self.unexpected()),
                Some(word @ ("function" | "select" | "coproc")) => {
                    return Err(ParseError::Unsupported { what: word.to_owned(), at: self.start });
                }
                Some(_) | None => return self.simple().map(Command::Simple),
            }
        };
        while self.redirection()?.is_some() {}
        Ok(command)
    }

    /// From `if` to `fi`.
    fn conditional(&mut self) -> Result<Vec<List>, ParseError> {
        let mut lists = Vec::new();
        loop {
            self.advance()?;
            lists.push(self.body()?);
            self.expect_keyword("then")?;
            lists.push(self.body()?);
            if self.keyword() != Some("elif") {
                break;
            }
        }
        if self.keyword() == Some("else") {
            self.advance()?;
            lists.push(self.body()?);
        }
        self.expect_keyword("fi")?;
        Ok(lists)
    }

    fn loop_body(&mut self) -> Result<List, ParseError> {
        self.expect_keyword("do")?;
        let list = self.body()?;
        self.expect_keyword("done")?;
        Ok(list)
    }

    fn for_loop(&mut self) -> Result<List, ParseError> {
        self.advance()?;
        self.take_word()?;
        self.skip_newlines()?;
        if self.keyword() == Some("in") {
            self.advance()?;
            while matches!(self.token, Token::Word(_)) {
                self.advance()?;
            }
        }
        if self.token == Token::Operator(";") {
            self.advance()?;
        }
        self.skip_newlines()?;
        self.loop_body()
    }

    fn case(&mut self) -> Result<Vec<List>, ParseError> {
        self.advance()?;
        self.take_word()?;
        self.skip_newlines()?;
        self.expect_keyword("in")?;
        let mut lists = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.keyword() == Some("esac") {
                self.advance()?;
                return Ok(lists);
            }
            if self.token == Token::Operator("(") {
                self.advance()?;
            }
            self.take_word()?;
            while self.token == Token::Operator("|") {
                self.advance()?;
                self.take_word()?;
            }
            self.expect_operator(")")?;
            lists.push(self.list()?);
            if self.token == Token::Operator(";;") {
                self.advance()?;
            } else if self.keyword() != Some("esac") {
                return Err(self.unexpected());
            }
        }
    }

    fn take_word(&mut self) -> Result<Word, ParseError> {
        let Token::Word(word) = &self.token else { return Err(self.unexpected()) };
        let word = word.clone();
        self.advance()?;
        Ok(word)
    }

    fn simple(&mut self) -> Result<Simple, ParseError> {
        let mut simple = Simple::default();
        loop {
            if let Some(redirection) = self.redirection()? {
                simple.redirections.push(redirection);
                continue;
            }
            let Token::Word(_) = self.token else { break };
            let word = self.take_word()?;
            if simple.words.is_empty() && assigned_name(&word).is_some() {
                simple.assignments.push(word);
            } else {
                simple.words.push(word);
            }
        }
        if self.token == Token::Operator("(") {
            return Err(ParseError::Unsupported { what: "function definition".to_owned(), at: self.start });
        }
        // Within `[[ … ]]`, bash reads `&&` as part of the test, other shells as the end of a command.
        let opens_test = simple.words.first().and_then(Word::pattern).as_deref() == Some("[[");
        if opens_test && simple.words.last().and_then(Word::bare) != Some("]]") {
            return Err(ParseError::Unsupported { what: "[[".to_owned(), at: self.start });
        }
        let empty =
            simple.words.is_empty() && simple.assignments.is_empty() && simple.redirections.is_empty();
        if empty { Err(self.unexpected()) } else { Ok(simple) }
    }

    fn redirection(&mut self) -> Result<Option<Range<usize>>, ParseError> {
        let start = match &self.token {
            Token::Operator(sign @ ("<" | ">" | ">>" | "<&" | ">&" | "<>" | ">|" | "<<" | "<<-")) => {
                self.lexer.position - sign.len()
            }
            Token::Word(word) if self.is_descriptor(word) => {
                let start = word.span.start;
                self.advance()?;
                start
            }
            Token::Word(_) | Token::Operator(_) | Token::Newline | Token::End => return Ok(None),
        };
        let target = self.redirection_target()?;
        Ok(Some(start..target.span.end))
    }

    /// The word after a redirection operator. The lexer must know of a here-document before it reads the token
    /// after the delimiter: that may be the line end that the document follows.
    fn redirection_target(&mut self) -> Result<Word, ParseError> {
        let Token::Word(target) = self.lexer.next()? else {
            return Err(self.unexpected());
        };
        if let Token::Operator(operator @ ("<<" | "<<-")) = self.token {
            let delimiter = target.pattern().ok_or_else(|| ParseError::Unsupported {
                what: "here-document delimiter with an expansion".to_owned(),
                at: target.span.start,
            })?;
            self.lexer.expect_heredoc(delimiter, operator == "<<-");
        }
        self.advance()?;
        Ok(target)
    }

    fn is_descriptor(&self, word: &Word) -> bool {
        let digits = word.bare().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits && self.lexer.text.get(word.span.end..).is_some_and(|rest| rest.starts_with(['<', '>']))
    }
}

/// The name in a word of the form `NAME=value` whose name and `=` are unquoted.
fn assigned_name(word: &Word) -> Option<String> {
    let prefix = word.prefix();
    let (name, _) = prefix.split_once('=')?;
    let written = word.pieces.first()?.source.len();
    let unquoted = word.pieces.first()?.quoting == Quoting::Bare && written > name.len();
    (unquoted && is_name(name)).then(|| name.to_owned())
}

/// Whether `text` is a valid name of a shell variable.
pub(super) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}
