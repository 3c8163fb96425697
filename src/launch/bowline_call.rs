//! Calls of bowline in a script.

use crate::project::{DEV_SCRIPTS, Project};
use crate::script::{Leaf, Word};

/// The commands of bowline that answer instead of launching.
pub const ANSWERS: [&str; 19] = [
    "stop", "restart", "attach", "logs", "open", "ls", "status", "wait", "port", "ports", "detect", "doctor",
    "runner", "completions", "man", "agents", "mcp", "schema", "help",
];

/// The options of bowline whose value may be the next word.
pub const VALUED: [&str; 15] = [
    "-C", "--dir", "-F", "--filter", "--script", "--port", "--framework", "--project-id", "--host",
    "--restart", "--grace", "--prefix", "--color", "--state-dir", "--parent",
];

#[derive(Default)]
pub(super) struct BowlineCall {
    command: Option<String>,
    script: Option<String>,
    /// It names another project, or may do so.
    is_elsewhere: bool,
}

impl BowlineCall {
    pub(super) fn of(leaf: &Leaf) -> Option<Self> {
        if leaf.program != "bowline" {
            return None;
        }
        let mut call = Self::default();
        let mut words = leaf.words.iter().skip(1).map(Word::literal).peekable();
        while let Some(word) = words.next() {
            let Some(word) = word else {
                call.is_elsewhere = true;
                break;
            };
            let (option, value) =
                word.split_once('=').map_or((&*word, None), |(name, value)| (name, Some(value)));
            match option {
                "--" => break,
                "--dir" | "-C" | "--filter" | "-F" => {
                    call.is_elsewhere = true;
                    break;
                }
                // Its value may be missing.
                "--host" => {
                    let is_value =
                        |word: &Option<String>| word.as_ref().is_none_or(|word| !word.starts_with('-'));
                    words.next_if(|word| value.is_none() && is_value(word));
                }
                "--script" => call.script = value.map(str::to_owned).or_else(|| words.next().flatten()),
                option if VALUED.contains(&option) && value.is_none() => drop(words.next()),
                option if option.starts_with('-') => {}
                _ if call.command.is_none() => call.command = Some(word),
                _ => call.is_elsewhere = true,
            }
        }
        Some(call)
    }

    /// Whether it launches something, and so takes over the port of the bowline around it.
    pub(super) fn launches(&self) -> bool {
        self.command.as_ref().is_none_or(|command| !ANSWERS.contains(&command.as_str()))
    }

    /// Whether it runs what the project runs usually.
    pub(super) fn runs_usual(&self) -> bool {
        !self.is_elsewhere
            && self.script.is_none()
            && matches!(self.command.as_deref(), None | Some("dev" | "start"))
    }

    /// Whether it runs the script `name` of `project`.
    pub(super) fn runs(&self, name: &str, project: &Project) -> bool {
        let first = || {
            let scripts = &project.manifest.scripts;
            DEV_SCRIPTS.into_iter().find(|script| scripts.iter().any(|(key, _)| key == script))
        };
        !self.is_elsewhere
            && matches!(self.command.as_deref(), None | Some("dev" | "start"))
            && self.script.as_deref().or_else(first) == Some(name)
    }
}
