//! The target of a launch, read once: detection looks at its commands, the plan at all of it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::bowline_call::BowlineCall;
use super::caller::Caller;
use super::error::LaunchError;
use super::package_manager::ChosenManager;
use super::project_scripts::ProjectScripts;
use super::settings::Settings;
use crate::detect::catalog::{FlagPosition, PortInput};
use crate::detect::{CommandWords, Detection};
use crate::project::Project;
use crate::script::{self, Edit, Kind, Leaf, ParseError, Script, Scripts, Word, Wrapper};

/// Programs that run scripts of packages, where they do not show which.
const RUNNERS_OF_SCRIPTS: [&str; 6] = ["bun", "lerna", "npm", "pnpm", "turbo", "yarn"];

/// Programs that have a daemon, or a proxy of their own, listen for what they start.
const STARTERS_OF_CONTAINERS: [&str; 5] = ["docker", "docker-compose", "nerdctl", "podman", "podman-compose"];

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
    /// A text for a shell, with arguments to be quoted behind it.
    Text { text: &'a str, arguments: &'a [String] },
}

impl<'a> Target<'a> {
    /// The text for a shell, with the arguments behind it, if it is one.
    fn text(self) -> Option<(&'a str, &'a [String])> {
        match self {
            Self::Script { text, arguments, .. } | Self::Text { text, arguments } => Some((text, arguments)),
            Self::Command(_) => None,
        }
    }
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
    /// Whether `commands` leaves out those that other scripts start.
    has_own_alone: bool,
}

impl<'a> Reading<'a> {
    pub fn of(
        project: &'a Project,
        choice: &'a ChosenManager,
        target: Target<'a>,
        caller: &'a Caller,
        wrappers: &'a [Wrapper],
    ) -> Result<Self, LaunchError> {
        let node = caller.find("node").and_then(|node| node.canonicalize().ok());
        let settings = Settings::of(project, choice, caller, node.as_deref());
        let (command, is_shell_text) = match target {
            Target::Script { text, arguments, .. } | Target::Text { text, arguments } => {
                (script::append(text, arguments), true)
            }
            Target::Command(argv) => {
                if argv.first().is_some_and(|first| first.is_empty()) {
                    return Err(LaunchError::NoCommand);
                }
                as_text(argv)
            }
        };
        let runs_hooks = settings.runs_hooks(choice);
        let has_manager = choice.installation.is_some() || caller.is_inside(choice.manager);
        let scripts = ProjectScripts { project, choice, runs_hooks, has_manager, wrappers };
        let parsed = is_shell_text.then(|| Script::parse(&command)).transpose();
        let leaves = parsed.iter().flatten().flat_map(|script| script.leaves(&scripts)).collect::<Vec<_>>();
        let mut calls = leaves.iter().filter_map(BowlineCall::of);
        match target {
            Target::Script { name, text, .. } if calls.any(|call| call.runs(name, project)) => {
                return Err(LaunchError::Recursive { name: name.to_owned(), text: text.to_owned() });
            }
            // A bowline in the directory of a package runs the package's command; a service has no package.
            Target::Text { text, .. }
                if project.defined_in.is_none() && calls.any(|call| call.runs_usual()) =>
            {
                return Err(LaunchError::RecursiveCommand { text: text.to_owned() });
            }
            Target::Script { .. } | Target::Text { .. } | Target::Command(_) => {}
        }
        let commands = commands_of(&leaves, false);
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
            has_own_alone: false,
        })
    }

    /// Takes the commands that other scripts start out of [`Reading::commands`]: those scripts are services of their own.
    pub fn leave_out_scripts(&mut self) {
        self.has_own_alone = true;
        self.commands = commands_of(&self.leaves, true);
    }

    pub fn commands(&self) -> Vec<CommandWords<'_>> {
        let commands = self.commands.iter().map(|(index, arguments)| {
            let leaf = &self.leaves[*index];
            CommandWords {
                arguments: arguments.iter().map(String::as_str).collect(),
                names: names(leaf, arguments),
                starters: leaf.starters(),
                ends_before: self.ends_before(*index, leaf),
                after: self.before(*index, leaf),
                is_elsewhere: !leaf.directory().is_empty(),
                ..CommandWords::of(&leaf.program)
            }
        });
        commands.collect()
    }

    /// The earlier of [`Reading::commands`] that end before this leaf.
    fn before(&self, index: usize, leaf: &Leaf) -> Vec<usize> {
        let earlier = self.commands.iter().enumerate().filter(|(_, (other, _))| *other < index);
        let earlier = earlier.filter(|(_, (other, _))| self.leaves[*other].precedes(leaf));
        earlier.map(|(command, _)| command).collect()
    }

    /// Whether a later command of the script waits for the end of this leaf.
    fn ends_before(&self, index: usize, leaf: &Leaf) -> bool {
        let mut later = self.leaves[index + 1..].iter();
        later.any(|later| later.kind != Kind::Builtin && leaf.precedes(later))
    }

    /// Whether the script hides nothing, and `such` holds for each of its words, any of which may be a path.
    pub fn are_all_paths(&self, such: impl Fn(&Path) -> bool) -> bool {
        let mut words = self.leaves.iter().flat_map(|leaf| leaf.words.iter().map(Word::prefix));
        !self.hides_more() && words.all(|word| such(Path::new(&word)))
    }

    /// Whether something of the script goes on that [`Reading::commands`] do not show.
    pub fn hides_more(&self) -> bool {
        let mut leaves = self.leaves.iter().enumerate();
        leaves.any(|(index, leaf)| leaf.kind == Kind::Opaque && !self.ends_before(index, leaf))
    }

    pub fn script(&self) -> Option<&'a str> {
        if let Target::Script { name, .. } = self.target { Some(name) } else { None }
    }

    pub fn is_concurrent(&self) -> bool {
        self.leaves.iter().any(|leaf| leaf.role.is_concurrent())
    }

    /// Finds the port among the user's own arguments, as in `bowline dev -- --port 4000`, and takes it out if it can be
    /// put on the server's command line.
    pub fn take_port(&mut self, detection: &Detection<'_>, inputs: &PortInput) -> Option<u16> {
        let (_, arguments) = self.target.text()?;
        let flags = inputs.flag_names();
        let port = script::port_in(arguments, if flags.is_empty() { &["--port"] } else { &flags })?;
        let tool = detection.tool.filter(|_| !flags.is_empty() && inputs.place == FlagPosition::End);
        if let Some(tool) = tool {
            self.drop_port(tool.command, port, flags);
        }
        Some(port)
    }

    /// Takes the port out of the user's arguments if the server, one of [`Reading::commands`], can be given it.
    fn drop_port(&mut self, server: usize, port: u16, flags: Vec<&str>) -> Option<()> {
        let (text, arguments) = self.target.text()?;
        let rest = script::without_ports(arguments, &flags);
        let command = script::append(text, &rest);
        let leaves = self.leaves_of(&command)?;
        let commands = commands_of(&leaves, self.has_own_alone);
        // What was taken for a command behind the server may have been the port.
        let is_server =
            commands.get(server).map(|(index, _)| *index) == self.leaf(server).map(|(index, _)| index);
        let server = commands.get(server).and_then(|(index, _)| leaves.get(*index)).filter(|_| is_server);
        let edit = Edit { flags, port, ..Edit::default() };
        if server.is_some_and(|server| server.rewrite(&edit).is_ok()) {
            (self.command, self.leaves, self.commands) = (command, leaves, commands);
        }
        Some(())
    }

    /// The leaf that is one of [`Reading::commands`], with its index among the leaves.
    pub(super) fn leaf(&self, command: usize) -> Option<(usize, &Leaf)> {
        let (index, _) = *self.commands.get(command)?;
        Some((index, self.leaves.get(index)?))
    }

    /// The program that the script runs, if it is only one.
    pub(super) fn only_program(&self) -> Option<(usize, &Leaf)> {
        let [(index, _)] = self.commands[..] else { return None };
        Some((index, self.leaves.get(index)?))
    }

    /// The script that starts one of [`Reading::commands`] itself, if another script calls it.
    pub fn script_of(&self, command: usize) -> Option<&str> {
        self.leaf(command)?.1.scripts().last().copied()
    }

    /// Whether the script starts a program itself, and not only scripts of packages. At the root of a workspace, any
    /// task runner is taken to start those.
    pub fn has_own_programs(&self, is_root: bool) -> bool {
        let calls_scripts = |leaf: &Leaf| match leaf.kind {
            Kind::Builtin => true,
            Kind::Program => leaf.names().next().is_some() || is_root && leaf.program == "moon",
            Kind::Opaque => {
                leaf.names().next().is_some() || is_root || RUNNERS_OF_SCRIPTS.contains(&&*leaf.program)
            }
        };
        self.parse_error.is_some() || !self.leaves.iter().all(calls_scripts)
    }

    /// Whether the script leads to programs in its own package, and to nothing else: `pnpm play` of `nuxt dev playground`.
    pub fn has_only_own_programs(&self) -> bool {
        let is_own = |leaf: &Leaf| match leaf.kind {
            Kind::Builtin => true,
            Kind::Program => leaf.directory().is_empty(),
            Kind::Opaque => false,
        };
        !self.commands.is_empty() && self.leaves.iter().all(is_own)
    }

    /// Whether it starts containers, and nothing else that lasts: what listens for those is no process of its own.
    pub fn starts_containers(&self) -> bool {
        let mut programs = self.leaves.iter().filter(|leaf| leaf.kind != Kind::Builtin).peekable();
        programs.peek().is_some() && programs.all(|leaf| STARTERS_OF_CONTAINERS.contains(&&*leaf.program))
    }

    /// Whether the script leads to one program, in its own package, and to nothing else.
    pub fn has_one_program(&self) -> bool {
        self.only_program().is_some() && self.has_only_own_programs()
    }

    /// Whether the only program is started by the script `name`, at whatever depth.
    pub fn has_one_program_by(&self, name: &str) -> bool {
        self.has_one_program() && self.leaves.iter().any(|leaf| leaf.scripts().contains(&name))
    }

    /// Whether the script sets the variable for its program.
    pub(super) fn assigns(&self, name: &str) -> bool {
        self.leaves.iter().any(|leaf| leaf.assignments().any(|(own, _)| own == name))
    }

    /// The words of all commands, and of those that start them.
    pub(super) fn words_with_starters(&self) -> Vec<String> {
        let all = self.leaves.iter().flat_map(|leaf| leaf.scope.starters.iter().flatten().chain(&leaf.words));
        all.filter_map(Word::literal).collect()
    }

    /// The scripts that run before and after the one that is run.
    pub(super) fn hook_texts(&self) -> Vec<String> {
        let Some(name) = self.script().filter(|_| self.scripts.runs_hooks) else { return Vec::new() };
        ["pre", "post"].iter().filter_map(|prefix| self.scripts.text(&format!("{prefix}{name}"))).collect()
    }

    /// Whether it starts a program itself, neither a script nor a task runner, that does not end before something
    /// else starts: that may be a server.
    pub fn has_own_server(&self) -> bool {
        let is_own = |leaf: &Leaf| leaf.kind == Kind::Program && leaf.names().next().is_none();
        let lasts =
            |index: usize, leaf: &Leaf| !self.leaves[index + 1..].iter().any(|later| leaf.precedes(later));
        let mut leaves = self.leaves.iter().enumerate();
        self.parse_error.is_some() || leaves.any(|(index, leaf)| is_own(leaf) && lasts(index, leaf))
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

/// The words in the names of scripts, packages and files that lead to a leaf.
fn names(leaf: &Leaf, arguments: &[String]) -> Vec<String> {
    let files = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-') && word.contains(['.', '/']));
    let all = leaf.names().chain([leaf.directory()]).chain(files);
    let words = all.flat_map(|name| name.split(|c: char| !c.is_ascii_alphanumeric()));
    words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// The leaves that are programs, by their index, with their arguments.
fn commands_of(leaves: &[Leaf], own_alone: bool) -> Vec<(usize, Vec<String>)> {
    let is_meant = |leaf: &Leaf| leaf.kind == Kind::Program && !(own_alone && leaf.names().next().is_some());
    let programs = leaves.iter().enumerate().filter(|(_, leaf)| is_meant(leaf));
    programs.map(|(index, leaf)| (index, arguments_of(leaf))).collect()
}

/// The arguments of a leaf. An argument that only the running shell knows becomes `$`, which no rule names.
fn arguments_of(leaf: &Leaf) -> Vec<String> {
    let words = leaf.words.iter().skip(1).map(Word::literal);
    words.map(|word| word.unwrap_or_else(|| "$".to_owned())).collect()
}
