//! Calls of scripts of the same package: `npm run x -- --open`, `node --run x`.

use super::arguments::quote;
use super::command_line::{CommandLine, Step};
use super::frame::{Call, CallForm, Invoker, Nested};
use super::scripts::PackageManager;
use super::word::{UNKNOWN, Word};

/// Flags that change nothing about what runs. Any other flag before the name may mean another package.
pub const HARMLESS: [&str; 13] = [
    "-s", "--silent", "-q", "--quiet", "--if-present", "--color", "--no-color", "--bun", "-b", "--verbose",
    "--no-bail", "--no-clear-screen", "-d",
];

/// npm's own options that have a value or may mean another package.
const OF_NPM: [&str; 22] = [
    "--workspace",
    "--workspaces",
    "--include-workspace-root",
    "--prefix",
    "--script-shell",
    "--ignore-scripts",
    "--global",
    "--location",
    "--registry",
    "--cache",
    "--userconfig",
    "--globalconfig",
    "--loglevel",
    "--omit",
    "--include",
    "--node-options",
    "--dry-run",
    "--help",
    "--version",
    "--usage",
    "--scope",
    "--tag",
];

/// Whether npm runs the same with a flag behind the script's name. It understands shortened options too.
fn is_harmless(flag: &str) -> bool {
    let name = flag.split_once('=').map_or(flag, |(name, _)| name);
    let is_unknown =
        name.len() > 2 && name.starts_with("--") && !OF_NPM.iter().any(|own| own.starts_with(name));
    HARMLESS.contains(&flag) || is_unknown
}

/// The step that runs the script named by the word at `index`; `None` if this package has no such script, or if
/// flags may mean another package.
pub(super) fn script(line: &CommandLine, invoker: Invoker, index: usize) -> Option<Step> {
    let name = line.literal(index).filter(|name| line.has_script(name))?;
    let arguments = line.words.get(index + 1..)?;
    let marker = arguments.iter().position(Word::is_marker);
    let before = &arguments[..marker.unwrap_or(arguments.len())];
    let behind = marker.map_or(&[][..], |marker| &arguments[marker + 1..]);
    let pasted = match invoker {
        Invoker::Node => pasted(behind),
        Invoker::Manager(PackageManager::Npm) => {
            let (flags, own): (Vec<&Word>, Vec<_>) = before.iter().partition(|word| word.is_flag());
            // npm reads flags before `--` as its own, and ignores those that it does not know.
            let is_harmless = |word: &Word| word.literal().is_some_and(|flag| is_harmless(&flag));
            flags.into_iter().all(is_harmless).then_some(())?;
            pasted(own.into_iter().chain(behind))
        }
        Invoker::Manager(PackageManager::Bun) => pasted(before.iter().chain(behind)),
        Invoker::Manager(PackageManager::Pnpm | PackageManager::Yarn) => pasted(arguments),
    };
    let last = line.words.last()?.span.end;
    let at = match marker {
        Some(marker) if invoker.marker().is_empty() => {
            let own = before.last().map_or(line.words[index].span.end, |word| word.span.end);
            own.min(arguments[marker].span.start)
        }
        Some(_) | None => last,
    };
    let marker = if marker.is_none() { invoker.marker() } else { "" };
    let span = line.span()?;
    let form = if line.is_fixed(&span) {
        CallForm::Fixed
    } else {
        CallForm::Command { at, marker, is_last: at == last }
    };
    let replaces_node = (line.at..index).any(|at| matches!(line.flag(at).as_deref(), Some("--bun" | "-b")));
    let call = Call { invoker, span, form, separator: line.scope.separator, replaces_node };
    Some(Step::Script(Nested { name, call, pasted, text: None, package: None }))
}

/// Arguments as a package manager pastes them, with [`UNKNOWN`] for parts that only the calling shell knows.
pub(super) fn pasted<'w>(words: impl IntoIterator<Item = &'w Word>) -> String {
    let paste = |word: &Word| match word.pattern() {
        Some(text) => quote(&text),
        None if word.prefix().is_empty() => UNKNOWN.to_string(),
        None => format!("{}{UNKNOWN}", quote(&word.prefix())),
    };
    words.into_iter().map(paste).collect::<Vec<_>>().join(" ")
}
