//! Which services a start runs: the words of the user, else what the directory means.
//!
//! - `wanted`: what the user asks for · `chosen`: what words and filters choose · `here`: what a directory means without words

mod chosen;
mod here;
mod wanted;

pub use here::{projects_here, projects_of};
pub use wanted::Wanted;

use super::configure;
use super::configured::{Additions, ConfiguredProject, Runnable};
use crate::invocation::{Failure, Invocation};

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
    let projects = if wanted.words.is_empty() && wanted.filters.is_empty() {
        projects_here(invocation, wanted.script)?
    } else {
        chosen::chosen(invocation, wanted)?
    };
    let run = |project| {
        let runnable =
            Runnable::Script { name: wanted.script.map(str::to_owned), arguments: wanted.arguments.to_vec() };
        (project, runnable, Additions::default())
    };
    let services = configure(invocation, projects.into_iter().map(run).collect(), wanted.only)?;
    Ok(Selection { services })
}
