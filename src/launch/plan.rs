//! From a reading, a detection and a port to the launch, decided in every detail.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use super::changes::Changes;
use super::environment::{self, bin_directories, search_path};
use super::missing;
use super::placement::{Placement, Reach, place};
use super::preload::{MovedListener, SERVE_ADDRESS};
use super::reading::{Reading, Target};
use super::request::{Host, LaunchRequest, port_variables};
use super::script_runner::{self, SHELL, ScriptRunner};
use super::script_shell::{self, ScriptShell};
use super::sibling_ports;
use super::spec::{Delivery, LaunchSpec, Step};
use super::variables;
use crate::detect::catalog::Role;
use crate::project::Project;
use crate::script::{Kind, Leaf, PackageManager, Script, Scripts, Word, is_shell_word};

/// Decides a launch in every detail. Starts nothing and writes nothing.
pub fn plan(request: &LaunchRequest<'_>) -> LaunchSpec {
    match request.reading.target {
        Target::Script { name, text, .. } => plan_script(request, name, text),
        Target::Command(argv) => plan_command(request, argv),
        Target::Text { .. } => plan_text(request),
    }
}

fn plan_script(request: &LaunchRequest<'_>, name: &str, text: &str) -> LaunchSpec {
    let reading = request.reading;
    let Reading { project, choice, caller, scripts, .. } = reading;
    let runner = ScriptRunner::of(reading);
    let mut placement = place(request);
    let mut working_dir = None;
    let argv = match &runner {
        ScriptRunner::Shell(shell) => {
            let script = Script::parse(&placement.text).ok();
            match script.as_ref().and_then(|script| plain_words(shell, script)) {
                Some(words) => {
                    working_dir = Some(working_directory(project, caller));
                    words
                }
                None => shell_command(shell, &with_exec(&placement.text, script.as_ref())),
            }
        }
        ScriptRunner::Manager { why } => {
            placement.notes.push(format!("started by {}: {why}", choice.manager.name()));
            delegate(reading, (name, text), &mut placement)
        }
    };

    let mut shared = environment::of_scripts(reading);
    variables::set(&mut shared, request, &placement);
    load_preload(&mut shared, request);
    let script_shell = script_shell(&mut shared, request, &placement);
    let script_step = |event: &str, text: &str, argv: (PathBuf, Vec<OsString>)| {
        let mut environment = shared.clone();
        environment::set_lifecycle(&mut environment, event, text, choice);
        step(event, argv, &project.dir, environment)
    };
    let hook = |prefix: &str| {
        let ScriptRunner::Shell(shell) = &runner else { return None };
        let event = format!("{prefix}{name}");
        let text = scripts.text(&event).filter(|text| scripts.runs_hooks && !text.is_empty())?;
        let present = sibling_ports::present_script(request, &text);
        let mut step = script_step(&event, &text, shell_command(shell, &present));
        step.programs = programs(&text, &reading.leaves_of(&text).unwrap_or_default(), &step.program);
        Some(step)
    };
    // pnpm alone counts the user's arguments as part of the script.
    let shown = if choice.manager == PackageManager::Pnpm { &reading.command } else { text };
    let mut main = script_step(name, shown, argv);
    if let Some(dir) = working_dir {
        main.environment.set("PWD", dir);
    }
    LaunchSpec { pre: hook("pre"), post: hook("post"), script_shell, ..spec(request, main, placement) }
}

/// The shell of the nested scripts that run otherwise than they are written, made known to their package managers.
fn script_shell(
    environment: &mut Changes,
    request: &LaunchRequest<'_>,
    placement: &Placement,
) -> Option<ScriptShell> {
    let path = request.script_shell.filter(|_| !placement.nested.is_empty())?;
    let port = request.port.to_string();
    let variables: Vec<_> =
        port_variables(request.inputs).map(|name| (name.to_owned(), port.clone())).collect();
    for name in script_shell::VARIABLES {
        environment.set(name, path.as_os_str());
    }
    Some(ScriptShell::new(path, request.reading, &placement.nested, &variables))
}

/// The script with `exec` before its only program, so that no shell waits between bowline and the server: signals
/// reach the server itself, and its exit status is its own. Some shells do this by themselves; dash does not.
fn with_exec(text: &str, script: Option<&Script>) -> String {
    let at = script.and_then(Script::exec_position);
    at.map_or_else(|| text.to_owned(), |at| format!("{}exec {}", &text[..at], &text[at..]))
}

/// The words of a script that needs no shell: starting one takes longer than the rest of a launch. A shell that
/// the user has chosen is always started, as it may do more than run the program.
fn plain_words(shell: &Path, script: &Script) -> Option<(PathBuf, Vec<OsString>)> {
    let words = script.plain_words().filter(|_| shell == Path::new(SHELL))?;
    Some(command(words.into_iter().map(OsString::from).collect()))
}

fn command(argv: Vec<OsString>) -> (PathBuf, Vec<OsString>) {
    (argv.first().map(PathBuf::from).unwrap_or_default(), argv)
}

fn step(name: &str, (program, argv): (PathBuf, Vec<OsString>), cwd: &Path, environment: Changes) -> Step {
    Step { name: name.to_owned(), program, argv, cwd: cwd.to_path_buf(), environment, programs: Vec::new() }
}

/// `PWD` as a shell would set it: the inherited one, which may lead through links, if it is the project's
/// directory.
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

/// The command with which the manager runs the script. Words added at the end become arguments, and modern Yarn's
/// `exec` takes any changed text; elsewhere other changes are reverted.
fn delegate(
    reading: &Reading<'_>,
    (name, text): (&str, &str),
    placement: &mut Placement,
) -> (PathBuf, Vec<OsString>) {
    let pasted = &reading.command;
    let added = |whole: &str| shell_words::split(whole.strip_prefix(text)?).ok();
    let mut words = added(&placement.text);
    let by_text = reading.choice.is_modern_yarn() && placement.text != *pasted;
    if words.is_none() && !by_text {
        words = added(pasted);
        let why = format!("{} runs the script as it is written", reading.choice.manager.name());
        placement.revert(pasted, why);
    }
    let mut argv = script_runner::delegated(reading, name, by_text.then_some(&placement.text));
    if !by_text {
        argv.extend(words.into_iter().flatten().map(OsString::from));
    }
    command(argv)
}

/// The `command` of bowline.toml or a Procfile: not of any package manager, so its environment is the caller's, with
/// the packages' programs in the `PATH`.
fn plan_text(request: &LaunchRequest<'_>) -> LaunchSpec {
    let Reading { project, caller, .. } = request.reading;
    let placement = place(request);
    let shell = Path::new(SHELL);
    let script = Script::parse(&placement.text).ok();
    let plain = script.as_ref().and_then(|script| plain_words(shell, script));
    let is_plain = plain.is_some();
    let argv = plain.unwrap_or_else(|| shell_command(shell, &with_exec(&placement.text, script.as_ref())));
    let (mut environment, script_shell) = environment_of_command(request, &placement);
    if is_plain {
        environment.set("PWD", working_directory(project, caller));
    }
    let first = |word: &str| word.split_whitespace().next().unwrap_or_default().to_owned();
    let main = step(&first(&request.reading.command), argv, &project.dir, environment);
    LaunchSpec { script_shell, ..spec(request, main, placement) }
}

/// The environment of what is no script of a package manager.
fn environment_of_command(
    request: &LaunchRequest<'_>,
    placement: &Placement,
) -> (Changes, Option<ScriptShell>) {
    let Reading { project, caller, .. } = request.reading;
    let mut environment = Changes::default();
    let own = project.dir.join("node_modules/.bin");
    let inside = caller.raw("PATH").is_some_and(|path| std::env::split_paths(path).any(|dir| dir == own));
    if !inside {
        environment.set("PATH", search_path(bin_directories(&project.dir), caller));
    }
    variables::set(&mut environment, request, placement);
    load_preload(&mut environment, request);
    let script_shell = script_shell(&mut environment, request, placement);
    (environment, script_shell)
}

fn plan_command(request: &LaunchRequest<'_>, argv: &[OsString]) -> LaunchSpec {
    let caller = request.reading.caller;
    let mut placement = place(request);
    let mut argv = argv.to_vec();
    let original = &request.reading.command;
    if placement.text != *original {
        match shell_words::split(&placement.text) {
            Ok(words) => argv = words.into_iter().map(OsString::from).collect(),
            Err(error) => placement.revert(original, format!("the changed command has {error}")),
        }
    }
    let (environment, script_shell) = environment_of_command(request, &placement);
    let name = argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default();
    let main = step(&name, command(argv), &caller.directory, environment);
    LaunchSpec { script_shell, ..spec(request, main, placement) }
}

/// Adds the preload to the other options of the variables that load it.
fn load_preload(environment: &mut Changes, request: &LaunchRequest<'_>) {
    let Some(preload) = request.preload else { return };
    for &name in preload.variables() {
        let present = environment.get(name).or_else(|| request.reading.caller.raw(name));
        let options = preload.options(name, present);
        environment.set(name, options);
    }
    if let MovedListener::Deno(_) = preload.moved {
        let host = match request.host {
            Some(Host::All) => "0.0.0.0",
            Some(Host::Address(address)) => address,
            None => "127.0.0.1",
        };
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        environment.set(SERVE_ADDRESS, format!("tcp:{host}:{}", request.port));
    }
}

fn spec(request: &LaunchRequest<'_>, mut main: Step, placement: Placement) -> LaunchSpec {
    let port = request.port;
    let Placement { text: command, delivery, doubt, mut notes, warnings, reach, .. } = placement;
    let is_framework = request.detection.tool.is_some_and(|tool| tool.framework.role != Role::Runtime);
    let is_one_of_several = reach == Reach::Server && is_framework;
    let mut doubted = None;
    // Without a package.json, a program is hardly ever one that the catalog could know.
    let is_doubtful = delivery == Delivery::Unverified && request.reading.project.manifest.exists();
    if let Some(preload) = request.preload {
        notes.push(format!("its listener is moved to port {port} ({})", preload.moved.described()));
    } else if request.is_followed {
        notes.push(format!("it listens on port {port} of its own accord, which is reserved for it"));
    } else if let Some((why, advice)) = doubt.filter(|_| is_doubtful) {
        doubted = Some(format!("{advice}; bowline cannot promise port {port} for `{}`: {why}", main.name));
    }
    main.programs = programs(&request.reading.command, &request.reading.leaves, &main.program);
    let is_missing = |name: &String| !name.contains('/') && missing::find(request.reading, name).is_none();
    let is_script = matches!(request.reading.target, Target::Script { .. });
    if !is_script
        && let Some(argv) = script_runner::exec_of_yarn(request.reading, &command)
        && main.programs.iter().any(is_missing)
    {
        notes.push("started by yarn: Yarn Plug'n'Play has no `node_modules`".to_owned());
        (main.program, main.argv) = self::command(argv);
    }
    LaunchSpec {
        port,
        before: None,
        pre: None,
        main,
        post: None,
        command,
        delivery,
        is_one_of_several,
        script_shell: None,
        notes,
        doubt: doubted,
        warnings,
    }
}

/// The program that is started, then the words of the text that may be programs, then the programs of nested
/// scripts.
fn programs(text: &str, leaves: &[Leaf], started: &Path) -> Vec<String> {
    let words =
        || text.split(|c: char| c.is_whitespace() || "'\";&|()".contains(c)).filter(|word| !word.is_empty());
    let leaf_programs: Vec<String> = leaves.iter().filter_map(program_of).collect();
    let first = words().find(|word| !word.contains('=')).filter(|word| !is_shell_word(word));
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
