//! What a shell offers while a command is typed: the shell asks bowline each time, so projects, scripts and frameworks are
//! among it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::args::{Cli, Dev};
use crate::config;
use crate::event::Stream;
use crate::invocation::failure::{End, Failure, OTHER};
use crate::paths::StateDir;
use crate::port::Ports;
use crate::project::{Project, Workspace};
use crate::ui;

/// Set by the script of [`script`], to the shell that asks.
const VARIABLE: &str = "BOWLINE_COMPLETE";

/// bash would take `@acme/web` and `dev:api` for two words each. npm does the same for the sake of `@`.
const WHOLE_WORDS: &str = "COMP_WORDBREAKS=${COMP_WORDBREAKS//[@:]/}\n";

/// Answers a shell that asks, if one does.
pub fn answer(arguments: &[OsString]) -> Option<Result<End, Failure>> {
    std::env::var_os(VARIABLE)?;
    let here = std::env::current_dir().ok();
    let asked = CompleteEnv::with_factory(definition).var(VARIABLE);
    let answered = asked.try_complete(arguments.iter().cloned(), here.as_deref());
    Some(answered.map(|_| End::Code(0)).map_err(|error| Failure::new(OTHER, error, None)))
}

/// What can be typed: where no command is, also all that `dev` takes.
fn definition() -> Command {
    Dev::augment_args(Cli::command())
}

/// `bowline completions SHELL`: what makes the shell ask.
pub fn script(shell: Shell) -> Result<End, Failure> {
    let mut script = Vec::new();
    if let Some(completer) = Shells::builtins().completer(&shell.to_string()) {
        completer.write_registration(VARIABLE, "bowline", "bowline", "bowline", &mut script)?;
    }
    if shell == Shell::Bash {
        script.extend_from_slice(WHOLE_WORDS.as_bytes());
    }
    ui::pass(Stream::Stdout, &script)?;
    Ok(End::Code(0))
}

/// Those of `words` that begin as what has been typed.
fn matching(current: &OsStr, words: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let words: BTreeSet<String> = words.into_iter().filter(|word| word.starts_with(&*typed)).collect();
    words.into_iter().map(CompletionCandidate::new).collect()
}

fn here() -> Option<Project> {
    Project::find(&std::env::current_dir().ok()?).ok()
}

/// The packages of the workspace.
pub fn projects(current: &OsStr) -> Vec<CompletionCandidate> {
    let workspace = here().and_then(|project| project.workspace);
    let members = workspace.as_ref().map(Workspace::members).and_then(Result::ok).unwrap_or_default();
    matching(current, members.into_iter().map(|project| project.name))
}

/// What runs, and the packages of the workspace.
pub fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    let state = StateDir::locate(None, &|name| std::env::var_os(name));
    let running = Ports::new(Arc::new(state)).reservations();
    let mut candidates = matching(current, running.into_iter().map(|reservation| reservation.name));
    for project in projects(current) {
        if !candidates.contains(&project) {
            candidates.push(project);
        }
    }
    candidates
}

/// The scripts of the project.
pub fn scripts(current: &OsStr) -> Vec<CompletionCandidate> {
    let scripts = here().map(|project| project.manifest.scripts).unwrap_or_default();
    matching(current, scripts.into_iter().map(|(name, _)| name))
}

/// The keys of all frameworks.
pub fn frameworks(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(catalog) = config::catalog(&|name| std::env::var_os(name)) else { return Vec::new() };
    matching(current, catalog.frameworks().iter().map(|framework| framework.key.to_string()))
}
