//! `dependsOn` of a target: in `package.json` or `project.json`, else in `targetDefaults` of `nx.json`.

use serde_json::Value;

use super::task::{Collected, PackageScript, Prerequisites, has};
use crate::workspace::json::read;
use crate::workspace::meaning::{FanOut, PackageRunner};
use crate::workspace::nx_config::NxConfig;
use crate::workspace::packages::Packages;

pub(super) fn prerequisites(found: &FanOut, packages: &Packages, indices: &[usize]) -> Prerequisites {
    let defaults = read(&packages.root().join("nx.json"))["targetDefaults"].take();
    let (mut wanted, mut collected) = (Prerequisites::default(), Collected::default());
    for &index in indices {
        for entry in entries(packages.nx(index), &found.script, &defaults) {
            for (package, target) in entry.targets(packages, index) {
                let config = packages.nx(package);
                if !has_target(packages, package, (config, &target), &defaults) {
                    continue;
                }
                let goes_on =
                    target == found.script || definition(config, &target, &defaults)["continuous"] == true;
                if goes_on && has(packages, package, &target) {
                    wanted.needs.push((index, PackageScript { package, name: target }));
                } else if !goes_on {
                    collected.add(&target, [config.name.clone()], index);
                }
            }
        }
    }
    let is_lerna = found.tool == PackageRunner::Lerna;
    wanted.tasks = collected.tasks(found.tool.name(), |target, projects| {
        let mut words = found.command.clone();
        if is_lerna {
            words.extend(["run".to_owned(), target.to_owned()]);
            words.extend(projects.iter().map(|name| format!("--scope={name}")));
        } else {
            words.extend(["run-many".to_owned(), "-t".to_owned(), target.to_owned(), "-p".to_owned()]);
            words.push(projects.join(","));
        }
        words
    });
    wanted
}

/// An element of `dependsOn`.
struct Entry {
    target: String,
    whose: Whose,
}

enum Whose {
    Own,
    Dependencies,
    Named(Vec<String>),
}

impl Entry {
    fn of(value: &Value) -> Option<Self> {
        let split = |text: &str| match (text.strip_prefix('^'), text.split_once(':')) {
            (Some(target), _) => Self { target: target.to_owned(), whose: Whose::Dependencies },
            (None, Some((project, target))) => {
                Self { target: target.to_owned(), whose: Whose::Named(vec![project.to_owned()]) }
            }
            (None, None) => Self { target: text.to_owned(), whose: Whose::Own },
        };
        let Some(object) = value.as_object() else { return value.as_str().map(split) };
        let entry = split(object.get("target")?.as_str()?);
        let named = match object.get("projects") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Some(Value::String(name)) if name != "self" && name != "dependencies" => vec![name.clone()],
            _ => Vec::new(),
        };
        let of_dependencies = object.get("dependencies") == Some(&Value::Bool(true))
            || object.get("projects")? == "dependencies";
        let whose = if !named.is_empty() {
            Whose::Named(named)
        } else if of_dependencies {
            Whose::Dependencies
        } else {
            entry.whose
        };
        Some(Self { whose, ..entry })
    }

    /// The packages whose target it is.
    fn targets(&self, packages: &Packages, index: usize) -> Vec<(usize, String)> {
        let find = |names: &Vec<String>| {
            let is_named = |index: &usize| names.contains(&packages.nx(*index).name);
            (0..packages.projects().len()).filter(is_named).collect::<Vec<_>>()
        };
        let indices = match &self.whose {
            Whose::Own => vec![index],
            Whose::Dependencies => packages.dependencies_of(index).into_iter().collect(),
            Whose::Named(names) => find(names),
        };
        indices.into_iter().map(|index| (index, self.target.clone())).collect()
    }
}

fn entries(config: &NxConfig, target: &str, defaults: &Value) -> Vec<Entry> {
    let definition = definition(config, target, defaults);
    definition["dependsOn"].as_array().into_iter().flatten().filter_map(Entry::of).collect()
}

/// The definition of a target, with the defaults below it.
fn definition(config: &NxConfig, target: &str, defaults: &Value) -> Value {
    let mut merged = defaults[target].as_object().cloned().unwrap_or_default();
    merged.extend(config.target(target));
    merged.into()
}

/// Whether a package has a target: a script, a definition, or one that a plugin finds, as the defaults suggest.
fn has_target(
    packages: &Packages,
    index: usize,
    (config, target): (&NxConfig, &str),
    defaults: &Value,
) -> bool {
    let has_scripts = packages.projects()[index].manifest.document.get("scripts").is_some();
    has(packages, index, target)
        || !config.target(target).is_empty()
        || !defaults[target].is_null() && !has_scripts
}
