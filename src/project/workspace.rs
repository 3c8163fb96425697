//! The monorepo around a project: its root, and the directories of its packages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fast_glob::glob_match;
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;

use super::error::{FileError, ProjectError};
use super::file;
use super::manifest::{Manifest, located};

/// A monorepo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// The canonical directory of its root.
    pub root: PathBuf,
    /// The directories of packages, in the order of the file.
    patterns: Vec<Pattern>,
}

/// A glob over directories, relative to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern {
    glob: String,
    excludes: bool,
}

impl Workspace {
    /// The nearest workspace of which the project in `dir` is the root or a package.
    pub(super) fn of(dir: &Path, manifest: &Manifest) -> Result<Option<Self>, ProjectError> {
        if let Some(own) = Self::declared(dir, Some(manifest))? {
            return Ok(Some(own));
        }
        let holding =
            |root| Self::declared_in(root).map(|found| found.filter(|workspace| workspace.holds(dir)));
        dir.ancestors().skip(1).find_map(|root| holding(root).transpose()).transpose()
    }

    /// The nearest workspace that is declared in `dir` or above it.
    pub(super) fn around(dir: &Path) -> Result<Option<Self>, ProjectError> {
        dir.ancestors().find_map(|root| Self::declared_in(root).transpose()).transpose()
    }

    /// The workspace whose root is `root`. An unreadable manifest is no error, as it is not the project's own.
    fn declared_in(root: &Path) -> Result<Option<Self>, ProjectError> {
        let manifest = Manifest::read(root).ok().flatten();
        Self::declared(root, manifest.as_ref())
    }

    fn declared(root: &Path, manifest: Option<&Manifest>) -> Result<Option<Self>, ProjectError> {
        let own = || manifest.and_then(|manifest| workspaces(&manifest.document));
        let is_pnpm = manifest.is_some_and(|manifest| {
            manifest
                .document
                .get("packageManager")
                .and_then(Value::as_str)
                .is_some_and(|text| text.starts_with("pnpm@"))
        });
        // pnpm does not look at `workspaces`, and its file may have nothing but settings.
        let first = if is_pnpm { pnpm(root)? } else { None };
        let globs = match first.or_else(own) {
            Some(globs) => Some(globs),
            None => pnpm(root)?.map_or_else(|| lerna(root), |globs| Ok(Some(globs)))?,
        };
        let workspace = |globs: Vec<String>| Self {
            root: root.to_path_buf(),
            patterns: globs.iter().map(|glob| Pattern::new(glob)).collect(),
        };
        Ok(globs.filter(|globs| !globs.is_empty()).map(workspace))
    }

    /// Whether `dir` is its root or one of its package directories.
    pub fn contains(&self, dir: &Path) -> bool {
        dir == self.root || self.holds(dir)
    }

    /// Whether `dir` is one of the package directories.
    fn holds(&self, dir: &Path) -> bool {
        let Some(path) = dir.strip_prefix(&self.root).ok().and_then(Path::to_str) else { return false };
        let is_matched = |excludes| {
            self.patterns.iter().any(|pattern| pattern.excludes == excludes && pattern.matches(path))
        };
        // What is excluded stays so, whatever comes later.
        !path.split('/').any(is_hidden) && is_matched(false) && !is_matched(true)
    }

    /// The package directories, sorted. Links, `node_modules` and hidden directories are not followed.
    pub(super) fn directories(&self) -> Vec<PathBuf> {
        let included = self.patterns.iter().filter(|pattern| !pattern.excludes);
        let start = |pattern: &Pattern| {
            let literal = pattern.literal();
            let depth = literal.split('/').filter(|part| !part.is_empty()).count();
            let is_deep = pattern.glob.contains("**");
            let deepest = if is_deep { usize::MAX } else { pattern.glob.split('/').count() };
            (self.root.join(literal), depth, deepest)
        };
        let mut open: Vec<(PathBuf, usize, usize)> = included.map(start).collect();
        let mut found = BTreeSet::new();
        while let Some((dir, depth, deepest)) = open.pop() {
            // A directory that cannot be listed has no packages that could be started.
            let entries = (depth < deepest).then(|| fs::read_dir(&dir).ok()).flatten();
            for entry in entries.into_iter().flatten().flatten() {
                let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
                if is_dir && !is_hidden(&entry.file_name().to_string_lossy()) {
                    open.push((entry.path(), depth + 1, deepest));
                }
            }
            if dir != self.root && self.holds(&dir) && dir.join("package.json").is_file() {
                found.insert(dir);
            }
        }
        found.into_iter().collect()
    }
}

fn is_hidden(name: &str) -> bool {
    name == "node_modules" || name.starts_with('.')
}

impl Pattern {
    fn new(text: &str) -> Self {
        let (excludes, glob) = match text.strip_prefix('!') {
            Some(glob) => (true, glob),
            None => (false, text),
        };
        let glob = glob.trim_start_matches("./").trim_matches('/');
        Self { glob: if glob == "." { String::new() } else { glob.to_owned() }, excludes }
    }

    /// `packages/**` matches `packages`, too.
    fn matches(&self, path: &str) -> bool {
        let base = self.glob.strip_suffix("/**");
        glob_match(&self.glob, path) || base.is_some_and(|base| glob_match(base, path))
    }

    /// The part before the first wildcard.
    fn literal(&self) -> String {
        let parts = self.glob.split('/').take_while(|part| !part.contains(['*', '?', '[', '{', '\\']));
        parts.collect::<Vec<_>>().join("/")
    }
}

/// `workspaces` of npm, yarn and bun: a list, or an object with one.
fn workspaces(document: &Value) -> Option<Vec<String>> {
    let declared = document.get("workspaces")?;
    let list = declared.as_array().or_else(|| declared.get("packages")?.as_array())?;
    Some(texts(list))
}

fn texts(list: &[Value]) -> Vec<String> {
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// `packages` of `pnpm-workspace.yaml`, which may hold settings only.
fn pnpm(root: &Path) -> Result<Option<Vec<String>>, ProjectError> {
    let path = root.join("pnpm-workspace.yaml");
    let Some(text) = file::text(&path)? else { return Ok(None) };
    let documents = Yaml::load_from_str(&text).map_err(|error| {
        let place = (error.marker().line().max(1), error.marker().col() + 1);
        FileError::new(&path, place, error.info().to_owned(), &text)
    })?;
    let packages = documents.first().and_then(|document| document.as_mapping_get("packages")?.as_vec());
    Ok(packages.map(|list| list.iter().filter_map(Yaml::as_str).map(str::to_owned).collect()))
}

/// `packages` of `lerna.json`.
fn lerna(root: &Path) -> Result<Option<Vec<String>>, ProjectError> {
    let path = root.join("lerna.json");
    let Some(text) = file::text(&path)? else { return Ok(None) };
    let document: Value =
        serde_json::from_slice(text.as_bytes()).map_err(|error| located(&path, &error, &text))?;
    Ok(document.get("packages").and_then(Value::as_array).map(|list| texts(list)))
}
