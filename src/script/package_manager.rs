//! npm, npx, pnpm, yarn and bun: which script, binary or file of the package a call runs.
//!
//! A step of `None` means that the call runs programs which the script does not show.

use super::command_line::{CommandLine, Step};
use super::error::RewriteError;
use super::frame::Invoker;
use super::leaf::program_name;
use super::script_call::{HARMLESS, script};
use super::scripts::PackageManager;
use super::word::Word;

/// Commands of the managers themselves; scripts of these names need `run`.
pub const COMMANDS: [&str; 41] = [
    "add", "audit", "bin", "cache", "ci", "config", "create", "dedupe", "deploy", "fetch", "help", "i",
    "import", "info", "init", "install", "link", "list", "login", "logout", "ls", "outdated", "pack",
    "patch", "plugin", "pm", "prune", "publish", "rebuild", "remove", "repl", "rm", "root", "set", "store",
    "un", "uninstall", "unlink", "up", "update", "upgrade",
];

/// Flags of bun that mean other packages or directories.
const BUN_ELSEWHERE: [&str; 4] = ["--filter", "-F", "--cwd", "--workspaces"];

/// The first word after harmless flags, or `None` if another flag precedes it.
fn after_harmless(line: &CommandLine, mut index: usize) -> Option<usize> {
    let prefixes = ["--loglevel=", "--reporter=", "--color="];
    while let Some(flag) = line.flag(index) {
        let is_harmless =
            HARMLESS.contains(&&*flag) || prefixes.iter().any(|prefix| flag.starts_with(prefix));
        is_harmless.then_some(())?;
        index += 1;
    }
    Some(index)
}

/// `npx`, `pnpm dlx` and their kin: flags, then a package or binary, then its arguments.
pub(super) fn execute(line: &CommandLine, mut index: usize) -> Option<Step> {
    while let Some(flag) = line.flag(index) {
        index += 1;
        match flag.as_str() {
            "-c" | "--call" => return Some(Step::Text(index)),
            "-w" | "--workspace" | "--workspaces" | "--filter" | "-r" | "--recursive" => return None,
            "-p" | "--package" => index += 1,
            "--" => break,
            _ => {}
        }
    }
    binary(line, index)
}

/// A binary named by a word: `vite`, `vite@7`, `@angular/cli@22`, or a wrapper again.
fn binary(line: &CommandLine, index: usize) -> Option<Step> {
    let word = line.literal(index)?;
    Some(if word.contains('@') { line.binary_of(index, &word) } else { Step::Next(index) })
}

fn npm(line: &mut CommandLine) -> Option<Step> {
    const NPM: Invoker = Invoker::Manager(PackageManager::Npm);
    let index = after_harmless(line, line.at + 1)?;
    match line.literal(index)?.as_str() {
        "run" | "run-script" | "rum" | "urn" => script(line, NPM, after_harmless(line, index + 1)?),
        "start" | "stop" | "test" | "restart" => script(line, NPM, index),
        "exec" | "x" => {
            let (command, marked) = line.after_flags(index + 1, &["-p", "--package"]);
            let flags = line.words.get(index + 1..command)?.iter().map(Word::prefix);
            if flags.into_iter().any(|flag| matches!(&*flag, "-c" | "--call" | "-w" | "--workspace")) {
                return None;
            }
            if !marked {
                line.require_marker(command);
            }
            binary(line, command)
        }
        _ => Some(Step::Leaf(line.at, "npm".to_owned())),
    }
}

/// npm needs `run` before a script's name. For pnpm, yarn and bun, a bare name may be a script or a binary.
pub(super) fn step(line: &mut CommandLine, manager: PackageManager) -> Option<Step> {
    use PackageManager::{Bun, Npm, Pnpm, Yarn};
    if manager == Npm {
        return npm(line);
    }
    let itself = Step::Leaf(line.at, program_name(&line.literal(line.at)?));
    let Some(index) = after_harmless(line, line.at + 1) else {
        return if manager == Bun { bun_file(line) } else { None };
    };
    if index >= line.words.len() {
        return Some(itself);
    }
    match (manager, line.literal(index)?.as_str()) {
        (_, "run" | "run-script") => match after_harmless(line, index + 1) {
            Some(name) => script_or_binary(line, manager, name),
            None if manager == Bun => bun_file(line),
            None => None,
        },
        (Pnpm, "exec" | "dlx") | (Yarn, "dlx") | (Bun, "x") => execute(line, index + 1),
        (Yarn, "exec") => {
            let (command, marked) = line.after_flags(index + 1, &[]);
            if !marked {
                line.fixed = Some(RewriteError::Swallowed);
            }
            binary(line, command)
        }
        (Yarn, "node") => Some(Step::Next(index)),
        (Yarn, "workspace" | "workspaces") | (Pnpm, "recursive" | "multi") => None,
        (Bun, "build" | "test") => Some(itself),
        (_, word) if COMMANDS.contains(&word) => Some(itself),
        (Pnpm, "start" | "stop" | "test") => script(line, Invoker::Manager(manager), index),
        (_, _) => script_or_binary(line, manager, index),
    }
}

/// `bun --hot src/index.ts`: bun itself is the program, unless the file is a package's binary.
fn bun_file(line: &CommandLine) -> Option<Step> {
    let mut index = line.at + 1;
    while line.flag(index).is_some() || line.literal(index).as_deref() == Some("run") {
        let flag = line.words.get(index).map(Word::prefix).unwrap_or_default();
        let flag = flag.split_once('=').map_or(flag.as_str(), |(flag, _)| flag);
        if BUN_ELSEWHERE.contains(&flag) {
            return None;
        }
        index += 1;
    }
    match line.literal(index) {
        Some(name) if line.has_script(&name) => None,
        Some(file) if file.contains("node_modules/") => Some(Step::Leaf(index, program_name(&file))),
        Some(_) | None => Some(Step::Leaf(line.at, "bun".to_owned())),
    }
}

fn script_or_binary(line: &CommandLine, manager: PackageManager, index: usize) -> Option<Step> {
    let name = line.literal(index)?;
    if line.has_script(&name) {
        return script(line, Invoker::Manager(manager), index);
    }
    // pnpm takes `/…/` for a regular expression over the scripts' names.
    if manager == PackageManager::Pnpm && name.starts_with('/') {
        return None;
    }
    let is_file = !name.contains("node_modules/") && (name.contains('/') || name.contains('.'));
    if manager == PackageManager::Bun && is_file {
        return Some(Step::Leaf(line.at, "bun".to_owned()));
    }
    binary(line, index)
}
