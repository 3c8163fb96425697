//! Package managers and runtimes: which script, binary or file a call of one of them runs.

use super::elsewhere;
use super::leaf::{Call, CallForm, Manager, Scripts};
use super::nest::{self, Nested};
use super::word::Word;
use super::wrapper::{Peel, Step, program_name};

/// Flags that change nothing about what runs. Any other flag before the name may mean another package.
pub(super) const HARMLESS: [&str; 13] = [
    "-s",
    "--silent",
    "-q",
    "--quiet",
    "--if-present",
    "--color",
    "--no-color",
    "--bun",
    "-b",
    "--verbose",
    "--no-bail",
    "--no-clear-screen",
    "-d",
];

/// Words that a package manager understands itself, whatever the scripts are called.
pub(super) const COMMANDS: [&str; 41] = [
    "add",
    "audit",
    "bin",
    "cache",
    "ci",
    "config",
    "create",
    "dedupe",
    "deploy",
    "fetch",
    "help",
    "i",
    "import",
    "info",
    "init",
    "install",
    "link",
    "list",
    "login",
    "logout",
    "ls",
    "outdated",
    "pack",
    "patch",
    "plugin",
    "pm",
    "prune",
    "publish",
    "rebuild",
    "remove",
    "repl",
    "rm",
    "root",
    "set",
    "store",
    "un",
    "uninstall",
    "unlink",
    "up",
    "update",
    "upgrade",
];

pub(super) fn step<'w>(peel: &mut Peel<'w>, scripts: &dyn Scripts, name: &str) -> Step<'w> {
    let start = peel.at;
    let manager = match name {
        "npm" => Some(Manager::Npm),
        "pnpm" => Some(Manager::Pnpm),
        "bun" => Some(Manager::Bun),
        "yarn" | "yarnpkg" => Some(Manager::Yarn),
        _ => None,
    };
    if let Some(nested) = manager.and_then(|manager| elsewhere::call(peel, scripts, manager)) {
        return Step::Script(nested);
    }
    match name {
        "npx" | "pnpx" | "bunx" => execute(peel, scripts, start + 1),
        "npm" => npm(peel, scripts),
        "pnpm" => shorthand(peel, scripts, Manager::Pnpm),
        "bun" => shorthand(peel, scripts, Manager::Bun),
        _ => shorthand(peel, scripts, Manager::Yarn),
    }
}

/// The first word after harmless flags, or `None` if another flag stands before it.
fn after_harmless(peel: &Peel, mut index: usize) -> Option<usize> {
    while peel.is_flag(index) {
        let flag = peel.literal(index)?;
        let known = HARMLESS.contains(&flag.as_str())
            || flag.starts_with("--loglevel=")
            || flag.starts_with("--reporter=")
            || flag.starts_with("--color=");
        known.then_some(())?;
        index += 1;
    }
    Some(index)
}

/// `npx`, `pnpm dlx` and their kin: flags, then a package or binary, then its arguments.
fn execute<'w>(peel: &Peel<'w>, scripts: &dyn Scripts, start: usize) -> Step<'w> {
    let mut index = start;
    while peel.is_flag(index) {
        let flag = peel.literal(index).unwrap_or_default();
        match flag.as_str() {
            "-c" | "--call" => return Step::Text(index + 1),
            "-w" | "--workspace" | "--workspaces" | "--filter" | "-r" | "--recursive" => return Step::Opaque,
            "-p" | "--package" => index += 2,
            _ => index += 1,
        }
        if flag == "--" {
            break;
        }
    }
    binary(peel, scripts, index)
}

/// A binary named by a word: `vite`, `vite@7`, `@angular/cli@22`, or a wrapper again.
fn binary<'w>(peel: &Peel<'w>, scripts: &dyn Scripts, index: usize) -> Step<'w> {
    let Some(word) = peel.literal(index) else {
        return Step::Opaque;
    };
    if word.contains('@') { Step::Leaf(index, binary_of(&word, scripts)) } else { Step::Runs(index) }
}

/// The binary of a package that may have a version.
fn binary_of(package: &str, scripts: &dyn Scripts) -> String {
    let at = package.rfind('@').filter(|at| *at > 0).unwrap_or(package.len());
    let package = package.get(..at).unwrap_or(package);
    scripts.binary(package).unwrap_or_else(|| program_name(package))
}

/// `deno run npm:vite`; anything else is deno's own.
pub(super) fn deno<'w>(peel: &Peel<'w>, scripts: &dyn Scripts) -> Step<'w> {
    let runs = peel.literal(peel.at + 1).is_some_and(|word| word == "run");
    let (index, _) = peel.after_flags(peel.at + 1 + usize::from(runs), &["-c", "--config", "--env-file"]);
    match peel.literal(index).as_deref().and_then(|file| file.strip_prefix("npm:")) {
        Some(package) if runs => Step::Leaf(index, binary_of(package, scripts)),
        Some(_) | None => Step::Leaf(peel.at, "deno".to_owned()),
    }
}

fn npm<'w>(peel: &mut Peel<'w>, scripts: &dyn Scripts) -> Step<'w> {
    let Some(index) = after_harmless(peel, peel.at + 1) else {
        return Step::Opaque;
    };
    match peel.literal(index).as_deref() {
        Some("run" | "run-script" | "rum" | "urn") => match after_harmless(peel, index + 1) {
            Some(name) => script(peel, scripts, Manager::Npm, name),
            None => Step::Opaque,
        },
        Some("start" | "stop" | "test" | "restart") => script(peel, scripts, Manager::Npm, index),
        Some("exec" | "x") => {
            let (command, marked) = peel.after_flags(index + 1, &["-p", "--package"]);
            if peel.words.get(index + 1..command).is_some_and(|flags| {
                flags
                    .iter()
                    .any(|flag| matches!(flag.prefix().as_str(), "-c" | "--call" | "-w" | "--workspace"))
            }) {
                return Step::Opaque;
            }
            if !marked {
                peel.swallows(command);
            }
            binary(peel, scripts, command)
        }
        Some(_) => Step::Leaf(peel.at, "npm".to_owned()),
        None => Step::Opaque,
    }
}

/// pnpm, yarn and bun: `run x`, or just `x`, which may be a script or a binary.
fn shorthand<'w>(peel: &mut Peel<'w>, scripts: &dyn Scripts, manager: Manager) -> Step<'w> {
    let whole = program_name(&peel.literal(peel.at).unwrap_or_default());
    let Some(index) = after_harmless(peel, peel.at + 1) else {
        return if manager == Manager::Bun { bun_file(peel, scripts) } else { Step::Opaque };
    };
    let Some(word) = peel.literal(index) else {
        return if index >= peel.words.len() { Step::Leaf(peel.at, whole) } else { Step::Opaque };
    };
    match (manager, word.as_str()) {
        (_, "run" | "run-script") => match after_harmless(peel, index + 1) {
            Some(name) => script_or_binary(peel, scripts, manager, name),
            None if manager == Manager::Bun => bun_file(peel, scripts),
            None => Step::Opaque,
        },
        (Manager::Pnpm, "exec" | "dlx") | (Manager::Yarn, "dlx") | (Manager::Bun, "x") => {
            execute(peel, scripts, index + 1)
        }
        (Manager::Yarn, "exec") => {
            let (command, marked) = peel.after_flags(index + 1, &[]);
            if !marked {
                peel.fixed = Some(super::Unsafe::Swallowed);
            }
            binary(peel, scripts, command)
        }
        (Manager::Yarn, "node") => {
            peel.at = index;
            node(peel, scripts, "node")
        }
        (Manager::Yarn, "workspace" | "workspaces") | (Manager::Pnpm, "recursive" | "multi") => Step::Opaque,
        (Manager::Bun, "build" | "test") => Step::Leaf(peel.at, whole),
        (_, word) if COMMANDS.contains(&word) => Step::Leaf(peel.at, whole),
        (Manager::Pnpm, "start" | "stop" | "test") => script(peel, scripts, manager, index),
        (_, _) => script_or_binary(peel, scripts, manager, index),
    }
}

/// Flags of bun that mean other packages or directories.
const BUN_ELSEWHERE: [&str; 4] = ["--filter", "-F", "--cwd", "--workspaces"];

/// `bun --hot src/index.ts`: bun itself is the program, unless the file is a package's binary.
fn bun_file<'w>(peel: &Peel<'w>, scripts: &dyn Scripts) -> Step<'w> {
    let mut index = peel.at + 1;
    while peel.is_flag(index) || peel.literal(index).as_deref() == Some("run") {
        let flag = peel.words.get(index).map(Word::prefix).unwrap_or_default();
        let flag = flag.split_once('=').map_or(flag.as_str(), |(flag, _)| flag);
        if BUN_ELSEWHERE.contains(&flag) {
            return Step::Opaque;
        }
        index += 1;
    }
    match peel.literal(index) {
        Some(name) if scripts.text(&name).is_some() => Step::Opaque,
        Some(file) if file.contains("node_modules/") => Step::Leaf(index, program_name(&file)),
        Some(_) | None => Step::Leaf(peel.at, "bun".to_owned()),
    }
}

fn script_or_binary<'w>(peel: &Peel<'w>, scripts: &dyn Scripts, manager: Manager, index: usize) -> Step<'w> {
    let Some(name) = peel.literal(index) else {
        return Step::Opaque;
    };
    if scripts.text(&name).is_some() {
        return script(peel, scripts, manager, index);
    }
    // pnpm takes `/…/` for a regular expression over the scripts' names.
    if manager == Manager::Pnpm && name.starts_with('/') {
        return Step::Opaque;
    }
    let is_file = !name.contains("node_modules/") && (name.contains('/') || name.contains('.'));
    if manager == Manager::Bun && is_file {
        return Step::Leaf(peel.at, "bun".to_owned());
    }
    binary(peel, scripts, index)
}

fn script<'w>(peel: &Peel<'w>, scripts: &dyn Scripts, manager: Manager, index: usize) -> Step<'w> {
    let Some(name) = peel.literal(index).filter(|name| scripts.text(name).is_some()) else {
        return Step::Opaque;
    };
    match call(peel, manager, index) {
        Some((call, pasted)) => Step::Script(Nested { name, call, pasted, text: None }),
        None => Step::Opaque,
    }
}

/// The call of the script named by the word at `index`, and what it pastes behind the script's text.
fn call(peel: &Peel, manager: Manager, index: usize) -> Option<(Call, String)> {
    let (name, last) = (peel.words.get(index)?, peel.words.last()?);
    let arguments = peel.words.get(index + 1..)?;
    let marker = arguments.iter().position(|word| word.literal().as_deref() == Some("--"));
    let wants_marker = manager.wants_marker();
    let behind = |marker: usize| arguments.get(marker + 1..).unwrap_or_default();
    let before = marker.map_or(arguments, |marker| &arguments[..marker]);
    let is_flag = |word: &&Word| word.prefix().starts_with('-');
    let pasted = match (manager, marker) {
        (Manager::Npm, _) => {
            let own = before.iter().filter(|word| !is_flag(word));
            nest::pasted(own.chain(marker.map(behind).unwrap_or_default()))
        }
        (Manager::Node, _) => nest::pasted(marker.map(behind).unwrap_or_default().iter()),
        (Manager::Bun, Some(marker)) => nest::pasted(before.iter().chain(behind(marker))),
        (Manager::Pnpm | Manager::Yarn | Manager::Bun, _) => nest::pasted(arguments.iter()),
    };
    // npm reads flags before `--` as its own, `--workspace` among them.
    if manager == Manager::Npm
        && !before
            .iter()
            .filter(is_flag)
            .all(|word| word.literal().is_some_and(|flag| HARMLESS.contains(&flag.as_str())))
    {
        return None;
    }
    let at = match marker.and_then(|marker| arguments.get(marker)) {
        Some(marker) if !wants_marker => before.last().unwrap_or(name).span.end.min(marker.span.start),
        Some(_) | None => last.span.end,
    };
    let separated = wants_marker && marker.is_none();
    let span = peel.words.get(peel.at)?.span.start..last.span.end;
    let interrupted = peel.redirections.iter().any(|other| span.contains(&other.start));
    let form = if interrupted || peel.fixed.is_some() {
        CallForm::Listed
    } else {
        CallForm::Command { at, separated, last: at == last.span.end }
    };
    let runtime = (peel.at..index).any(|at| matches!(peel.literal(at).as_deref(), Some("--bun" | "-b")));
    Some((Call { manager, span, form, separator: peel.separator, runtime }, pasted))
}

/// Flags of node that are followed by a value of their own.
const NODE_VALUED: [&str; 12] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--env-file",
    "--env-file-if-exists",
    "--watch-path",
    "--title",
    "--tsconfig",
];

/// `node FILE`, `node --run SCRIPT` and `tsx FILE`.
pub(super) fn node<'w>(peel: &mut Peel<'w>, scripts: &dyn Scripts, name: &str) -> Step<'w> {
    let mut index = peel.at + 1;
    if name == "tsx" && matches!(peel.literal(index).as_deref(), Some("watch")) {
        index += 1;
    }
    while peel.is_flag(index) {
        let flag = peel.literal(index).unwrap_or_default();
        match flag.as_str() {
            "--run" => return script(peel, scripts, Manager::Node, index + 1),
            "-e" | "--eval" | "-p" | "--print" | "--test" | "-" => break,
            flag => {
                if let Some(name) = flag.strip_prefix("--run=") {
                    return if scripts.text(name).is_some() {
                        Step::Opaque
                    } else {
                        Step::Leaf(peel.at, name.to_owned())
                    };
                }
                index += if NODE_VALUED.contains(&flag) { 2 } else { 1 };
            }
        }
        if flag == "--" {
            break;
        }
    }
    let file = peel.literal(index).filter(|file| file.contains("node_modules/"));
    match file {
        Some(file) => Step::Leaf(index, program_name(&file)),
        None => Step::Leaf(peel.at, if name == "tsx" { "tsx" } else { "node" }.to_owned()),
    }
}
