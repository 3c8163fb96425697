//! Which services a start runs: the words of the user, else what the directory means.
//!
//! - `wanted`: what the user asks for · `here`: what a directory means without words

mod here;
mod wanted;

pub use here::{projects_here, projects_of};
pub use wanted::Wanted;

use super::configured::{Additions, ConfiguredProject, Runnable};
use super::{configure, services};
use crate::invocation::{Failure, Invocation};
use crate::project::Project;

/// The services of a start, in the order in which they are listed.
#[derive(Debug)]
pub struct Selection {
    pub services: Vec<ConfiguredProject>,
}

/// The services that a start runs, with those that they need.
///
/// # Errors
/// A word names no project, or a project cannot be configured.
pub fn select(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<Selection, Failure> {
    let projects = if wanted.words.is_empty() {
        projects_here(invocation, wanted.script)?
    } else {
        named(invocation, wanted)?
    };
    let run = |project| {
        let runnable =
            Runnable::Script { name: wanted.script.map(str::to_owned), arguments: wanted.arguments.to_vec() };
        (project, runnable, Additions::default())
    };
    let services = configure(invocation, projects.into_iter().map(run).collect(), false)?;
    Ok(Selection { services })
}

/// The projects that the words name, each once: a directory, a package, or another service.
fn named(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<Vec<Project>, Failure> {
    let mut projects: Vec<Project> = Vec::new();
    for word in wanted.words {
        let project = match Project::named(word, &invocation.dir) {
            Ok(project) => project,
            Err(error) => services::named(invocation, word)?.ok_or_else(|| (wanted.unknown)(word, error))?,
        };
        if !projects.iter().any(|known| known.id == project.id) {
            projects.push(project);
        }
    }
    Ok(projects)
}
