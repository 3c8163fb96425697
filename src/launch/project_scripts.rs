//! The things that a project's scripts can call: its own scripts, other packages and binaries.

use super::package_manager::ChosenManager;
use crate::project::Project;
use crate::script::{NestedScript, OtherPackage, PackageManager, Scripts, Wrapper};

#[derive(Debug)]
pub(super) struct ProjectScripts<'a> {
    pub(super) project: &'a Project,
    pub(super) choice: &'a ChosenManager,
    pub(super) runs_hooks: bool,
    /// The programs of a script can start the package manager.
    pub(super) has_manager: bool,
    pub(super) wrappers: &'a [Wrapper],
}

fn text(project: &Project, name: &str) -> Option<String> {
    project.manifest.scripts.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone())
}

impl Scripts for ProjectScripts<'_> {
    fn text(&self, name: &str) -> Option<String> {
        text(self.project, name)
    }

    fn names(&self) -> Vec<String> {
        self.project.manifest.scripts.iter().map(|(name, _)| name.clone()).collect()
    }

    fn text_in(&self, package: &OtherPackage, name: &str) -> Option<String> {
        let in_directory = |dir: &str| Project::at(&self.project.dir.join(dir)).ok();
        let other = match package {
            OtherPackage::Directory(dir) => in_directory(dir)?,
            OtherPackage::Named(pattern) if pattern.contains(['*', '{', '[', '!', '^']) => return None,
            OtherPackage::Named(package) => {
                let workspace = self.project.workspace.as_ref();
                let member = workspace.and_then(|workspace| workspace.member(package).ok());
                member.or_else(|| in_directory(package))?
            }
        };
        text(&other, name)
    }

    fn binary(&self, package: &str) -> Option<String> {
        self.project.binary_of(package)
    }

    fn manager(&self) -> PackageManager {
        if self.has_manager { self.choice.manager } else { PackageManager::Npm }
    }

    fn runs_hooks(&self, manager: PackageManager) -> bool {
        manager != self.choice.manager || self.runs_hooks
    }

    fn wrappers(&self) -> &[Wrapper] {
        self.wrappers
    }
}

/// A project's scripts, some of them with another text.
pub(super) struct Changed<'a> {
    pub(super) scripts: &'a ProjectScripts<'a>,
    pub(super) nested: &'a [NestedScript],
}

impl Scripts for Changed<'_> {
    fn text(&self, name: &str) -> Option<String> {
        let changed =
            self.nested.iter().find(|script| script.name == name).and_then(|script| script.text.clone());
        changed.map(|(_, text)| text).or_else(|| self.scripts.text(name))
    }

    fn names(&self) -> Vec<String> {
        self.scripts.names()
    }

    fn text_in(&self, package: &OtherPackage, name: &str) -> Option<String> {
        self.scripts.text_in(package, name)
    }

    fn binary(&self, package: &str) -> Option<String> {
        self.scripts.binary(package)
    }

    fn manager(&self) -> PackageManager {
        self.scripts.manager()
    }

    fn runs_hooks(&self, manager: PackageManager) -> bool {
        self.scripts.runs_hooks(manager)
    }

    fn wrappers(&self) -> &[Wrapper] {
        self.scripts.wrappers()
    }
}
