//! Programs that run commands given as text or by name: shells, `concurrently`, `run-p`, `nodemon`.

use fast_glob::glob_match;

use super::command_line::{CommandLine, Meaning, Started, Step};
use super::error::RewriteError;
use super::frame::{Call, CallForm, Invoker, ListKind, Name};
use super::leaf::LeafRole;
use super::nested::Nested;
use super::scripts::{PackageManager, Scripts};
use super::word::{UNKNOWN, Word};

/// `sh -c TEXT`, the `c` alone or joined to other flags; anything else runs a file or standard input.
pub(super) fn shell<'w>(line: &CommandLine<'w>) -> Step<'w> {
    let mut index = line.at + 1;
    while line.is_flag(index) {
        let flag = line.literal(index).unwrap_or_default();
        let letters = flag.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        index += 1;
        if let Some(letters) = letters {
            if letters.ends_with('o') || letters.starts_with('o') {
                index += 1;
            }
            if letters.contains('c') {
                let (text, _) = line.after_flags(index, &["-o"]);
                return if line.words.get(text).is_some() { Step::Text(text) } else { Step::Opaque };
            }
        }
    }
    Step::Opaque
}

/// Flags of `concurrently` whose value is the next word.
const CONCURRENTLY_VALUED: [&str; 22] = [
    "-n", "--names", "--name-separator", "-c", "--prefix-colors", "-p", "--prefix", "-l", "--prefix-length",
    "-t", "--timestamp-format", "-m", "--max-processes", "-s", "--success", "--hide", "--restart-tries",
    "--restart-after", "--default-input-target", "--teardown", "--kill-signal", "--kill-timeout",
];

/// `concurrently "vite" "npm:api"`: each argument is a command text or a script's name.
pub(super) fn concurrently<'w>(line: &CommandLine<'w>, scripts: &dyn Scripts) -> Step<'w> {
    let mut all = Vec::new();
    let mut index = line.at + 1;
    while let Some(word) = line.words.get(index) {
        let (next, marked) = line.after_flags(index, &CONCURRENTLY_VALUED);
        if marked {
            break;
        }
        if next == index {
            all.extend(started(word, text_or_scripts(word, scripts)));
            index += 1;
        } else {
            index = next;
        }
    }
    let role = if all.len() > 1 { LeafRole::Parallel } else { LeafRole::Sole };
    several(all.into_iter().map(|started| Started { role, ..started }).collect())
}

fn started(word: &Word, meanings: Vec<Meaning>) -> impl Iterator<Item = Started<'_>> {
    meanings.into_iter().map(move |meaning| Started { word, meaning, role: LeafRole::Sole })
}

fn several(started: Vec<Started>) -> Step {
    if started.is_empty() { Step::Opaque } else { Step::Several(started) }
}

/// The meanings of an argument of `concurrently`.
fn text_or_scripts(word: &Word, scripts: &dyn Scripts) -> Vec<Meaning> {
    let Some(text) = word.pattern() else {
        return vec![Meaning::Text];
    };
    // concurrently takes one pair of quotes off itself.
    let is_quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        return vec![Meaning::Unknown];
    }
    let command = || {
        let mut words = text.split_ascii_whitespace();
        let (manager, run, name) = (words.next()?, words.next()?, words.next()?);
        let is_pattern = run == "run" && name.contains('*') && words.next().is_none();
        let manager = PackageManager::from_name(manager).filter(|_| is_pattern)?;
        Some((Invoker::Manager(manager), name, ListKind::Commands))
    };
    let shorthand = text
        .split_once(':')
        .and_then(|(invoker, name)| Some((Invoker::from_name(invoker)?, name, ListKind::Shorthands)));
    let Some((invoker, name, list)) = shorthand.or_else(command) else {
        return vec![Meaning::Text];
    };
    if name.contains([' ', '(']) {
        return vec![Meaning::Unknown];
    }
    let Some((start, end)) = name.split_once('*') else {
        return vec![script(word, invoker, name, CallForm::Shorthand { name: name.to_owned() })];
    };
    let matches = |name: &String| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    let all: Vec<String> = scripts.names().into_iter().filter(matches).collect();
    all_scripts(word, invoker, &all, list)
}

fn script(word: &Word, invoker: Invoker, name: &str, form: CallForm) -> Meaning {
    let call = Call { invoker, span: word.span(), form, separator: None, replaces_node: false };
    Meaning::Script(Nested { name: name.to_owned(), call, pasted: String::new(), text: None })
}

/// The scripts that a word of a list names.
fn all_scripts(word: &Word, invoker: Invoker, all: &[String], list: ListKind) -> Vec<Meaning> {
    let form = |this| CallForm::Name(Name { all: all.to_vec(), this, list });
    let scripts: Vec<_> =
        all.iter().enumerate().map(|(this, name)| script(word, invoker, name, form(this))).collect();
    if scripts.is_empty() { vec![Meaning::Unknown] } else { scripts }
}

/// `run-p a b`, `run-s a b`, `npm-run-all -p a b -s c`.
pub(super) fn run_all<'w>(line: &CommandLine<'w>, scripts: &dyn Scripts, name: &str) -> Step<'w> {
    let mut groups: Vec<(bool, Vec<Started>)> = vec![(name == "run-p", Vec::new())];
    let mut index = line.at + 1;
    while let Some(word) = line.words.get(index) {
        index += 1;
        let text = word.pattern().unwrap_or_else(|| UNKNOWN.to_string());
        match text.as_str() {
            "--" => break,
            "-p" | "--parallel" => groups.push((true, Vec::new())),
            "-s" | "--serial" | "--sequential" => groups.push((false, Vec::new())),
            "--max-parallel" | "--npm-path" => index += 1,
            flag if flag.starts_with('-') => {}
            pattern => {
                if let Some((_, group)) = groups.last_mut() {
                    group.extend(started(word, listed(word, pattern, scripts)));
                }
            }
        }
    }
    let mut all = Vec::new();
    for (is_parallel, group) in groups {
        let role = if is_parallel && group.len() > 1 { LeafRole::Parallel } else { LeafRole::Step };
        all.extend(group.into_iter().map(|started| Started { role, ..started }));
    }
    match &mut all[..] {
        [only] => only.role = LeafRole::Sole,
        [.., last] if last.role == LeafRole::Step => last.role = LeafRole::Last,
        _ => {}
    }
    several(all)
}

/// The scripts that match a pattern of `npm-run-all`: `*` within a part between colons, `**` across them.
fn listed(word: &Word, pattern: &str, scripts: &dyn Scripts) -> Vec<Meaning> {
    let mut words = pattern.split_ascii_whitespace();
    let (pattern, has_arguments) = (words.next().unwrap_or_default(), words.next().is_some());
    if has_arguments || pattern.contains(['{', '[', '?', '!', UNKNOWN]) {
        return vec![Meaning::Unknown];
    }
    let path = |text: &str| text.replace(':', "/");
    let matches = |name: &String| {
        if pattern.contains('*') { glob_match(path(pattern), path(name)) } else { name == pattern }
    };
    let all: Vec<String> = scripts.names().into_iter().filter(matches).collect();
    all_scripts(word, Invoker::Manager(scripts.manager()), &all, ListKind::Names)
}

/// Flags of `nodemon` whose value is the next word.
const NODEMON_VALUED: [&str; 14] = [
    "-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "-s", "--signal", "-C", "--cwd",
    "--config", "-I",
];

/// `nodemon --exec TEXT [FILE]`: a shell runs both as one text. Without `--exec`, nodemon runs FILE with node.
pub(super) fn nodemon<'w>(line: &mut CommandLine<'w>) -> Step<'w> {
    let mut exec = None;
    let mut index = line.at + 1;
    while line.is_flag(index) {
        let flag = line.literal(index).unwrap_or_default();
        match flag.as_str() {
            "-x" | "--exec" => {
                exec = Some(index + 1);
                index += 2;
            }
            "--" => {
                index += 1;
                break;
            }
            flag => index += if NODEMON_VALUED.contains(&flag) { 2 } else { 1 },
        }
    }
    match exec {
        Some(text) => {
            if line.words.get(index).is_some() {
                line.fixed = Some(RewriteError::Assembled);
            }
            Step::Text(text)
        }
        None => Step::Leaf(line.at, "nodemon".to_owned()),
    }
}
