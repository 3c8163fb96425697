//! What the names in `bowline.toml` can mean: the packages of the workspace, and the services that are no packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::error::{ConfigError, did_you_mean};
use super::file::{ConfigFile, FILE};
use super::procfile::Procfile;
use super::settings::ProjectSettings;
use crate::project::{Project, called, last_part};
use crate::template::SELF;
use crate::visible::Visible;

/// The directory whose files are for all: the workspace's root, else the project's own.
pub(super) fn root(project: &Project) -> &Path {
    let own = || project.defined_in.as_deref().and_then(Path::parent).unwrap_or(&project.dir);
    project.workspace.as_ref().map_or_else(own, |workspace| &workspace.root)
}

/// The name of a project, and its directory. Services share directories, which are no names of theirs.
fn names_of(project: &Project) -> (&str, &Path) {
    (&project.name, if project.defined_in.is_some() { Path::new("") } else { &project.dir })
}

/// The packages and other services of a workspace, or of a project alone.
#[derive(Debug)]
pub struct KnownNames {
    /// See [`root`].
    root: PathBuf,
    packages: Vec<Project>,
    services: Vec<Project>,
    procfiles: Vec<Procfile>,
}

/// Why a name means nothing.
#[derive(Debug)]
pub enum NameError {
    /// The hint says which there are.
    Unknown { hint: String },
    /// It means all these.
    Several(Vec<String>),
}

impl NameError {
    pub fn message(&self, name: &str) -> String {
        match self {
            Self::Unknown { .. } => format!("there is no package or service `{name}`"),
            Self::Several(names) => format!("`{name}` is the name of several: {}", names.join(", ")),
        }
    }

    pub fn hint(self) -> String {
        match self {
            Self::Unknown { hint } => hint,
            Self::Several(_) => "give the whole name".to_owned(),
        }
    }
}

impl KnownNames {
    /// Those of a project's workspace. `file` reads the `bowline.toml` of a directory.
    pub(super) fn of(
        project: &Project,
        file: impl Fn(&Path) -> Result<Option<Rc<ConfigFile>>, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let root = root(project);
        let packages = match &project.workspace {
            Some(workspace) => workspace.packages(),
            None if project.defined_in.is_some() => Project::at(root).into_iter().collect(),
            None => vec![project.clone()],
        };
        let procfiles = Procfile::all(root, &packages)?;
        let mut names = Self { root: root.to_path_buf(), packages, services: Vec::new(), procfiles };
        let mut services: Vec<Project> = Vec::new();
        for file in names.files(root, file)? {
            for (key, settings) in file.projects.iter().filter(|(_, settings)| settings.command.is_some()) {
                let is_new = names.package(key).is_ok_and(|package| package.is_none());
                // A Procfile's service is there already, and has another command now.
                if is_new && !names.procfiles.iter().any(|procfile| procfile.has(key)) {
                    services.push(service(&file, key, settings, (project, &services))?);
                }
            }
        }
        let workspace = project.workspace.as_ref();
        services.extend(names.procfiles.iter().flat_map(|file| file.services(workspace)));
        names.services = services;
        Ok(names)
    }

    /// The files of the root and of all packages.
    fn files(
        &self,
        root: &Path,
        file: impl Fn(&Path) -> Result<Option<Rc<ConfigFile>>, ConfigError>,
    ) -> Result<Vec<Rc<ConfigFile>>, ConfigError> {
        let packages = self.packages.iter().map(|package| &*package.dir).filter(|dir| *dir != root);
        let found = [root].into_iter().chain(packages).map(file);
        found.filter_map(Result::transpose).collect()
    }

    pub(super) fn procfile(&self, path: &Path) -> Option<&Procfile> {
        self.procfiles.iter().find(|file| file.path == path)
    }

    /// The mistake of the first Procfile that has nothing to run.
    pub(super) fn empty_procfile(&self) -> Option<ConfigError> {
        self.procfiles.iter().find_map(Procfile::emptiness)
    }

    /// The services that are no packages, in the order of their files.
    pub fn services(&self) -> &[Project] {
        &self.services
    }

    /// The services of a Procfile that is run in place of this package's script, or because there is no script.
    pub fn in_place_of(&self, dir: &Path) -> Vec<Project> {
        let files = self.procfiles.iter().filter(|file| file.replaces(dir)).map(|file| &file.path);
        let files: Vec<_> = files.collect();
        let is_of = |one: &&Project| one.defined_in.as_ref().is_some_and(|path| files.contains(&path));
        self.services.iter().filter(is_of).cloned().collect()
    }

    /// The package or service that goes by this name: the whole one, else the last part of it.
    pub fn find(&self, name: &str) -> Result<&Project, NameError> {
        let all: Vec<&Project> = self.packages.iter().chain(&self.services).collect();
        match &called(name, all, |one| names_of(one))[..] {
            [one] => Ok(*one),
            [] => Err(NameError::Unknown { hint: self.suggestion(name) }),
            several => Err(NameError::Several(several.iter().map(|one| one.name.clone()).collect())),
        }
    }

    fn suggestion(&self, name: &str) -> String {
        did_you_mean(name, self.packages.iter().chain(&self.services).map(|one| &*one.name))
    }

    /// The package that a table `[project.NAME]` is for, if any: by its name, else by the last part of it.
    pub(super) fn package(&self, name: &str) -> Result<Option<&Project>, NameError> {
        if let Some(one) = self.packages.iter().find(|package| package.name == name) {
            return Ok(Some(one));
        }
        let found: Vec<_> = self.packages.iter().filter(|package| last_part(&package.name) == name).collect();
        match &found[..] {
            [] => Ok(None),
            [one] => Ok(Some(*one)),
            several => Err(NameError::Several(several.iter().map(|one| one.name.clone()).collect())),
        }
    }

    /// The file in which the table of a package belongs, if it is not read from this one: that is read for the package in
    /// its directory, or for all if it is at the root.
    pub(super) fn belongs_elsewhere(&self, package: &Project, file: &ConfigFile) -> Option<PathBuf> {
        let dir = file.path.parent()?;
        (dir != self.root && dir != package.dir).then(|| self.root.join(FILE))
    }

    /// Whether a table of this name is the project's.
    pub(super) fn is_of(&self, name: &str, project: &Project) -> bool {
        self.package(name).is_ok_and(|found| found.is_some_and(|package| package.dir == project.dir))
    }

    /// Whether a table of this name is for a service that is no package.
    pub(super) fn has_service(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.name == name)
    }

    /// What a table that is nobody's was meant for.
    pub(super) fn advice_for_table(&self, name: &str) -> String {
        let advice = self.suggestion(name);
        if advice.starts_with("did you mean") {
            return advice;
        }
        let packages = self.packages.iter().filter(|package| package.manifest.path.is_file());
        let packages: Vec<&str> = packages.map(|package| &*package.name).collect();
        if packages.is_empty() {
            return "give it a `command`".to_owned();
        }
        format!("give it a `command`, or choose one of the packages: {}", packages.join(", "))
    }
}

/// As long as a package's name may be.
const LONGEST_NAME: usize = 214;

/// The service that a table with a command defines.
fn service(
    file: &ConfigFile,
    name: &str,
    settings: &ProjectSettings,
    (project, others): (&Project, &[Project]),
) -> Result<Project, ConfigError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@/:".contains(c);
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@');
    let is_short = name.len() <= LONGEST_NAME;
    if !is_short || !begins_well || !name.chars().all(is_allowed) || name == SELF {
        let hint = "use letters, digits and `-_.@/:`, at most 214 of them, and another name than `self`";
        return Err(file.mistaken_name(
            name,
            &format!("not a name for a service: `{name}`"),
            hint.to_owned(),
        ));
    }
    if let Some(other) = others.iter().find(|other| other.name == name) {
        let place = other.defined_in.as_deref().unwrap_or(&other.dir).visible();
        let message = format!("a second service `{name}`: the first is in `{place}`");
        return Err(file.mistaken_name(name, &message, "give one of them another name".to_owned()));
    }
    let base = file.path.parent().unwrap_or(&file.path);
    let dir = settings.dir.as_deref().unwrap_or(base);
    let dir = match fs::canonicalize(dir) {
        Ok(dir) if dir.is_dir() => dir,
        Ok(_) | Err(_) => return Err(file.no_directory(name, dir)),
    };
    Ok(Project::service(name, &file.path, &dir, project.workspace.clone()))
}
