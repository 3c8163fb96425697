//! Which running services are meant.

use std::time::SystemTime;

use crate::invocation::Surroundings;
use crate::invocation::failure::{Failure, NO_PROJECT, USAGE};
use crate::port::listeners::{Holder, holders};
use crate::port::{Ports, Remembered, Reservation};
use crate::project::Project;
use crate::visible::{self, Visible};

/// What a word means.
pub enum Meant {
    /// Services that run; several only for a workspace, or a directory with several ids.
    Running(Vec<Reservation>),
    /// A project that does not run, which may be a failure.
    Idle(Failure),
    /// Nothing that is known.
    Nothing(Failure),
}

impl Meant {
    fn running(self) -> Result<Vec<Reservation>, Failure> {
        match self {
            Self::Running(found) => Ok(found),
            Self::Idle(failure) | Self::Nothing(failure) => Err(failure),
        }
    }
}

/// The running services that these words mean: directories, names, ports or ids; without a word the project that the user is
/// in, or all of a workspace at its root. Where there are several words, those that mean none are no obstacle for the
/// others, and come as failures.
pub fn all(
    around: &Surroundings,
    live: &[Reservation],
    words: &[String],
) -> Result<(Vec<Reservation>, Vec<Failure>), Failure> {
    if words.is_empty() {
        return Ok((here(around, live)?.running()?, Vec::new()));
    }
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for word in words {
        match named(around, live, word).and_then(Meant::running) {
            Ok(more) => add(&mut found, more),
            Err(failure) => failures.push(failure),
        }
    }
    Ok((found, failures))
}

/// Adds what is not there yet.
pub fn add(found: &mut Vec<Reservation>, more: Vec<Reservation>) {
    for one in more {
        if !found.contains(&one) {
            found.push(one);
        }
    }
}

/// The one running service that is meant.
pub fn one(around: &Surroundings, live: &[Reservation], word: Option<&str>) -> Result<Reservation, Failure> {
    single(word, meant(around, live, word)?.running()?)
}

/// The only one of these.
pub fn single(word: Option<&str>, mut found: Vec<Reservation>) -> Result<Reservation, Failure> {
    if found.len() > 1 {
        return Err(ambiguous(word.unwrap_or("."), found.iter().map(|one| one.project.as_str())));
    }
    Ok(found.remove(0))
}

/// The remembered project that had this port or has this id, with its id.
pub fn remembered(ports: &Ports, word: &str) -> Option<(String, Remembered)> {
    let by_port = || ports.keeper(word.parse().ok()?);
    let by_id = || Some((word.to_owned(), ports.remembered(word)?));
    by_port().or_else(by_id)
}

/// What is meant by a word, or without one by the place where the user is. It is an error if that is not clear.
pub fn meant(around: &Surroundings, live: &[Reservation], word: Option<&str>) -> Result<Meant, Failure> {
    word.map_or_else(|| here(around, live), |word| named(around, live, word))
}

fn here(around: &Surroundings, live: &[Reservation]) -> Result<Meant, Failure> {
    let project = Project::find(&around.dir)?;
    let mut found = of_project(live, &project);
    if found.is_empty() && project.is_workspace_root() {
        found = live.iter().filter(|one| one.dir.starts_with(&project.dir)).cloned().collect();
    }
    Ok(if found.is_empty() { Meant::Idle(not_running(&project.name)) } else { Meant::Running(found) })
}

fn of_project(live: &[Reservation], project: &Project) -> Vec<Reservation> {
    live.iter().filter(|one| one.project == project.id || one.dir == project.dir).cloned().collect()
}

fn named(around: &Surroundings, live: &[Reservation], word: &str) -> Result<Meant, Failure> {
    let all = |wanted: &dyn Fn(&Reservation) -> bool| -> Vec<Reservation> {
        live.iter().filter(|one| wanted(one)).cloned().collect()
    };
    let path = around.dir.join(word).canonicalize().ok();
    let at_path = all(&|one| one.project == word || path.as_ref().is_some_and(|path| one.dir == *path));
    if !at_path.is_empty() {
        return Ok(Meant::Running(at_path));
    }
    let last = |text: &str| text.rsplit('/').next().map(str::to_owned);
    let by_name = all(&|one| one.name == word);
    let by_short_name = all(&|one| last(&one.name).as_deref() == Some(word) || one.dir.ends_with(word));
    let found = if by_name.is_empty() { by_short_name } else { by_name };
    match &found[..] {
        [] => Ok(absent(around, live, word)),
        [_] => Ok(Meant::Running(found)),
        _ => match nearest(around, found) {
            Ok(found) => Ok(Meant::Running(found)),
            Err(found) => Err(ambiguous(word, found.iter().map(|one| one.project.as_str()))),
        },
    }
}

/// Of several with one name, the one in the workspace that the user is in.
fn nearest(around: &Surroundings, found: Vec<Reservation>) -> Result<Vec<Reservation>, Vec<Reservation>> {
    let workspace = Project::find(&around.dir).ok().and_then(|project| project.workspace);
    let within =
        |one: &&Reservation| workspace.as_ref().is_some_and(|workspace| one.dir.starts_with(&workspace.root));
    let near: Vec<Reservation> = found.iter().filter(within).cloned().collect();
    if let [_] = near[..] { Ok(near) } else { Err(found) }
}

fn absent(around: &Surroundings, live: &[Reservation], word: &str) -> Meant {
    if let Ok(port) = word.parse::<u16>() {
        let found: Vec<Reservation> = live.iter().filter(|one| one.port == port).cloned().collect();
        return if found.is_empty() { Meant::Nothing(stranger(port)) } else { Meant::Running(found) };
    }
    match Project::named(word, &around.dir) {
        Ok(project) => Meant::Idle(not_running(&project.name)),
        Err(error) => Meant::Nothing(error.into()),
    }
}

/// None of the services that run is this one.
pub fn not_running(name: &str) -> Failure {
    let hint = Some("start it with `bowline start`, or see what runs with `bowline ls`".to_owned());
    Failure::new(
        NO_PROJECT,
        format!("No running dev server found for project: `{}`", visible::line(name)),
        hint,
    )
}

/// A word that means several projects.
pub fn ambiguous<'a>(word: &str, ids: impl Iterator<Item = &'a str>) -> Failure {
    let ids: Vec<&str> = ids.collect();
    let hint = Some("name one by its directory, id or port".to_owned());
    let (word, ids) = (visible::line(word), ids.join(", "));
    Failure::new(USAGE, format!("`{word}` means several projects: {}", visible::line(&ids)), hint)
}

/// A port that none of our services has: who has it is said, and nothing is done to them.
fn stranger(port: u16) -> Failure {
    let Some(holder) = holders(&[port]).into_iter().next() else {
        let hint = Some("see what runs with `bowline ls`".to_owned());
        return Failure::new(NO_PROJECT, format!("nothing listens on port {port}"), hint);
    };
    let hint = holder.pid.map(|pid| format!("if it is yours to end, end it with `kill {pid}`"));
    Failure::new(
        NO_PROJECT,
        format!("port {port} is held by {}, which bowline has not started", describe(&holder)),
        hint,
    )
}

/// Who, since when, and in which directory.
pub fn describe(holder: &Holder) -> String {
    let mut text = holder.to_string();
    if let Some(started) = holder.started {
        text.push_str(&format!(" since {}", humantime::format_rfc3339_seconds(started)));
        if let Ok(age) = SystemTime::now().duration_since(started) {
            text.push_str(&format!(" ({} ago)", crate::cli::command::ls::age(age)));
        }
    }
    if let Some(dir) = &holder.dir {
        text.push_str(&format!(" in `{}`", dir.visible()));
    }
    text
}
