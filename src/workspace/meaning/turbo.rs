//! `turbo run dev --filter=web...`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::options::{Item, Options, Unknown};

const OPTIONS: Options = Options {
    flags: &[
        "--parallel",
        "--only",
        "--no-cache",
        "--no-daemon",
        "--daemon",
        "--color",
        "--no-color",
        "--no-update-notifier",
        "--skip-infer",
        "--preflight",
        "--dangerously-disable-package-manager-check",
        "--experimental-ui",
        "-v",
        "-vv",
        "-vvv",
    ],
    valued: &[
        "--filter", "-F", "--concurrency", "--cache", "--cache-dir", "--cache-workers", "--env-mode",
        "--output-logs", "--log-order", "--log-prefix", "--ui", "--api", "--team", "--token", "--login",
        "--remote-cache-timeout", "--verbosity", "--global-deps", "--cwd",
    ],
    optional: &[
        "--continue",
        "--force",
        "--remote-only",
        "--remote-cache-read-only",
        "--framework-inference",
    ],
};

/// Options that what turbo runs first needs, too: see [`FanOut::options`].
const KEPT: [&str; 13] = [
    "--no-cache",
    "--cache",
    "--cache-dir",
    "--env-mode",
    "--api",
    "--team",
    "--token",
    "--login",
    "--global-deps",
    "--force",
    "--remote-only",
    "--remote-cache-read-only",
    "--framework-inference",
];

/// Subcommands, which are no tasks.
const COMMANDS: [&str; 17] = [
    "watch", "prune", "ls", "query", "daemon", "generate", "gen", "login", "logout", "link", "unlink",
    "scan", "telemetry", "info", "bin", "boundaries", "docs",
];

pub(super) fn read(words: &[String]) -> Result<FanOut, Unknown> {
    let mut found = FanOut::new(PackageRunner::Turbo, "", Which::All);
    found.runs_dependencies = true;
    let (mut tasks, mut filters) = (Vec::new(), Vec::new());
    let mut items = OPTIONS.read(words);
    while let Some(item) = items.next()? {
        match item {
            Item::Marker => {
                found.arguments = items.rest();
                break;
            }
            Item::Word(word) => tasks.push(word),
            Item::Option { name: "--filter" | "-F", value: Some(filter) } => {
                filters.push(as_for_pnpm(&filter));
            }
            Item::Option { name: "--only", .. } => found.runs_dependencies = false,
            Item::Option { name: "--cwd", value }
                if value.as_deref().is_none_or(|dir| dir != "." && dir != "./") =>
            {
                return Err(Unknown::word("--cwd"));
            }
            Item::Option { name, value } => {
                if KEPT.contains(&name) {
                    found
                        .options
                        .push(value.map_or_else(|| name.to_owned(), |value| format!("{name}={value}")));
                }
            }
        }
    }
    if tasks.first().is_some_and(|word| word == "run") {
        tasks.remove(0);
    } else if let Some(command) = tasks.first().filter(|word| COMMANDS.contains(&word.as_str())) {
        return Err(Unknown(format!("`turbo {command}` is no `turbo run`")));
    }
    let (packages, tasks): (Vec<Option<String>>, Vec<String>) = tasks.iter().map(|task| parts(task)).unzip();
    found.script = match &tasks[..] {
        [] => return Err(Unknown("it names no task".to_owned())),
        [first, rest @ ..] if rest.iter().all(|task| task == first) => first.clone(),
        several => return Err(Unknown(format!("it runs several tasks: `{}`", several.join("`, `")))),
    };
    if packages.iter().any(Option::is_some) {
        let packages: Option<Vec<String>> = packages.into_iter().collect();
        let packages = packages.filter(|_| filters.is_empty());
        filters = packages.ok_or_else(|| Unknown("it names tasks with and without packages".to_owned()))?;
    }
    let is_unknown = |filter: &&String| asks_git(filter) || filter.contains("//") || filter.contains('?');
    if let Some(filter) = filters.iter().find(is_unknown) {
        return Err(Unknown::word(filter));
    }
    if !filters.is_empty() {
        found.which = Which::Filters(filters);
    }
    Ok(found)
}

/// `./apps/*...`, whose marks pnpm takes no notice of, is `{./apps/*}...` in its grammar.
fn as_for_pnpm(filter: &str) -> String {
    let dir = filter.trim_start_matches('!');
    let dir = dir.strip_suffix("...").unwrap_or(dir).trim_end_matches('^');
    let dir = dir.strip_prefix("...").unwrap_or(dir).trim_start_matches('^');
    let has_marks = filter.starts_with("...") || filter.starts_with("!...") || filter.ends_with("...");
    if has_marks && (dir.starts_with("./") || dir.starts_with("../")) {
        filter.replacen(dir, &format!("{{{dir}}}"), 1)
    } else {
        filter.to_owned()
    }
}

/// `web#dev` is the task `dev` of the package `web`.
fn parts(task: &str) -> (Option<String>, String) {
    match task.rsplit_once('#') {
        Some((package, task)) => (Some(package.to_owned()), task.to_owned()),
        None => (None, task.to_owned()),
    }
}

/// Whether a filter asks git for changes.
pub(super) fn asks_git(filter: &str) -> bool {
    filter.contains('[')
}
