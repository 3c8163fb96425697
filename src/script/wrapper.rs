//! Wrappers: programs that prepare something and then run the program that their command line names.

use super::command_line::{CommandLine, Step};
use super::error::RewriteError;
use super::word::Word;

/// Which words a wrapper passes on to the program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    All,
    /// Everything after `--`; without it, the wrapper takes flags for its own.
    Swallows,
    /// Everything after `--`; without it, nothing runs.
    Marked,
}

struct Wrapper {
    names: &'static [&'static str],
    /// One of these has to be the first argument.
    subcommands: &'static [&'static str],
    /// Flags whose value is the next word.
    valued: &'static [&'static str],
    /// How many arguments come between the flags and the program.
    positional: usize,
    /// `NAME=value` may precede the program.
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
            "time", "exec", "command", "builtin", "nohup", "setsid", "chronic", "dumb-init", "tini",
            "winpty", "unbuffer",
        ],
        ..PLAIN
    },
];

/// The step of the wrapper `name`; `None` if it is none.
pub(super) fn step(line: &mut CommandLine, name: &str) -> Option<Step> {
    WRAPPERS.iter().filter(|wrapper| wrapper.names.contains(&name)).find_map(|wrapper| {
        let start = if wrapper.subcommands.is_empty() {
            line.at + 1
        } else {
            let (index, _) = line.after_flags(line.at + 1, &[]);
            let subcommand = line.literal(index)?;
            wrapper.subcommands.contains(&subcommand.as_str()).then_some(index + 1)?
        };
        Some(pass_on(line, wrapper, name, start))
    })
}

fn pass_on(line: &mut CommandLine, wrapper: &Wrapper, name: &str, start: usize) -> Step {
    apply_flags(line, wrapper, name, start);
    if wrapper.passing == Passing::Marked {
        let rest = line.words.get(start..).unwrap_or_default();
        return match rest.iter().position(Word::is_marker) {
            Some(marker) => Step::Next(start + marker + 1),
            None => Step::Opaque,
        };
    }
    let (index, marked) = line.after_flags(start, wrapper.valued);
    let mut index = index + wrapper.positional;
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
    if wrapper.passing == Passing::Swallows && !marked {
        line.require_marker(index);
    }
    let text = name == "cross-env-shell" && index + 1 == line.words.len();
    if text { Step::Text(index) } else { Step::Next(index) }
}

/// Applies the flags that change the environment or the working directory.
fn apply_flags(line: &mut CommandLine, wrapper: &Wrapper, name: &str, start: usize) {
    line.scope.environment.cleared |= name == "sudo";
    line.scope.environment.files |= matches!(
        name,
        "dotenv" | "dotenv-flow" | "godotenv" | "env-cmd" | "dotenvx" | "doppler" | "infisical" | "op"
    );
    let mut index = start;
    while let Some(flag) = line.flag(index) {
        match (name, flag.as_str()) {
            (_, "--") => return,
            ("env", "-" | "-i" | "--ignore-environment") => line.scope.environment.cleared = true,
            ("env", "-u" | "--unset") => line.scope.environment.removed.extend(line.literal(index + 1)),
            ("env", "-C" | "--chdir") => line.scope.moved = true,
            ("env", "-S" | "--split-string") => line.fixed = Some(RewriteError::Opaque),
            ("env", flag) => {
                line.scope.environment.removed.extend(flag.strip_prefix("--unset=").map(str::to_owned));
                line.scope.moved |= flag.starts_with("--chdir=");
            }
            ("dotenv", "-v") => line.assigned.extend(line.words.get(index + 1)),
            _ => {}
        }
        index += 1 + usize::from(wrapper.valued.contains(&flag.as_str()) && line.has_value(index));
    }
}
