//! Which packages of a workspace depend on which: the dependencies that are not taken from the registry.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use semver::Version;
use serde_json::Value;

use super::links::Links;
use super::range::VersionRange;
use crate::project::Project;

/// What names a package in the dependencies of another.
struct Lookups<'a> {
    by_name: HashMap<&'a str, Vec<usize>>,
    by_dir: HashMap<&'a Path, usize>,
    versions: Vec<PackageVersion<'a>>,
    links: &'a Links,
}

struct PackageVersion<'a> {
    text: Option<&'a str>,
    parsed: Option<Version>,
}

/// Of each project, the indices of those that it depends on.
pub fn edges(projects: &[Project], links: &Links) -> Vec<Vec<usize>> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, project) in projects.iter().enumerate() {
        if let Some(name) = &project.manifest.name {
            by_name.entry(name).or_default().push(index);
        }
    }
    let by_dir = projects.iter().enumerate().map(|(index, project)| (project.dir.as_path(), index)).collect();
    let versions = projects.iter().map(PackageVersion::of).collect();
    let lookups = Lookups { by_name, by_dir, versions, links };
    let edges = |project: &Project| {
        let mut found: Vec<usize> = Vec::new();
        for (name, wanted) in dependencies(&project.manifest.document) {
            found.extend(lookups.edge(project, name, wanted).filter(|index| !found.contains(index)));
        }
        found
    };
    projects.iter().map(edges).collect()
}

/// Names and ranges. Of a name in several tables, the last of these counts.
fn dependencies(document: &Value) -> HashMap<&str, &str> {
    let tables = ["peerDependencies", "devDependencies", "optionalDependencies", "dependencies"];
    let entries = tables.iter().filter_map(|table| document.get(table)?.as_object()).flatten();
    entries.map(|(name, wanted)| (name.as_str(), wanted.as_str().unwrap_or_default())).collect()
}

impl Lookups<'_> {
    /// The package that a dependency of `project` means.
    fn edge(&self, project: &Project, name: &str, wanted: &str) -> Option<usize> {
        let wanted = match wanted.strip_prefix("catalog:") {
            Some(catalog) => self.links.in_catalog(catalog, name)?,
            None => wanted,
        };
        let in_workspace = wanted.strip_prefix("workspace:");
        if let Some(path) = self.path(in_workspace.unwrap_or(wanted)) {
            return self.by_dir.get(joined(&project.dir, path).as_path()).copied();
        }
        if let Some(wanted) = in_workspace {
            let (name, wanted) = alias(wanted).unwrap_or((name, wanted));
            return self.declared(self.by_name.get(name)?, wanted);
        }
        let (name, wanted) = wanted.strip_prefix("npm:").map_or(Some((name, wanted)), alias)?;
        let candidates = self.by_name.get(name).filter(|_| self.links.plain)?;
        if wanted.is_empty() && self.links.by_pnpm {
            return None;
        }
        self.satisfying(candidates, wanted)
    }

    /// The path in `file:../ui`, `link:../ui` or `../ui`, and Yarn's `portal:../ui`.
    fn path<'b>(&self, wanted: &'b str) -> Option<&'b str> {
        let protocols =
            if self.links.by_pnpm { &["file:", "link:"][..] } else { &["file:", "link:", "portal:"] };
        let is_path = |text: &&str| {
            matches!(*text, "." | "..") || ["./", "../", "/"].iter().any(|start| text.starts_with(start))
        };
        let after = protocols.iter().find_map(|protocol| wanted.strip_prefix(protocol));
        after.or_else(|| Some(wanted).filter(is_path))
    }

    /// The one that `workspace:` means.
    fn declared(&self, candidates: &[usize], wanted: &str) -> Option<usize> {
        let version = |index: &usize| &self.versions[*index];
        let found = match wanted {
            "" | "*" | "^" | "~" => candidates.iter().copied().max_by_key(|index| &version(index).parsed),
            _ if candidates.iter().all(|index| version(index).text.is_none()) => candidates.first().copied(),
            _ => {
                let same = candidates.iter().copied().find(|index| version(index).text == Some(wanted));
                same.or_else(|| self.satisfying(candidates, wanted))
            }
        };
        // Yarn writes a path from the root here, and has only one package of a name.
        found.or_else(|| candidates.first().copied().filter(|_| !self.links.by_pnpm))
    }

    /// The one with the highest version in the range. Only pnpm asks for a version where any will do.
    fn satisfying(&self, candidates: &[usize], range: &str) -> Option<usize> {
        let range = range.trim();
        let version = |index: &usize| &self.versions[*index];
        if matches!(range, "" | "*") {
            let highest = candidates.iter().copied().max_by_key(|index| &version(index).parsed)?;
            return (!self.links.by_pnpm || version(&highest).text.is_some()).then_some(highest);
        }
        let versions = candidates.iter().filter_map(|index| version(index).parsed.as_ref());
        let highest = VersionRange::parse(range)?.highest(versions)?;
        candidates.iter().copied().find(|index| version(index).parsed.as_ref() == Some(highest))
    }
}

impl<'a> PackageVersion<'a> {
    fn of(project: &'a Project) -> Self {
        let text = project.manifest.document.get("version").and_then(Value::as_str);
        let parsed = text.and_then(|text| Version::parse(text.trim().trim_start_matches('v')).ok());
        Self { text, parsed }
    }
}

/// `ui` and `*` of `ui@*`.
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
