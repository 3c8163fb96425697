//! Mistakes in the files of turbo, nx and lerna, where these would refuse them, too.

use std::path::Path;

use super::json::{TURBO, check};
use super::meaning::{FanOut, PackageRunner};
use super::nx_target::{nx_projects, nx_root};
use super::packages::Packages;
use crate::project::{Project, ProjectError};

/// Refuses a broken `nx.json` of the workspace around a directory.
pub fn check_nx(dir: &Path) -> Result<(), ProjectError> {
    nx_root(dir).map_or(Ok(()), |root| check(&root.join("nx.json")))
}

impl FanOut {
    /// # Errors
    /// A file of the command's tool cannot be read.
    pub fn check_files(&self, packages: &Packages) -> Result<(), ProjectError> {
        let names = match self.tool {
            PackageRunner::Turbo => &TURBO[..],
            PackageRunner::Lerna => &["lerna.json"],
            PackageRunner::Nx
            | PackageRunner::Npm
            | PackageRunner::Pnpm
            | PackageRunner::Yarn
            | PackageRunner::Bun
            | PackageRunner::Bowline => &[],
        };
        let dirs = packages.projects().iter().map(|project| &project.dir);
        dirs.flat_map(|dir| names.iter().map(|name| dir.join(name))).try_for_each(|path| check(&path))
    }
}

impl Packages {
    /// The packages of the project's workspace, and what nx knows beside them.
    ///
    /// # Errors
    /// A manifest or a file of nx cannot be read.
    pub fn with_nx(project: &Project) -> Result<Self, ProjectError> {
        let packages = Self::around(project)?;
        let Some(root) = nx_root(&project.dir).filter(|root| *root == packages.root()) else {
            return Ok(packages);
        };
        let mut projects = packages.into_projects();
        projects.iter().try_for_each(|project| check(&project.dir.join("project.json")))?;
        projects.extend(nx_projects(root)?);
        Ok(Self::new(root, projects))
    }
}
