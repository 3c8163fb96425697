//! Usage errors, reported like every other failure.

use std::ffi::OsString;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};
use clap::{Command, CommandFactory, Subcommand};

use crate::cli::args;
use crate::exit_code::USAGE;
use crate::invocation::{Failure, Invocation};
use crate::project::{Project, ProjectError};
use crate::visible;

/// Names that other programs have for our commands.
const OTHER_NAMES: [(&str, &str); 6] =
    [("ps", "ls"), ("list", "ls"), ("kill", "stop"), ("down", "stop"), ("up", "start"), ("tail", "logs -f")];

/// How values look that have a form, by their options.
const FORMS: [(&str, &str); 5] = [
    ("--port", "give a number, as in `--port 4000`"),
    ("--grace", "write a number and its unit, as in `--grace 10s`"),
    ("--timeout", "write a number and its unit, as in `--timeout 60s`"),
    ("--lines", "give a number, as in `-n 50`"),
    ("--since", "write how long ago, as in `--since 10m`, or a moment in UTC"),
];

/// Whether `--json` is among the arguments, which clap has rejected.
pub fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// A usage error of clap as a failure.
pub fn failure(definition: &Command, arguments: &[OsString], error: &Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    // Drops the name of the value.
    let option = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = option.split(' ').next().unwrap_or_default();
    let source = std::error::Error::source(error).map(ToString::to_string);
    let message = match (error.kind(), source) {
        (ErrorKind::ValueValidation, Some(source)) => format!("`{option}`: {source}"),
        _ => first_paragraph(error),
    };
    let suggestions =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let similar = suggestions.into_iter().find_map(text).filter(|similar| !is_hidden(definition, similar));
    let similar = similar.map(|similar| format!("did you mean `{similar}`?"));
    let possible = text(ContextKind::ValidValue).filter(|values| !values.is_empty());
    let possible = possible.map(|values| format!("choose one of: {values}"));
    let form = FORMS.iter().find(|(name, _)| error.kind() == ErrorKind::ValueValidation && *name == option);
    let known = match (similar, possible) {
        (Some(similar), Some(possible)) => Some(format!("{similar} If not, {possible}")),
        (similar, possible) => similar.or(possible).or(form.map(|(_, hint)| (*hint).to_owned())),
    };
    let hint = known.unwrap_or_else(|| {
        let command =
            arguments.get(args::command_index(arguments)).and_then(|name| definition.find_subcommand(name));
        let command = command.filter(|command| !command.is_hide_set()).map(Command::get_name);
        let words: Vec<&str> = ["bowline"].into_iter().chain(command).chain(["--help"]).collect();
        format!("see `{}`", words.join(" "))
    });
    Failure::new(USAGE, message, Some(hint))
}

/// Whether it is an option that `--help` does not show.
fn is_hidden(definition: &Command, option: &str) -> bool {
    let long = option.strip_prefix("--");
    let mut options = definition.get_subcommands().flat_map(Command::get_arguments);
    long.is_some() && options.any(|one| one.is_hide_set() && one.get_long() == long)
}

/// The failure for a word of `words` that names no project. If it is or resembles a command, script or program, the
/// hint says so.
pub fn no_project(invocation: &Invocation, words: &[String], word: &str, error: ProjectError) -> Failure {
    if !matches!(error, ProjectError::Unknown { .. }) {
        return error.into();
    }
    let is_script = |project: Project| project.manifest.scripts.iter().any(|(name, _)| name == word);
    let meant = if args::CliCommand::has_subcommand(word) {
        Some(format!("`{word}` is a command, which stands before all else: see `bowline {word} --help`"))
    } else if Project::find(&invocation.dir).is_ok_and(is_script) {
        Some(format!("`{word}` is a script: run it with `--script {word}`"))
    } else if word == "run" {
        Some("`bowline` alone runs the dev script, and `bowline --script NAME` another one".to_owned())
    } else if let Some((_, command)) = OTHER_NAMES.iter().find(|(name, _)| *name == word) {
        Some(format!("did you mean the command `{command}`?"))
    } else if words.first().is_some_and(|first| first == word && is_program(invocation, word)) {
        Some(format!("`{word}` is a program: run it with `bowline exec -- {}`", words.join(" ")))
    } else {
        let otherwise = error.hint().unwrap_or_default();
        similar_command(word).map(|name| format!("did you mean the command `{name}`? If not, {otherwise}"))
    };
    let failure = Failure::from(error);
    let meant = meant.map(|hint| visible::line(&hint).into_owned());
    Failure { hint: meant.or(failure.hint), ..failure }
}

/// Whether a script could run it: one of the packages here, or any that can be found.
fn is_program(invocation: &Invocation, word: &str) -> bool {
    let bin = |dir: &Path| dir.join("node_modules/.bin").join(word).exists();
    let is_here = Project::find(&invocation.dir).is_ok_and(|project| project.dir.ancestors().any(bin));
    is_here || !word.contains('/') && invocation.caller.find(word).is_some()
}

fn similar_command(word: &str) -> Option<String> {
    let definition = args::Cli::command();
    let names = definition.get_subcommands().filter(|command| !command.is_hide_set()).map(Command::get_name);
    let near = names.map(|name| (strsim::osa_distance(word, name), name)).min()?;
    let slips = if word.len() > 4 { 2 } else { 1 };
    (near.0 <= slips).then(|| near.1.to_owned())
}

/// clap's message on one line, without possible values and usage.
fn first_paragraph(error: &Error) -> String {
    let rendered = error.render().to_string();
    let lines = rendered.lines().take_while(|line| !line.is_empty());
    let is_list = |line: &&str| line.starts_with("[possible values:") || line.starts_with("[subcommands:");
    let lines = lines.map(str::trim).filter(|line| !is_list(line));
    let whole = lines.collect::<Vec<_>>().join(" ");
    whole.strip_prefix("error: ").unwrap_or(&whole).to_owned()
}
