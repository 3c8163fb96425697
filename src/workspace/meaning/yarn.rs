//! `yarn workspaces run dev`, `yarn workspace web dev`, `yarn workspaces foreach -Apt run dev`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::npm::no_script;
use super::options::{Item, Options, Unknown};

/// Before the command.
const OPTIONS: Options = Options {
    flags: &["-s", "--silent", "--verbose", "--no-progress", "--emoji", "--non-interactive"],
    valued: &["--cwd"],
    optional: &[],
};

const FOREACH: Options = Options {
    flags: &[
        "-A", "--all", "-R", "--recursive", "-W", "--worktree", "-v", "--verbose", "-p", "--parallel", "-i",
        "--interlaced", "-t", "--topological", "--topological-dev", "--no-private",
    ],
    valued: &["--from", "--include", "--exclude", "-j", "--jobs"],
    optional: &[],
};

/// Words that are no scripts where a script could stand.
const COMMANDS: [&str; 10] =
    ["exec", "dlx", "node", "add", "remove", "install", "up", "upgrade", "npm", "pack"];

pub(super) fn read(words: &[String], directory: &str) -> Result<FanOut, Unknown> {
    let mut items = OPTIONS.read(words);
    let mut dir = Some(directory.to_owned()).filter(|dir| !dir.is_empty());
    while let Some(item) = items.next()? {
        match item {
            Item::Option { name: "--cwd", value } if dir.is_none() => dir = value,
            Item::Option { name: "--cwd", .. } => return Err(Unknown::word("--cwd")),
            Item::Option { .. } => {}
            Item::Marker => return Err(Unknown::word("--")),
            Item::Word(word) => {
                let rest = items.rest();
                return match (&*word, dir) {
                    ("workspace", None) => match rest.split_first() {
                        Some((name, rest)) => script(Which::Workspaces(vec![name.clone()]), rest),
                        None => Err(Unknown("it names no package".to_owned())),
                    },
                    ("workspaces", None) => all(&rest),
                    ("workspace" | "workspaces", Some(_)) => {
                        Err(Unknown("it names packages in two ways".to_owned()))
                    }
                    (_, Some(dir)) => script(Which::Directory(dir), &[vec![word], rest].concat()),
                    (command, None) => Err(no_script(command)),
                };
            }
        }
    }
    Err(Unknown("it names no script".to_owned()))
}

/// `[run] SCRIPT ARGUMENTS`
fn script(which: Which, words: &[String]) -> Result<FanOut, Unknown> {
    let rest = match words {
        [run, rest @ ..] if run == "run" => rest,
        [command, ..] if COMMANDS.contains(&command.as_str()) => {
            return Err(Unknown(format!("`yarn {command}` starts no script")));
        }
        _ => words,
    };
    match rest {
        // Yarn 1 leaves the marker out, and later ones pass it on.
        [_, marker, ..] if marker == "--" => Err(Unknown::word("--")),
        [name, arguments @ ..] if !name.starts_with('-') => {
            let arguments = arguments.to_vec();
            Ok(FanOut { arguments, ..FanOut::new(PackageRunner::Yarn, name.clone(), which) })
        }
        [flag, ..] => Err(Unknown::word(flag)),
        [] => Err(Unknown("it names no script".to_owned())),
    }
}

fn all(words: &[String]) -> Result<FanOut, Unknown> {
    match words.split_first() {
        Some((run, _)) if run == "run" => script(Which::Everywhere, words),
        Some((foreach, rest)) if foreach == "foreach" => for_each(rest),
        Some((word, _)) => Err(Unknown(format!("`yarn workspaces {word}` starts no script"))),
        None => Err(Unknown("it names no script".to_owned())),
    }
}

fn for_each(words: &[String]) -> Result<FanOut, Unknown> {
    let words = FOREACH.spread(words);
    let (mut include, mut exclude, mut from) = (Vec::new(), Vec::new(), Vec::new());
    let (mut is_recursive, mut only_public) = (false, false);
    let mut command = Vec::new();
    let mut items = FOREACH.read(&words);
    while let Some(item) = items.next()? {
        match item {
            Item::Option { name: "-R" | "--recursive", .. } => is_recursive = true,
            Item::Option { name: "--no-private", .. } => only_public = true,
            Item::Option { name: "--include", value: Some(glob) } => include.push(glob),
            Item::Option { name: "--exclude", value: Some(glob) } => exclude.push(glob),
            Item::Option { name: "--from", value: Some(glob) } => from.push(glob),
            Item::Option { .. } => {}
            Item::Marker => return Err(Unknown::word("--")),
            Item::Word(word) => {
                command = [vec![word], items.rest()].concat();
                break;
            }
        }
    }
    let which = match (is_recursive, &from[..]) {
        (true, [_, ..]) if include.is_empty() => {
            let all = from.iter().chain(&exclude);
            if let Some(glob) = all.into_iter().find(|glob| glob.contains(['{', '[', '(', '?'])) {
                return Err(Unknown::word(glob));
            }
            let from = from.iter().map(|name| format!("{name}..."));
            Which::Filters(from.chain(exclude.iter().map(|name| format!("!{name}"))).collect())
        }
        (true, _) => return Err(Unknown("it starts from what the root depends on".to_owned())),
        (false, [_, ..]) => return Err(Unknown::word("--from")),
        (false, []) if include.is_empty() && exclude.is_empty() => Which::All,
        (false, []) => Which::Globs { include, exclude },
    };
    let found = script(which, &command)?;
    Ok(FanOut { with_root: true, only_public, ..found })
}
