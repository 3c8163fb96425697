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
    /// Whether something of the script goes on that the commands do not show: `make serve`.
    pub hides_more: bool,
}

/// A simple command of a script, without wrappers: `next` with `dev` and `--turbo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandWords<'a> {
    /// The program without its directory, and without the version of `npx vite@8`.
    pub program: &'a str,
    pub arguments: Vec<&'a str>,
    /// The words in the names of the scripts, directories and files that lead to it, in small letters.
    pub names: Vec<String>,
    /// The programs that start it, outermost first.
    pub starters: Vec<String>,
    /// Whether a later command of the script waits for its end.
    pub ends_before: bool,
    /// The commands that end before it, by their index.
    pub after: Vec<usize>,
    /// Whether it runs in the directory of another package.
    pub is_elsewhere: bool,
}

impl<'a> CommandWords<'a> {
    /// The command of a program, which may have a directory and a version.
    pub fn of(program: &'a str) -> Self {
        let name = program.rsplit('/').next().unwrap_or(program);
        Self { program: name.split_once('@').map_or(name, |(name, _)| name), ..Self::default() }
    }

    /// Whether a rule describes this command. Arguments of a rule that begin with a dash may be at any position.
    pub(super) fn is(&self, rule: &str) -> bool {
        // Each command is compared with some hundred rules.
        let Some(arguments) = rule.trim_start().strip_prefix(self.program) else { return false };
        let mut at = 0;
        arguments.is_empty()
            || arguments.starts_with(char::is_whitespace)
                && arguments.split_whitespace().all(|word| {
                    if word.starts_with('-') { self.has_flag(word) } else { self.next_is(word, &mut at) }
                })
    }

    /// Whether the flag is among the arguments, with a value or without, and is not switched off.
    fn has_flag(&self, flag: &str) -> bool {
        let is_off = |value: &str| ["false", "off", "0"].contains(&value);
        self.arguments.iter().enumerate().any(|(at, argument)| {
            if *argument == flag {
                return !self.arguments.get(at + 1).is_some_and(|value| is_off(value));
            }
            let value = argument.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
            value.is_some_and(|value| !is_off(value))
        })
    }

    /// Whether the next argument from `at` on that is no flag is this word, or is a text that begins with it. What
    /// follows a flag may be its value, and is passed over.
    fn next_is(&self, word: &str, at: &mut usize) -> bool {
        while let Some(argument) = self.arguments.get(*at) {
            let follows_flag = *at > 0 && self.arguments[*at - 1].starts_with('-');
            *at += 1;
            if argument.starts_with('-') {
                continue;
            }
            if argument.split_whitespace().next() == Some(word) {
                return true;
            }
            if !follows_flag {
                return false;
            }
        }
        false
    }

    /// The command up to its first flag, for people.
    pub(super) fn lead(&self) -> String {
        let leading = self.arguments.iter().take_while(|argument| !argument.starts_with('-'));
        leading.fold(self.program.to_owned(), |text, argument| text + " " + argument)
    }
}
