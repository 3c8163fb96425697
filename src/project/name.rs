//! Projects by their names.

use std::path::{Path, PathBuf};

use super::directory::{Project, directory};
use super::error::ProjectError;
use super::manifest::Manifest;
use super::workspace::Workspace;

/// `web` of `@acme/web`.
pub fn last_part(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// Whether `word` is the whole name, the name without scope, or the last parts of the directory.
pub fn goes_by(word: &str, name: &str, dir: &Path) -> bool {
    name == word || last_part(name) == word || !word.is_empty() && dir.ends_with(word)
}

/// The projects that go by `word`; whole names win. `names` gives the name and directory of a project.
pub fn called<T>(word: &str, projects: Vec<T>, names: impl Fn(&T) -> (&str, &Path)) -> Vec<T> {
    let (whole, others): (Vec<T>, Vec<T>) = projects.into_iter().partition(|one| names(one).0 == word);
    if !whole.is_empty() {
        return whole;
    }
    let short = |one: &T| {
        let (name, dir) = names(one);
        goes_by(word, name, dir)
    };
    others.into_iter().filter(short).collect()
}

impl Project {
    /// The project that `name` means in `start`: a directory, or a package of the workspace.
    pub fn named(name: &str, start: &Path) -> Result<Self, ProjectError> {
        if Path::new(name).is_absolute() {
            return Self::at(Path::new(name));
        }
        let start = directory(start)?;
        let path = start.join(name);
        let looks_like_path = name.starts_with('.') || name.ends_with('/');
        if looks_like_path || path.join("package.json").is_file() {
            return Self::at(&path);
        }
        match Workspace::around(&start)? {
            Some(workspace) => workspace.member(name),
            None if path.is_dir() => Err(ProjectError::NoManifest { dir: path }),
            None => Err(ProjectError::Unknown { name: name.to_owned(), names: Vec::new() }),
        }
    }
}

impl Workspace {
    /// All packages, by path. The root is none of them.
    pub fn members(&self) -> Result<Vec<Project>, ProjectError> {
        self.projects(self.directories()).collect()
    }

    /// All packages that can be read, the root first.
    pub fn packages(&self) -> Vec<Project> {
        self.with_root().flatten().collect()
    }

    /// The package, or the root, that goes by this name. A broken manifest is an error only if no package does.
    pub fn member(&self, name: &str) -> Result<Project, ProjectError> {
        let (projects, broken): (Vec<_>, Vec<_>) = self.with_root().partition(Result::is_ok);
        let projects: Vec<Project> = projects.into_iter().flatten().collect();
        let names = projects.iter().map(|project| project.name.clone()).collect();
        let mut found = called(name, projects, |project| (&project.name, &project.dir));
        let name = name.to_owned();
        match &found[..] {
            [] => {
                Err(broken.into_iter().find_map(Result::err).unwrap_or(ProjectError::Unknown { name, names }))
            }
            [_] => Ok(found.remove(0)),
            [first, ..] => {
                let is_whole = first.name == name;
                let names = found.into_iter().map(|one| if is_whole { one.id } else { one.name }).collect();
                Err(ProjectError::Ambiguous { name, names })
            }
        }
    }

    fn with_root(&self) -> impl Iterator<Item = Result<Project, ProjectError>> {
        self.projects([vec![self.root.clone()], self.directories()].concat())
    }

    fn projects(&self, dirs: Vec<PathBuf>) -> impl Iterator<Item = Result<Project, ProjectError>> {
        let read = |dir: &PathBuf| -> Result<Option<Project>, ProjectError> {
            let manifest = Manifest::read(dir)?;
            manifest.map(|manifest| Project::new(dir, manifest, Some(self.clone()))).transpose()
        };
        dirs.into_iter().filter_map(move |dir| read(&dir).transpose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_win_over_short_ones() {
        let projects = || {
            vec![
                ("web", "/a/site"),
                ("@acme/web", "/a/apps/web"),
                ("@acme/api", "/a/apps/api"),
                ("docs", "/a/api"),
            ]
        };
        for (word, expected) in [
            ("web", &["/a/site"][..]),
            ("@acme/web", &["/a/apps/web"]),
            ("site", &["/a/site"]),
            ("apps/web", &["/a/apps/web"]),
            ("api", &["/a/apps/api", "/a/api"]),
            ("/a/api", &["/a/api"]),
            ("pps/web", &[]),
            ("acme", &[]),
            ("", &[]),
            (".", &[]),
        ] {
            let found = called(word, projects(), |&(name, dir)| (name, Path::new(dir)));
            let dirs: Vec<&str> = found.into_iter().map(|(_, dir)| dir).collect();
            assert_eq!(dirs, expected, "{word:?}");
        }
    }
}
