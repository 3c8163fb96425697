//! What was typed and cannot be meant, told as every failure is: one message and one hint.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use super::args;
use super::failure::{Failure, USAGE};

/// Whether answers are wanted in JSON, as far as arguments can tell that mean nothing.
pub fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// The failure that a usage error is.
pub fn failure(definition: &Command, arguments: &[OsString], error: &Error) -> Failure {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let list = |kind| match error.get(kind) {
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    // Without the name of its value.
    let option = text(ContextKind::InvalidArg).unwrap_or_default();
    let option = option.split(' ').next().unwrap_or_default();
    let source = std::error::Error::source(error).map(ToString::to_string);
    let message = match (error.kind(), source) {
        (ErrorKind::ValueValidation, Some(source)) => format!("`{option}`: {source}"),
        _ => first_paragraph(error),
    };
    let similar = list(ContextKind::SuggestedArg)
        .or_else(|| list(ContextKind::SuggestedSubcommand))
        .or_else(|| list(ContextKind::SuggestedValue))
        .map(|similar| format!("did you mean `{similar}`?"));
    let possible = list(ContextKind::ValidValue)
        .filter(|values| !values.is_empty())
        .map(|values| format!("choose one of: {values}"));
    let hint = similar.or(possible).unwrap_or_else(|| {
        let command = arguments.get(args::place(arguments)).and_then(|name| definition.find_subcommand(name));
        let command = command.filter(|command| !command.is_hide_set()).map(Command::get_name);
        let words: Vec<&str> = ["bowline"].into_iter().chain(command).chain(["--help"]).collect();
        format!("see `{}`", words.join(" "))
    });
    Failure::new(USAGE, message, Some(hint))
}

/// What clap says is wrong, on one line: the values that there are stand in the hint, and how to call it in the help.
fn first_paragraph(error: &Error) -> String {
    let rendered = error.render().to_string();
    let lines = rendered.lines().take_while(|line| !line.is_empty());
    let is_list = |line: &&str| line.starts_with("[possible values:") || line.starts_with("[subcommands:");
    let lines = lines.map(str::trim).filter(|line| !is_list(line));
    let whole = lines.collect::<Vec<_>>().join(" ");
    whole.strip_prefix("error: ").unwrap_or(&whole).to_owned()
}
