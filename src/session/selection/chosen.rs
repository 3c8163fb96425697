//! The projects that words and filters choose.

use super::wanted::Wanted;
use crate::client::services::{self, can_run, runnable};
use crate::invocation::{Failure, Invocation};
use crate::project::{Project, goes_by};
use crate::workspace::{Filter, Packages, nx_projects, nx_root};

/// The projects that the words name and that the filters select, each once.
///
/// # Errors
/// A word names no project, a filter cannot be read, or nothing is selected that has the script.
pub(super) fn chosen(invocation: &Invocation, wanted: &Wanted<'_>) -> Result<Vec<Project>, Failure> {
    let is_filter = |word: &String| Filter::is_pattern(word) && !is_project(invocation, word);
    let named = |word: &String| match Project::named(word, &invocation.dir) {
        Ok(project) => Ok(project),
        Err(error) => match services::named(invocation, word)? {
            Some(service) => Ok(service),
            None => nx_named(invocation, word)?
                .ok_or_else(|| (wanted.unknown)(word, services::with_names(invocation, error))),
        },
    };
    if wanted.filters.is_empty() && !wanted.words.iter().any(is_filter) {
        let mut projects = Vec::new();
        for word in wanted.words {
            add(&mut projects, named(word)?);
        }
        return Ok(projects);
    }
    let here = services::here(invocation)?;
    // A script that is named is that of packages.
    let services = if wanted.script.is_some() { Vec::new() } else { services::all(invocation, &here)? };
    let packages = Packages::with_nx(&here)?;
    let packages = packages.beside(services.iter().map(|service| service.name.clone()).collect());
    let (mut filters, mut projects) = (Vec::new(), Vec::new());
    for word in wanted.words {
        if is_filter(word) {
            filters.push(Filter::parse(word, &invocation.dir)?);
        } else {
            let project = named(word)?;
            let is_package = project.defined_in.is_none();
            filters.push(if is_package {
                Filter::exactly(&project.dir)
            } else {
                Filter::parse(&project.name, &invocation.dir)?
            });
            if is_package && packages.index_of(&project.dir).is_none() {
                add(&mut projects, project);
            }
        }
    }
    for text in wanted.filters {
        filters.push(Filter::parse(text, &invocation.dir)?);
    }
    for project in selected(invocation, wanted, (&packages, &services), &filters)? {
        add(&mut projects, project);
    }
    Ok(projects)
}

/// The packages that the filters select and that have the script. The root is one of them only if it is named, as its
/// script mostly runs the others.
pub(super) fn selected(
    invocation: &Invocation,
    wanted: &Wanted<'_>,
    (packages, services): (&Packages, &[Project]),
    filters: &[Filter],
) -> Result<Vec<Project>, Failure> {
    let found = packages.select(filters)?;
    let is_named = |index: &usize| found.named.contains(index);
    let count = packages.projects().len();
    let project = |index: usize| packages.projects().get(index).or_else(|| services.get(index - count));
    let is_wanted = |index: &usize| {
        is_named(index)
            || project(*index)
                .is_some_and(|one| one.defined_in.is_some() || !one.is_workspace_root() || count == 1)
    };
    let matching: Vec<usize> = found.indices.iter().copied().filter(is_wanted).collect();
    let Some(first) = matching.first().copied().and_then(project) else {
        return Err(packages.no_match(filters).into());
    };
    for text in &found.unmatched {
        invocation.warn(&format!("nothing matches the filter `{}`", crate::visible::line(text)), None);
    }
    let projects = matching.iter().copied().filter_map(project).cloned().collect();
    let runs = runnable(invocation, None, projects, wanted.script);
    let is_chosen = |index: &usize| {
        let is_it = |one: &Project| {
            runs.iter().any(|runs| runs.id == one.id)
                || is_named(index) && can_run(invocation, one, wanted.script)
        };
        project(*index).is_some_and(is_it)
    };
    let projects: Vec<Project> =
        matching.iter().copied().filter(is_chosen).filter_map(project).cloned().collect();
    if projects.is_empty() {
        // The error names the scripts that there are.
        first.script(wanted.script)?;
    }
    Ok(projects)
}

/// The project of nx without a package.json that goes by the word: its name, the last part of it, or its directory.
fn nx_named(invocation: &Invocation, word: &str) -> Result<Option<Project>, Failure> {
    let Some(root) = nx_root(&invocation.dir) else { return Ok(None) };
    let (mut projects, dir) = (nx_projects(root)?, invocation.dir.join(word).canonicalize());
    let is_named =
        |one: &Project| goes_by(word, &one.name, &one.dir) || dir.as_ref().is_ok_and(|dir| *dir == one.dir);
    Ok(projects.iter().position(is_named).map(|index| projects.swap_remove(index)))
}

/// Whether the word is the directory of a project, whatever its characters.
fn is_project(invocation: &Invocation, word: &str) -> bool {
    invocation.dir.join(word).join("package.json").is_file()
}

fn add(projects: &mut Vec<Project>, project: Project) {
    if !projects.iter().any(|known| known.id == project.id) {
        projects.push(project);
    }
}
