//! `pnpm -r --parallel run dev`, `pnpm --filter web... dev`, `pnpm -C apps/web dev`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::npm::no_script;
use super::options::{Item, Options, Unknown};
use super::turbo::asks_git;

const OPTIONS: Options = Options {
    flags: &[
        "-r",
        "--recursive",
        "--parallel",
        "--stream",
        "--if-present",
        "--aggregate-output",
        "--no-bail",
        "--bail",
        "--reporter-hide-prefix",
        "--sequential",
        "--color",
        "--no-color",
        "-s",
        "--silent",
        "--use-stderr",
        "--fail-if-no-match",
        "--sort",
        "--no-sort",
        "--reverse",
        "--include-workspace-root",
    ],
    valued: &["-F", "--filter", "-C", "--dir", "--workspace-concurrency", "--reporter", "--loglevel"],
    optional: &[],
};

/// Words that are no scripts where a script could stand.
const COMMANDS: [&str; 17] = [
    "exec", "dlx", "x", "node", "install", "i", "add", "remove", "update", "up", "build", "rebuild",
    "publish", "deploy", "create", "list", "ls",
];

pub(super) fn read(words: &[String], directory: &str) -> Result<FanOut, Unknown> {
    let mut found = FanOut::new(PackageRunner::Pnpm, "", Which::All);
    let (mut filters, mut dirs) = (Vec::new(), Vec::new());
    let (mut is_recursive, mut runs) = (false, false);
    let mut items = OPTIONS.read(words);
    while let Some(item) = items.next()? {
        match item {
            Item::Word(word) if matches!(&*word, "recursive" | "multi" | "m") && !is_recursive => {
                is_recursive = true;
            }
            Item::Word(word) if matches!(&*word, "run" | "run-script") && !runs => runs = true,
            Item::Word(word) => {
                if !runs && word != "build" && COMMANDS.contains(&&*word) {
                    return Err(Unknown(format!("`pnpm {word}` starts no script")));
                }
                found.script = word;
                break;
            }
            Item::Marker => return Err(Unknown::word("--")),
            Item::Option { name: "-r" | "--recursive", .. } => is_recursive = true,
            Item::Option { name: "--include-workspace-root", .. } => found.with_root = true,
            Item::Option { name: "-F" | "--filter", value: Some(filter) } => filters.push(filter),
            Item::Option { name: "-C" | "--dir", value: Some(dir) } => dirs.push(dir),
            Item::Option { .. } => {}
        }
    }
    if found.script.is_empty() {
        return Err(Unknown("it names no script".to_owned()));
    }
    if found.script.starts_with('/') {
        return Err(Unknown(format!("`{}` may be several scripts", found.script)));
    }
    if let Some(filter) = filters.iter().find(|filter| asks_git(filter)) {
        return Err(Unknown::word(filter));
    }
    found.arguments = items.rest();
    found.which = match (&filters[..], is_recursive, &dirs[..], directory) {
        ([], true, [], "") => Which::All,
        ([_, ..], _, [], "") => Which::Filters(filters),
        ([], false, [dir], "") => Which::Directory(dir.clone()),
        ([], false, [], dir) if !dir.is_empty() => Which::Directory(dir.to_owned()),
        ([], false, [], _) => return Err(no_script(&found.script)),
        _ => return Err(Unknown("it names packages in two ways".to_owned())),
    };
    Ok(found)
}
