//! The scripts of a package.json, understood as the shell understands them.
//!
//! [`Script::parse`] reads the text by the grammar of POSIX `sh`, [`Script::leaves`] finds the programs that
//! really run, through wrappers, quoted commands and nested scripts, and [`Leaf::rewrite`] puts a port on
//! the command line of one of them. All else of the text stays byte for byte, and what cannot be changed
//! with certainty is refused with the reason.
//!
//! The parser is our own. `brush-parser`, the one well-kept crate that reports positions, counts them in
//! characters, reads bash where `sh` is dash (`a &> b`), does not say where the characters of a quoted word
//! stand, which an edit within `sh -c '…'` needs, and took 77 crates and 0.13 ms for a first script. Here
//! whatever bash and dash read differently is refused instead.
//!
//! User arguments go first: [`append`] pastes them as a package manager does, and what the shell would make
//! of the whole is then parsed and edited.

mod arguments;
mod calls;
mod edit;
mod elsewhere;
mod leaf;
mod lex;
mod manager;
mod nest;
mod parse;
mod runner;
mod syntax;
#[cfg(test)]
mod tests;
mod walk;
mod word;
mod wrapper;

pub use arguments::{append, port_in, quote};
pub use edit::{Edit, Method, Rewrite, Unsafe};
pub use leaf::{Assignment, Environment, Kind, Leaf, Manager, Place, Role, Scripts};
pub use word::Word;

/// Why a script could not be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Something was opened and not closed.
    #[error("{what} is not closed, at byte {at} of the script")]
    Unclosed {
        /// What was opened.
        what: &'static str,
        /// Where the text ended, or the thing began.
        at: usize,
    },
    /// Something stands where the grammar has no place for it.
    #[error("unexpected `{what}` at byte {at} of the script")]
    Unexpected {
        /// What stands there.
        what: String,
        /// Its first byte.
        at: usize,
    },
    /// Shells do not agree about its meaning, or it hides which programs run.
    #[error("`{what}` at byte {at} of the script means different things to different shells")]
    Unsupported {
        /// The construct.
        what: String,
        /// Its first byte.
        at: usize,
    },
    /// Commands within commands, beyond any reason.
    #[error("commands are nested too deeply at byte {at} of the script")]
    TooDeep {
        /// Where the limit was reached.
        at: usize,
    },
}

impl Error {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unclosed { .. } | Self::Unexpected { .. } => {
                Some("run the script with `sh -n -c` to see what the shell says".to_owned())
            }
            Self::Unsupported { .. } | Self::TooDeep { .. } => {
                Some("move the dev server's command into a script of its own".to_owned())
            }
        }
    }
}

/// The text of a script, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    text: String,
    list: syntax::List,
}

impl Script {
    /// Parses a script as `sh -c` would.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if let Some(at) = text.find(word::UNKNOWN) {
            return Err(Error::Unexpected { what: "NUL".to_owned(), at });
        }
        Ok(Self { text: text.to_owned(), list: parse::parse(text)? })
    }

    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place before which an `exec` changes nothing but that no shell waits for the program: the script is one call of
    /// one program, and nothing stands before that.
    pub fn replaceable_shell(&self) -> Option<usize> {
        self.sole_call().map(|call| call.words[0].span().start)
    }

    /// The program and its arguments, where a shell would find out no more than these: nothing in them is expanded,
    /// nothing is redirected, and [`Script::replaceable_shell`] holds.
    pub fn plain_words(&self) -> Option<Vec<String>> {
        let call = self.sole_call().filter(|call| call.redirections.is_empty())?;
        call.words.iter().map(Word::literal).collect()
    }

    fn sole_call(&self) -> Option<&syntax::Simple> {
        let [syntax::Item { first, rest, background: false }] = &self.list.items[..] else { return None };
        let [syntax::Command::Simple(simple)] = &first.commands[..] else { return None };
        let program = simple.words.first()?;
        let name = program.literal()?;
        let leads = simple.assignments.is_empty() && self.text.get(..program.span().start)?.trim().is_empty();
        (rest.is_empty() && leads && !walk::is_of_the_shell(&name)).then_some(simple)
    }

    /// The programs that the script runs, in the order of the text, those of nested scripts included.
    pub fn leaves(&self, scripts: &dyn Scripts) -> Vec<Leaf> {
        walk::leaves(&self.text, &self.list, scripts)
    }
}
