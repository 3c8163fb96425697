//! Which services the user means by a word: a directory, a name, a port or an id.

use std::path::{Component, Path, PathBuf};

use super::fan_out;
use super::holder;
use super::pattern::ServicePattern;
use super::services;
use crate::control::Status;
use crate::event::State;
use crate::exit_code::{NO_PROJECT, NOT_READY, USAGE};
use crate::invocation::Invocation;
use crate::invocation::failure::Failure;
use crate::port::{Ports, Remembered, Reservation};
use crate::project::{Presence, Project, ProjectError, defining_directory, last_part};
use crate::visible::{self, Visible};
use crate::workspace::Filter;

/// How many links that lead nowhere are followed, one after the other: they may lead to each other.
const MOST_LINKS: usize = 16;

pub enum Resolved {
    /// Running services: several only at the root of a workspace, or for a directory with several ids.
    Running(Vec<Reservation>),
    /// A project that does not run. The failure is for callers that need it to run.
    Idle(Failure),
    /// Neither a service nor a project.
    Unknown(Failure),
}

impl Resolved {
    fn running(self) -> Result<Vec<Reservation>, Failure> {
        match self {
            Self::Running(found) => Ok(found),
            Self::Idle(failure) | Self::Unknown(failure) => Err(failure),
        }
    }
}

/// Resolves a word, or without one the directory that the user is in.
pub fn resolve(
    invocation: &Invocation,
    live: &[Reservation],
    word: Option<&str>,
) -> Result<Resolved, Failure> {
    word.map_or_else(|| here(invocation, live), |word| by_word(invocation, live, word))
}

/// Resolves words to running services; without a word, those of the project, or of the workspace at its root. A
/// word that means none is a failure beside the services found.
pub fn all(
    invocation: &Invocation,
    live: &[Reservation],
    words: &[String],
) -> Result<(Vec<Reservation>, Vec<Failure>), Failure> {
    if words.is_empty() {
        let mut found = here(invocation, live)?.running()?;
        // The services that a project needs were started with it.
        let dirs: Vec<PathBuf> = found.iter().map(|one| one.dir.clone()).collect();
        for dir in &dirs {
            add(&mut found, defined_in(live, dir));
        }
        return Ok((found, Vec::new()));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let (patterns, plain): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| Filter::is_pattern(word));
    for word in &plain {
        match by_word(invocation, live, word).and_then(Resolved::running) {
            Ok(more) => add(&mut found, more),
            Err(failure) => failures.push(failure),
        }
    }
    if !patterns.is_empty() {
        let pattern = ServicePattern::read(invocation, live, &patterns)?;
        found.retain(|one| !pattern.excludes(one));
        if plain.is_empty() || pattern.includes() {
            match matching(pattern, live).running() {
                Ok(more) => add(&mut found, more),
                Err(failure) => failures.push(failure),
            }
        }
    }
    Ok((found, failures))
}

/// Adds services that are not in the list yet.
pub fn add(found: &mut Vec<Reservation>, more: Vec<Reservation>) {
    for one in more {
        if !found.contains(&one) {
            found.push(one);
        }
    }
}

/// Resolves a word to one running service.
pub fn one(
    invocation: &Invocation,
    live: &[Reservation],
    word: Option<&str>,
) -> Result<Reservation, Failure> {
    single(word, resolve(invocation, live, word)?.running()?)
}

/// The service in a list of one, which must not be empty. Several are a failure: `word` is ambiguous.
pub fn single(word: Option<&str>, mut found: Vec<Reservation>) -> Result<Reservation, Failure> {
    match word {
        _ if found.len() == 1 => Ok(found.remove(0)),
        Some(word) => Err(several(word, &found)),
        None => Err(several_here(&found)),
    }
}

/// The failure where no word says which of the services is meant.
fn several_here(found: &[Reservation]) -> Failure {
    let hint = format!("name one of them: {}", visible::line(&words(found, found).join(", ")));
    Failure::new(USAGE, format!("{} services run here", found.len()), Some(hint))
}

/// The word that means each of the services: its name, or its id if another of `all` has that name.
pub fn words<'r>(found: &'r [Reservation], all: &[Reservation]) -> Vec<&'r str> {
    let is_alone = |one: &Reservation| all.iter().filter(|other| other.name == one.name).count() < 2;
    found.iter().map(|one| if is_alone(one) { &*one.name } else { &*one.project }).collect()
}

fn several(word: &str, found: &[Reservation]) -> Failure {
    ambiguous(word, found.iter().map(|one| one.project.as_str()))
}

/// The remembered project that had this port, or has this id or path, with its id.
pub fn remembered(invocation: &Invocation, ports: &Ports, word: &str) -> Option<(String, Remembered)> {
    let by_port = || ports.keeper(word.parse().ok()?);
    let by_id = |id: String| ports.remembered(&id).map(|row| (id, row));
    let path = || path_of(invocation, word).to_string_lossy().into_owned();
    by_port().or_else(|| by_id(word.to_owned())).or_else(|| by_id(path()))
}

/// The remembered project in this directory, or in the nearest one above it, with its id.
pub fn remembered_around(ports: &Ports, dir: &Path) -> Option<(String, Remembered)> {
    let start = dir.canonicalize().ok()?;
    let projects = ports.projects();
    let at = |dir: &Path| projects.iter().find(|(id, row)| row.dir == dir && Path::new(id) == dir).cloned();
    start.ancestors().find_map(at)
}

fn here(invocation: &Invocation, live: &[Reservation]) -> Result<Resolved, Failure> {
    let path = path_of(invocation, "");
    // Servers make the directory of their caches anew, so that what lies there may be no project any more.
    let lost = filtered(live, |one| is_at(one, &path) && one.presence() != Presence::Present);
    if !lost.is_empty() {
        return Ok(Resolved::Running(lost));
    }
    let project = match Project::find(&invocation.dir) {
        Err(error) => return without_project(invocation, live, &path, error),
        Ok(project) => project,
    };
    let mut found = filtered(live, |one| one.project == project.id || is_at(one, &project.dir));
    if found.is_empty() && project.is_workspace_root() {
        found = below(live, &project.dir);
    }
    if found.is_empty() {
        found = defined_in(live, &project.dir);
    }
    Ok(running_or(found, || Resolved::Idle(not_running(&project.name))))
}

/// Services of a directory that is no project, or no longer: it is gone, a command was run in it without a
/// package.json, or its package.json has an error.
fn without_project(
    invocation: &Invocation,
    live: &[Reservation],
    path: &Path,
    error: ProjectError,
) -> Result<Resolved, Failure> {
    let at = |dir: &Path| [filtered(live, |one| is_at(one, dir)), defined_in(live, dir)].concat();
    let start = path.canonicalize().unwrap_or_default();
    let found = match &error {
        ProjectError::Gone { .. } => below(live, path),
        ProjectError::NotFound { .. } => {
            start.ancestors().map(at).find(|found| !found.is_empty()).unwrap_or_default()
        }
        ProjectError::NoManifest { .. }
        | ProjectError::NotADirectory { .. }
        | ProjectError::NotAFile { .. }
        | ProjectError::Unreadable { .. }
        | ProjectError::Invalid(_)
        | ProjectError::Unknown { .. }
        | ProjectError::Ambiguous { .. }
        | ProjectError::NoScript { .. }
        | ProjectError::EmptyScript { .. } => {
            let nearest = start.ancestors().find(|dir| dir.join("package.json").exists()).unwrap_or(path);
            Some(at(nearest)).filter(|found| !found.is_empty()).unwrap_or_else(|| below(live, nearest))
        }
    };
    if found.is_empty() && matches!(error, ProjectError::NotFound { .. }) {
        let known = remembered_around(&invocation.ports_to_read(), &start).map(|(_, row)| row.name);
        let known = known.or_else(|| name_of_services(invocation));
        return known.map(|name| Resolved::Idle(not_running(&name))).ok_or_else(|| error.into());
    }
    if found.is_empty() { Err(error.into()) } else { Ok(Resolved::Running(found)) }
}

/// The name of the directory, if a file in it defines services.
fn name_of_services(invocation: &Invocation) -> Option<String> {
    let project = Project::around(&invocation.dir).ok()?;
    let names = invocation.files.names(&project).ok()?;
    (!names.services().is_empty()).then_some(project.name)
}

fn below(live: &[Reservation], dir: &Path) -> Vec<Reservation> {
    filtered(live, |one| defining_directory(&one.project).unwrap_or(&one.dir).starts_with(dir))
}

/// The services that are no packages and that a file in this directory defines.
fn defined_in(live: &[Reservation], dir: &Path) -> Vec<Reservation> {
    filtered(live, |one| defining_directory(&one.project) == Some(dir))
}

/// Whether a package was started in the directory at this path, or its directory lies there now. Of other services,
/// the directory says nothing.
fn is_at(one: &Reservation, path: &Path) -> bool {
    defining_directory(&one.project).is_none() && (one.dir == path || one.has_moved_to(path))
}

/// The absolute path that a word is. Of a directory that is gone, links are resolved as far as they lead. The
/// current directory stays relative once it is gone.
pub fn path_of(invocation: &Invocation, word: &str) -> PathBuf {
    resolve_links(&invocation.dir.join(word), 0)
}

fn resolve_links(path: &Path, followed: usize) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    let mut resolved = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            resolved.pop();
            continue;
        }
        let link = resolved.join(part);
        resolved = match (link.canonicalize(), link.read_link()) {
            (Ok(found), _) => found,
            (Err(_), Ok(target)) if followed < MOST_LINKS => {
                resolve_links(&resolved.join(target), followed + 1)
            }
            (Err(_), _) => link,
        };
    }
    resolved
}

fn running_or(found: Vec<Reservation>, otherwise: impl FnOnce() -> Resolved) -> Resolved {
    if found.is_empty() { otherwise() } else { Resolved::Running(found) }
}

fn filtered(live: &[Reservation], is_meant: impl Fn(&Reservation) -> bool) -> Vec<Reservation> {
    live.iter().filter(|one| is_meant(one)).cloned().collect()
}

fn by_word(invocation: &Invocation, live: &[Reservation], word: &str) -> Result<Resolved, Failure> {
    if Filter::is_pattern(word) {
        return Ok(matching(ServicePattern::read(invocation, live, &[word])?, live));
    }
    let path = path_of(invocation, word);
    let workspace = || Some(Project::find(&invocation.dir).ok()?.workspace?.root);
    let found = matches(live, word, &path, workspace).map_err(|found| several(word, &found))?;
    Ok(running_or(found, || by_port_or_project(invocation, live, word, &path)))
}

/// The services that a pattern means.
pub fn matching(pattern: ServicePattern, live: &[Reservation]) -> Resolved {
    running_or(pattern.running(live), || match pattern.into_text() {
        Ok(text) => Resolved::Idle(not_running(&text)),
        Err(error) => Resolved::Unknown(error.into()),
    })
}

/// The services with this id or directory, else the one with this name, else the one whose name or directory ends
/// with the word. Of several with one name, the one in the user's workspace; `Err` if that does not leave exactly
/// one.
fn matches<P: AsRef<Path>>(
    live: &[Reservation],
    word: &str,
    path: &Path,
    workspace: impl FnOnce() -> Option<P>,
) -> Result<Vec<Reservation>, Vec<Reservation>> {
    let at_path = filtered(live, |one| one.project == word || is_at(one, path));
    if !at_path.is_empty() {
        return Ok(at_path);
    }
    let mut found = filtered(live, |one| one.name == word);
    if found.is_empty() {
        found = filtered(live, |one| last_part(&one.name) == word || one.dir.ends_with(word));
    }
    if found.len() > 1 {
        let root = workspace();
        let near = filtered(&found, |one| root.as_ref().is_some_and(|root| one.dir.starts_with(root)));
        return if near.len() == 1 { Ok(near) } else { Err(found) };
    }
    Ok(found)
}

fn by_port_or_project(invocation: &Invocation, live: &[Reservation], word: &str, path: &Path) -> Resolved {
    if let Ok(port) = word.parse::<u16>() {
        return running_or(filtered(live, |one| one.has_port() && one.port == port), || {
            Resolved::Unknown(holder::stranger(port))
        });
    }
    let named = Project::named(word, &invocation.dir);
    // The root of a workspace, which may be gone.
    let is_root = named.as_ref().map_or(!path.exists(), |one| one.dir == path && one.is_workspace_root());
    let found = if is_root { below(live, path) } else { Vec::new() };
    running_or(found, || match named {
        Ok(project) => Resolved::Idle(named_not_running(&project.name, word)),
        Err(error) => defined(invocation, word).map_or_else(
            || Resolved::Unknown(services::unknown(invocation, error)),
            |service| Resolved::Idle(named_not_running(&service.name, word)),
        ),
    })
}

/// The service that is no package and goes by this name.
fn defined(invocation: &Invocation, word: &str) -> Option<Project> {
    let project = Project::find(&invocation.dir).or_else(|_| Project::around(&invocation.dir)).ok()?;
    let found = invocation.files.names(&project).ok()?.find(word).ok().cloned();
    found.filter(|one| one.defined_in.is_some())
}

/// Resolves a word to services that have ended while their supervisor still runs others; without a word, those of
/// the project or workspace.
pub fn ended(invocation: &Invocation, live: &[Reservation], word: Option<&str>) -> Vec<Status> {
    let services = fan_out::statuses(live).into_iter();
    let ended = services.filter(|one| matches!(one.state, State::Failed | State::Stopped | State::Done));
    let Some(word) = word else {
        let Ok(project) = Project::find(&invocation.dir) else { return Vec::new() };
        return ended.filter(|one| Path::new(&one.dir).starts_with(&project.dir)).collect();
    };
    if Filter::is_pattern(word) {
        let Ok(pattern) = ServicePattern::read(invocation, live, &[word]) else { return Vec::new() };
        return ended.filter(|one| pattern.means(&one.name, Path::new(&one.dir))).collect();
    }
    let path = path_of(invocation, word);
    let is_meant = |one: &Status| {
        path == Path::new(&one.dir)
            || [&*one.project_id, &*one.name, last_part(&one.name)].contains(&word)
            || one.port.is_some_and(|port| word.parse() == Ok(port))
    };
    ended.filter(is_meant).collect()
}

/// The failure of `wait` for a service that has failed.
pub fn failed(one: &Status) -> Failure {
    // Its directory says nothing of a service that is no package.
    let is_package = defining_directory(&one.project_id).is_none();
    let word = if is_package { Path::new(&one.dir).visible() } else { one.name.visible() };
    let hint = format!("see why with `bowline logs {word}`");
    Failure::new(NOT_READY, format!("`{}` has failed", one.name), Some(hint))
}

pub fn not_running(name: &str) -> Failure {
    named_not_running(name, "")
}

/// The same for a project that the user has named by this word, which a start is told as well.
fn named_not_running(name: &str, word: &str) -> Failure {
    let message = format!("No running dev server found for project: `{}`", visible::line(name));
    let needs_quotes = word.contains(|c: char| !(c.is_ascii_alphanumeric() || "-_.@/:".contains(c)));
    let start = if word.is_empty() || needs_quotes { String::new() } else { format!(" {word}") };
    let hint = format!("start it with `bowline start{start}`, or see what runs with `bowline ls`");
    Failure::new(NO_PROJECT, message, Some(hint))
}

pub fn ambiguous<'a>(word: &str, ids: impl Iterator<Item = &'a str>) -> Failure {
    let ids: Vec<&str> = ids.collect();
    let hint = Some("name one by its directory, id or port".to_owned());
    let (word, ids) = (visible::line(word), ids.join(", "));
    Failure::new(USAGE, format!("`{word}` means several projects: {}", visible::line(&ids)), hint)
}

#[cfg(test)]
mod tests;
