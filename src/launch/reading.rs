//! The target of a launch, read once: detection looks at its commands, the plan at all of it.

use std::ffi::OsString;
use std::path::PathBuf;

use super::bowline_call::BowlineCall;
use super::caller::Caller;
use super::error::LaunchError;
use super::package_manager::ChosenManager;
use super::project_scripts::ProjectScripts;
use super::settings::Settings;
use crate::detect::{CommandWords, catalog};
use crate::project::Project;
use crate::script::{self, Kind, Leaf, ParseError, Script, Word};

#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    Script {
        name: &'a str,
        text: &'a str,
        /// The user's arguments, those after `--`.
        arguments: &'a [String],
    },
    /// No words if only detection is wanted.
    Command(&'a [OsString]),
}

/// A script or command, parsed.
#[derive(Debug)]
pub struct Reading<'a> {
    pub project: &'a Project,
    pub choice: &'a ChosenManager,
    pub(super) caller: &'a Caller,
    pub(super) target: Target<'a>,
    pub(super) settings: Settings,
    /// The node in the `PATH`, links resolved.
    pub(super) node: Option<PathBuf>,
    pub(super) scripts: ProjectScripts<'a>,
    /// The command as the user wrote it, with the arguments of `-- ARGS`.
    pub command: String,
    pub(super) leaves: Vec<Leaf>,
    pub(super) parse_error: Option<ParseError>,
    /// The leaves that are programs, by their index, with their arguments.
    commands: Vec<(usize, Vec<String>)>,
}

impl<'a> Reading<'a> {
    pub fn of(
        project: &'a Project,
        choice: &'a ChosenManager,
        target: Target<'a>,
        caller: &'a Caller,
    ) -> Result<Self, LaunchError> {
        let node = caller.find("node").and_then(|node| node.canonicalize().ok());
        let settings = Settings::of(project, choice, caller, node.as_deref());
        let (command, is_shell_text) = match target {
            Target::Script { text, arguments, .. } => (script::append(text, arguments), true),
            Target::Command(argv) => {
                if argv.first().is_some_and(|first| first.is_empty()) {
                    return Err(LaunchError::NoCommand);
                }
                as_text(argv)
            }
        };
        let runs_hooks = settings.runs_hooks(choice);
        let has_manager = choice.installation.is_some() || caller.is_inside(choice.manager);
        let scripts = ProjectScripts { project, choice, runs_hooks, has_manager };
        let parsed = is_shell_text.then(|| Script::parse(&command)).transpose();
        let leaves = parsed.iter().flatten().flat_map(|script| script.leaves(&scripts)).collect::<Vec<_>>();
        if let Target::Script { name, text, .. } = target
            && leaves.iter().filter_map(BowlineCall::of).any(|call| call.runs(name, project))
        {
            return Err(LaunchError::Recursive { name: name.to_owned(), text: text.to_owned() });
        }
        let programs = leaves.iter().enumerate().filter(|(_, leaf)| leaf.kind == Kind::Program);
        let commands = programs.map(|(index, leaf)| (index, arguments(leaf))).collect();
        Ok(Self {
            project,
            choice,
            caller,
            target,
            settings,
            node,
            scripts,
            command,
            leaves,
            parse_error: parsed.err(),
            commands,
        })
    }

    pub fn commands(&self) -> Vec<CommandWords<'_>> {
        let commands = self.commands.iter().map(|(leaf, arguments)| CommandWords {
            program: &self.leaves[*leaf].program,
            arguments: arguments.iter().map(String::as_str).collect(),
        });
        commands.collect()
    }

    pub fn script(&self) -> Option<&'a str> {
        if let Target::Script { name, .. } = self.target { Some(name) } else { None }
    }

    pub fn is_concurrent(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.role.is_concurrent())
    }

    /// The port that the user's own arguments set by one of `flags`: `bowline dev -- --port 4000`.
    pub fn ordered_port(&self, flags: &[catalog::CatalogText]) -> Option<u16> {
        let Target::Script { arguments, .. } = self.target else { return None };
        let flags: Vec<&str> = flags.iter().map(|flag| flag.trim_end_matches('=')).collect();
        script::port_in(arguments, if flags.is_empty() { &["--port"] } else { &flags })
    }

    /// The leaf that is one of [`Reading::commands`], with its index among the leaves.
    pub(super) fn leaf(&self, command: usize) -> Option<(usize, &Leaf)> {
        let (index, _) = *self.commands.get(command)?;
        Some((index, self.leaves.get(index)?))
    }

    pub(super) fn leaves_of(&self, text: &str) -> Option<Vec<Leaf>> {
        Some(Script::parse(text).ok()?.leaves(&self.scripts))
    }
}

/// A command as text, and whether a shell would run that text as this command: not if a word is not UTF-8, or if
/// the first one would be an assignment.
fn as_text(argv: &[OsString]) -> (String, bool) {
    let words: Option<Vec<&str>> = argv.iter().map(|word| word.to_str()).collect();
    if let Some(words) = words.filter(|words| !words.iter().take(1).any(|word| word.contains('='))) {
        return (words.into_iter().map(script::quote).collect::<Vec<_>>().join(" "), true);
    }
    (argv.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "), false)
}

/// The arguments of a leaf. An argument that only the running shell knows becomes `$`, which no rule names.
fn arguments(leaf: &Leaf) -> Vec<String> {
    let words = leaf.words.iter().skip(1).map(Word::literal);
    words.map(|word| word.unwrap_or_else(|| "$".to_owned())).collect()
}
