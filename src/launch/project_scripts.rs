//! The things that a project's scripts can call: its own scripts, other packages and binaries.

use super::caller::Caller;
use super::package_manager::ChosenManager;
use super::settings::Settings;
use crate::project::{Project, last_part, read_beginning};
use crate::script::{NestedScript, OtherPackage, PackageManager, Scripts, Wrapper};
use crate::workspace::{NxTarget, nx_projects, nx_root, nx_target};

/// How much of a shell script is looked at.
const SCRIPT_SIZE: u64 = 64 * 1024;

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

/// Whether a line of a shell script has its arguments for its command: `exec "$@"`, `A=1 "$@"`.
fn is_run_of_arguments(line: &str) -> bool {
    let mut words = line.split_ascii_whitespace();
    let command =
        words.find(|word| !matches!(*word, "exec" | "env" | "nice" | "time") && !word.contains('='));
    matches!(command, Some("\"$@\"" | "$@" | "\"${@}\"" | "$*"))
}

/// Whether a shell script runs its arguments in the end. In a function, or after a `set`, these may be others.
fn ends_with_arguments(text: &str) -> bool {
    let is_code = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let last = text.lines().rfind(is_code);
    let sets = text.lines().any(|line| line.trim_start().starts_with("set --"));
    last.is_some_and(is_run_of_arguments) && !sets
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

    fn target(&self, project: &str, target: &str) -> Option<(String, String)> {
        let root = nx_root(&self.project.dir)?;
        let is_meant = |found: &NxTarget| found.project == project || last_part(&found.project) == project;
        let of = |one: &Project| nx_target(one, Some(target)).filter(is_meant);
        let found = |one: &Project| Some((one.dir.to_string_lossy().into_owned(), of(one)?.command));
        let members = || self.project.workspace.as_ref().and_then(|workspace| workspace.members().ok());
        found(self.project)
            .or_else(|| members()?.iter().find_map(found))
            .or_else(|| nx_projects(root).ok()?.iter().find_map(found))
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

    fn runs_its_arguments(&self, file: &str) -> bool {
        let text = read_beginning(&self.project.dir.join(file), SCRIPT_SIZE);
        text.is_some_and(|text| ends_with_arguments(&text))
    }

    fn wrappers(&self) -> &[Wrapper] {
        self.wrappers
    }
}

/// The scripts of a project without those of other packages, whose calls stay what they are.
#[derive(Debug)]
pub struct OwnScripts<'a>(ProjectScripts<'a>);

impl<'a> OwnScripts<'a> {
    pub fn new(
        project: &'a Project,
        choice: &'a ChosenManager,
        caller: &Caller,
        wrappers: &'a [Wrapper],
    ) -> Self {
        let node = caller.find("node").and_then(|node| node.canonicalize().ok());
        let runs_hooks = Settings::of(project, choice, caller, node.as_deref()).runs_hooks(choice);
        let has_manager = choice.installation.is_some() || caller.is_inside(choice.manager);
        Self(ProjectScripts { project, choice, runs_hooks, has_manager, wrappers })
    }
}

impl Scripts for OwnScripts<'_> {
    fn text(&self, name: &str) -> Option<String> {
        self.0.text(name)
    }

    fn names(&self) -> Vec<String> {
        self.0.names()
    }

    fn text_in(&self, _: &OtherPackage, _: &str) -> Option<String> {
        None
    }

    fn binary(&self, package: &str) -> Option<String> {
        self.0.binary(package)
    }

    fn manager(&self) -> PackageManager {
        self.0.manager()
    }

    fn runs_hooks(&self, manager: PackageManager) -> bool {
        self.0.runs_hooks(manager)
    }

    fn runs_its_arguments(&self, file: &str) -> bool {
        self.0.runs_its_arguments(file)
    }

    fn wrappers(&self) -> &[Wrapper] {
        self.0.wrappers()
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

    fn target(&self, project: &str, target: &str) -> Option<(String, String)> {
        self.scripts.target(project, target)
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

    fn runs_its_arguments(&self, file: &str) -> bool {
        self.scripts.runs_its_arguments(file)
    }

    fn wrappers(&self) -> &[Wrapper] {
        self.scripts.wrappers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_runs_the_arguments_has_them_for_its_command() {
        for (line, expected) in [
            ("exec \"$@\"", true),
            ("  NODE_ENV=development A=1 \"$@\" &", true),
            ("env A=1 $@", true),
            ("next dev \"$@\"", false),
            ("# exec \"$@\"", false),
            ("for name in \"$@\"; do", false),
            ("", false),
        ] {
            assert_eq!(is_run_of_arguments(line), expected, "{line}");
        }
    }

    #[test]
    fn a_script_that_runs_its_arguments_does_so_in_the_end() {
        for (text, expected) in [
            ("#!/bin/sh\n. ./.env\nexec \"$@\"\n\n# done\n", true),
            ("run() {\n  \"$@\"\n}\nrun next dev\n", false),
            ("set -- next dev\nexec \"$@\"\n", false),
            ("", false),
        ] {
            assert_eq!(ends_with_arguments(text), expected, "{text}");
        }
    }
}
