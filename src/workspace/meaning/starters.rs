//! The programs that lead to a command: each has to leave it and its environment as the script says.

use super::options::{Item, Options, Unknown};
use crate::script::{Leaf, PackageManager, Word};

const CONCURRENTLY: Options = Options {
    flags: &[
        "-k",
        "--kill-others",
        "--kill-others-on-fail",
        "--kill-others-on-success",
        "-r",
        "--raw",
        "--no-color",
        "-g",
        "--group",
        "--timings",
        "--pad-prefix",
        "-i",
        "--handle-input",
        "--color",
    ],
    valued: &[
        "-n", "--names", "--name-separator", "-p", "--prefix", "-c", "--prefix-colors", "-l",
        "--prefix-length", "-t", "--timestamp-format", "--hide", "--default-input-target", "--kill-signal",
        "--ks", "--kill-timeout",
    ],
    optional: &[],
};

const RUN_ALL: Options = Options {
    flags: &[
        "-p", "--parallel", "-s", "--silent", "-l", "--print-label", "-n", "--print-name", "-c",
        "--continue-on-error", "--aggregate-output", "-r", "--race", "--serial", "--sequential",
    ],
    valued: &[],
    optional: &[],
};

/// Flags of `npx`, `pnpm exec` and their kin that change nothing about what runs.
const EXECUTE: Options = Options {
    flags: &["-y", "--yes", "--no", "--no-install", "-s", "--silent", "-q", "--quiet"],
    valued: &[],
    optional: &[],
};

/// Whether all of them are understood.
pub(super) fn check(leaf: &Leaf) -> Result<(), Unknown> {
    if leaf.texts().any(|text| text.contains(['<', '>'])) {
        return Err(Unknown("its input or output is redirected".to_owned()));
    }
    if let Some(hook) = leaf.hooks().next() {
        return Err(Unknown(format!("`{hook}` runs, too")));
    }
    for starter in &leaf.scope.starters {
        let starter =
            texts(starter).ok_or_else(|| Unknown("only the shell knows how it starts".to_owned()))?;
        if let Some((program, rest)) = starter.split_first() {
            check_one(program.rsplit('/').next().unwrap_or(program), rest)?;
        }
    }
    let environment = &leaf.scope.environment;
    if environment.cleared || environment.files || !environment.removed.is_empty() {
        return Err(Unknown("it takes variables from elsewhere".to_owned()));
    }
    Ok(())
}

fn check_one(program: &str, rest: &[String]) -> Result<(), Unknown> {
    match program {
        "concurrently" | "conc" => only_known(&CONCURRENTLY, rest),
        "run-p" | "run-s" | "npm-run-all" | "npm-run-all2" => only_known(&RUN_ALL, rest),
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => match rest {
            [flag, _] if flag == "-c" => Ok(()),
            _ => Err(Unknown::word(program)),
        },
        "exec" | "command" if rest.is_empty() => Ok(()),
        "env" | "cross-env" | "cross-env-shell" => {
            let flag = rest.iter().find(|word| word.starts_with('-') && *word != "--");
            flag.map_or(Ok(()), |flag| Err(Unknown::word(flag)))
        }
        _ if is_execute(program) => only_known(&EXECUTE, rest),
        _ => Err(Unknown(format!("`{program}` may change what it starts"))),
    }
}

/// Programs that run the binaries of packages.
fn is_execute(program: &str) -> bool {
    matches!(program, "npx" | "pnpx" | "bunx") || PackageManager::from_name(program).is_some()
}

/// The words as written: `run-p dev:*` looks for scripts, not for files.
fn texts(words: &[Word]) -> Option<Vec<String>> {
    words.iter().map(Word::pattern).collect()
}

fn only_known(options: &Options, rest: &[String]) -> Result<(), Unknown> {
    let rest = options.spread(rest);
    let mut items = options.read(&rest);
    while items.next()?.is_some_and(|item| item != Item::Marker) {}
    Ok(())
}

/// The variables that the script sets. The port is bowline's to give.
pub(super) fn environment(leaf: &Leaf) -> Result<Vec<(String, String)>, Unknown> {
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in leaf.assignments() {
        if name == "PORT" || found.iter().any(|(known, _)| known == name) {
            continue;
        }
        let value = value.ok_or_else(|| Unknown(format!("only the shell knows the value of `{name}`")))?;
        found.push((name.to_owned(), value.to_owned()));
    }
    found.sort_unstable();
    Ok(found)
}

/// The words that start the leaf's program: `npx turbo`.
pub(super) fn command(leaf: &Leaf, own: &[String]) -> Vec<String> {
    let starters = leaf.scope.starters.iter().filter_map(|starter| texts(starter));
    let executes = starters.filter(|starter| starter.first().is_some_and(|program| is_execute(program)));
    executes.flatten().chain(own.first().cloned()).collect()
}
