//! The packages of a workspace as a graph: which of them each one depends on.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use semver::Version;
use serde_json::Value;

use super::range::VersionRange;
use crate::project::{Project, ProjectError, read_text_if_any};

/// The first pnpm that leaves a plain range to the registry even where a package beside it would do.
const STRICT_PNPM: u64 = 9;

/// The root, the packages and the services beside them, and the edges between them.
#[derive(Debug)]
pub struct Packages {
    root: PathBuf,
    projects: Vec<Project>,
    /// Of each, the indices of those that it depends on.
    edges: Vec<Vec<usize>>,
}

/// What names a package in the dependencies of another.
struct Lookups<'a> {
    projects: &'a [Project],
    by_name: HashMap<&'a str, Vec<usize>>,
    by_dir: HashMap<&'a Path, usize>,
    versions: Vec<Option<Version>>,
    links: Links,
}

/// Which dependencies a package manager takes from the workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Links {
    /// Those that a package satisfies.
    Satisfied,
    /// Those with the protocol `workspace:` and directories.
    Declared,
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
        let edges = Lookups::new(&projects, links(root)).edges();
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

impl<'a> Lookups<'a> {
    fn new(projects: &'a [Project], links: Links) -> Self {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut by_dir = HashMap::new();
        for (index, project) in projects.iter().enumerate() {
            if let Some(name) = &project.manifest.name {
                by_name.entry(name).or_default().push(index);
            }
            by_dir.insert(project.dir.as_path(), index);
        }
        let version = |project: &Project| {
            Version::parse(project.manifest.document.get("version")?.as_str()?.trim()).ok()
        };
        Self { projects, by_name, by_dir, versions: projects.iter().map(version).collect(), links }
    }

    fn edges(&self) -> Vec<Vec<usize>> {
        let edges = |project: &Project| {
            let mut found: Vec<usize> = Vec::new();
            for (name, wanted) in dependencies(&project.manifest.document) {
                found.extend(self.edge(project, name, wanted).filter(|index| !found.contains(index)));
            }
            found
        };
        self.projects.iter().map(edges).collect()
    }

    /// The package that a dependency of `project` means.
    fn edge(&self, project: &Project, name: &str, wanted: &str) -> Option<usize> {
        if let Some(path) = path(wanted) {
            return self.by_dir.get(joined(&project.dir, path).as_path()).copied();
        }
        let Some(wanted) = wanted.strip_prefix("workspace:") else {
            let candidates = self.by_name.get(name).filter(|_| self.links == Links::Satisfied)?;
            return self.satisfying(candidates, wanted);
        };
        if let Some(path) = path(wanted) {
            return self.by_dir.get(joined(&project.dir, path).as_path()).copied();
        }
        let (name, wanted) = alias(wanted).unwrap_or((name, wanted));
        let candidates = self.by_name.get(name)?;
        let versionless = candidates.iter().all(|index| self.versions[*index].is_none());
        let first = || candidates.first().copied();
        match wanted {
            _ if versionless => first(),
            // A package that is nothing but a prerelease counts too.
            "" | "*" | "^" | "~" => candidates.iter().copied().max_by_key(|index| &self.versions[*index]),
            // Yarn writes a path from the root here, and has only one package of a name.
            _ => self
                .satisfying(candidates, wanted)
                .or_else(|| first().filter(|_| self.links == Links::Satisfied)),
        }
    }

    /// The one with the highest version in the range. Without a version, a package satisfies only "any".
    fn satisfying(&self, candidates: &[usize], range: &str) -> Option<usize> {
        let range =
            VersionRange::parse(range.trim()).map(|parsed| (parsed, matches!(range.trim(), "" | "*")))?;
        let versions = candidates.iter().filter_map(|index| self.versions[*index].as_ref());
        if let Some(highest) = range.0.highest(versions) {
            return candidates.iter().copied().find(|index| self.versions[*index].as_ref() == Some(highest));
        }
        candidates.iter().copied().find(|index| range.1 && self.versions[*index].is_none())
    }
}

/// Names and ranges. Of a name in several tables, the last of these counts.
fn dependencies(document: &Value) -> Vec<(&str, &str)> {
    let tables = ["peerDependencies", "devDependencies", "optionalDependencies", "dependencies"];
    let mut found: HashMap<&str, &str> = HashMap::new();
    let mut names = Vec::new();
    for (name, wanted) in tables.iter().filter_map(|table| document.get(table)?.as_object()).flatten() {
        if found.insert(name, wanted.as_str().unwrap_or_default()).is_none() {
            names.push(name.as_str());
        }
    }
    names.into_iter().map(|name| (name, found[name])).collect()
}

/// The path in `file:../ui`, `link:../ui`, `portal:../ui` or `../ui`.
fn path(wanted: &str) -> Option<&str> {
    let protocols = ["file:", "link:", "portal:"];
    let is_path = |text: &&str| {
        matches!(*text, "." | "..") || ["./", "../", "/"].iter().any(|start| text.starts_with(start))
    };
    protocols
        .iter()
        .find_map(|protocol| wanted.strip_prefix(protocol))
        .or_else(|| Some(wanted).filter(is_path))
}

/// `ui` and `*` of `workspace:ui@*`, without the protocol.
fn alias(wanted: &str) -> Option<(&str, &str)> {
    let at = wanted.get(1..)?.find('@')? + 1;
    (!wanted.starts_with(['.', '_', '/'])).then(|| (&wanted[..at], &wanted[at + 1..]))
}

/// The path without `.` and `..`, which are not looked for on the disk.
pub(super) fn joined(dir: &Path, path: &str) -> PathBuf {
    let mut joined = PathBuf::new();
    for part in dir.join(path).components() {
        match part {
            Component::ParentDir => {
                joined.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => joined.push(part),
        }
    }
    joined
}

/// What the package manager of this workspace links. Only pnpm ever leaves to the registry what a package satisfies.
fn links(root: &Path) -> Links {
    let Some(settings) = read_text_if_any(&root.join("pnpm-workspace.yaml")) else { return Links::Satisfied };
    let npmrc = read_text_if_any(&root.join(".npmrc")).unwrap_or_default();
    let of_yaml = settings.lines().find_map(|line| value(line.strip_prefix("linkWorkspacePackages")?, ':'));
    let of_npmrc =
        || npmrc.lines().find_map(|line| value(line.trim().strip_prefix("link-workspace-packages")?, '='));
    let links = match of_yaml.or_else(of_npmrc) {
        Some(setting) => setting != "false",
        None => is_lenient_pnpm(root),
    };
    if links { Links::Satisfied } else { Links::Declared }
}

/// The value after a key.
fn value(rest: &str, separator: char) -> Option<&str> {
    let value = rest.trim_start().strip_prefix(separator)?;
    Some(value.split('#').next().unwrap_or(value).trim().trim_matches(['"', '\'']))
}

/// Whether `packageManager`, else the lockfile, is that of a pnpm that linked whatever is satisfied.
fn is_lenient_pnpm(root: &Path) -> bool {
    let major = |text: &str| text.split('.').next().and_then(|major| major.parse::<u64>().ok());
    let manifest = read_text_if_any(&root.join("package.json")).unwrap_or_default();
    let manifest: Option<Value> = serde_json::from_str(&manifest).ok();
    let manager = manifest.as_ref().and_then(|document| document.get("packageManager")?.as_str());
    if let Some(version) = manager.and_then(|manager| manager.strip_prefix("pnpm@")) {
        return major(version).is_some_and(|major| major < STRICT_PNPM);
    }
    let lockfile = crate::project::read_beginning(&root.join("pnpm-lock.yaml"), 200).unwrap_or_default();
    let version = lockfile.lines().find_map(|line| value(line.strip_prefix("lockfileVersion")?, ':'));
    // Its format has the number of the first pnpm that wrote it from 9 on.
    version.and_then(major).is_some_and(|major| major < STRICT_PNPM)
}
