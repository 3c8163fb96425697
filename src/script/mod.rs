//! The scripts of a package.json, understood as the shell understands them.
//!
//! [`Script::parse`] reads the text by the grammar of POSIX `sh`, [`Script::leaves`] finds the programs that
//! really run, through wrappers, quoted commands and nested scripts, and [`Leaf::rewrite`] puts a port on the
//! command line of one of them. The rest of the text stays byte for byte. A change that is not certain is refused
//! with the reason.
//!
//! The parser is our own. `brush-parser`, the one well-kept crate that reports positions, counts them in
//! characters, reads bash where `sh` is dash (`a &> b`), does not say where the characters of a quoted word stand,
//! which an edit within `sh -c '…'` needs, and took 77 crates and 0.13 ms for a first script. This parser refuses
//! constructs that bash and dash read differently.
//!
//! User arguments come first: [`append`] pastes them as a package manager does, and the whole is then parsed and
//! edited as the shell would read it.

mod arguments;
mod command_line;
mod edit;
mod error;
mod forward;
mod frame;
mod leaf;
mod lex;
mod other_package;
mod package_manager;
mod parse;
mod resolve;
mod runtime;
mod script_call;
mod scripts;
mod syntax;
mod task_runner;
#[cfg(test)]
mod tests;
mod walk;
mod word;
mod wrapper;

pub use arguments::{append, port_in, quote};
pub use edit::{Edit, Method, Rewrite};
pub use error::{ParseError, RewriteError};
pub use leaf::{Kind, Leaf};
pub use scripts::{OtherPackage, PackageManager, Scripts};
pub use word::Word;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    text: String,
    list: syntax::List,
}

impl Script {
    /// Parses a script as `sh -c` would.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if let Some(at) = text.find(word::UNKNOWN) {
            return Err(ParseError::Unexpected { what: "NUL".to_owned(), at });
        }
        Ok(Self { text: text.to_owned(), list: parse::parse(text)? })
    }

    /// Where `exec ` may be inserted: the script is one simple command. The program then takes the shell's place.
    pub fn exec_position(&self) -> Option<usize> {
        self.sole_command().map(|command| command.words[0].span.start)
    }

    /// The program and its arguments, where the shell would only start it: it would expand and redirect nothing.
    pub fn plain_words(&self) -> Option<Vec<String>> {
        let command = self.sole_command().filter(|command| command.redirections.is_empty())?;
        command.words.iter().map(Word::literal).collect()
    }

    /// The one simple command of the script, if nothing stands before its program and the shell does not run it
    /// itself.
    fn sole_command(&self) -> Option<&syntax::Simple> {
        let [syntax::Item { pipelines, background: false }] = &self.list[..] else { return None };
        let [syntax::Pipeline { commands, .. }] = &pipelines[..] else { return None };
        let [syntax::Command::Simple(simple)] = &commands[..] else { return None };
        let program = simple.words.first()?;
        let leads = simple.assignments.is_empty() && self.text.get(..program.span.start)?.trim().is_empty();
        (leads && !walk::is_shell_word(&program.literal()?)).then_some(simple)
    }

    /// The programs that the script runs, those of nested scripts included, in the order of the text.
    pub fn leaves(&self, scripts: &dyn Scripts) -> Vec<Leaf> {
        walk::leaves(&self.text, &self.list, scripts)
    }
}
