//! `bun --filter '*' dev`, `bun run --filter web dev`, `bun --cwd apps/web dev`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::options::{Item, Options, Unknown};
use crate::script::Word;

const OPTIONS: Options = Options {
    flags: &[
        "--workspaces", "--parallel", "--sequential", "--if-present", "--silent", "--no-exit-on-error",
        "--no-clear-screen",
    ],
    valued: &["--filter", "-F", "--cwd", "--elide-lines"],
    optional: &[],
};

/// Whether the command is not one of bun's own, such as `bun src/server.ts`.
pub(super) fn starts_scripts(words: &[Word], is_moved: bool) -> bool {
    let is_elsewhere = |word: &Word| {
        let start = word.prefix();
        ["--filter", "-F", "--cwd", "--workspaces"].contains(&start.split('=').next().unwrap_or(&start))
    };
    let is_run = |word: &Word| word.literal().as_deref() == Some("run");
    words.iter().any(is_elsewhere) || is_moved && words.get(1).is_some_and(is_run)
}

pub(super) fn read(words: &[String], directory: &str) -> Result<FanOut, Unknown> {
    let mut found = FanOut::new(PackageRunner::Bun, "", Which::All);
    let (mut filters, mut dirs, mut is_all, mut is_lenient) = (Vec::new(), Vec::new(), false, false);
    let mut is_first = true;
    let mut items = OPTIONS.read(words);
    while let Some(item) = items.next()? {
        let was_first = std::mem::take(&mut is_first);
        match item {
            // Behind an option, it may be the name of a script.
            Item::Word(word) if word == "run" && was_first => {}
            Item::Word(word) if word == "run" => return Err(Unknown::word("run")),
            Item::Word(word) => {
                found.script = word;
                break;
            }
            Item::Marker => return Err(Unknown::word("--")),
            Item::Option { name: "--filter" | "-F", value: Some(filter) } => filters.push(filter),
            Item::Option { name: "--cwd", value: Some(dir) } => dirs.push(dir),
            Item::Option { name: "--workspaces", .. } => is_all = true,
            Item::Option { name: "--if-present", .. } => is_lenient = true,
            Item::Option { .. } => {}
        }
    }
    if found.script.is_empty() {
        return Err(Unknown("it names no script".to_owned()));
    }
    if found.script.contains('*') {
        return Err(Unknown(format!("`{}` may be several scripts", found.script)));
    }
    // A star at the beginning takes all names but those with a scope.
    let is_wild = |filter: &&String| *filter != "*" && filter.trim_start_matches('!').starts_with('*');
    if let Some(filter) = filters.iter().find(is_wild) {
        return Err(Unknown::word(filter));
    }
    let arguments = items.rest();
    found.arguments = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(&arguments).to_vec();
    found.which = match (&filters[..], is_all, &dirs[..], directory) {
        ([], true, [], "") if is_lenient => Which::All,
        ([], true, [], "") => Which::Everywhere,
        ([all], false, [], "") if all == "*" => Which::All,
        ([_, ..], false, [], "") => Which::Filters(filters),
        ([], false, [dir], "") => Which::Directory(dir.clone()),
        ([], false, [], dir) => Which::Directory(dir.to_owned()),
        _ => return Err(Unknown("it names packages in two ways".to_owned())),
    };
    Ok(found)
}
