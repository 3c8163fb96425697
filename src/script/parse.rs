//! From tokens to commands: as much of the grammar of POSIX `sh` as it takes to find simple commands.

use super::error::ParseError;
use super::lex::{Heredoc, Lexer, Token};
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
        let mut lexer = Lexer { text, position, depth, heredocs: Vec::new(), substitution_end };
        let token = lexer.next()?;
        Ok(Self { lexer, token, start: position })
    }

    fn advance(&mut self) -> Result<(), ParseError> {
        self.start = self.lexer.position;
        self.token = self.lexer.next()?;
        Ok(())
    }

    fn unexpected(&self) -> ParseError {
        let (what, at) = match &self.token {
            Token::Word(word) => {
                (self.lexer.text.get(word.span.clone()).unwrap_or_default(), word.span.start)
            }
            Token::Operator(operator) => (*operator, self.start),
            Token::Newline => ("line end", self.start),
            Token::End => return ParseError::Unclosed { what: "command", at: self.lexer.position },
        };
        ParseError::Unexpected { what: what.to_owned(), at }
    }

    fn keyword(&self) -> Option<&str> {
        let Token::Word(word) = &self.token else { return None };
        word.bare()
    }

    /// Moves past `text` if it is the next operator or keyword.
    fn accept(&mut self, text: &str) -> Result<bool, ParseError> {
        let is_next =
            self.keyword() == Some(text) || matches!(self.token, Token::Operator(next) if next == text);
        if is_next {
            self.advance()?;
        }
        Ok(is_next)
    }

    fn expect(&mut self, text: &str) -> Result<(), ParseError> {
        if self.accept(text)? { Ok(()) } else { Err(self.unexpected()) }
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
        Ok(items)
    }

    fn body(&mut self) -> Result<List, ParseError> {
        let list = self.list()?;
        if list.is_empty() { Err(self.unexpected()) } else { Ok(list) }
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
        while self.accept("!")? {}
        let mut commands = vec![self.command()?];
        while self.accept("|")? {
            self.skip_newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { is_alternative, commands })
    }

    fn command(&mut self) -> Result<Command, ParseError> {
        if self.ends_list() {
            return Err(self.unexpected());
        }
        let command = if self.accept("(")? {
            let list = self.body()?;
            self.expect(")")?;
            Command::Subshell(list)
        } else if self.accept("{")? {
            let list = self.body()?;
            self.expect("}")?;
            Command::Group(list)
        } else {
            match self.keyword() {
                Some("if") => Command::Compound(self.conditional()?),
                Some("while" | "until") => {
                    self.advance()?;
                    Command::Compound(vec![self.body()?, self.loop_body()?])
                }
                Some("for") => Command::Compound(vec![self.for_loop()?]),
                Some("case") => Command::Compound(self.case()?),
                Some("in") => return Err(self.unexpected()),
                Some(word @ ("function" | "select" | "coproc")) => {
                    return Err(ParseError::unsupported(word, self.start));
                }
                Some(_) | None => return self.simple().map(Command::Simple),
            }
        };
        while self.redirection()?.is_some() {}
        Ok(command)
    }

    fn conditional(&mut self) -> Result<Vec<List>, ParseError> {
        let mut lists = Vec::new();
        loop {
            self.advance()?;
            lists.push(self.body()?);
            self.expect("then")?;
            lists.push(self.body()?);
            if self.keyword() != Some("elif") {
                break;
            }
        }
        if self.accept("else")? {
            lists.push(self.body()?);
        }
        self.expect("fi")?;
        Ok(lists)
    }

    fn loop_body(&mut self) -> Result<List, ParseError> {
        self.expect("do")?;
        let list = self.body()?;
        self.expect("done")?;
        Ok(list)
    }

    fn for_loop(&mut self) -> Result<List, ParseError> {
        self.advance()?;
        self.take_word()?;
        self.skip_newlines()?;
        if self.accept("in")? {
            while matches!(self.token, Token::Word(_)) {
                self.advance()?;
            }
        }
        self.accept(";")?;
        self.skip_newlines()?;
        self.loop_body()
    }

    fn case(&mut self) -> Result<Vec<List>, ParseError> {
        self.advance()?;
        self.take_word()?;
        self.skip_newlines()?;
        self.expect("in")?;
        let mut lists = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.accept("esac")? {
                return Ok(lists);
            }
            self.accept("(")?;
            self.take_word()?;
            while self.accept("|")? {
                self.take_word()?;
            }
            self.expect(")")?;
            lists.push(self.list()?);
            if !self.accept(";;")? && self.keyword() != Some("esac") {
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
            if simple.words.is_empty() && is_assignment(&word) {
                simple.assignments.push(word);
            } else {
                simple.words.push(word);
            }
        }
        if self.token == Token::Operator("(") {
            return Err(ParseError::unsupported("function definition", self.start));
        }
        // Within `[[ … ]]`, bash reads `&&` as part of the test, other shells as the end of a command.
        let opens_test = simple.words.first().and_then(Word::pattern).as_deref() == Some("[[");
        if opens_test && simple.words.last().and_then(Word::bare) != Some("]]") {
            return Err(ParseError::unsupported("[[", self.start));
        }
        if simple == Simple::default() { Err(self.unexpected()) } else { Ok(simple) }
    }

    /// Reads a redirection if one is next, and returns where it begins.
    fn redirection(&mut self) -> Result<Option<usize>, ParseError> {
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
        let Token::Word(target) = self.lexer.next()? else {
            return Err(self.unexpected());
        };
        // The lexer must know of a here-document before it reads the token after the delimiter: that may be the
        // line end that the document follows.
        if let Token::Operator(operator @ ("<<" | "<<-")) = self.token {
            let delimiter = target.pattern().ok_or_else(|| {
                ParseError::unsupported("here-document delimiter with an expansion", target.span.start)
            })?;
            self.lexer.heredocs.push(Heredoc { delimiter, strip_tabs: operator == "<<-" });
        }
        self.advance()?;
        Ok(Some(start))
    }

    fn is_descriptor(&self, word: &Word) -> bool {
        let digits = word.bare().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits && self.lexer.text.get(word.span.end..).is_some_and(|rest| rest.starts_with(['<', '>']))
    }
}

/// Whether the word is `NAME=value`, with the name and the `=` unquoted.
fn is_assignment(word: &Word) -> bool {
    let Some((name, first)) = word.assigned_name().zip(word.pieces.first()) else { return false };
    first.quoting == Quoting::Bare && first.source.len() > name.len()
}
