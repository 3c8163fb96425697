//! From tokens to commands: the grammar of POSIX `sh`, to the depth that finding simple commands takes.

use super::Error;
use super::lex::{Lexer, Token};
use super::syntax::{Command, Item, Joint, List, Pipeline, Redirection, Simple};
use super::word::{Quoting, Word};

/// Deeper than any script that a person wrote, and shallow enough for the smallest stack.
const MAX_DEPTH: usize = 48;

pub(super) fn parse(text: &str) -> Result<List, Error> {
    let mut parser = Parser::new(text, 0, 0)?;
    let list = parser.list()?;
    match parser.token {
        Token::End => Ok(list),
        Token::Word(_) | Token::Operator(_) | Token::Newline => Err(parser.unexpected()),
    }
}

/// The position after the `)` that closes the command substitution whose commands start at `start`.
pub(super) fn substitution_end(text: &str, start: usize, depth: usize) -> Result<usize, Error> {
    let mut parser = Parser::new(text, start, depth)?;
    parser.list()?;
    if parser.token == Token::Operator(")") {
        Ok(parser.lexer.position)
    } else {
        Err(Error::Unclosed { what: "`$(`", at: start })
    }
}

pub(super) fn check_depth(depth: usize, at: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH { Err(Error::TooDeep { at }) } else { Ok(()) }
}

struct Parser<'t> {
    lexer: Lexer<'t>,
    token: Token,
    start: usize,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, position: usize, depth: usize) -> Result<Self, Error> {
        let mut lexer = Lexer::new(text, position, depth);
        let token = lexer.next()?;
        Ok(Self { lexer, token, start: position })
    }

    fn advance(&mut self) -> Result<Token, Error> {
        self.start = self.lexer.position;
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn unexpected(&self) -> Error {
        match &self.token {
            Token::Word(word) => Error::Unexpected {
                what: self.lexer.text.get(word.span()).unwrap_or_default().to_owned(),
                at: word.span.start,
            },
            Token::Operator(operator) => Error::Unexpected { what: (*operator).to_owned(), at: self.start },
            Token::Newline => Error::Unexpected { what: "line end".to_owned(), at: self.start },
            Token::End => Error::Unclosed { what: "command", at: self.lexer.position },
        }
    }

    fn keyword(&self) -> Option<&str> {
        match &self.token {
            Token::Word(word) => word.bare(),
            Token::Operator(_) | Token::Newline | Token::End => None,
        }
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<(), Error> {
        if self.keyword() != Some(keyword) {
            return Err(self.unexpected());
        }
        self.advance().map(drop)
    }

    fn expect_operator(&mut self, operator: &'static str) -> Result<(), Error> {
        if self.token != Token::Operator(operator) {
            return Err(self.unexpected());
        }
        self.advance().map(drop)
    }

    fn skip_newlines(&mut self) -> Result<(), Error> {
        while self.token == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    fn ends_list(&self) -> bool {
        match &self.token {
            Token::End => true,
            Token::Operator(operator) => matches!(*operator, ")" | ";;"),
            Token::Newline => false,
            Token::Word(word) => {
                matches!(word.bare(), Some("then" | "else" | "elif" | "fi" | "do" | "done" | "esac" | "}"))
            }
        }
    }

    fn list(&mut self) -> Result<List, Error> {
        self.lexer.depth += 1;
        check_depth(self.lexer.depth, self.start)?;
        let mut items = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.ends_list() {
                break;
            }
            let mut item = self.item()?;
            let separated = match &self.token {
                Token::Operator("&") => {
                    item.background = true;
                    true
                }
                Token::Operator(";") | Token::Newline => true,
                Token::Operator(_) | Token::Word(_) | Token::End => false,
            };
            items.push(item);
            if !separated {
                break;
            }
            self.advance()?;
        }
        self.lexer.depth -= 1;
        Ok(List { items })
    }

    /// A list that may not be empty.
    fn body(&mut self) -> Result<List, Error> {
        let list = self.list()?;
        if list.items.is_empty() { Err(self.unexpected()) } else { Ok(list) }
    }

    fn item(&mut self) -> Result<Item, Error> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            let joint = match self.token {
                Token::Operator("&&") => Joint::And,
                Token::Operator("||") => Joint::Or,
                Token::Operator(_) | Token::Word(_) | Token::Newline | Token::End => break,
            };
            self.advance()?;
            self.skip_newlines()?;
            rest.push((joint, self.pipeline()?));
        }
        Ok(Item { first, rest, background: false })
    }

    fn pipeline(&mut self) -> Result<Pipeline, Error> {
        while self.keyword() == Some("!") {
            self.advance()?;
        }
        let mut commands = vec![self.command()?];
        while self.token == Token::Operator("|") {
            self.advance()?;
            self.skip_newlines()?;
            commands.push(self.command()?);
        }
        Ok(Pipeline { commands })
    }

    fn command(&mut self) -> Result<Command, Error> {
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
                    return Err(Error::Unsupported { what: word.to_owned(), at: self.start });
                }
                Some(_) | None => return self.simple().map(Command::Simple),
            }
        };
        let mut ignored = Simple::default();
        while self.redirection(&mut ignored)? {}
        Ok(command)
    }

    fn conditional(&mut self) -> Result<Vec<List>, Error> {
        let mut lists = Vec::new();
        loop {
            self.advance()?;
            lists.push(self.body()?);
            self.expect_keyword("then")?;
            lists.push(self.body()?);
            match self.keyword() {
                Some("elif") => {}
                Some("else") => {
                    self.advance()?;
                    lists.push(self.body()?);
                    self.expect_keyword("fi")?;
                    return Ok(lists);
                }
                Some(_) | None => {
                    self.expect_keyword("fi")?;
                    return Ok(lists);
                }
            }
        }
    }

    fn loop_body(&mut self) -> Result<List, Error> {
        self.expect_keyword("do")?;
        let list = self.body()?;
        self.expect_keyword("done")?;
        Ok(list)
    }

    fn for_loop(&mut self) -> Result<List, Error> {
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

    fn case(&mut self) -> Result<Vec<List>, Error> {
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

    fn take_word(&mut self) -> Result<Word, Error> {
        if !matches!(self.token, Token::Word(_)) {
            return Err(self.unexpected());
        }
        match self.advance()? {
            Token::Word(word) => Ok(word),
            Token::Operator(_) | Token::Newline | Token::End => Err(self.unexpected()),
        }
    }

    fn simple(&mut self) -> Result<Simple, Error> {
        let mut simple = Simple::default();
        loop {
            if self.redirection(&mut simple)? {
                continue;
            }
            if !matches!(self.token, Token::Word(_)) {
                break;
            }
            let word = self.take_word()?;
            if simple.words.is_empty() && assigned_name(&word).is_some() {
                simple.assignments.push(word);
            } else {
                simple.words.push(word);
            }
        }
        if self.token == Token::Operator("(") {
            return Err(Error::Unsupported { what: "function definition".to_owned(), at: self.start });
        }
        let empty =
            simple.words.is_empty() && simple.assignments.is_empty() && simple.redirections.is_empty();
        if empty { Err(self.unexpected()) } else { Ok(simple) }
    }

    /// Reads one redirection; `false` if there is none here.
    fn redirection(&mut self, simple: &mut Simple) -> Result<bool, Error> {
        let start = match &self.token {
            Token::Operator(sign @ ("<" | ">" | ">>" | "<&" | ">&" | "<>" | ">|" | "<<" | "<<-")) => {
                self.lexer.position - sign.len()
            }
            Token::Word(word) if self.is_descriptor(word) => {
                let start = word.span.start;
                self.advance()?;
                start
            }
            Token::Word(_) | Token::Operator(_) | Token::Newline | Token::End => return Ok(false),
        };
        let heredoc = match self.token {
            Token::Operator("<<") => Some(false),
            Token::Operator("<<-") => Some(true),
            Token::Operator(_) | Token::Word(_) | Token::Newline | Token::End => None,
        };
        let target = self.redirection_target(heredoc)?;
        simple.redirections.push(Redirection { span: start..target.span.end, target });
        Ok(true)
    }

    /// The word after a redirection operator. A here-document is announced before the token after its
    /// delimiter is read, as that may be the line end that its body follows.
    fn redirection_target(&mut self, heredoc: Option<bool>) -> Result<Word, Error> {
        let Token::Word(target) = self.lexer.next()? else {
            return Err(self.unexpected());
        };
        if let Some(strip_tabs) = heredoc {
            let delimiter = target.pattern().ok_or_else(|| Error::Unsupported {
                what: "here-document delimiter with an expansion".to_owned(),
                at: target.span.start,
            })?;
            self.lexer.expect_heredoc(delimiter, strip_tabs);
        }
        self.advance()?;
        Ok(target)
    }

    fn is_descriptor(&self, word: &Word) -> bool {
        let digits = word.bare().is_some_and(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits && self.lexer.text.get(word.span.end..).is_some_and(|rest| rest.starts_with(['<', '>']))
    }
}

/// The name in a word of the form `NAME=value`, its name and `=` unquoted.
pub(super) fn assigned_name(word: &Word) -> Option<String> {
    let prefix = word.prefix();
    let (name, _) = prefix.split_once('=')?;
    let written = word.pieces.first()?.source.len();
    let unquoted = word.pieces.first()?.quoting == Quoting::Bare && written > name.len();
    (unquoted && is_name(name)).then(|| name.to_owned())
}

/// Whether the shell takes `text` for the name of a variable.
pub(super) fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}
