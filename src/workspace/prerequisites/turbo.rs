//! `tasks.dev.dependsOn` and `with` of `turbo.json`.

use serde_json::Value;

use super::task::{Collected, PackageScript, Prerequisites, has};
use crate::workspace::json::turbo_tasks;
use crate::workspace::meaning::FanOut;
use crate::workspace::packages::Packages;

/// In an array of a package's file: the elements of the root's.
const EXTENDS: &str = "$TURBO_EXTENDS$";

pub(super) fn prerequisites(found: &FanOut, packages: &Packages, indices: &[usize]) -> Prerequisites {
    let tasks = Tasks { packages, root: turbo_tasks(packages.root()) };
    let (mut wanted, mut collected) = (Prerequisites::default(), Collected::default());
    for &index in indices {
        for task in tasks.list(index, &found.script, "dependsOn") {
            tasks.add(index, &task, (&found.script, &mut wanted, &mut collected));
        }
        for task in tasks.list(index, &found.script, "with") {
            let script = tasks.script(index, &task);
            wanted.with.extend(script.filter(|script| has(packages, script.package, &script.name)));
        }
    }
    wanted.tasks = collected.tasks("turbo", |task, filters| {
        let filters = filters.into_iter().map(|filter| format!("--filter={filter}"));
        let run = ["run".to_owned(), task.to_owned()];
        found.command.iter().cloned().chain(run).chain(filters).chain(found.options.iter().cloned()).collect()
    });
    wanted
}

struct Tasks<'a> {
    packages: &'a Packages,
    root: Value,
}

impl Tasks<'_> {
    /// Adds an element of `dependsOn` of a package's script.
    fn add(&self, index: usize, task: &str, into: (&str, &mut Prerequisites, &mut Collected)) {
        let (script, wanted, collected) = into;
        let own = &self.packages.projects()[index];
        if task.starts_with('$') {
            // A variable, in files of old.
        } else if let Some(task) = task.strip_prefix('^') {
            let below = self.packages.dependencies_of(index);
            let having = below.iter().copied().filter(|one| has(self.packages, *one, task));
            let having: Vec<usize> = having.collect();
            if task == script || having.iter().any(|one| self.goes_on(*one, task)) {
                let name = task.to_owned();
                wanted.needs.extend(
                    having.iter().map(|one| (index, PackageScript { package: *one, name: name.clone() })),
                );
            } else if !below.is_empty() && (!having.is_empty() || self.leads_on(task)) {
                collected.add(task, [format!("{}^...", own.name)], index);
            }
        } else if let Some(PackageScript { package, name }) = self.script(index, task) {
            if self.goes_on(package, &name) {
                if has(self.packages, package, &name) {
                    wanted.needs.push((index, PackageScript { package, name }));
                }
            } else if has(self.packages, package, &name)
                || self.leads_on(&name)
                || self.leads_below(package, &name)
            {
                collected.add(&name, [self.packages.projects()[package].name.clone()], index);
            }
        }
    }

    /// `api#dev`, or `build` of the package itself.
    fn script(&self, index: usize, task: &str) -> Option<PackageScript> {
        let (package, name) = match task.rsplit_once('#') {
            Some(("//", name)) => (self.packages.index_of(self.packages.root())?, name),
            Some((package, name)) => {
                (self.packages.projects().iter().position(|project| project.name == package)?, name)
            }
            None => (index, task),
        };
        Some(PackageScript { package, name: name.to_owned() })
    }

    /// Whether the task depends on others, so that turbo may have to do something where no package has its script.
    fn leads_on(&self, task: &str) -> bool {
        let others = self.root[task]["dependsOn"].as_array().into_iter().flatten();
        others.filter_map(Value::as_str).any(|other| other.strip_prefix('^') != Some(task))
    }

    /// Whether the task of a package depends on the same task of its dependencies, and one of these has the script.
    fn leads_below(&self, index: usize, task: &str) -> bool {
        let is_same = |other: &String| other.strip_prefix('^') == Some(task);
        let mut below = self.packages.dependencies_of(index).into_iter();
        self.list(index, task, "dependsOn").iter().any(is_same)
            && below.any(|one| has(self.packages, one, task))
    }

    fn goes_on(&self, index: usize, task: &str) -> bool {
        self.definitions(index, task).iter().find_map(|one| one["persistent"].as_bool()) == Some(true)
    }

    /// The definitions of a package's task, the strongest first. Of those in the root's file, only the most exact one counts.
    fn definitions(&self, index: usize, task: &str) -> [Value; 2] {
        let project = &self.packages.projects()[index];
        let own = turbo_tasks(&project.dir);
        let own = if project.dir == self.packages.root() { Value::Null } else { own[task].clone() };
        let exact = &self.root[format!("{}#{task}", project.name)];
        let root = if exact.is_null() { &self.root[task] } else { exact };
        [own, root.clone()]
    }

    /// The texts in an array of a package's task.
    fn list(&self, index: usize, task: &str, key: &str) -> Vec<String> {
        let definitions = self.definitions(index, task);
        let texts = |value: &Value| -> Option<Vec<String>> {
            Some(value[key].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        };
        let mut lists = definitions.iter().filter_map(texts);
        let mut found = lists.next().unwrap_or_default();
        if found.iter().any(|text| text == EXTENDS) {
            found.retain(|text| text != EXTENDS);
            found.extend(lists.next().unwrap_or_default());
        }
        found
    }
}
