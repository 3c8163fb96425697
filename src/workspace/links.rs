//! Which dependencies the package manager of a workspace takes from the workspace, and not from the registry.

use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;

use crate::project::{read_beginning, read_text_if_any};

/// The first pnpm that leaves a plain range to the registry even where a package beside it would do.
const STRICT_PNPM: u64 = 9;
/// The version of a lockfile is at its beginning.
const BEGINNING: u64 = 200;

#[derive(Debug)]
pub struct Links {
    /// Whether the manager is pnpm, which alone ever leaves to the registry what a package satisfies.
    pub by_pnpm: bool,
    /// Whether a plain range links, as `workspace:` does.
    pub plain: bool,
    /// Catalog, package and range, as pnpm has them.
    catalogs: Vec<(String, String, String)>,
}

impl Links {
    /// Those of the workspace in this directory. A file with a mistake is one without settings here. The file of pnpm
    /// means nothing to another manager that `packageManager` names.
    pub fn of(root: &Path) -> Self {
        let manager = manager(root);
        let is_pnpm = manager.as_deref().is_none_or(|manager| manager.starts_with("pnpm@"));
        let settings = read_text_if_any(&root.join("pnpm-workspace.yaml")).filter(|_| is_pnpm);
        let Some(text) = settings else {
            return Self { by_pnpm: false, plain: true, catalogs: Vec::new() };
        };
        let documents = Yaml::load_from_str(&text).unwrap_or_default();
        let settings = documents.first();
        let of_yaml = settings.and_then(|settings| settings.as_mapping_get("linkWorkspacePackages"));
        let of_yaml = of_yaml.map(|value| value.as_bool().unwrap_or_else(|| value.as_str() == Some("deep")));
        let plain =
            of_yaml.or_else(|| of_npmrc(root)).unwrap_or_else(|| is_lenient_pnpm(root, manager.as_deref()));
        Self { by_pnpm: true, plain, catalogs: settings.map(catalogs).unwrap_or_default() }
    }

    /// The range of `catalog:NAME` for a package.
    pub fn in_catalog(&self, catalog: &str, package: &str) -> Option<&str> {
        let catalog = if catalog.is_empty() { "default" } else { catalog };
        let found = self.catalogs.iter().find(|(name, of, _)| name == catalog && of == package);
        found.map(|(_, _, range)| range.as_str())
    }
}

fn catalogs(settings: &Yaml<'_>) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut add = |name: &str, catalog: &Yaml<'_>| {
        for (package, range) in catalog.as_mapping().into_iter().flatten() {
            if let (Some(package), Some(range)) = (package.as_str(), range.as_str()) {
                found.push((name.to_owned(), package.to_owned(), range.to_owned()));
            }
        }
    };
    if let Some(catalog) = settings.as_mapping_get("catalog") {
        add("default", catalog);
    }
    let named = settings.as_mapping_get("catalogs").and_then(Yaml::as_mapping);
    for (name, catalog) in named.into_iter().flatten() {
        add(name.as_str().unwrap_or_default(), catalog);
    }
    found
}

fn of_npmrc(root: &Path) -> Option<bool> {
    let npmrc = read_text_if_any(&root.join(".npmrc"))?;
    npmrc.lines().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == "link-workspace-packages").then(|| value.trim() != "false")
    })
}

/// What `packageManager` says.
fn manager(root: &Path) -> Option<String> {
    let manifest = read_text_if_any(&root.join("package.json"))?;
    let document: Value = serde_json::from_str(&manifest).ok()?;
    Some(document.get("packageManager")?.as_str()?.to_owned())
}

/// Whether `manager`, which `packageManager` names, else the lockfile, is that of a pnpm that linked whatever is satisfied.
fn is_lenient_pnpm(root: &Path, manager: Option<&str>) -> bool {
    let major = |text: &str| text.split('.').next().and_then(|major| major.parse::<u64>().ok());
    if let Some(version) = manager.and_then(|manager| manager.strip_prefix("pnpm@")) {
        return major(version).is_some_and(|major| major < STRICT_PNPM);
    }
    let lockfile = read_beginning(&root.join("pnpm-lock.yaml"), BEGINNING).unwrap_or_default();
    let version = lockfile.lines().find_map(|line| line.strip_prefix("lockfileVersion:"));
    // From 9 on, its format has the number of the first pnpm that wrote it.
    version
        .and_then(|version| major(version.trim().trim_matches(['"', '\''])))
        .is_some_and(|major| major < STRICT_PNPM)
}
