//! A project: a directory with a manifest.

use std::path::{Path, PathBuf};
use std::{fs, io};

use semver::Version;

use super::error::ProjectError;
use super::file;
use super::manifest::Manifest;
use super::version::lowest_version;
use super::workspace::Workspace;
use crate::visible;

/// The scripts that start a development server, the usual name first.
pub const DEV_SCRIPTS: [&str; 5] = ["dev", "develop", "start:dev", "start", "serve"];

/// What stands between the directory and the name in the id of a service that is no package.
pub const SERVICE_MARK: char = '#';

/// A directory with a `package.json`, one in which a command is run, or a service of a bowline.toml or Procfile.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its canonical path, unless `--project-id` gives another.
    pub id: String,
    /// The manifest's `name`, else the directory's.
    pub name: String,
    /// The canonical directory.
    pub dir: PathBuf,
    pub manifest: Manifest,
    /// The monorepo that it belongs to.
    pub workspace: Option<Workspace>,
    /// The bowline.toml or Procfile that defines it, if it is no package.
    pub defined_in: Option<PathBuf>,
}

impl Project {
    /// The project around `start`: the nearest directory with a package.json, upwards.
    pub fn find(start: &Path) -> Result<Self, ProjectError> {
        let start = directory(start)?;
        for dir in start.ancestors() {
            if let Some(manifest) = Manifest::read(dir)? {
                return Self::new(dir, manifest, None);
            }
        }
        Err(ProjectError::NotFound { start })
    }

    /// As [`Project::find`], or `start` itself where there is no package.json: a command can be run anywhere.
    pub fn around(start: &Path) -> Result<Self, ProjectError> {
        match Self::find(start) {
            Err(ProjectError::NotFound { start }) => {
                Self::new(&start, Manifest::empty(start.join("package.json")), None)
            }
            found => found,
        }
    }

    pub fn at(dir: &Path) -> Result<Self, ProjectError> {
        let dir = directory(dir)?;
        match Manifest::read(&dir)? {
            Some(manifest) => Self::new(&dir, manifest, None),
            None => Err(ProjectError::NoManifest { dir }),
        }
    }

    /// A project without a package.json; without a name, it has the directory's.
    pub fn without_manifest(dir: &Path, name: Option<&str>) -> Result<Self, ProjectError> {
        let dir = directory(dir)?;
        let manifest =
            Manifest { name: name.map(str::to_owned), ..Manifest::empty(dir.join("package.json")) };
        Self::new(&dir, manifest, None)
    }

    /// `dir` is canonical. If `workspace` is `None`, it is searched for.
    pub(super) fn new(
        dir: &Path,
        manifest: Manifest,
        workspace: Option<Workspace>,
    ) -> Result<Self, ProjectError> {
        let workspace = match workspace {
            Some(workspace) => Some(workspace),
            None => Workspace::of(dir, &manifest)?,
        };
        let directory = || dir.file_name().unwrap_or(dir.as_os_str()).to_string_lossy().into_owned();
        let name = manifest.name.clone().filter(|name| !name.is_empty()).unwrap_or_else(directory);
        // The name is shown in many places; control characters in it must not reach a terminal.
        let name = visible::line(&name).into_owned();
        let id = dir.to_string_lossy().into_owned();
        Ok(Self { id, name, dir: dir.to_path_buf(), manifest, workspace, defined_in: None })
    }

    /// A service that is no package: the one of this name in `file`, which lies in a canonical directory. It runs in
    /// `dir`.
    pub fn service(name: &str, file: &Path, dir: &Path, workspace: Option<Workspace>) -> Self {
        let base = file.parent().unwrap_or(file);
        Self {
            id: service_id(base, name),
            name: name.to_owned(),
            dir: dir.to_path_buf(),
            manifest: Manifest::empty(PathBuf::new()),
            workspace,
            defined_in: Some(file.to_path_buf()),
        }
    }

    /// The same project under another id.
    #[must_use]
    pub fn with_id(self, id: String) -> Self {
        Self { id, ..self }
    }

    /// Whether what has this id and runs in `dir` is this one: a package may run under any id.
    pub fn is_run_as(&self, id: &str, dir: &Path) -> bool {
        let is_package = |id: &str| defining_directory(id).is_none();
        self.id == id || is_package(&self.id) && is_package(id) && self.dir == dir
    }

    /// Whether both are the same package, under any id, or the same service.
    pub fn is_same(&self, other: &Self) -> bool {
        self.is_run_as(&other.id, &other.dir)
    }

    /// Whether this is the root of its workspace.
    pub fn is_workspace_root(&self) -> bool {
        self.workspace.as_ref().is_some_and(|workspace| workspace.root == self.dir)
    }

    /// The name and text of the script to run: `wanted`, else the first of [`DEV_SCRIPTS`] that is not empty.
    pub fn script(&self, wanted: Option<&str>) -> Result<(&str, &str), ProjectError> {
        let find = |name: &str| self.manifest.scripts.iter().find(|(key, _)| key == name);
        let names = wanted.map_or_else(|| DEV_SCRIPTS.to_vec(), |name| vec![name]);
        let found: Vec<_> = names.iter().copied().filter_map(find).collect();
        let is_empty = |text: &str| text.trim().is_empty();
        if let Some((name, text)) = found.iter().find(|(_, text)| !is_empty(text)) {
            return Ok((name, text));
        }
        let path = self.manifest.path.clone();
        let others = self.manifest.scripts.iter().filter(|(_, text)| !is_empty(text));
        let scripts = others.map(|(name, _)| name.clone()).collect();
        Err(match found.first() {
            Some((name, _)) => ProjectError::EmptyScript { path, name: name.clone(), scripts },
            None => ProjectError::NoScript {
                path,
                wanted: names.into_iter().map(str::to_owned).collect(),
                scripts,
            },
        })
    }

    /// The names of the files and directories beside package.json.
    pub fn files(&self) -> Result<Vec<String>, ProjectError> {
        let names = fs::read_dir(&self.dir).and_then(|entries| {
            entries.map(|entry| Ok(entry?.file_name().into_string().ok())).collect::<io::Result<Vec<_>>>()
        });
        let names = names.map_err(|source| ProjectError::unreadable(&self.dir, source))?;
        Ok(names.into_iter().flatten().collect())
    }

    /// The existing files that match: `.next/dev/lock`, or `*/dev/lock` for any first directory.
    pub fn present(&self, globs: &[impl AsRef<str>]) -> Result<Vec<PathBuf>, ProjectError> {
        let mut found = Vec::new();
        for glob in globs.iter().map(AsRef::as_ref) {
            match glob.strip_prefix("*/") {
                Some(rest) => found.extend(self.files()?.iter().map(|name| self.dir.join(name).join(rest))),
                None => found.push(self.dir.join(glob)),
            }
        }
        found.retain(|path| path.is_file());
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The version of a package: the installed one, else the lowest that the manifest allows.
    pub fn version_of(&self, package: &str) -> Option<Version> {
        let allowed = || lowest_version(self.manifest.dependencies.get(package)?);
        self.installed_version(package).or_else(allowed)
    }

    pub fn installed_version(&self, package: &str) -> Option<Version> {
        Version::parse(self.installed(package)?.get("version")?.as_str()?).ok()
    }

    /// The binary that `npx PACKAGE` runs: the package's only one, or the one of its name.
    pub fn binary_of(&self, package: &str) -> Option<String> {
        let own = package.rsplit('/').next().unwrap_or(package);
        let manifest = self.installed(package)?;
        let Some(binaries) = manifest.get("bin")?.as_object() else { return Some(own.to_owned()) };
        let only = binaries.keys().next().filter(|_| binaries.len() == 1);
        if binaries.contains_key(own) { Some(own.to_owned()) } else { only.cloned() }
    }

    /// The manifest of an installed package.
    fn installed(&self, package: &str) -> Option<serde_json::Value> {
        self.dir.ancestors().find_map(|dir| {
            let text = file::read(&dir.join("node_modules").join(package).join("package.json")).ok()?;
            serde_json::from_slice(&text).ok()
        })
    }
}

/// The id of the service with this name that is defined in a directory.
pub fn service_id(dir: &Path, name: &str) -> String {
    format!("{}{SERVICE_MARK}{name}", dir.to_string_lossy())
}

/// The directory and the name in the id of a service; `None` for a package.
pub fn service_parts(id: &str) -> Option<(&Path, &str)> {
    let (dir, name) = id.rsplit_once(SERVICE_MARK)?;
    Some((Path::new(dir), name)).filter(|(dir, _)| dir.is_absolute())
}

/// The directory of the file that defines a service with this id; `None` for a package.
pub fn defining_directory(id: &str) -> Option<&Path> {
    service_parts(id).map(|(dir, _)| dir)
}

/// The canonical path of a directory that a user named or works in.
pub(super) fn directory(path: &Path) -> Result<PathBuf, ProjectError> {
    fs::canonicalize(path).map_err(|source| {
        let kind = source.kind();
        if kind == io::ErrorKind::NotFound {
            ProjectError::Gone { path: path.to_path_buf() }
        } else if kind == io::ErrorKind::NotADirectory {
            ProjectError::NotADirectory { path: path.to_path_buf() }
        } else {
            ProjectError::unreadable(path, source)
        }
    })
}
