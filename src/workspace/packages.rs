//! The packages of a workspace as a graph: which of them each one depends on.

use std::cell::OnceCell;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use super::edges::edges;
use super::links::Links;
use super::nx_config::NxConfig;
use crate::project::{Project, ProjectError};

/// The root, the packages and the edges between them; after them, services that are no packages.
#[derive(Debug)]
pub struct Packages {
    root: PathBuf,
    projects: Vec<Project>,
    /// Of each, the indices of those that it depends on.
    edges: Vec<Vec<usize>>,
    /// The names of the services. They depend on nothing, and have no directory of their own.
    services: Vec<String>,
    /// What nx knows of each package, read when it is asked for.
    nx: Vec<OnceCell<NxConfig>>,
}

impl Packages {
    /// Those of the project's workspace; the project alone if it has none.
    pub fn around(project: &Project) -> Result<Self, ProjectError> {
        let Some(workspace) = &project.workspace else {
            let is_package = project.defined_in.is_some() || project.manifest.exists();
            return Ok(Self::new(&project.dir, Vec::from_iter(is_package.then(|| project.clone()))));
        };
        let mut projects = workspace.members()?;
        // A root without a package.json has only the packages.
        match Project::at(&workspace.root) {
            Ok(root) => projects.insert(0, root),
            Err(ProjectError::NoManifest { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(Self::new(&workspace.root, projects))
    }

    pub fn new(root: &Path, projects: Vec<Project>) -> Self {
        let edges = edges(&projects, &Links::of(root));
        let nx = projects.iter().map(|_| OnceCell::new()).collect();
        Self { root: root.to_path_buf(), projects, edges, services: Vec::new(), nx }
    }

    /// With services that are no packages. Their indices follow those of the packages.
    #[must_use]
    pub fn beside(mut self, services: Vec<String>) -> Self {
        self.services = services;
        self.edges.resize(self.len(), Vec::new());
        self
    }

    /// How many packages and services there are.
    pub(super) fn len(&self) -> usize {
        self.projects.len() + self.services.len()
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    /// What nx knows of a package.
    pub(super) fn nx(&self, index: usize) -> &NxConfig {
        self.nx[index].get_or_init(|| NxConfig::of(&self.projects[index]))
    }

    pub fn into_projects(self) -> Vec<Project> {
        self.projects
    }

    /// The indices of those that each one depends on, with the same indices as [`Packages::projects`].
    pub fn edges(&self) -> &[Vec<usize>] {
        &self.edges
    }

    /// All packages that this one depends on, directly or not. The package itself is none of them, though a circle
    /// leads back to it.
    pub fn dependencies_of(&self, index: usize) -> BTreeSet<usize> {
        let mut found: BTreeSet<usize> = reached(&self.edges, &[index], true).into_iter().collect();
        found.remove(&index);
        found
    }

    /// The package in this directory.
    pub fn index_of(&self, dir: &Path) -> Option<usize> {
        self.projects.iter().position(|project| project.dir == dir)
    }

    /// The name of the package or service.
    pub fn name(&self, index: usize) -> Option<&str> {
        match self.projects.get(index) {
            Some(project) => project.manifest.name.as_deref(),
            None => self.services.get(index - self.projects.len()).map(String::as_str),
        }
    }

    pub(super) fn dir(&self, index: usize) -> Option<&Path> {
        self.projects.get(index).map(|project| project.dir.as_path())
    }
}

/// All that can be reached from the entries; without them if `is_strict`, unless one leads to the other.
pub(super) fn reached(edges: &[Vec<usize>], entries: &[usize], is_strict: bool) -> HashSet<usize> {
    let mut found: HashSet<usize> = HashSet::new();
    let mut open: Vec<usize> = Vec::new();
    for entry in entries {
        if is_strict {
            open.extend(&edges[*entry]);
        } else {
            open.push(*entry);
        }
    }
    while let Some(index) = open.pop() {
        if found.insert(index) {
            open.extend(&edges[index]);
        }
    }
    found
}
