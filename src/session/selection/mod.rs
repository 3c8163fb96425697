//! Which services a start runs: the words of the user, else what the directory means.
//!
//! - `wanted`: what the user asks for · `chosen`: what words and filters choose · `root`: what the script of a
//!   workspace's root means
//! - `run`: a script of a package · `prerequisites`: what comes before · `finite`: the same of what is chosen ·
//!   `builds`: of what is missing · `watches`: of what is chosen

mod builds;
mod chosen;
mod finite;
mod prerequisites;
mod root;
mod run;
mod wanted;
mod watches;

pub use root::RootScript;
pub use wanted::Wanted;

use super::configure;
use super::configured::{Chosen, ConfiguredProject, Runnable};
use crate::client::services;
use crate::invocation::{Failure, Invocation};
use crate::project::{Project, ProjectError};
use crate::workspace::{check_nx, nx_project_around};

/// The services of a start, in the order in which they are listed.
#[derive(Debug)]
pub struct Selection {
    pub services: Vec<ConfiguredProject>,
    /// What the script of the workspace's root means, where the user is at the root and names nothing.
    pub root: Option<RootScript>,
}

/// The services that a start runs, with those that they need.
///
/// # Errors
/// A word names no project, or a project cannot be configured.
pub fn select(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<Selection, Failure> {
    check_nx(&invocation.dir)?;
    let (chosen, root) = if wanted.words.is_empty() && wanted.filters.is_empty() {
        here(invocation, wanted)?
    } else {
        let chosen = chosen::chosen(invocation, wanted)?;
        (chosen.into_iter().map(|project| wanted.choose(project)).collect(), None)
    };
    let mut services = configure(invocation, chosen, wanted.only)?;
    if wanted.only || wanted.no_order {
        return Ok(Selection { services, root });
    }
    let is_chosen = !wanted.words.is_empty() || !wanted.filters.is_empty();
    let is_root = || Project::find(&invocation.dir).is_ok_and(|project| project.is_workspace_root());
    if is_chosen || root.is_none() && is_root() {
        watches::add(invocation, &mut services)?;
        finite::add(invocation, &mut services)?;
    }
    // What runs the packages itself builds what they need as well.
    if !root.as_ref().is_some_and(RootScript::runs_as_it_is) {
        builds::add(invocation, &mut services)?;
    }
    Ok(Selection { services, root })
}

/// The services that a start without words would run, also if there is no script.
pub fn select_to_ask(invocation: &Invocation, script: Option<&str>) -> Result<Selection, Failure> {
    let unknown = |_: &str, error| Failure::from(error);
    let wanted = Wanted {
        words: &[],
        filters: &[],
        only: false,
        no_order: false,
        script,
        arguments: &[],
        unknown: &unknown,
    };
    check_nx(&invocation.dir)?;
    let (chosen, root) = here(invocation, &wanted)?;
    let ask = |(project, runnable, additions): Chosen| match runnable {
        Runnable::Script { .. } if root.is_none() => {
            ConfiguredProject::asked(invocation, project, script.map(str::to_owned))
        }
        Runnable::Script { .. } | Runnable::Command(_) | Runnable::Text { .. } => {
            ConfiguredProject::read(invocation, project, runnable, additions)
        }
    };
    let services = chosen.into_iter().map(ask).collect::<Result<Vec<_>, _>>()?;
    Ok(Selection { services, root })
}

/// What the directory means, and the script of the root if it is one.
fn here(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<(Vec<Chosen>, Option<RootScript>), Failure> {
    let project = match Project::find(&invocation.dir) {
        // One that only nx knows lies below one with a package.json.
        Ok(project) => nx_project_around(&invocation.dir, &project.dir)?.unwrap_or(project),
        Err(error @ ProjectError::NotFound { .. }) => {
            let found = services::without_package(invocation, &invocation.dir)?;
            if found.is_empty() {
                return Err(error.into());
            }
            return Ok((found.into_iter().map(|project| wanted.choose(project)).collect(), None));
        }
        Err(error) => return Err(error.into()),
    };
    if project.is_workspace_root() || root::is_nx_root(&project) {
        let (chosen, script) = root::of_root(invocation, &project, wanted)?;
        if !chosen.is_empty() {
            return Ok((chosen, script));
        }
    }
    let projects = if wanted.script.is_some() { vec![project] } else { services::of(invocation, project)? };
    Ok((projects.into_iter().map(|project| wanted.choose(project)).collect(), None))
}
