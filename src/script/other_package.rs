//! Calls of other packages' scripts: `npm --prefix web run dev`, `pnpm --filter web dev`, `yarn workspace web
//! dev`.

use super::command_line::CommandLine;
use super::frame::{Call, CallForm, Invoker, Nested};
use super::package_manager::COMMANDS;
use super::script_call::{HARMLESS, pasted};
use super::scripts::{OtherPackage, PackageManager};
use super::word::Word;

/// Further words that never name a script.
const OTHERS: [&str; 5] = ["exec", "dlx", "x", "node", "workspaces"];

/// How the value of a flag names the package.
fn package_flag(manager: PackageManager, flag: &str) -> Option<fn(String) -> OtherPackage> {
    use PackageManager::{Bun, Npm, Pnpm, Yarn};
    match (manager, flag) {
        (Npm, "--prefix" | "-C") | (Pnpm, "--dir" | "-C") | (Yarn | Bun, "--cwd") => {
            Some(OtherPackage::Directory)
        }
        (Npm, "--workspace" | "-w") | (Pnpm, "--filter" | "-F") => Some(OtherPackage::Named),
        _ => None,
    }
}

#[derive(Default)]
struct ParsedCall {
    package: Option<OtherPackage>,
    /// The script, and the word that names it.
    name: Option<(String, usize)>,
    /// Where the arguments after a `--` begin.
    behind: Option<usize>,
}

/// The call of another package's script by `manager`, if the script's text is known and arguments reach it.
pub(super) fn call(line: &CommandLine, manager: PackageManager) -> Option<Nested> {
    let ParsedCall { package, name, behind } = parse(line, manager)?;
    let (name, named) = name?;
    let package = package?;
    let text = line.scripts.text_in(&package, &name)?;
    let (OtherPackage::Directory(package) | OtherPackage::Named(package)) = package;
    let is_npm = manager == PackageManager::Npm;
    let first = if is_npm { behind.unwrap_or(line.words.len()) } else { named + 1 };
    let arguments = line.words.get(first..)?;
    let span = line.span()?;
    if line.is_fixed(&span) || arguments.iter().any(Word::is_marker) {
        return None;
    }
    let invoker = Invoker::Manager(manager);
    let marker = if behind.is_none() { invoker.marker() } else { "" };
    let form = CallForm::OtherPackage { at: span.end, marker };
    let call = Call { invoker, span, form, separator: line.scope.separator, replaces_node: false };
    Some(Nested { name, call, pasted: pasted(arguments), text: Some(text), package: Some(package) })
}

/// The target of a project that `nx run web:serve` or `nx serve web` runs, if its command is known. nx passes further
/// arguments on to it.
pub(super) fn target(line: &CommandLine) -> Option<Nested> {
    let words: Vec<String> = line.words.get(line.at + 1..)?.iter().map_while(Word::literal).collect();
    let (project, target) = match &words[..] {
        [run, task, ..] if run == "run" => task.split_once(':')?,
        [target, project, ..] if !target.starts_with('-') && !project.starts_with('-') => {
            (&**project, &**target)
        }
        _ => return None,
    };
    let (directory, text) = line.scripts.target(project, target)?;
    let (span, arguments) = (line.span()?, line.words.get(line.at + 3..)?);
    if line.is_fixed(&span) || arguments.iter().any(Word::is_marker) {
        return None;
    }
    let form = CallForm::OtherPackage { at: span.end, marker: "" };
    let invoker = Invoker::Manager(PackageManager::Yarn);
    let call = Call { invoker, span, form, separator: line.scope.separator, replaces_node: false };
    let pasted = pasted(arguments);
    Some(Nested { name: target.to_owned(), call, pasted, text: Some(text), package: Some(directory) })
}

fn parse(line: &CommandLine, manager: PackageManager) -> Option<ParsedCall> {
    let is_npm = manager == PackageManager::Npm;
    let mut read = ParsedCall::default();
    let mut runs = false;
    let mut index = line.at + 1;
    while let Some(word) = line.words.get(index) {
        let text = word.literal()?;
        let (flag, value) = text.split_once('=').map_or((&*text, None), |(flag, value)| (flag, Some(value)));
        if text == "--" {
            read.behind = Some(index + 1);
            break;
        } else if let Some(package) = package_flag(manager, flag).filter(|_| read.package.is_none()) {
            index += usize::from(value.is_none());
            read.package = Some(package(value.map(str::to_owned).or_else(|| line.literal(index))?));
        } else if text.starts_with('-') {
            HARMLESS.contains(&&*text).then_some(())?;
        } else if read.name.is_some() {
            return None;
        } else if matches!(&*text, "run" | "run-script") && !runs {
            runs = true;
        } else if manager == PackageManager::Yarn && text == "workspace" && read.package.is_none() {
            index += 1;
            read.package = Some(OtherPackage::Named(line.literal(index)?));
        } else {
            let is_script = runs
                || if is_npm {
                    text == "start"
                } else {
                    !OTHERS.contains(&&*text) && !COMMANDS.contains(&&*text)
                };
            is_script.then_some(())?;
            read.name = Some((text, index));
            if !is_npm {
                break;
            }
        }
        index += 1;
    }
    Some(read)
}
