//! What is to run, read once: detection looks at its commands, the plan at everything.

use std::ffi::OsString;
use std::path::PathBuf;

use super::caller::Caller;
use super::error::Error;
use super::means;
use super::package_manager::{Choice, PackageManager};
use super::settings::Npmrc;
use crate::detect::{Command, catalog};
use crate::project::{DEV_SCRIPTS, Project};
use crate::script::{self, Kind, Leaf, Manager, Place, Script, Scripts, Word};

/// What to run.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A script of package.json, with the user's arguments behind it.
    Script {
        /// Its name.
        name: &'a str,
        /// Its text.
        text: &'a str,
        /// What stood after `--`.
        arguments: &'a [String],
    },
    /// The command of `bowline exec`.
    Command(&'a [OsString]),
}

/// A script or command, taken apart.
#[derive(Debug)]
pub struct Reading<'a> {
    /// The project.
    pub project: &'a Project,
    /// Its package manager.
    pub choice: &'a Choice,
    pub(super) caller: &'a Caller,
    pub(super) target: Target<'a>,
    pub(super) npmrc: Npmrc,
    pub(super) node: Option<PathBuf>,
    pub(super) runs_hooks: bool,
    is_found: bool,
    /// The text with the user's arguments; `None` for a command that cannot be written as text.
    pub(super) text: Option<String>,
    pub(super) leaves: Vec<Leaf>,
    /// Why nothing is known of the leaves.
    pub(super) obscure: Option<script::Error>,
    words: Vec<CommandWords>,
}

#[derive(Debug)]
struct CommandWords {
    /// The place among the leaves.
    leaf: usize,
    program: String,
    arguments: Vec<String>,
}

impl<'a> Reading<'a> {
    /// Takes a target apart.
    pub fn of(
        project: &'a Project,
        choice: &'a Choice,
        target: Target<'a>,
        caller: &'a Caller,
    ) -> Result<Self, Error> {
        let node = caller.find("node").and_then(|node| node.canonicalize().ok());
        let npmrc = means::npmrc(project, choice, caller, node.as_deref());
        let runs_hooks = means::runs_hooks(choice, &npmrc);
        let text = match target {
            Target::Script { text, arguments, .. } => Some(script::append(text, arguments)),
            Target::Command(argv) => {
                argv.first().filter(|first| !first.is_empty()).ok_or(Error::NoCommand)?;
                as_text(argv)
            }
        };
        let is_found = choice.installation.is_some()
            || caller.invoker().is_some_and(|(name, _)| name == choice.manager.name());
        let scripts = ProjectScripts { project, choice, runs_hooks, is_found };
        let (leaves, obscure) = match text.as_deref().map(Script::parse) {
            Some(Ok(script)) => (script.leaves(&scripts), None),
            Some(Err(error)) => (Vec::new(), Some(error)),
            None => (Vec::new(), None),
        };
        if let Target::Script { name, text, .. } = target
            && leaves.iter().any(|leaf| calls_itself(leaf, name, project))
        {
            return Err(Error::Recursive { name: name.to_owned(), text: text.to_owned() });
        }
        let words = command_words(&leaves);
        Ok(Self {
            project,
            choice,
            caller,
            target,
            npmrc,
            node,
            runs_hooks,
            is_found,
            text,
            leaves,
            obscure,
            words,
        })
    }

    /// The programs it runs, as detection wants them.
    pub fn commands(&self) -> Vec<Command<'_>> {
        let commands = self.words.iter().map(|words| Command {
            program: &words.program,
            arguments: words.arguments.iter().map(String::as_str).collect(),
        });
        commands.collect()
    }

    /// The name of the script; none for a command.
    pub fn script(&self) -> Option<&'a str> {
        match self.target {
            Target::Script { name, .. } => Some(name),
            Target::Command(_) => None,
        }
    }

    /// The command as the user wrote it.
    pub fn command(&self) -> String {
        match (&self.text, self.target) {
            (Some(text), _) => text.clone(),
            (None, Target::Script { text, .. }) => text.to_owned(),
            (None, Target::Command(argv)) => {
                argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
            }
        }
    }

    /// Whether it runs several programs side by side.
    pub fn is_concurrent(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.role.is_concurrent())
    }

    /// The port that the user's own arguments order, as `bowline dev -- --port 4000` does, by one of `flags`.
    pub fn ordered_port(&self, flags: &[catalog::Word]) -> Option<u16> {
        let Target::Script { arguments, .. } = self.target else { return None };
        let flags: Vec<&str> = flags.iter().map(|flag| flag.trim_end_matches('=')).collect();
        script::port_in(arguments, if flags.is_empty() { &["--port"] } else { &flags })
    }

    /// The leaf that is one of [`Reading::commands`], and its place among the leaves.
    pub(super) fn leaf(&self, command: usize) -> Option<(usize, &Leaf)> {
        let index = self.words.get(command)?.leaf;
        Some((index, self.leaves.get(index)?))
    }

    /// The leaves of another text of the same script.
    pub(super) fn leaves_of(&self, text: &str) -> Option<Vec<Leaf>> {
        let Self { project, choice, runs_hooks, is_found, .. } = *self;
        Some(Script::parse(text).ok()?.leaves(&ProjectScripts { project, choice, runs_hooks, is_found }))
    }
}

/// The command as a shell would have to be told it; `None` where it is no text, or a shell would read its first
/// word as an assignment.
fn as_text(argv: &[OsString]) -> Option<String> {
    let words: Option<Vec<&str>> = argv.iter().map(|word| word.to_str()).collect();
    let words = words?;
    if words.first()?.contains('=') {
        return None;
    }
    Some(words.into_iter().map(script::quote).collect::<Vec<_>>().join(" "))
}

/// What only the running shell knows becomes a word that no rule names.
fn command_words(leaves: &[Leaf]) -> Vec<CommandWords> {
    let programs = leaves.iter().enumerate().filter(|(_, leaf)| leaf.kind == Kind::Program);
    let words = programs.map(|(index, leaf)| CommandWords {
        leaf: index,
        program: leaf.program.clone(),
        arguments: leaf
            .words
            .iter()
            .skip(1)
            .map(|word| word.literal().unwrap_or_else(|| "$".to_owned()))
            .collect(),
    });
    words.collect()
}

/// Whether a leaf is a bowline that would run the script `name` of this project again.
fn calls_itself(leaf: &Leaf, name: &str, project: &Project) -> bool {
    if leaf.program != "bowline" {
        return false;
    }
    let words: Vec<Option<String>> = leaf.words.iter().skip(1).map(Word::literal).collect();
    let mut chosen = None;
    let mut command = None;
    let mut index = 0;
    while let Some(word) = words.get(index) {
        match word.as_deref() {
            None | Some("--dir" | "-C") => return false,
            Some("--") => break,
            Some("--script") => {
                chosen = words.get(index + 1).cloned().flatten();
                index += 1;
            }
            Some(option) if option.starts_with("--script=") => chosen = option.get(9..).map(str::to_owned),
            Some(option) if OPTIONS_WITH_VALUES.contains(&option) => index += 1,
            Some(option) if option.starts_with('-') => {}
            Some(argument) if command.is_none() => command = Some(argument),
            // A project by name or directory; that it is another one is what its user wants.
            Some(_) => return false,
        }
        index += 1;
    }
    let launches = matches!(command, None | Some("dev" | "start"));
    let default = || {
        DEV_SCRIPTS.into_iter().find(|script| project.manifest.scripts.iter().any(|(key, _)| key == script))
    };
    launches && chosen.as_deref().or_else(default) == Some(name)
}

/// The options of bowline whose value is the next word.
const OPTIONS_WITH_VALUES: [&str; 7] =
    ["--port", "--framework", "--project-id", "--restart", "--grace", "--color", "--state-dir"];

/// The scripts that a script may call.
struct ProjectScripts<'a> {
    project: &'a Project,
    choice: &'a Choice,
    runs_hooks: bool,
    /// Whether the package manager's program is known to those that are started.
    is_found: bool,
}

impl Scripts for ProjectScripts<'_> {
    fn text(&self, name: &str) -> Option<String> {
        let scripts = &self.project.manifest.scripts;
        scripts.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone())
    }

    fn names(&self) -> Vec<String> {
        self.project.manifest.scripts.iter().map(|(name, _)| name.clone()).collect()
    }

    fn elsewhere(&self, place: &Place, name: &str) -> Option<String> {
        let in_directory = |dir: &str| Project::at(&self.project.dir.join(dir)).ok();
        let other = match place {
            Place::Directory(dir) => in_directory(dir)?,
            Place::Package(name) if name.contains(['*', '{', '[', '!', '^']) => return None,
            Place::Package(name) => {
                let member =
                    self.project.workspace.as_ref().and_then(|workspace| workspace.member(name).ok());
                member.or_else(|| in_directory(name))?
            }
        };
        let scripts = other.manifest.scripts.iter();
        scripts.into_iter().find(|(key, _)| key == name).map(|(_, text)| text.clone())
    }

    fn binary(&self, package: &str) -> Option<String> {
        self.project.binary_of(package)
    }

    fn manager(&self) -> Manager {
        match self.choice.manager {
            _ if !self.is_found => Manager::Npm,
            PackageManager::Npm => Manager::Npm,
            PackageManager::Pnpm => Manager::Pnpm,
            PackageManager::Yarn => Manager::Yarn,
            PackageManager::Bun => Manager::Bun,
        }
    }

    fn runs_hooks(&self, manager: Manager) -> bool {
        let manager = match manager {
            Manager::Npm => PackageManager::Npm,
            Manager::Pnpm => PackageManager::Pnpm,
            Manager::Yarn => PackageManager::Yarn,
            Manager::Bun => PackageManager::Bun,
            Manager::Node => return false,
        };
        if manager == self.choice.manager { self.runs_hooks } else { true }
    }
}
