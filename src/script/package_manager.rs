//! npm, npx, pnpm, yarn and bun: which script, binary or file of the package a call runs.
//!
//! `None` stands for a call of programs that the script does not show.

use super::command_line::{CommandLine, Step, binary_of, program_name};
use super::error::RewriteError;
use super::frame::Invoker;
use super::script_call::{HARMLESS, script};
use super::scripts::{PackageManager, Scripts};
use super::word::Word;

/// Commands of the managers themselves; scripts of these names need `run`.
pub(super) const COMMANDS: [&str; 41] = [
    "add", "audit", "bin", "cache", "ci", "config", "create", "dedupe", "deploy", "fetch", "help", "i",
    "import", "info", "init", "install", "link", "list", "login", "logout", "ls", "outdated", "pack",
    "patch", "plugin", "pm", "prune", "publish", "rebuild", "remove", "repl", "rm", "root", "set", "store",
    "un", "uninstall", "unlink", "up", "update", "upgrade",
];

/// Flags of bun that mean other packages or directories.
const BUN_ELSEWHERE: [&str; 4] = ["--filter", "-F", "--cwd", "--workspaces"];

pub(super) fn step<'w>(
    line: &mut CommandLine<'w>,
    scripts: &dyn Scripts,
    manager: PackageManager,
) -> Option<Step<'w>> {
    if manager == PackageManager::Npm { npm(line, scripts) } else { shorthand(line, scripts, manager) }
}

/// The first word after harmless flags, or `None` if another flag stands before it.
fn after_harmless(line: &CommandLine, mut index: usize) -> Option<usize> {
    while line.is_flag(index) {
        let flag = line.literal(index)?;
        let is_harmless = HARMLESS.contains(&flag.as_str())
            || flag.starts_with("--loglevel=")
            || flag.starts_with("--reporter=")
            || flag.starts_with("--color=");
        is_harmless.then_some(())?;
        index += 1;
    }
    Some(index)
}

/// `npx`, `pnpm dlx` and their kin: flags, then a package or binary, then its arguments.
pub(super) fn execute<'w>(line: &CommandLine<'w>, scripts: &dyn Scripts, start: usize) -> Option<Step<'w>> {
    let mut index = start;
    while line.is_flag(index) {
        let flag = line.literal(index).unwrap_or_default();
        match flag.as_str() {
            "-c" | "--call" => return Some(Step::Text(index + 1)),
            "-w" | "--workspace" | "--workspaces" | "--filter" | "-r" | "--recursive" => return None,
            "-p" | "--package" => index += 2,
            _ => index += 1,
        }
        if flag == "--" {
            break;
        }
    }
    binary(line, scripts, index)
}

/// A binary named by a word: `vite`, `vite@7`, `@angular/cli@22`, or a wrapper again.
fn binary<'w>(line: &CommandLine<'w>, scripts: &dyn Scripts, index: usize) -> Option<Step<'w>> {
    let word = line.literal(index)?;
    Some(if word.contains('@') { Step::Leaf(index, binary_of(&word, scripts)) } else { Step::Next(index) })
}

fn npm<'w>(line: &mut CommandLine<'w>, scripts: &dyn Scripts) -> Option<Step<'w>> {
    const NPM: Invoker = Invoker::Manager(PackageManager::Npm);
    let index = after_harmless(line, line.at + 1)?;
    match line.literal(index)?.as_str() {
        "run" | "run-script" | "rum" | "urn" => script(line, scripts, NPM, after_harmless(line, index + 1)?),
        "start" | "stop" | "test" | "restart" => script(line, scripts, NPM, index),
        "exec" | "x" => {
            let (command, marked) = line.after_flags(index + 1, &["-p", "--package"]);
            let flags = line.words.get(index + 1..command)?.iter().map(Word::prefix);
            if flags.into_iter().any(|flag| matches!(&*flag, "-c" | "--call" | "-w" | "--workspace")) {
                return None;
            }
            if !marked {
                line.require_marker(command);
            }
            binary(line, scripts, command)
        }
        _ => Some(Step::Leaf(line.at, "npm".to_owned())),
    }
}

/// pnpm, yarn and bun: `run x`, or just `x`, which may be a script or a binary.
fn shorthand<'w>(
    line: &mut CommandLine<'w>,
    scripts: &dyn Scripts,
    manager: PackageManager,
) -> Option<Step<'w>> {
    use PackageManager::{Bun, Pnpm, Yarn};
    let itself = Step::Leaf(line.at, program_name(&line.literal(line.at)?));
    let Some(index) = after_harmless(line, line.at + 1) else {
        return if manager == Bun { bun_file(line, scripts) } else { None };
    };
    if index >= line.words.len() {
        return Some(itself);
    }
    match (manager, line.literal(index)?.as_str()) {
        (_, "run" | "run-script") => match after_harmless(line, index + 1) {
            Some(name) => script_or_binary(line, scripts, manager, name),
            None if manager == Bun => bun_file(line, scripts),
            None => None,
        },
        (Pnpm, "exec" | "dlx") | (Yarn, "dlx") | (Bun, "x") => execute(line, scripts, index + 1),
        (Yarn, "exec") => {
            let (command, marked) = line.after_flags(index + 1, &[]);
            if !marked {
                line.fixed = Some(RewriteError::Swallowed);
            }
            binary(line, scripts, command)
        }
        (Yarn, "node") => Some(Step::Next(index)),
        (Yarn, "workspace" | "workspaces") | (Pnpm, "recursive" | "multi") => None,
        (Bun, "build" | "test") => Some(itself),
        (_, word) if COMMANDS.contains(&word) => Some(itself),
        (Pnpm, "start" | "stop" | "test") => script(line, scripts, Invoker::Manager(manager), index),
        (_, _) => script_or_binary(line, scripts, manager, index),
    }
}

/// `bun --hot src/index.ts`: bun itself is the program, unless the file is a package's binary.
fn bun_file<'w>(line: &CommandLine<'w>, scripts: &dyn Scripts) -> Option<Step<'w>> {
    let mut index = line.at + 1;
    while line.is_flag(index) || line.literal(index).as_deref() == Some("run") {
        let flag = line.words.get(index).map(Word::prefix).unwrap_or_default();
        let flag = flag.split_once('=').map_or(flag.as_str(), |(flag, _)| flag);
        if BUN_ELSEWHERE.contains(&flag) {
            return None;
        }
        index += 1;
    }
    match line.literal(index) {
        Some(name) if scripts.text(&name).is_some() => None,
        Some(file) if file.contains("node_modules/") => Some(Step::Leaf(index, program_name(&file))),
        Some(_) | None => Some(Step::Leaf(line.at, "bun".to_owned())),
    }
}

fn script_or_binary<'w>(
    line: &CommandLine<'w>,
    scripts: &dyn Scripts,
    manager: PackageManager,
    index: usize,
) -> Option<Step<'w>> {
    let name = line.literal(index)?;
    if scripts.text(&name).is_some() {
        return script(line, scripts, Invoker::Manager(manager), index);
    }
    // pnpm takes `/…/` for a regular expression over the scripts' names.
    if manager == PackageManager::Pnpm && name.starts_with('/') {
        return None;
    }
    let is_file = !name.contains("node_modules/") && (name.contains('/') || name.contains('.'));
    if manager == PackageManager::Bun && is_file {
        return Some(Step::Leaf(line.at, "bun".to_owned()));
    }
    binary(line, scripts, index)
}
