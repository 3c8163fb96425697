//! Completions: the shell asks bowline each time, so it offers projects, scripts and frameworks.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::Arc;

use clap_complete::Shell;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::Shells;

use crate::config::{self, Files};
use crate::event::Stream;
use crate::invocation::Failure;
use crate::paths::StateDir;
use crate::port::Ports;
use crate::process::Exit;
use crate::project::{Project, Workspace, last_part};
use crate::ui;

/// Set when the shell asks for completions, to the shell's name, by the code that [`script`] prints.
pub const VARIABLE: &str = "BOWLINE_COMPLETE";

/// Keeps bash from splitting `@acme/web` and `dev:api`; npm does the same for `@`.
const WHOLE_WORDS: &str = "COMP_WORDBREAKS=${COMP_WORDBREAKS//[@:]/}\n";

/// `bowline completions SHELL`: prints the script that makes the shell ask.
pub fn script(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    if let Some(completer) = Shells::builtins().completer(&shell.to_string()) {
        completer.write_registration(VARIABLE, "bowline", "bowline", "bowline", &mut script)?;
    }
    if shell == Shell::Bash {
        script.extend_from_slice(WHOLE_WORDS.as_bytes());
    }
    ui::pass(Stream::Stdout, &script)?;
    Ok(Exit::Code(0))
}

fn matching(current: &OsStr, words: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let words: BTreeSet<String> = words.into_iter().filter(|word| word.starts_with(&*typed)).collect();
    words.into_iter().map(CompletionCandidate::new).collect()
}

fn here() -> Option<Project> {
    Project::find(&std::env::current_dir().ok()?).ok()
}

/// The packages of the workspace, and the services of its bowline.toml.
fn names() -> Vec<String> {
    let Some(project) = here() else { return Vec::new() };
    let workspace = project.workspace.as_ref();
    let members = workspace.map(Workspace::members).and_then(Result::ok).unwrap_or_default();
    let root = workspace.and_then(|workspace| Project::at(&workspace.root).ok()).unwrap_or(project);
    let services = Files::default().names(&root).map(|names| names.services().to_vec());
    let configured = services.into_iter().flatten().map(|service| service.name);
    members.into_iter().map(|member| member.name).chain(configured).collect()
}

/// Names after the marks that may stand before them, as in `!web` and `...ui`; scopes where several have one.
pub fn filters(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let typed = typed.as_ref();
    let rest = typed.strip_prefix('!').unwrap_or(typed);
    let rest = rest.strip_prefix("...").map_or(rest, |rest| rest.strip_prefix('^').unwrap_or(rest));
    let marks = &typed[..typed.len() - rest.len()];
    let names = names();
    let scope = |name: &String| Some(format!("{}/*", name.strip_prefix('@')?.split_once('/')?.0));
    let scopes: Vec<String> = names.iter().filter_map(scope).collect();
    let is_shared = |scope: &&String| scopes.iter().filter(|other| other == scope).count() > 1;
    let shared = scopes.iter().filter(is_shared).map(|scope| format!("@{scope}"));
    // A name without its scope is offered once its beginning is typed, where it means one package.
    let means_one = |short: &&str| names.iter().filter(|name| last_part(name) == *short).count() == 1;
    let short = names.iter().map(|name| last_part(name)).filter(|_| !rest.is_empty()).filter(means_one);
    let words = names.iter().cloned().chain(shared).chain(short.map(str::to_owned));
    let words: Vec<String> = words.map(|name| format!("{marks}{name}")).collect();
    matching(current, words)
}

/// The running services, and the packages of the workspace.
pub fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    let state = StateDir::locate(None, &|name| std::env::var_os(name));
    let running = Ports::new(Arc::new(state)).reservations();
    let mut candidates = matching(current, running.into_iter().map(|reservation| reservation.name));
    for project in filters(current) {
        if !candidates.contains(&project) {
            candidates.push(project);
        }
    }
    candidates
}

pub fn scripts(current: &OsStr) -> Vec<CompletionCandidate> {
    let scripts = here().map(|project| project.manifest.scripts).unwrap_or_default();
    matching(current, scripts.into_iter().map(|(name, _)| name))
}

pub fn frameworks(current: &OsStr) -> Vec<CompletionCandidate> {
    let Ok(catalog) = config::catalog(&|name| std::env::var_os(name)) else { return Vec::new() };
    matching(current, catalog.frameworks().iter().map(|framework| framework.key.to_string()))
}
