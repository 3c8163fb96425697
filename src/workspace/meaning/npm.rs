//! `npm run dev --workspaces`, `npm -w web run dev`, `npm --prefix apps/web start`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::options::{Item, Options, Unknown};

const OPTIONS: Options = Options {
    flags: &[
        "-ws",
        "--workspaces",
        "--if-present",
        "-iwr",
        "--include-workspace-root",
        "-s",
        "--silent",
        "-q",
        "--quiet",
        "-d",
        "--verbose",
        "--foreground-scripts",
        "--color",
        "--no-color",
        "--no-audit",
        "--no-fund",
        "--no-update-notifier",
    ],
    valued: &["-w", "--workspace", "--prefix", "-C", "--loglevel"],
    optional: &[],
};

pub(super) fn read(words: &[String], directory: &str) -> Result<FanOut, Unknown> {
    let mut found = FanOut::new(PackageRunner::Npm, "", Which::All);
    let (mut names, mut workspaces, mut dirs) = (Vec::new(), Vec::new(), Vec::new());
    let mut is_all = false;
    let mut items = OPTIONS.read(words);
    while let Some(item) = items.next()? {
        match item {
            Item::Marker => {
                found.arguments = items.rest();
                break;
            }
            // It would be the value of the flag before it.
            Item::Word(word) if matches!(&*word, "true" | "false") => return Err(Unknown::word(&word)),
            Item::Word(word) => names.push(word),
            Item::Option { name: "-ws" | "--workspaces", .. } => is_all = true,
            Item::Option { name: "-iwr" | "--include-workspace-root", .. } => found.with_root = true,
            Item::Option { name: "-w" | "--workspace", value: Some(word) } => workspaces.push(word),
            Item::Option { name: "--prefix" | "-C", value: Some(dir) } => dirs.push(dir),
            Item::Option { .. } => {}
        }
    }
    let (script, positional) = script(&names)?;
    found.script = script;
    found.arguments.splice(0..0, positional);
    found.which = match (&workspaces[..], is_all, &dirs[..], directory) {
        ([], true, [], "") => Which::All,
        ([_, ..], false, [], "") => Which::Workspaces(workspaces),
        ([], false, [dir], "") => Which::Directory(dir.clone()),
        ([], false, [], dir) if !dir.is_empty() => Which::Directory(dir.to_owned()),
        ([], false, [], _) => return Err(no_script(&found.script)),
        _ => return Err(Unknown("it names packages in two ways".to_owned())),
    };
    Ok(found)
}

/// The script that is named, and the words behind it.
fn script(names: &[String]) -> Result<(String, Vec<String>), Unknown> {
    match names {
        [run, script, rest @ ..] if matches!(run.as_str(), "run" | "run-script" | "rum" | "urn") => {
            Ok((script.clone(), rest.to_vec()))
        }
        [script, rest @ ..] if matches!(script.as_str(), "start" | "test") => {
            Ok((script.clone(), rest.to_vec()))
        }
        [command, ..] => Err(Unknown(format!("`npm {command}` starts no script"))),
        [] => Err(Unknown("it names no script".to_owned())),
    }
}

pub(super) fn no_script(name: &str) -> Unknown {
    Unknown(format!("there is no script `{name}`"))
}
