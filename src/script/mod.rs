//! The scripts of a package.json, parsed as the shell parses them.
//!
//! [`Script::parse`] reads the text by the grammar of POSIX `sh`, [`Script::leaves`] finds the programs that
//! really run, through wrappers, quoted commands and nested scripts, and [`Leaf::rewrite`] puts a port on the
//! command line of one of them. Every other byte of the text stays. A change that is not certainly right is
//! refused with the reason.
//!
//! The parser is our own. `brush-parser`, the one well-kept crate that reports positions, counts them in
//! characters, parses bash where `sh` is dash (`a &> b`), has no positions within a quoted word, which an edit in
//! `sh -c '…'` needs, and cost 77 crates and 0.13 ms for a first script. This parser refuses constructs that bash
//! and dash read differently.
//!
//! User arguments come first: [`append`] pastes them as a package manager does, and the whole is then parsed and
//! edited as the shell would read it.

mod arguments;
mod command_line;
mod concurrency;
mod edit;
mod embedded;
mod error;
mod forward;
mod frame;
mod lead;
mod leaf;
mod lex;
mod nested_script;
mod other_package;
mod package_manager;
mod parse;
mod replace;
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
mod wrapped;
mod wrapper;

pub use arguments::{append, port_in, quote, without_ports};
pub use edit::{Edit, Method, Rewrite};
pub use embedded::WRAPPERS;
pub use error::{ParseError, RewriteError};
pub use leaf::{Kind, Leaf, LeafRole};
pub use nested_script::NestedScript;
pub use package_manager::COMMANDS as MANAGER_COMMANDS;
pub use replace::Part;
pub use script_call::HARMLESS;
pub use scripts::{OtherPackage, PackageManager, Scripts};
pub use walk::is_shell_word;
pub use word::Word;
pub use wrapper::Wrapper;

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

    /// Where `exec ` may be inserted, so that the program replaces the shell: the script is one simple command.
    pub fn exec_position(&self) -> Option<usize> {
        self.sole_command().map(|command| command.words[0].span.start)
    }

    /// The program and its arguments, if the shell would expand and redirect nothing and only start it.
    pub fn plain_words(&self) -> Option<Vec<String>> {
        let command = self.sole_command().filter(|command| command.redirections.is_empty())?;
        command.words.iter().map(Word::literal).collect()
    }

    /// The only simple command of the script, if nothing precedes its program and that is not part of the shell.
    fn sole_command(&self) -> Option<&syntax::Simple> {
        let [syntax::Item { pipelines, background: false }] = &self.list[..] else { return None };
        let [syntax::Pipeline { commands, .. }] = &pipelines[..] else { return None };
        let [syntax::Command::Simple(simple)] = &commands[..] else { return None };
        let program = simple.words.first()?;
        let leads = simple.assignments.is_empty() && self.text.get(..program.span.start)?.trim().is_empty();
        (leads && !is_shell_word(&program.literal()?)).then_some(simple)
    }

    /// The programs that the script runs, those of nested scripts included, in the order of the text.
    pub fn leaves(&self, scripts: &dyn Scripts) -> Vec<Leaf> {
        walk::leaves(&self.text, &self.list, scripts)
    }
}
