//! Finds the command among the arguments before clap reads them.

use std::ffi::OsString;

use clap::{Args, FromArgMatches, Subcommand};

use super::{Caught, Cli, CliCommand, Dev, Exec, Foreground, Global};

/// Global options whose value may be the next argument.
const WITH_VALUE: [&str; 4] = ["-C", "--dir", "--color", "--state-dir"];

/// Parses the commands that run services with a definition of that one command: to define all of them takes longer
/// than all else before the start. `None` for other commands, help and usage errors, which need [`super::Cli`].
pub fn parse_quickly(arguments: &[OsString]) -> Option<Cli> {
    let exec = |name| Exec::augment_args(clap::Command::new(name));
    let typed = match arguments.get(command_index(arguments))?.to_str()? {
        "dev" => Foreground::augment_args(clap::Command::new("dev")),
        "supervise" => Dev::augment_args(clap::Command::new("supervise")),
        "exec" => exec("exec"),
        "runner-exec" => exec("runner-exec"),
        "caught" => Caught::augment_args(clap::Command::new("caught")),
        _ => return None,
    };
    let definition = Global::augment_args(clap::Command::new("bowline")).subcommand(typed);
    Cli::from_arg_matches(&definition.try_get_matches_from(arguments).ok()?).ok()
}

/// Puts `dev` where a command is missing, so that `bowline web --port 4000` means `bowline dev web --port 4000`.
pub fn with_command(mut arguments: Vec<OsString>) -> Vec<OsString> {
    let index = command_index(&arguments);
    let is_command = |argument: &str| {
        matches!(argument, "-h" | "--help" | "-V" | "--version" | "help")
            || CliCommand::has_subcommand(argument)
    };
    let typed = arguments.get(index).and_then(|argument| argument.to_str());
    if index <= arguments.len() && !typed.is_some_and(is_command) {
        arguments.insert(index, "dev".into());
    }
    arguments
}

/// The index where the command is or should be, after the global options; `arguments.len() + 1` if the last option
/// lacks its value.
pub fn command_index(arguments: &[OsString]) -> usize {
    let mut index = 1;
    while let Some(argument) = arguments.get(index).and_then(|argument| argument.to_str()) {
        if WITH_VALUE.contains(&argument) {
            index += 2;
        } else if is_global(argument) {
            index += 1;
        } else {
            break;
        }
    }
    index
}

/// Whether the argument is a global option that needs no further argument.
fn is_global(argument: &str) -> bool {
    let letters = argument.strip_prefix('-').unwrap_or_default();
    matches!(argument, "--json" | "--verbose" | "--quiet")
        || ["-C", "--dir=", "--color=", "--state-dir="].iter().any(|option| argument.starts_with(option))
        || !letters.is_empty() && letters.chars().all(|letter| matches!(letter, 'v' | 'q'))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::launch;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn both_definitions_parse_alike() {
        let read = |typed: &str| {
            let words = ["bowline"].into_iter().chain(typed.split_whitespace()).map(OsString::from);
            let words: Vec<OsString> = words.collect();
            let whole = Cli::command().try_get_matches_from(&words);
            let whole = whole.and_then(|found| Cli::from_arg_matches(&found)).ok();
            (format!("{:?}", parse_quickly(&words)), format!("{whole:?}"))
        };
        for typed in [
            "dev",
            "-C app --json dev web api --port 4000 -vv -- --open",
            "dev --host --restart on-failure --grace 500ms --dry-run --color always",
            "dev --host 0.0.0.0 -q",
            "exec --grace 3s -- next dev -p 3",
            "--state-dir s exec vite --port 4",
            "--json supervise web",
            "--json runner-exec --restart-running --project-id=1 -- sh -c x",
            "--state-dir s caught --session 1 --root r --shims d -- npm run dev -- --open -q",
        ] {
            let (quick, whole) = read(typed);
            assert_eq!(quick, whole, "{typed}");
            assert!(quick.starts_with("Some("), "{typed}");
        }
        for typed in ["dev --help", "dev --prot 3", "dev -vq", "exec", "exec --script x -- y", "dev --port 0"]
        {
            assert_eq!(read(typed), ("None".to_owned(), "None".to_owned()), "{typed}");
        }
    }

    #[test]
    fn a_script_that_calls_bowline_is_read_with_the_same_options_and_commands() {
        let whole = Foreground::augment_args(Cli::command());
        for option in whole.get_arguments().filter(|one| one.get_action().takes_values()) {
            let short = option.get_short().map(|letter| format!("-{letter}"));
            for name in option.get_long().map(|name| format!("--{name}")).into_iter().chain(short) {
                assert!(launch::VALUED_OPTIONS.contains(&&*name), "{name}");
            }
        }
        let launching = ["dev", "exec", "start", "supervise", "runner-exec", "caught"];
        for command in whole.get_subcommands().map(clap::Command::get_name) {
            assert_ne!(
                launching.contains(&command),
                launch::ANSWERING_COMMANDS.contains(&command),
                "{command}"
            );
        }
    }

    #[test]
    fn a_missing_command_is_dev() {
        for (typed, meant) in [
            ("", "dev"),
            ("web", "dev web"),
            ("-C app", "-C app dev"),
            ("-Capp --json", "-Capp --json dev"),
            ("--port 4000", "dev --port 4000"),
            ("-vv --state-dir s web -- --open", "-vv --state-dir s dev web -- --open"),
            ("-- --open", "dev -- --open"),
            ("-C", "-C"),
            ("dev web", "dev web"),
            ("-C app ports prune", "-C app ports prune"),
            ("--help", "--help"),
            ("--version", "--version"),
            ("exec -- next dev", "exec -- next dev"),
            ("help dev", "help dev"),
        ] {
            let split = |text: &str| -> Vec<OsString> {
                ["bowline"].into_iter().chain(text.split_whitespace()).map(OsString::from).collect()
            };
            assert_eq!(with_command(split(typed)), split(meant), "{typed}");
        }
    }
}
