//! A project and its manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// A `package.json`, read once.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// Where it lies.
    pub path: PathBuf,
    /// `name`.
    pub name: Option<String>,
    /// `scripts`, in the order of the file.
    pub scripts: Vec<(String, String)>,
    /// `dependencies`, `devDependencies` and `optionalDependencies` with their ranges; peers are not installed.
    pub dependencies: BTreeMap<String, String>,
    /// The whole document, for what only package managers read.
    pub document: serde_json::Value,
}

/// A directory with a `package.json`.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its canonical path, unless `--project-id` gives another.
    pub id: String,
    /// The manifest's `name`, else the directory's.
    pub name: String,
    /// The canonical directory.
    pub dir: PathBuf,
    /// Its package.json.
    pub manifest: Manifest,
    /// The monorepo that it belongs to.
    pub workspace: Option<Workspace>,
}

/// A monorepo.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// The canonical directory of its root.
    pub root: PathBuf,
}
