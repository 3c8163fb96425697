//! Work that comes first.

use std::collections::{BTreeMap, BTreeSet};

use crate::workspace::packages::Packages;

/// A script of a package, by the package's index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PackageScript {
    pub package: usize,
    pub name: String,
}

/// A command that ends, for some packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstTask {
    /// `turbo build`
    pub name: String,
    pub command: Vec<String>,
    /// The packages that wait for it.
    pub waiting: Vec<usize>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prerequisites {
    pub tasks: Vec<FirstTask>,
    /// Scripts that go on: who waits, and for which.
    pub needs: Vec<(usize, PackageScript)>,
    /// Scripts that run beside.
    pub with: Vec<PackageScript>,
}

/// For each task, what it is run for, and who waits for it.
#[derive(Debug, Default)]
pub(super) struct Collected(BTreeMap<String, (BTreeSet<String>, BTreeSet<usize>)>);

impl Collected {
    pub fn add(&mut self, task: &str, of: impl IntoIterator<Item = String>, waiting: usize) {
        let (targets, packages) = self.0.entry(task.to_owned()).or_default();
        targets.extend(of);
        packages.insert(waiting);
    }

    /// The tasks, with the command for what each is run for.
    pub fn tasks(self, tool: &str, command: impl Fn(&str, Vec<String>) -> Vec<String>) -> Vec<FirstTask> {
        let task = |(task, (targets, waiting)): (String, (BTreeSet<String>, BTreeSet<usize>))| FirstTask {
            name: format!("{tool} {task}"),
            command: command(&task, targets.into_iter().collect()),
            waiting: waiting.into_iter().collect(),
        };
        self.0.into_iter().map(task).collect()
    }
}

/// Whether the package has a script of this name.
pub(super) fn has(packages: &Packages, index: usize, script: &str) -> bool {
    packages.projects()[index].script(Some(script)).is_ok()
}
