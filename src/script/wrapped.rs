//! The command that a wrapper runs.

use super::command_line::{CommandLine, Step};
use super::error::RewriteError;
use super::word::Word;
use super::wrapper::{Texts, Wrapper};

/// The step of the wrapper `name`; `None` if it is none.
pub(super) fn step(line: &mut CommandLine, name: &str) -> Option<Step> {
    let scripts = line.scripts;
    let mut found = scripts.wrappers().iter().filter_map(|wrapper| {
        let starts = wrapper.commands.iter().find_map(|command| start(line, name, command));
        starts.map(|start| (wrapper, start))
    });
    let mut first = None;
    let chosen = found.find_map(|(wrapper, start)| {
        first.get_or_insert((wrapper, start));
        let begins = begins(line, wrapper, start)?;
        Some((wrapper, start, begins))
    });
    match (chosen, first) {
        (Some((wrapper, start, begins)), _) => Some(pass_on(line, wrapper, start, begins)),
        (None, Some(_)) => Some(Step::Opaque),
        (None, None) => None,
    }
}

/// The step of a file of the package, such as `./env.sh`, which prepares something and runs the command behind it.
pub(super) fn by_file(line: &mut CommandLine, at: usize) -> Option<Step> {
    // A shell finds its file without a directory, too.
    let file = line.literal(at).filter(|file| file.contains('/') || at != line.at)?;
    let is_command = line.words.get(at + 1).is_some_and(|word| !word.is_flag());
    if line.scope.moved || !is_command || !line.scripts.runs_its_arguments(&file) {
        return None;
    }
    line.scope.environment.files = true;
    Some(Step::Next(at + 1))
}

/// Where the arguments of `command` begin, if the current program is that with its subcommand.
fn start(line: &CommandLine, name: &str, command: &str) -> Option<usize> {
    let mut wanted = command.split_ascii_whitespace();
    (wanted.next() == Some(name)).then_some(())?;
    wanted.try_fold(line.at + 1, |index, word| {
        let (index, _) = line.after_flags(index, &[]);
        (line.literal(index)?.as_str() == word).then_some(index + 1)
    })
}

/// Where the command begins; `None` if the option that precedes it is missing, so that another entry may fit.
fn begins(line: &CommandLine, wrapper: &Wrapper, start: usize) -> Option<Begin> {
    if wrapper.begins_behind.is_empty() {
        return Some(Begin::AtWord);
    }
    let rest = line.words.get(start..).unwrap_or_default();
    if wrapper.begins_behind.iter().any(|option| option == "--") {
        let marker = rest.iter().position(Word::is_marker);
        return Some(marker.map_or(Begin::Nowhere, |marker| Begin::At(start + marker + 1)));
    }
    let mut skips = wrapper.skips;
    let mut index = start;
    while index < line.words.len() {
        let Some(flag) = line.flag(index) else {
            skips = skips.checked_sub(1)?;
            index += 1;
            continue;
        };
        let is_it = |option: &&str| {
            flag == **option || is_among_letters(wrapper, &flag, option) && flag.ends_with(&option[1..])
        };
        if wrapper.begins_behind.iter().map(|option| &**option).any(|option| is_it(&option)) {
            return Some(Begin::At(index + 1));
        }
        let takes_next = matches!(effect_of(&wrapper.values, &flag), Some((_, Value::Next)));
        index += 1 + usize::from(takes_next && line.has_value(index));
    }
    None
}

#[derive(Clone, Copy)]
enum Begin {
    /// At the first word that is no option.
    AtWord,
    At(usize),
    Nowhere,
}

fn pass_on(line: &mut CommandLine, wrapper: &Wrapper, start: usize, begin: Begin) -> Step {
    line.scope.environment.cleared |= wrapper.clears_environment;
    line.scope.environment.files |= wrapper.reads_variables && wrapper.overriding.is_empty();
    let end = if let Begin::At(end) = begin { end } else { line.words.len() };
    let (word, marked) = read_options(line, wrapper, start, end);
    let mut index = match begin {
        Begin::Nowhere => return Step::Opaque,
        Begin::At(index) => index,
        Begin::AtWord => word + usize::from(wrapper.skips),
    };
    while let Some(word) = line.words.get(index).filter(|_| wrapper.assigns) {
        let named = word.assigned_name().is_some();
        // An expansion to no word or several can only hold assignments here: `env $(cat .env) vite`.
        if !named && !word.may_vanish() {
            break;
        }
        line.scope.environment.files |= !named;
        line.assigned.push(word);
        index += 1;
    }
    if index >= line.words.len() {
        return Step::Opaque;
    }
    if wrapper.swallows_options && !marked {
        line.require_marker(index);
    }
    let is_text = wrapper.shell_text && (!wrapper.begins_behind.is_empty() || is_alone(line, index));
    if is_text { Step::Text(index) } else { Step::Next(index) }
}

/// Whether only options follow the word, or a space shows that it is a text: `watch 'npm run build' src`. A program that takes
/// a text joins several words, which is not imitated.
fn is_alone(line: &CommandLine, index: usize) -> bool {
    let is_text = || line.literal(index).is_some_and(|word| word.contains(' '));
    line.words.get(index + 1).is_none_or(Word::is_flag) || is_text()
}

/// Reads the options from `start` on, before `end`, and applies those that change the environment or the directory.
/// Returns where the first other word is, and whether `--` precedes it.
fn read_options<'w>(
    line: &mut CommandLine<'w>,
    wrapper: &Wrapper,
    start: usize,
    end: usize,
) -> (usize, bool) {
    let words: &'w [Word] = line.words;
    let mut index = start;
    while let Some(flag) = line.flag(index).filter(|_| index < end) {
        if flag == "--" {
            return (index + 1, true);
        }
        let name = flag.split_once('=').map_or(&*flag, |(name, _)| name);
        let alone = wrapper.clearing.iter().chain(wrapper.hiding.iter()).chain(wrapper.overriding.iter());
        for option in alone.filter(|option| ***option == *name || is_among_letters(wrapper, &flag, option)) {
            apply(line, wrapper, option, None);
        }
        index += 1;
        match effect_of(&wrapper.values, &flag) {
            Some((option, Value::Next)) if line.has_value(index - 1) => {
                apply(line, wrapper, &option, line.literal(index));
                if wrapper.assigning.iter().any(|assigning| *assigning == option) {
                    line.assigned.extend(words.get(index));
                }
                index += 1;
            }
            Some((option, Value::Joined(value))) => apply(line, wrapper, &option, Some(value)),
            Some((_, Value::Next)) | None => {}
        }
    }
    (index, false)
}

fn apply(line: &mut CommandLine, wrapper: &Wrapper, option: &str, value: Option<String>) {
    let is_in = |list: &Texts| list.iter().any(|one| one == option);
    line.scope.environment.cleared |= is_in(&wrapper.clearing);
    line.scope.environment.files |= is_in(&wrapper.overriding);
    line.scope.moved |= is_in(&wrapper.moving);
    if is_in(&wrapper.removing) {
        line.scope.environment.removed.extend(value);
    }
    if is_in(&wrapper.hiding) {
        line.fixed = Some(RewriteError::Opaque);
    }
}

enum Value {
    Next,
    Joined(String),
}

/// The option of `values` that a word sets: `-C app`, `--chdir=app`, `-Capp`, `-iC app`.
fn effect_of(values: &Texts, flag: &str) -> Option<(String, Value)> {
    if values.iter().any(|option| option == flag) {
        return Some((flag.to_owned(), Value::Next));
    }
    if let Some((option, value)) = flag.split_once('=')
        && values.iter().any(|known| known == option)
    {
        return Some((option.to_owned(), Value::Joined(value.to_owned())));
    }
    let letters = letters(flag)?;
    let (at, option) = letters.char_indices().find_map(|(at, letter)| {
        let option = format!("-{letter}");
        values.iter().any(|known| *known == option).then_some((at, option))
    })?;
    let value = &letters[at + 1..];
    Some((option, if value.is_empty() { Value::Next } else { Value::Joined(value.to_owned()) }))
}

/// Whether a word of several options of one letter has `option`, before one that takes the rest for its value.
fn is_among_letters(wrapper: &Wrapper, flag: &str, option: &str) -> bool {
    let has_value = |letter: char| wrapper.values.iter().any(|known| *known == format!("-{letter}"));
    let wanted = option.strip_prefix('-').filter(|rest| rest.len() == 1);
    let own = |letters: &str| {
        let end = letters.find(has_value).map_or(letters.len(), |at| at + 1);
        letters[..end].to_owned()
    };
    wanted.is_some_and(|wanted| letters(flag).is_some_and(|letters| own(letters).contains(wanted)))
}

/// The letters of a word such as `-iu`.
fn letters(flag: &str) -> Option<&str> {
    let rest = flag.strip_prefix('-')?;
    let starts = rest.starts_with(|first: char| first.is_ascii_alphabetic());
    (starts && rest.len() > 1).then_some(rest)
}
