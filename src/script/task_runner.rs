//! Programs that run commands given as text or by name: shells, `concurrently`, `run-p`, `nodemon`.

use fast_glob::glob_match;

use super::command_line::{CommandLine, StartedCommand, Step};
use super::error::RewriteError;
use super::frame::{Call, CallForm, Invoker, ListKind, Name, Nested};
use super::leaf::LeafRole;
use super::scripts::{PackageManager, Scripts};
use super::word::{UNKNOWN, Word};
use super::wrapped;

/// `sh -c TEXT`, the `c` alone or joined to other flags; anything else runs a file or standard input. What the file does is
/// only known where it runs the command behind it.
pub(super) fn shell(line: &mut CommandLine) -> Step {
    let mut index = line.at + 1;
    while let Some(flag) = line.flag(index) {
        index += 1;
        let Some(letters) = flag.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else { continue };
        index += usize::from(letters.ends_with('o') || letters.starts_with('o'));
        if letters.contains('c') {
            let (text, _) = line.after_flags(index, &["-o"]);
            return if text < line.words.len() { Step::Text(text) } else { Step::Opaque };
        }
    }
    wrapped::by_file(line, index).unwrap_or(Step::Opaque)
}

const CONCURRENTLY_VALUED: [&str; 22] = [
    "-n", "--names", "--name-separator", "-c", "--prefix-colors", "-p", "--prefix", "-l", "--prefix-length",
    "-t", "--timestamp-format", "-m", "--max-processes", "-s", "--success", "--hide", "--restart-tries",
    "--restart-after", "--default-input-target", "--teardown", "--kill-signal", "--kill-timeout",
];

/// `concurrently "vite" "npm:api"`: each argument is a command text or a script's name.
pub(super) fn concurrently(line: &CommandLine) -> Step {
    let mut all = Vec::new();
    let mut index = line.at + 1;
    while let Some(word) = line.words.get(index) {
        let (next, marked) = line.after_flags(index, &CONCURRENTLY_VALUED);
        if marked {
            break;
        }
        if next == index {
            let steps = text_or_scripts(word, line.scripts).unwrap_or_else(|| vec![Step::Text(index)]);
            all.extend(steps.into_iter().map(|step| StartedCommand {
                word: index,
                role: LeafRole::Parallel,
                step,
            }));
            index += 1;
        } else {
            index = next;
        }
    }
    several(all)
}

fn several(mut started: Vec<StartedCommand>) -> Step {
    match &mut started[..] {
        [] => return Step::Opaque,
        [only] => only.role = LeafRole::Sole,
        [.., last] if last.role == LeafRole::Step => last.role = LeafRole::Last,
        _ => {}
    }
    Step::Several(started)
}

/// The steps of an argument of `concurrently`; `None` if it is a command text.
fn text_or_scripts(word: &Word, scripts: &dyn Scripts) -> Option<Vec<Step>> {
    let text = word.pattern()?;
    // concurrently removes one pair of quotes itself.
    let is_quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if is_quoted('"') || is_quoted('\'') {
        return Some(vec![Step::Unknown]);
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
    let (invoker, name, list) = shorthand.or_else(command)?;
    if name.contains([' ', '(']) {
        return Some(vec![Step::Unknown]);
    }
    let Some((start, end)) = name.split_once('*') else {
        return Some(vec![script(word, invoker, name, CallForm::Shorthand { name: name.to_owned() })]);
    };
    let matches = |name: &String| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    };
    let all: Vec<String> = scripts.names().into_iter().filter(matches).collect();
    Some(all_scripts(word, invoker, &all, list))
}

fn script(word: &Word, invoker: Invoker, name: &str, form: CallForm) -> Step {
    let call = Call { invoker, span: word.span.clone(), form, separator: None, replaces_node: false };
    Step::Script(Nested { name: name.to_owned(), call, pasted: String::new(), text: None, package: None })
}

fn all_scripts(word: &Word, invoker: Invoker, all: &[String], list: ListKind) -> Vec<Step> {
    if all.is_empty() {
        return vec![Step::Unknown];
    }
    let form = |this| CallForm::Name(Name { all: all.to_vec(), this, list });
    all.iter().enumerate().map(|(this, name)| script(word, invoker, name, form(this))).collect()
}

/// `run-p a b`, `run-s a b`, `npm-run-all -p a b -s c`.
pub(super) fn run_all(line: &CommandLine, name: &str) -> Step {
    let mut groups = vec![(name == "run-p", Vec::new())];
    let mut index = line.at + 1;
    while let Some(word) = line.words.get(index) {
        let text = word.pattern().unwrap_or_else(|| UNKNOWN.to_string());
        match text.as_str() {
            "--" => break,
            "-p" | "--parallel" => groups.push((true, Vec::new())),
            "-s" | "--serial" | "--sequential" => groups.push((false, Vec::new())),
            "--max-parallel" | "--npm-path" => index += 1,
            flag if flag.starts_with('-') => {}
            pattern => {
                let steps = listed(word, pattern, line.scripts).into_iter().map(|step| (index, step));
                if let Some((_, group)) = groups.last_mut() {
                    group.extend(steps);
                }
            }
        }
        index += 1;
    }
    let mut all = Vec::new();
    for (is_parallel, group) in groups {
        let role = if is_parallel && group.len() > 1 { LeafRole::Parallel } else { LeafRole::Step };
        all.extend(group.into_iter().map(|(word, step)| StartedCommand { word, role, step }));
    }
    several(all)
}

/// The scripts that match a pattern of `npm-run-all`: `*` within a part between colons, `**` across them.
fn listed(word: &Word, pattern: &str, scripts: &dyn Scripts) -> Vec<Step> {
    let mut words = pattern.split_ascii_whitespace();
    let (pattern, has_arguments) = (words.next().unwrap_or_default(), words.next().is_some());
    if has_arguments || pattern.contains(['{', '[', '?', '!', UNKNOWN]) {
        return vec![Step::Unknown];
    }
    let path = |text: &str| text.replace(':', "/");
    let matches = |name: &String| {
        if pattern.contains('*') { glob_match(path(pattern), path(name)) } else { name == pattern }
    };
    let all: Vec<String> = scripts.names().into_iter().filter(matches).collect();
    all_scripts(word, Invoker::Manager(scripts.manager()), &all, ListKind::Names)
}

/// `start-server-and-test START URL TEST`: START and TEST are scripts' names or command texts, and START is `start` and
/// TEST `test` where they are missing.
pub(super) fn server_and_test(line: &CommandLine, name: &str) -> Step {
    let valued =
        ["--expect", "--proxy-host", "--proxy-protocol", "--proxy-port", "--proxy-user", "--proxy-pass"];
    let mut words = Vec::new();
    let mut index = line.at + 1;
    while index < line.words.len() {
        let (next, _) = line.after_flags(index, &valued);
        words.extend((next == index).then_some(index));
        index = next.max(index + usize::from(next == index));
    }
    let is_url = |index: &usize| line.literal(*index).is_some_and(|word| is_url_or_port(&word));
    let commands: &[usize] = match &words[..] {
        [start, _, test] => &[*start, *test],
        [start, _, other, _, test] => &[*start, *other, *test],
        [url, test] if is_url(url) => &[*test],
        [start, url] if is_url(url) => &[*start],
        _ => return Step::Opaque,
    };
    let mut all = vec![StartedCommand {
        word: line.at,
        role: LeafRole::Parallel,
        step: Step::Leaf(line.at, name.to_owned()),
    }];
    all.extend(commands.iter().map(|index| {
        let word = &line.words[*index];
        let named = word.literal().filter(|name| line.scripts.text(name).is_some());
        let call = |name: String| {
            script(
                word,
                Invoker::Manager(PackageManager::Npm),
                &name,
                CallForm::Shorthand { name: name.clone() },
            )
        };
        let step = named.map_or(Step::Text(*index), call);
        StartedCommand { word: *index, role: LeafRole::Parallel, step }
    }));
    Step::Several(all)
}

fn is_url_or_port(word: &str) -> bool {
    word.split('|')
        .all(|part| part.contains("://") || part.strip_prefix(':').unwrap_or(part).parse::<u16>().is_ok())
}

const NODEMON_VALUED: [&str; 14] = [
    "-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "-s", "--signal", "-C", "--cwd",
    "--config", "-I",
];

/// `nodemon --exec TEXT [FILE]`: a shell runs both as one text. Without `--exec`, nodemon runs FILE with node.
pub(super) fn nodemon(line: &mut CommandLine) -> Step {
    let mut exec = None;
    let mut index = line.at + 1;
    while let Some(flag) = line.flag(index) {
        index += 1;
        match flag.as_str() {
            "--" => break,
            "-x" | "--exec" => exec = Some(index),
            flag if NODEMON_VALUED.contains(&flag) => {}
            _ => continue,
        }
        index += 1;
    }
    let Some(text) = exec else { return Step::Leaf(line.at, "nodemon".to_owned()) };
    if index < line.words.len() {
        line.fixed = Some(RewriteError::Assembled);
    }
    Step::Text(text)
}

/// Flags of watches, each with a command that runs when a build is through.
const ON_SUCCESS: [&str; 5] =
    ["--onSuccess", "--on-success", "--onFirstSuccess", "--onCompilationComplete", "--onEmit"];

/// `tsup --watch --onSuccess TEXT`: the watch, and what it runs after a build.
pub(super) fn on_success(line: &mut CommandLine, name: &str) -> Step {
    let starts = |at: usize, role, step| StartedCommand { word: at, role, step };
    let mut all = vec![starts(line.at, LeafRole::Parallel, Step::Leaf(line.at, name.to_owned()))];
    for index in line.at + 1..line.words.len().saturating_sub(1) {
        if line.flag(index).is_some_and(|flag| ON_SUCCESS.contains(&flag.as_str())) {
            all.push(starts(index + 1, LeafRole::Parallel, Step::Text(index + 1)));
        }
    }
    if all.len() == 1 {
        return Step::Leaf(line.at, name.to_owned());
    }
    // Some of these tools run the text without a shell.
    line.fixed = Some(RewriteError::Assembled);
    Step::Several(all)
}
