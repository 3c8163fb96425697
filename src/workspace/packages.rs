//! The packages of a workspace as a graph: which of them each one depends on.

use std::path::{Path, PathBuf};

use super::edges::edges;
use super::links::Links;
use crate::project::{Project, ProjectError};

/// The root, the packages and the services beside them, and the edges between them.
#[derive(Debug)]
pub struct Packages {
    root: PathBuf,
    projects: Vec<Project>,
    /// Of each, the indices of those that it depends on.
    edges: Vec<Vec<usize>>,
}

impl Packages {
    /// Those of the project's workspace; the project alone if it has none.
    pub fn around(project: &Project) -> Result<Self, ProjectError> {
        let Some(workspace) = &project.workspace else {
            return Ok(Self::new(&project.dir, vec![project.clone()]));
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

    /// Services that are no packages may be among the projects; they depend on nothing.
    pub fn new(root: &Path, projects: Vec<Project>) -> Self {
        let edges = edges(&projects, &Links::of(root));
        Self { root: root.to_path_buf(), projects, edges }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn projects(&self) -> &[Project] {
        &self.projects
    }

    pub fn into_projects(self) -> Vec<Project> {
        self.projects
    }

    /// The indices of those that each one depends on, with the same indices as [`Packages::projects`].
    pub fn edges(&self) -> &[Vec<usize>] {
        &self.edges
    }

    /// The name by which others mean it: that of its package.json, or of a service without one.
    pub fn name(&self, index: usize) -> Option<&str> {
        let project = self.projects.get(index)?;
        let is_service = project.manifest.document.as_object().is_some_and(serde_json::Map::is_empty);
        if is_service { Some(&project.name) } else { project.manifest.name.as_deref() }
    }
}
