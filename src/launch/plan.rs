//! From what was read, a detection and a port to what exactly is run.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use super::changes::Changes;
use super::environment::{self, Origin, bin_directories, search_path};
use super::means::{self, Means};
use super::missing;
use super::package_manager::PackageManager;
use super::placement::{Placement, place};
use super::preload::Preload;
use super::reading::{Reading, Target};
use super::spec::{Delivery, LaunchSpec, Step};
use super::variables::{self, Sibling};
use crate::detect::catalog::Catalog;
use crate::detect::{Detection, Inputs};
use crate::project::Project;
use crate::script::Script;
use crate::script::{Kind, Leaf, Word};

/// The variable with options for every node program.
pub(super) const NODE_OPTIONS: &str = "NODE_OPTIONS";

/// The address that the user wants the server to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// `--host` alone: every interface.
    All,
    /// `--host ADDR`.
    Address(String),
}

/// All that decides a launch.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What to run, with its project, package manager and caller.
    pub reading: &'a Reading<'a>,
    /// What was detected from [`Reading::commands`].
    pub detection: &'a Detection<'a>,
    /// How the server is told its port and address.
    pub inputs: &'a Inputs,
    /// All frameworks.
    pub catalog: &'a Catalog,
    /// The reserved port.
    pub port: u16,
    /// What the user said about the address.
    pub host: Option<&'a Host>,
    /// The supervisor's session.
    pub session: &'a str,
    /// The other services of the workspace.
    pub siblings: &'a [Sibling],
    /// The variables that the project's bowline.toml sets.
    pub environment: &'a BTreeMap<String, String>,
    /// What moves a listener that is known not to obey.
    pub preload: Option<&'a Preload>,
}

/// Decides a launch in every detail. Starts nothing and writes nothing.
pub fn plan(request: &Request<'_>) -> LaunchSpec {
    match request.reading.target {
        Target::Script { name, text, .. } => plan_script(request, name, text),
        Target::Command(argv) => plan_command(request, argv),
    }
}

fn plan_script(request: &Request<'_>, name: &str, text: &str) -> LaunchSpec {
    let reading = request.reading;
    let Reading { project, choice, caller, npmrc, node, runs_hooks, .. } = reading;
    let origin = Origin { project, choice, caller, npmrc, node: node.as_deref() };
    let means = Means::of(&origin, &reading.leaves);
    let mut placement = place(request);
    let mut directly = None;
    let (program, argv) = match &means {
        Means::Shell(shell) => {
            let script = Script::parse(&placement.text).ok();
            match script.as_ref().and_then(|script| plain_words(shell, script)) {
                Some(words) => {
                    directly = Some(working_directory(project, caller));
                    (words.first().map(PathBuf::from).unwrap_or_default(), words)
                }
                None => shell_command(shell, &without_shell(&placement.text, script.as_ref())),
            }
        }
        Means::Manager { why } => {
            placement.notes.push(format!("started by {}: {why}", choice.manager.name()));
            delegate(&origin, (name, text, &reading.command()), &mut placement)
        }
    };

    let mut shared = environment::of_scripts(&origin);
    shared.extend(variables::of_service(request, &placement));
    load(&mut shared, request);
    let step = |event: &str, text: &str, command: (PathBuf, Vec<OsString>)| {
        let mut environment = shared.clone();
        environment.extend(environment::lifecycle(event, text, choice));
        let (program, argv) = command;
        let name = event.to_owned();
        Step { name, program, argv, cwd: project.dir.clone(), environment, programs: Vec::new() }
    };
    let hook = |prefix: &str| {
        let Means::Shell(shell) = &means else { return None };
        let event = format!("{prefix}{name}");
        let mut scripts = project.manifest.scripts.iter();
        let (_, text) = scripts.find(|(key, text)| *runs_hooks && *key == event && !text.is_empty())?;
        let mut step = step(&event, text, shell_command(shell, text));
        step.programs = programs(text, &reading.leaves_of(text).unwrap_or_default(), &step.program);
        Some(step)
    };
    // pnpm alone counts the user's arguments as part of the script.
    let pasted = reading.command();
    let shown = if choice.manager == PackageManager::Pnpm { &pasted } else { text };
    let mut main = step(name, shown, (program, argv));
    if let Some(dir) = directly {
        main.environment.set("PWD", dir);
    }
    spec(request, main, placement, (hook("pre"), hook("post")))
}

/// The script with its shell replaced by its program, where that is all the shell would do: then signals and exit status are
/// the server's own, and nobody has to wait for it. Some shells do this by themselves, dash does not.
fn without_shell<'t>(text: &'t str, script: Option<&Script>) -> Cow<'t, str> {
    let place = script.and_then(Script::replaceable_shell);
    place.map_or(Cow::Borrowed(text), |at| Cow::Owned(format!("{}exec {}", &text[..at], &text[at..])))
}

/// The words of a script for which no shell is needed at all: starting one takes longer than all else. A shell that the
/// user has chosen may do more than run the program.
fn plain_words(shell: &Path, script: &Script) -> Option<Vec<OsString>> {
    let words = script.plain_words().filter(|_| shell == Path::new(means::SHELL))?;
    Some(words.into_iter().map(OsString::from).collect())
}

/// What a shell would say of its working directory: the name by which the user went there, where that is still right.
fn working_directory(project: &Project, caller: &Caller) -> OsString {
    let place = |dir: &Path| dir.metadata().ok().map(|found| (found.dev(), found.ino()));
    let named = caller
        .raw("PWD")
        .filter(|dir| place(Path::new(dir)).is_some_and(|at| Some(at) == place(&project.dir)));
    named.map_or_else(|| project.dir.clone().into_os_string(), ToOwned::to_owned)
}

fn shell_command(shell: &Path, text: &str) -> (PathBuf, Vec<OsString>) {
    let name = shell.file_name().unwrap_or_else(|| OsStr::new("sh"));
    (shell.to_path_buf(), vec![name.to_owned(), "-c".into(), text.into()])
}

/// The manager runs the script: a changed text through modern Yarn's `exec`, what was only added at the end as
/// arguments, and anything else as it is written.
fn delegate(
    origin: &Origin<'_>,
    (name, text, pasted): (&str, &str, &str),
    placement: &mut Placement,
) -> (PathBuf, Vec<OsString>) {
    let added = |whole: &str| shell_words::split(whole.strip_prefix(text)?).ok();
    let mut words = added(&placement.text);
    let by_text = origin.choice.is_modern_yarn() && placement.text != pasted;
    if words.is_none() && !by_text {
        let why = format!("{} runs the script as it is written", origin.choice.manager.name());
        placement.give_up(pasted.to_owned(), why);
        words = added(pasted);
    }
    let mut argv = means::delegated(origin, name, by_text.then_some(&placement.text));
    if !by_text {
        argv.extend(words.into_iter().flatten().map(OsString::from));
    }
    (argv.first().map(PathBuf::from).unwrap_or_default(), argv)
}

fn plan_command(request: &Request<'_>, argv: &[OsString]) -> LaunchSpec {
    let Reading { project, caller, .. } = request.reading;
    let mut placement = place(request);
    let mut argv = argv.to_vec();
    let original = request.reading.command();
    if placement.text != original {
        match shell_words::split(&placement.text) {
            Ok(words) => argv = words.into_iter().map(OsString::from).collect(),
            Err(error) => placement.give_up(original, format!("the changed command has {error}")),
        }
    }
    let mut environment = Changes::default();
    let own = project.dir.join("node_modules/.bin");
    let inside = caller.raw("PATH").is_some_and(|path| std::env::split_paths(path).any(|dir| dir == own));
    if !inside {
        environment.set("PATH", search_path(bin_directories(&project.dir), caller));
    }
    environment.extend(variables::of_service(request, &placement));
    load(&mut environment, request);
    let program = argv.first().map(PathBuf::from).unwrap_or_default();
    let name = program.to_string_lossy().into_owned();
    let cwd = caller.directory.clone();
    let main = Step { name, program, argv, cwd, environment, programs: Vec::new() };
    spec(request, main, placement, (None, None))
}

/// Has the preload loaded, and with it whatever `NODE_OPTIONS` says without us.
fn load(environment: &mut Changes, request: &Request<'_>) {
    let Some(preload) = request.preload else { return };
    let present = environment.get(NODE_OPTIONS).or_else(|| request.reading.caller.raw(NODE_OPTIONS));
    let options = preload.options(present);
    environment.set(NODE_OPTIONS, options);
}

fn spec(
    request: &Request<'_>,
    mut main: Step,
    placement: Placement,
    hooks: (Option<Step>, Option<Step>),
) -> LaunchSpec {
    let port = request.port;
    let Placement { text, delivery, doubt, mut notes, mut warnings, .. } = placement;
    if let Some(preload) = request.preload {
        notes.push(format!("its listener is moved to port {port} ({})", preload.moved.described()));
    } else if let Some((why, advice)) = doubt.filter(|_| delivery == Delivery::Hope) {
        warnings.push(format!("bowline cannot promise port {port} for `{}`: {why}; {advice}", main.name));
    }
    main.programs = programs(&request.reading.command(), &request.reading.leaves, &main.program);
    LaunchSpec {
        port,
        url: variables::url(port),
        pre: hooks.0,
        post: hooks.1,
        command: text,
        delivery,
        notes,
        warnings,
        main,
    }
}

/// The program that is started, the words of the text that may be programs, in its order, and the programs of
/// nested scripts behind them.
fn programs(text: &str, leaves: &[Leaf], started: &Path) -> Vec<String> {
    let words =
        || text.split(|c: char| c.is_whitespace() || "'\";&|()".contains(c)).filter(|word| !word.is_empty());
    let leaf_programs: Vec<String> = leaves.iter().filter_map(program_of).collect();
    let starts_with_builtin = leaves.first().is_some_and(|leaf| leaf.kind == Kind::Builtin);
    let first = words().find(|word| !word.contains('=')).filter(|_| !starts_with_builtin);
    let known =
        words().filter(|word| missing::is_program(word) || leaf_programs.iter().any(|leaf| leaf == word));

    let mut programs = vec![started.to_string_lossy().into_owned()];
    for program in first.into_iter().chain(known).map(str::to_owned).chain(leaf_programs.iter().cloned()) {
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    programs
}

fn program_of(leaf: &Leaf) -> Option<String> {
    let path = leaf.words.first().and_then(Word::literal).filter(|word| word.contains('/'));
    let name = || (leaf.kind == Kind::Program && !leaf.program.is_empty()).then(|| leaf.program.clone());
    path.or_else(name)
}
