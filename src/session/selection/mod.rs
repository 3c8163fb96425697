//! Which services a start runs: the words of the user, else what the directory means.
//!
//! - `wanted`: what the user asks for · `here`: what a directory means without words

mod here;
mod wanted;

pub use here::{projects_here, projects_of};
pub use wanted::Wanted;

use super::configured::{Additions, ConfiguredProject, Runnable};
use crate::invocation::{Failure, Invocation};
use crate::project::Project;

/// The services of a start, in the order in which they are listed.
#[derive(Debug)]
pub struct Selection {
    pub services: Vec<ConfiguredProject>,
}

/// The services that a start runs.
///
/// # Errors
/// A word names no project, or a project cannot be configured.
pub fn select(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<Selection, Failure> {
    let projects = if wanted.words.is_empty() {
        projects_here(invocation, wanted.script)?
    } else {
        named(invocation, wanted)?
    };
    let configure = |project| {
        let runnable =
            Runnable::Script { name: wanted.script.map(str::to_owned), arguments: wanted.arguments.to_vec() };
        ConfiguredProject::read(invocation, project, runnable, Additions::default())
    };
    let services = projects.into_iter().map(configure).collect::<Result<Vec<_>, _>>()?;
    Ok(Selection { services })
}

/// The projects that the words name, each once.
fn named(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<Vec<Project>, Failure> {
    let mut projects: Vec<Project> = Vec::new();
    for word in wanted.words {
        let project = Project::named(word, &invocation.dir).map_err(|error| (wanted.unknown)(word, error))?;
        if !projects.iter().any(|known| known.id == project.id) {
            projects.push(project);
        }
    }
    Ok(projects)
}
