//! Programs that only prepare the way for another one, which their command line names.

use std::ops::Range;

use super::edit::Unsafe;
use super::leaf::{Environment, Kind, Role};
use super::nest::Nested;
use super::parse::is_name;
use super::walk::{Peeled, Scope, Walk};
use super::word::Word;
use super::{manager, runner};

/// A simple command that is about to be understood.
pub(super) struct Running {
    pub scope: Scope,
    pub role: Role,
    pub redirections: Vec<Range<usize>>,
}

/// What a program does with the rest of its command line.
pub(super) enum Step<'w> {
    /// Runs the words from here on.
    Runs(usize),
    /// Is the leaf, from this word on.
    Leaf(usize, String),
    /// Gives this word to a shell.
    Text(usize),
    /// Runs a script of the package.
    Script(Nested),
    /// Runs several commands.
    Several(Vec<runner::Started<'w>>),
    /// Runs what cannot be seen.
    Opaque,
}

/// A command line while its wrappers are peeled off.
pub(super) struct Peel<'w> {
    pub words: &'w [Word],
    /// The word that names the next program.
    pub at: usize,
    pub fixed: Option<Unsafe>,
    pub separator: Option<usize>,
    pub redirections: &'w [Range<usize>],
    assigned: Vec<&'w Word>,
    environment: Environment,
    moved: bool,
}

impl Peel<'_> {
    pub fn literal(&self, index: usize) -> Option<String> {
        self.words.get(index)?.literal()
    }

    /// Whether a word starts as flags do.
    pub fn is_flag(&self, index: usize) -> bool {
        self.words.get(index).is_some_and(|word| word.prefix().starts_with('-'))
    }

    /// The first word at or after `index` that is no flag and no flag's value, and whether `--` went before.
    pub fn after_flags(&self, mut index: usize, valued: &[&str]) -> (usize, bool) {
        while self.is_flag(index) {
            let flag = self.literal(index).unwrap_or_default();
            if flag == "--" {
                return (index + 1, true);
            }
            index += 1 + usize::from(valued.contains(&flag.as_str()) && self.has_value(index));
        }
        (index, false)
    }

    /// Whether the flag at `index` can have the next word for its value; `--` is never one.
    fn has_value(&self, index: usize) -> bool {
        self.literal(index + 1).is_none_or(|next| next != "--")
    }

    /// The program that follows keeps its flags only behind a `--`, which is missing.
    pub fn swallows(&mut self, command: usize) {
        let plain = |word: &Word| word.literal().is_some_and(|text| !text.starts_with('-'));
        let rest = self.words.get(command..).unwrap_or_default();
        match rest.first() {
            Some(first) if rest.iter().all(plain) && self.separator.is_none() => {
                self.separator = Some(first.span.start);
            }
            Some(_) | None => self.fixed = Some(Unsafe::Swallowed),
        }
    }
}

/// Which of its arguments a wrapper hands on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// Everything from the program on.
    All,
    /// Everything behind `--`; without it the flags are the wrapper's own.
    Swallows,
    /// Everything behind `--`, and nothing runs without it.
    Marked,
}

struct Wrapper {
    names: &'static [&'static str],
    subcommands: &'static [&'static str],
    valued: &'static [&'static str],
    positional: usize,
    assigns: bool,
    passing: Passing,
}

const PLAIN: Wrapper = Wrapper {
    names: &[],
    subcommands: &[],
    valued: &[],
    positional: 0,
    assigns: false,
    passing: Passing::All,
};

const WRAPPERS: [Wrapper; 19] = [
    Wrapper { names: &["dotenv-flow"], passing: Passing::Marked, ..PLAIN },
    Wrapper { names: &["godotenv"], valued: &["-f"], ..PLAIN },
    Wrapper { names: &["cross-env", "cross-env-shell"], assigns: true, ..PLAIN },
    Wrapper {
        names: &["env"],
        valued: &["-u", "--unset", "-C", "--chdir", "-S", "--split-string"],
        assigns: true,
        ..PLAIN
    },
    Wrapper {
        names: &["sudo"],
        valued: &["-u", "-g", "-h", "-p", "-C", "-T", "-r", "-t", "-D", "-R", "--user", "--group"],
        assigns: true,
        ..PLAIN
    },
    Wrapper {
        names: &["dotenv", "dotenvx", "doppler", "infisical", "op", "teller", "varlock", "bws", "phase"],
        subcommands: &["run"],
        passing: Passing::Marked,
        ..PLAIN
    },
    Wrapper {
        names: &["bowline", "aws-vault", "chamber", "fnm"],
        subcommands: &["exec"],
        passing: Passing::Marked,
        ..PLAIN
    },
    Wrapper { names: &["mise"], subcommands: &["exec", "x"], passing: Passing::Marked, ..PLAIN },
    Wrapper { names: &["dotenv"], valued: &["-e", "-p", "-v", "-c"], passing: Passing::Swallows, ..PLAIN },
    Wrapper {
        names: &["env-cmd"],
        valued: &["-f", "--file", "-e", "--environments", "-r", "--rc-file"],
        ..PLAIN
    },
    Wrapper {
        names: &["volta"],
        subcommands: &["run"],
        valued: &["--node", "--npm", "--yarn", "--pnpm"],
        ..PLAIN
    },
    Wrapper { names: &["direnv"], subcommands: &["exec"], positional: 1, ..PLAIN },
    Wrapper { names: &["sst"], subcommands: &["bind", "shell"], valued: &["--stage"], ..PLAIN },
    Wrapper { names: &["nice"], valued: &["-n", "--adjustment"], ..PLAIN },
    Wrapper { names: &["ionice"], valued: &["-c", "-n", "-p", "--class", "--classdata"], ..PLAIN },
    Wrapper {
        names: &["timeout"],
        valued: &["-s", "--signal", "-k", "--kill-after"],
        positional: 1,
        ..PLAIN
    },
    Wrapper { names: &["stdbuf"], valued: &["-i", "-o", "-e", "--input", "--output", "--error"], ..PLAIN },
    Wrapper {
        names: &["xvfb-run", "caffeinate"],
        valued: &["-e", "-f", "-n", "-p", "-s", "-t", "-w"],
        ..PLAIN
    },
    Wrapper {
        names: &[
            "time",
            "exec",
            "command",
            "builtin",
            "nohup",
            "setsid",
            "chronic",
            "dumb-init",
            "tini",
            "winpty",
            "unbuffer",
        ],
        ..PLAIN
    },
];

/// Understands a simple command and adds the leaves that it leads to.
pub(super) fn run(walk: &mut Walk, running: Running, words: &[Word]) {
    let Running { mut scope, role, redirections } = running;
    let mut peel = Peel {
        words,
        at: 0,
        fixed: None,
        separator: None,
        redirections: &redirections,
        assigned: Vec::new(),
        environment: Environment::default(),
        moved: false,
    };
    let mut reached = step(&mut peel, walk);
    while let Step::Runs(next) = reached {
        peel.at = next;
        reached = step(&mut peel, walk);
    }
    for word in std::mem::take(&mut peel.assigned) {
        let assignment = walk.assignment(&scope, word);
        scope.assignments.extend(assignment);
    }
    scope.environment.cleared |= peel.environment.cleared;
    scope.environment.files |= peel.environment.files;
    scope.environment.removed.append(&mut peel.environment.removed);
    scope.moved |= peel.moved;
    scope.fixed = scope.fixed.or(peel.fixed);
    let rest = words.get(peel.at..).unwrap_or_default();
    match reached {
        Step::Leaf(at, program) => {
            let mut peeled = Peeled::new(words.get(at..).unwrap_or_default(), program, Kind::Program);
            peeled.separator = peel.separator;
            walk.emit(&scope, role, peeled);
        }
        Step::Text(index) => match words.get(index) {
            Some(word) => walk.text(scope, role, word, rest),
            None => walk.opaque(&scope, role, rest),
        },
        Step::Script(nested) => walk.script(scope, role, nested, rest),
        Step::Several(started) => runner::start(walk, &scope, role, started),
        Step::Runs(_) | Step::Opaque => walk.opaque(&scope, role, rest),
    }
}

fn step<'w>(peel: &mut Peel<'w>, walk: &Walk) -> Step<'w> {
    let Some(word) = peel.literal(peel.at) else {
        return Step::Opaque;
    };
    let name = program_name(&word);
    if let Some(step) = peel_wrapper(peel, &name) {
        return step;
    }
    match name.as_str() {
        "npm" | "pnpm" | "yarn" | "yarnpkg" | "bun" | "npx" | "pnpx" | "bunx" => {
            manager::step(peel, walk.scripts, &name)
        }
        "node" | "tsx" | "nodejs" => manager::node(peel, walk.scripts, &name),
        "deno" => manager::deno(peel, walk.scripts),
        "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" => runner::shell(peel),
        "concurrently" | "conc" => runner::concurrently(peel, walk.scripts),
        "run-p" | "run-s" | "npm-run-all" | "npm-run-all2" => runner::run_all(peel, walk.scripts, &name),
        "nodemon" => runner::nodemon(peel),
        "turbo"
        | "nx"
        | "lerna"
        | "eval"
        | "xargs"
        | "make"
        | "just"
        | "task"
        | "wireit"
        | "foreman"
        | "nf"
        | "overmind"
        | "honcho"
        | "mprocs"
        | "moon"
        | "rush"
        | "rushx"
        | "start-server-and-test"
        | "docker"
        | "docker-compose"
        | "podman" => Step::Opaque,
        _ => Step::Leaf(peel.at, name),
    }
}

fn peel_wrapper<'w>(peel: &mut Peel<'w>, name: &str) -> Option<Step<'w>> {
    WRAPPERS.iter().filter(|wrapper| wrapper.names.contains(&name)).find_map(|wrapper| {
        let start = if wrapper.subcommands.is_empty() {
            peel.at + 1
        } else {
            let (index, _) = peel.after_flags(peel.at + 1, &[]);
            let subcommand = peel.literal(index)?;
            wrapper.subcommands.contains(&subcommand.as_str()).then_some(index + 1)?
        };
        Some(hand_over(peel, wrapper, name, start))
    })
}

fn hand_over<'w>(peel: &mut Peel<'w>, wrapper: &Wrapper, name: &str, start: usize) -> Step<'w> {
    note_flags(peel, wrapper, name, start);
    if wrapper.passing == Passing::Marked {
        let rest = peel.words.get(start..).unwrap_or_default();
        return match rest.iter().position(|word| word.literal().as_deref() == Some("--")) {
            Some(marker) => Step::Runs(start + marker + 1),
            None => Step::Opaque,
        };
    }
    let (index, marked) = peel.after_flags(start, wrapper.valued);
    let mut index = index + wrapper.positional;
    while let Some(word) = peel.words.get(index).filter(|_| wrapper.assigns) {
        let named = word.prefix().split_once('=').is_some_and(|(name, _)| is_name(name));
        // What stands for no word or several before the program can only be assignments: `env $(cat .env) vite`.
        if !named && !word.may_vanish() {
            break;
        }
        peel.environment.files |= !named;
        peel.assigned.push(word);
        index += 1;
    }
    if index >= peel.words.len() {
        return Step::Opaque;
    }
    if wrapper.passing == Passing::Swallows && !marked {
        peel.swallows(index);
    }
    let text = name == "cross-env-shell" && index + 1 == peel.words.len();
    if text { Step::Text(index) } else { Step::Runs(index) }
}

/// Flags of wrappers that change what arrives in the environment.
fn note_flags(peel: &mut Peel, wrapper: &Wrapper, name: &str, start: usize) {
    peel.environment.cleared |= name == "sudo";
    peel.environment.files |= matches!(
        name,
        "dotenv" | "dotenv-flow" | "godotenv" | "env-cmd" | "dotenvx" | "doppler" | "infisical" | "op"
    );
    let mut index = start;
    while peel.is_flag(index) {
        let flag = peel.literal(index).unwrap_or_default();
        match (name, flag.as_str()) {
            (_, "--") => return,
            ("env", "-" | "-i" | "--ignore-environment") => peel.environment.cleared = true,
            ("env", "-u" | "--unset") => peel.environment.removed.extend(peel.literal(index + 1)),
            ("env", "-C" | "--chdir") => peel.moved = true,
            ("env", "-S" | "--split-string") => peel.fixed = Some(Unsafe::Opaque),
            ("env", flag) => {
                peel.environment.removed.extend(flag.strip_prefix("--unset=").map(str::to_owned));
                peel.moved |= flag.starts_with("--chdir=");
            }
            ("dotenv", "-v") => peel.assigned.extend(peel.words.get(index + 1)),
            _ => {}
        }
        index += 1 + usize::from(wrapper.valued.contains(&flag.as_str()) && peel.has_value(index));
    }
}

/// The name of the program that a word runs, a binary's path and ending removed.
pub(super) fn program_name(word: &str) -> String {
    let Some((_, inside)) = word.rsplit_once("node_modules/") else {
        return word.rsplit('/').next().unwrap_or(word).to_owned();
    };
    let file = inside.rsplit('/').next().unwrap_or(inside);
    let stem = ["cmd", "ps1", "exe", "js", "mjs", "cjs", "ts"]
        .into_iter()
        .find_map(|ending| file.strip_suffix(ending)?.strip_suffix('.'))
        .unwrap_or(file);
    let generic = matches!(stem, "cli" | "cmd" | "index" | "main" | "bin" | "run" | "start" | "entry");
    if !generic || inside.starts_with(".bin/") {
        return stem.to_owned();
    }
    let mut parts = inside.split('/');
    let package = parts.next().unwrap_or(stem);
    match (package.strip_prefix('@'), parts.next()) {
        (Some(scope), Some("dev" | "cli") | None) => scope.to_owned(),
        (Some(_), Some(name)) => name.to_owned(),
        (None, _) => package.to_owned(),
    }
}
