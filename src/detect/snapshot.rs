//! The facts that detection goes by.

use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// The dependencies of the manifest with their ranges.
    pub dependencies: &'a BTreeMap<String, String>,
    /// The names of the files and directories beside package.json.
    pub files: &'a [String],
    /// The name of the script; `None` for a command given instead.
    pub script: Option<&'a str>,
    /// The simple commands of that script, without wrappers, in its order.
    pub commands: &'a [CommandWords<'a>],
}

/// A simple command of a script, without wrappers: `next` with `dev` and `--turbo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandWords<'a> {
    /// The program, with or without its directory.
    pub program: &'a str,
    pub arguments: Vec<&'a str>,
    /// The words in the names of the scripts, directories and files that lead to it, in small letters.
    pub names: Vec<String>,
    /// Whether a later command of the script waits for its end.
    pub ends_before: bool,
}

impl CommandWords<'_> {
    /// The program without its directory, and without the version of `npx vite@8`.
    pub(super) fn word(&self) -> &str {
        let name = self.program.rsplit('/').next().unwrap_or(self.program);
        name.split_once('@').map_or(name, |(name, _)| name)
    }

    /// Whether a rule describes this command. Arguments of a rule that begin with a dash may be at any position.
    pub(super) fn is(&self, rule: &str) -> bool {
        let mut words = rule.split_whitespace();
        if words.next() != Some(self.word()) {
            return false;
        }
        let mut positional = self.arguments.iter().filter(|argument| !argument.starts_with('-'));
        words.all(|word| match word.strip_prefix('-') {
            Some(_) => self.arguments.contains(&word),
            None => positional.next() == Some(&word),
        })
    }

    /// The command up to its first flag, for people.
    pub(super) fn lead(&self) -> String {
        let leading = self.arguments.iter().take_while(|argument| !argument.starts_with('-'));
        leading.fold(self.word().to_owned(), |text, argument| text + " " + argument)
    }
}
