//! Programs that run commands given as text or by name, one or several: shells, `concurrently`, `run-p`.

use super::edit::Unsafe;
use super::leaf::{Call, CallForm, Kind, ListKind, Manager, Name, Role, Scripts};
use super::nest::Nested;
use super::walk::{Peeled, Scope, Walk};
use super::word::{UNKNOWN, Word};
use super::wrapper::{Peel, Step};

/// One of the commands that a runner starts.
pub(super) struct Started<'w> {
    pub word: &'w Word,
    pub what: What,
    pub role: Role,
}

pub(super) enum What {
    /// The word is a command text.
    Text,
    /// The word names a script of the package.
    Script(Nested),
    /// The word names what cannot be found.
    Unknown,
}

pub(super) fn start(walk: &mut Walk, scope: &Scope, role: Role, started: Vec<Started>) {
    for Started { word, what, role: inner } in started {
        let role = role.within(inner);
        let whole = std::slice::from_ref(word);
        match what {
            What::Text => walk.text(scope.clone(), role, word, whole),
            What::Script(nested) => walk.script(scope.clone(), role, nested, whole),
            What::Unknown => walk.emit(scope, role, Peeled::new(whole, String::new(), Kind::Opaque)),
        }
    }
}

/// `sh -c TEXT`, the `c` alone or joined to other flags; anything else runs a file or standard input.
pub(super) fn shell<'w>(peel: &Peel<'w>) -> Step<'w> {
    let mut index = peel.at + 1;
    while peel.is_flag(index) {
        let flag = peel.literal(index).unwrap_or_default();
        let letters = flag.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
        index += 1;
        if let Some(letters) = letters {
            if letters.ends_with('o') || letters.starts_with('o') {
                index += 1;
            }
            if letters.contains('c') {
                let (text, _) = peel.after_flags(index, &["-o"]);
                return if peel.words.get(text).is_some() { Step::Text(text) } else { Step::Opaque };
            }
        }
    }
    Step::Opaque
}

const CONCURRENTLY_VALUED: [&str; 22] = [
    "-n",
    "--names",
    "--name-separator",
    "-c",
    "--prefix-colors",
    "-p",
    "--prefix",
    "-l",
    "--prefix-length",
    "-t",
    "--timestamp-format",
    "-m",
    "--max-processes",
    "-s",
    "--success",
    "--hide",
    "--restart-tries",
    "--restart-after",
    "--default-input-target",
    "--teardown",
    "--kill-signal",
    "--kill-timeout",
];

/// `concurrently "vite" "npm:api"`: each argument is a command text or a script's name.
pub(super) fn concurrently<'w>(peel: &Peel<'w>, scripts: &dyn Scripts) -> Step<'w> {
    let mut commands = Vec::new();
    let mut index = peel.at + 1;
    while let Some(word) = peel.words.get(index) {
        let (next, marked) = peel.after_flags(index, &CONCURRENTLY_VALUED);
        if marked {
            break;
        }
        if next > index {
            index = next;
            continue;
        }
        commands.push(word);
        index += 1;
    }
    let mut started: Vec<Started> = Vec::new();
    for word in commands {
        started.extend(expand(word, scripts).into_iter().map(|what| Started {
            word,
            what,
            role: Role::Sole,
        }));
    }
    several(started, Role::Parallel)
}

fn several(mut started: Vec<Started>, role: Role) -> Step {
    if started.is_empty() {
        return Step::Opaque;
    }
    if started.len() > 1 {
        for command in &mut started {
            command.role = role;
        }
    }
    Step::Several(started)
}

fn expand(word: &Word, scripts: &dyn Scripts) -> Vec<What> {
    let Some(text) = word.pattern() else {
        return vec![What::Text];
    };
    // It takes one pair of quotes off itself.
    let quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') || quoted('\'') {
        return vec![What::Unknown];
    }
    let command = || {
        let mut words = text.split_ascii_whitespace();
        let (manager, run, name) = (words.next()?, words.next()?, words.next()?);
        let is_pattern = run == "run" && name.contains('*') && words.next().is_none();
        is_pattern.then_some((manager_named(manager)?, name, ListKind::Commands))
    };
    let shorthand = text
        .split_once(':')
        .and_then(|(manager, name)| Some((manager_named(manager)?, name, ListKind::Shorthands)));
    let Some((manager, name, list)) = shorthand.or_else(command) else {
        return vec![What::Text];
    };
    let nested = |name: &str, form: CallForm| {
        let call = Call { manager, span: word.span(), form, separator: None, runtime: false };
        What::Script(Nested { name: name.to_owned(), call, pasted: String::new(), text: None })
    };
    if name.contains([' ', '(']) {
        return vec![What::Unknown];
    }
    let Some((start, end)) = name.split_once('*') else {
        return vec![nested(name, CallForm::Shorthand { name: name.to_owned() })];
    };
    let names = scripts.names().into_iter().filter(|name| {
        name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
    });
    let all: Vec<String> = names.collect();
    let each = all.iter().enumerate();
    let form = |this| CallForm::Name(Name { all: all.clone(), this, list });
    or_unknown(each.map(|(this, name)| nested(name, form(this))).collect())
}

fn manager_named(name: &str) -> Option<Manager> {
    [Manager::Npm, Manager::Pnpm, Manager::Yarn, Manager::Bun, Manager::Node]
        .into_iter()
        .find(|manager| manager.word() == name)
}

fn or_unknown(expanded: Vec<What>) -> Vec<What> {
    if expanded.is_empty() { vec![What::Unknown] } else { expanded }
}

/// `run-p a b`, `run-s a b`, `npm-run-all -p a b -s c`.
pub(super) fn run_all<'w>(peel: &Peel<'w>, scripts: &dyn Scripts, name: &str) -> Step<'w> {
    let mut parallel = name == "run-p";
    let mut groups: Vec<(bool, Vec<Started>)> = vec![(parallel, Vec::new())];
    let mut index = peel.at + 1;
    while let Some(word) = peel.words.get(index) {
        index += 1;
        let text = word.pattern().unwrap_or_else(|| UNKNOWN.to_string());
        match text.as_str() {
            "--" => break,
            "-p" | "--parallel" => {
                parallel = true;
                groups.push((parallel, Vec::new()));
            }
            "-s" | "--serial" | "--sequential" => {
                parallel = false;
                groups.push((parallel, Vec::new()));
            }
            "--max-parallel" | "--npm-path" => index += 1,
            flag if flag.starts_with('-') => {}
            name => {
                if let Some((_, group)) = groups.last_mut() {
                    group.extend(listed(word, name, scripts).into_iter().map(|what| Started {
                        word,
                        what,
                        role: Role::Sole,
                    }));
                }
            }
        }
    }
    groups.retain(|(_, group)| !group.is_empty());
    let last_group = groups.len().saturating_sub(1);
    let mut all = Vec::new();
    for (position, (parallel, mut group)) in groups.into_iter().enumerate() {
        let last = group.len().saturating_sub(1);
        for (index, started) in group.iter_mut().enumerate() {
            started.role = match (parallel && last > 0, position == last_group && index == last) {
                (true, _) => Role::Parallel,
                (false, false) => Role::Step,
                (false, true) if position > 0 || index > 0 => Role::Last,
                (false, true) => Role::Sole,
            };
        }
        all.extend(group);
    }
    if all.is_empty() { Step::Opaque } else { Step::Several(all) }
}

/// The scripts that a pattern of `npm-run-all` means: `*` within a part between colons, `**` across them.
fn listed(word: &Word, pattern: &str, scripts: &dyn Scripts) -> Vec<What> {
    let mut words = pattern.split_ascii_whitespace();
    let (name, plain) = (words.next().unwrap_or_default(), words.next().is_none());
    let nested = |all: &[String], this: usize| {
        let form = CallForm::Name(Name { all: all.to_vec(), this, list: ListKind::Names });
        let call =
            Call { manager: scripts.manager(), span: word.span(), form, separator: None, runtime: false };
        What::Script(Nested { name: all[this].clone(), call, pasted: String::new(), text: None })
    };
    if !plain || name.contains(['{', '[', '?', '!', UNKNOWN]) {
        return vec![What::Unknown];
    }
    let is_meant = |script: &String| if name.contains('*') { matches(name, script) } else { script == name };
    let all: Vec<String> = scripts.names().into_iter().filter(is_meant).collect();
    or_unknown((0..all.len()).map(|this| nested(&all, this)).collect())
}

fn matches(pattern: &str, name: &str) -> bool {
    let path = |text: &str| text.replace(':', "/");
    fast_glob::glob_match(path(pattern), path(name))
}

const NODEMON_VALUED: [&str; 14] = [
    "-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "-s", "--signal", "-C", "--cwd",
    "--config", "-I",
];

/// `nodemon --exec TEXT [FILE]`, which a shell runs as one text; without `--exec` it runs FILE with node.
pub(super) fn nodemon<'w>(peel: &mut Peel<'w>) -> Step<'w> {
    let mut exec = None;
    let mut index = peel.at + 1;
    while peel.is_flag(index) {
        let flag = peel.literal(index).unwrap_or_default();
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
            if peel.words.get(index).is_some() {
                peel.fixed = Some(Unsafe::Assembled);
            }
            Step::Text(text)
        }
        None => Step::Leaf(peel.at, "nodemon".to_owned()),
    }
}
