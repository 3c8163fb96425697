//! `nx run-many -t dev -p web,api`, `nx run shop:serve`, `nx serve shop`

use super::fan_out::{FanOut, PackageRunner, Which};
use super::options::Unknown;

/// Options of `nx run-many` that have a value and change nothing about what runs.
const VALUED: [&str; 6] =
    ["--outputStyle", "--output-style", "--parallel", "--runner", "--maxParallel", "--tuiAutoExit"];

const FLAGS: [&str; 15] = [
    "--all", "--verbose", "--nxBail", "--nx-bail", "--nxIgnoreCycles", "--skipNxCache", "--skip-nx-cache",
    "--disableNxCache", "--skipRemoteCache", "--disableRemoteCache", "--skipSync", "--skip-sync", "--tui",
    "--no-tui", "--stream",
];

const WITHOUT_DEPENDENCIES: [&str; 2] = ["--excludeTaskDependencies", "--exclude-task-dependencies"];

/// Commands of nx that are no targets.
const COMMANDS: [&str; 24] = [
    "affected", "exec", "graph", "list", "show", "migrate", "generate", "g", "release", "reset", "sync",
    "watch", "add", "init", "import", "format", "report", "repair", "daemon", "connect", "login",
    "view-logs", "dep-graph", "affected:dev",
];

pub(super) fn read(words: &[String]) -> Result<FanOut, Unknown> {
    match words.split_first() {
        Some((word, rest)) if word == "run-many" => run_many(rest),
        Some((word, rest)) if word == "run" => match rest.split_first() {
            Some((task, rest)) => {
                let mut parts = task.split(':');
                match (parts.next(), parts.next(), parts.next()) {
                    (Some(project), Some(target), None) => one(project, target, rest),
                    _ => Err(Unknown::word(task)),
                }
            }
            None => Err(Unknown("it names no target".to_owned())),
        },
        Some((word, _)) if COMMANDS.contains(&word.as_str()) => {
            Err(Unknown(format!("`nx {word}` may run anything")))
        }
        Some((target, [project, rest @ ..])) if !target.starts_with('-') && !project.starts_with('-') => {
            one(project, target, rest)
        }
        Some((word, _)) => Err(Unknown::word(word)),
        None => Err(Unknown("it names no target".to_owned())),
    }
}

/// A target of one project; the rest is for what the target runs.
fn one(project: &str, target: &str, rest: &[String]) -> Result<FanOut, Unknown> {
    let is_own = |word: &&String| {
        let name = word.split('=').next().unwrap_or(word);
        matches!(name, "-c" | "--configuration" | "--graph" | "--prod" | "--batch")
    };
    if let Some(word) = rest.iter().find(is_own) {
        return Err(Unknown::word(word));
    }
    let which = Which::Named(project.to_owned());
    let is_passed = |word: &&String| {
        let name = word.split('=').next().unwrap_or(word);
        *word != "--" && !FLAGS.contains(&name) && !(VALUED.contains(&name) && word.contains('='))
    };
    let arguments = rest.iter().filter(is_passed).cloned().collect();
    let found = FanOut::new(PackageRunner::Nx, target, which);
    Ok(FanOut { arguments, with_root: true, runs_dependencies: true, ..found })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum List {
    Targets,
    Projects,
    Exclude,
}

fn run_many(words: &[String]) -> Result<FanOut, Unknown> {
    let (mut targets, mut include, mut exclude): (Vec<String>, Vec<String>, Vec<String>) = Default::default();
    let mut found = FanOut::new(PackageRunner::Nx, "", Which::All);
    (found.with_root, found.runs_dependencies) = (true, true);
    // yargs takes all words behind such an option for its values.
    let mut list = None;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if word == "--" {
            found.arguments = rest.cloned().collect();
            break;
        }
        let (name, value) = word.split_once('=').map_or((&**word, None), |(name, value)| (name, Some(value)));
        let value = if word.starts_with('-') {
            list = match name {
                "-t" | "--target" | "--targets" => Some(List::Targets),
                "-p" | "--projects" => Some(List::Projects),
                "--exclude" => Some(List::Exclude),
                name if FLAGS.contains(&name) && value.is_none_or(|value| value == "true") => None,
                name if WITHOUT_DEPENDENCIES.contains(&name) && value.is_none() => {
                    found.runs_dependencies = false;
                    None
                }
                name if VALUED.contains(&name) => {
                    if value.is_none() && rest.as_slice().first().is_some_and(|next| !next.starts_with('-')) {
                        rest.next();
                    }
                    None
                }
                _ => return Err(Unknown::word(word)),
            };
            value
        } else {
            Some(word.as_str())
        };
        let Some(value) = value else { continue };
        let values = value.split(',').filter(|value| !value.is_empty()).map(str::to_owned);
        match list {
            Some(List::Targets) => targets.extend(values),
            Some(List::Projects) => include.extend(values),
            Some(List::Exclude) => exclude.extend(values),
            None if word.starts_with('-') => {}
            None => return Err(Unknown::word(word)),
        }
    }
    found.script = target(&targets)?;
    found.which = which(include, exclude)?;
    Ok(found)
}

/// The only target.
fn target(targets: &[String]) -> Result<String, Unknown> {
    match targets {
        [target] if target.contains('*') => Err(Unknown(format!("`{target}` may be several targets"))),
        [target] => Ok(target.clone()),
        [] => Err(Unknown("it names no target".to_owned())),
        several => Err(Unknown(format!("it runs several tasks: `{}`", several.join("`, `")))),
    }
}

fn which(include: Vec<String>, mut exclude: Vec<String>) -> Result<Which, Unknown> {
    // Where the first one leaves out, the rest comes to all others.
    if let [first, rest @ ..] = &include[..]
        && first.starts_with('!')
        && let Some(other) = rest.iter().find(|name| !name.starts_with('!'))
    {
        return Err(Unknown(format!("`{first}` stands before `{other}`")));
    }
    let (negated, include): (Vec<String>, Vec<String>) =
        include.into_iter().partition(|name| name.starts_with('!'));
    exclude.extend(negated.into_iter().map(|name| name.trim_start_matches('!').to_owned()));
    let is_all = include.is_empty() && exclude.is_empty();
    Ok(if is_all { Which::All } else { Which::Globs { include, exclude } })
}
