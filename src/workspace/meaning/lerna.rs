//! `lerna run dev --scope @acme/*`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::options::{Item, Options, Unknown};

const OPTIONS: Options = Options {
    flags: &[
        "--stream", "--parallel", "--no-bail", "--no-prefix", "--verbose", "--no-private", "--reject-cycles",
        "--no-progress", "--no-sort", "--sort",
    ],
    valued: &["--scope", "--ignore", "--loglevel", "--concurrency", "--max-buffer"],
    optional: &[],
};

pub(super) fn read(words: &[String]) -> Result<FanOut, Unknown> {
    let mut found = FanOut::new(PackageRunner::Lerna, "", Which::All);
    found.runs_dependencies = true;
    let (mut names, mut include, mut exclude) = (Vec::new(), Vec::new(), Vec::new());
    let mut items = OPTIONS.read(words);
    while let Some(item) = items.next()? {
        match item {
            Item::Marker => {
                found.arguments = items.rest();
                break;
            }
            Item::Word(word) => names.push(word),
            Item::Option { name: "--scope", value: Some(glob) } => include.push(glob),
            Item::Option { name: "--ignore", value: Some(glob) } => exclude.push(glob),
            Item::Option { name: "--no-private", .. } => found.only_public = true,
            Item::Option { .. } => {}
        }
    }
    found.script = match &names[..] {
        [run, script] if run == "run" => script.clone(),
        [run, ..] if run == "run" => return Err(Unknown("it does not name one script".to_owned())),
        [command, ..] => return Err(Unknown(format!("`lerna {command}` runs no script"))),
        [] => return Err(Unknown("it names no script".to_owned())),
    };
    if let Some(list) = found.script.contains(',').then_some(&found.script) {
        return Err(Unknown(format!("it runs several scripts: `{list}`")));
    }
    if let Some(glob) = include.iter().chain(&exclude).find(|glob| glob.starts_with('!')) {
        return Err(Unknown::word(glob));
    }
    if !include.is_empty() || !exclude.is_empty() {
        found.which = Which::Globs { include, exclude };
    }
    Ok(found)
}
