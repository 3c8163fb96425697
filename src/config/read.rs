//! The configuration of a project, from all files that concern it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::check;
use super::error::ConfigError;
use super::file::{ConfigFile, FILE, FilePlace, text_of};
use super::names::{self, KnownNames};
use super::process_runner::ProcessRunner;
use super::settings::{ProjectSettings, WorkspaceSettings};
use crate::detect::catalog::{Catalog, Layer};
use crate::paths::{self, Environment};
use crate::project::{Project, last_part};
use crate::template::{Reference, references};
use crate::visible::Visible;

#[derive(Debug)]
pub struct Config {
    /// All frameworks, the user's and the project's included.
    pub catalog: Rc<Catalog>,
    pub settings: ProjectSettings,
    /// That of the workspace's root.
    pub workspace: WorkspaceSettings,
    /// The files that it is from, the nearest last.
    files: Vec<Rc<ConfigFile>>,
    /// The key of the project's table in each.
    keys: Vec<Option<String>>,
}

impl Config {
    /// A mistake in the project's own table, at a place below it.
    pub fn mistake(&self, place: &FilePlace<'_>, message: &str, hint: &str) -> Option<ConfigError> {
        let both = self.files.iter().zip(&self.keys).rev();
        both.filter_map(|(file, key)| Some((file, key.as_deref()?))).find_map(|(file, key)| {
            let keys: Vec<&str> = ["project", key].iter().chain(place.keys).copied().collect();
            file.has(&keys)
                .then(|| file.mistake(&FilePlace { keys: &keys, ..*place }, message, hint.to_owned()))
        })
    }

    /// A mistake in an element of `filter`, in the file of the workspace's root.
    pub fn mistaken_filter(&self, index: usize, message: &str, hint: String) -> Option<ConfigError> {
        let place = FilePlace { keys: &["workspace", "filter"], index: Some(index), part: None };
        let file = self.files.iter().find(|file| file.has(place.keys))?;
        Some(file.mistake(&place, message, hint))
    }

    /// A mistake in the first template of the project's table whose address is refused, with message and hint.
    pub fn refused_template(
        &self,
        refuse: &dyn Fn(&Reference<'_>) -> Option<(String, String)>,
    ) -> Option<ConfigError> {
        for check::Text { keys, index, content } in check::texts(&self.settings) {
            for reference in references(content).unwrap_or_default() {
                let Some((message, hint)) = refuse(&reference) else { continue };
                let place = FilePlace { keys: &keys, index, part: Some(&content[reference.range]) };
                // The variables of the root's script are in no file.
                if let Some(error) = self.mistake(&place, &check::shown(&message), &hint) {
                    return Some(error);
                }
            }
        }
        None
    }
}

/// The files of one start, each read once.
#[derive(Debug, Default)]
pub struct Files {
    read: RefCell<BTreeMap<PathBuf, Option<Rc<ConfigFile>>>>,
    /// By their workspace, or directory.
    names: RefCell<BTreeMap<PathBuf, Rc<KnownNames>>>,
    /// By the files with entries of the catalog.
    catalogs: RefCell<BTreeMap<Vec<PathBuf>, Rc<Catalog>>>,
    /// The files whose names are known to mean something.
    checked: RefCell<BTreeSet<PathBuf>>,
}

impl Files {
    /// Forgets what was read: the files may say something else by now.
    pub fn forget(&self) {
        self.read.take();
        self.names.take();
        self.catalogs.take();
        self.checked.take();
    }

    /// The configuration of a project: the user's file and the `bowline.toml` of workspace root and project, of which
    /// the nearest one wins.
    pub fn config(&self, project: &Project, environment: Environment<'_>) -> Result<Config, ConfigError> {
        let root = names::root(project);
        let near = project.defined_in.as_deref().and_then(Path::parent).unwrap_or(&project.dir);
        let dirs = [root].into_iter().filter(|root| *root != near).chain([near]);
        let files: Vec<_> = dirs.filter_map(|dir| self.file(dir).transpose()).collect::<Result<_, _>>()?;
        let is_at_root = |file: &&Rc<ConfigFile>| file.path.parent() == Some(root);
        if let Some(file) = files.iter().find(|file| !is_at_root(file) && file.has(&["workspace"])) {
            let message = "`[workspace]` is not read from the file of a package";
            let hint = format!("put it into `{}`", root.join(FILE).visible());
            return Err(file.mistake(&FilePlace::at(&["workspace"]), message, hint));
        }
        let at_root = files.iter().find(is_at_root);
        let workspace = at_root.map(|file| file.workspace.clone()).unwrap_or_default();
        let mut settings = self.procfile_settings(project)?;
        let mut keys = Vec::new();
        for file in &files {
            let key = self.own_key(file, project)?;
            if let Some(key) = &key
                && let Some(found) = file.settings(key)
            {
                settings = settings.overlaid(found.clone(), |field| file.has(&["project", key, field]));
            }
            keys.push(key);
        }
        let catalog = self.catalog(&files, environment)?;
        Ok(Config { catalog, settings, workspace, files, keys })
    }

    /// The `bowline.toml` in `dir`, if there is one.
    pub(super) fn file(&self, dir: &Path) -> Result<Option<Rc<ConfigFile>>, ConfigError> {
        if let Some(known) = self.read.borrow().get(dir) {
            return Ok(known.clone());
        }
        let file = ConfigFile::read(dir)?.map(Rc::new);
        self.read.borrow_mut().insert(dir.to_path_buf(), file.clone());
        Ok(file)
    }

    /// Checks the names in the files of a configuration. Those of a project alone are looked at only where that is
    /// necessary: listing the packages of a workspace takes longer than all else.
    pub fn check(&self, project: &Project, config: &Config, is_alone: bool) -> Result<(), ConfigError> {
        let has_names = |settings: &ProjectSettings| {
            !settings.needs.is_empty() || !settings.with.is_empty() || check::has_templates(settings)
        };
        let is_named = config.keys.iter().any(Option::is_some);
        let is_quiet = is_alone && is_named && !has_names(&config.settings);
        if is_quiet || config.files.iter().all(|file| file.projects.is_empty()) {
            return Ok(());
        }
        let names = self.names(project)?;
        for file in &config.files {
            if self.checked.borrow_mut().insert(file.path.clone()) {
                check::check(file, &names)?;
            }
        }
        Ok(())
    }

    /// Checks the files of a directory that has no package.json and no service: they were meant to define one.
    pub fn check_without_service(&self, project: &Project) -> Result<(), ConfigError> {
        let names = self.names(project)?;
        if let Some(file) = self.file(&project.dir)? {
            check::check(&file, &names)?;
        }
        names.empty_procfile().map_or(Ok(()), Err)
    }

    /// The services that the texts of a configuration name in templates, by these names.
    pub fn named(&self, project: &Project, config: &Config) -> Result<Vec<(String, Project)>, ConfigError> {
        let mut found: Vec<(String, Project)> = Vec::new();
        for name in check::named(&config.settings) {
            if !found.iter().any(|(known, _)| *known == name)
                && let Ok(service) = self.names(project)?.find(&name)
            {
                found.push((name, service.clone()));
            }
        }
        Ok(found)
    }

    /// What names can mean in the workspace of the project.
    pub fn names(&self, project: &Project) -> Result<Rc<KnownNames>, ConfigError> {
        let root = names::root(project);
        if let Some(known) = self.names.borrow().get(root) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(KnownNames::of(project, |dir| self.file(dir))?);
        self.names.borrow_mut().insert(root.to_path_buf(), Rc::clone(&found));
        Ok(found)
    }

    /// The key of the project's table: its name, else the last part of it if no other package goes by that.
    fn own_key(&self, file: &ConfigFile, project: &Project) -> Result<Option<String>, ConfigError> {
        let has = |key: &str| file.settings(key).is_some();
        if has(&project.name) {
            return Ok(Some(project.name.clone()));
        }
        let short = last_part(&project.name);
        if short == project.name || !has(short) || project.defined_in.is_some() {
            return Ok(None);
        }
        let names = self.names(project)?;
        Ok(names.is_of(short, project).then(|| short.to_owned()))
    }

    /// What a Procfile says of its service.
    fn procfile_settings(&self, project: &Project) -> Result<ProjectSettings, ConfigError> {
        let file = project.defined_in.as_deref().filter(|path| !path.ends_with(FILE));
        let Some(path) = file else { return Ok(ProjectSettings::default()) };
        Ok(self.names(project)?.procfile(path).map(|file| file.settings(&project.name)).unwrap_or_default())
    }

    fn catalog(
        &self,
        files: &[Rc<ConfigFile>],
        environment: Environment<'_>,
    ) -> Result<Rc<Catalog>, ConfigError> {
        let ours = files.iter().map(|file| &file.layer).filter(|layer| layer.has_entries());
        let key: Vec<PathBuf> = ours.clone().map(|layer| layer.path.clone()).collect();
        if let Some(known) = self.catalogs.borrow().get(&key) {
            return Ok(Rc::clone(known));
        }
        let layers: Vec<Layer> = user_layer(environment)?.into_iter().chain(ours.cloned()).collect();
        let catalog = Rc::new(Catalog::load(&layers)?);
        self.catalogs.borrow_mut().insert(key, Rc::clone(&catalog));
        Ok(catalog)
    }
}

/// Whether a Procfile may run in place of the project's script, which is seen without a look at other packages.
pub fn may_have_procfile(project: &Project) -> bool {
    project.script(None).map_or(true, |(_, text)| ProcessRunner::of_script(text).is_some())
}

/// The frameworks outside of any project: the embedded ones and the user's.
pub fn catalog(environment: Environment<'_>) -> Result<Catalog, ConfigError> {
    let layers: Vec<Layer> = user_layer(environment)?.into_iter().collect();
    Ok(Catalog::load(&layers)?)
}

fn user_layer(environment: Environment<'_>) -> Result<Option<Layer>, ConfigError> {
    let Some(dir) = paths::config_dir(environment) else { return Ok(None) };
    let path = dir.join("frameworks.toml");
    let text = text_of(&path)?;
    Ok(text.map(|text| Layer::parse(&path, text)).transpose()?)
}
