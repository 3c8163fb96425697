//! The packages in which a command starts its script.

use std::path::Path;

use fast_glob::glob_match;
use serde_json::Value;

use super::fan_out::{FanOut, PackageRunner, Which};
use crate::project::{Project, last_part};
use crate::workspace::edges::joined;
use crate::workspace::filter::{Filter, matches_name};
use crate::workspace::json::{read, turbo_tasks};
use crate::workspace::nx_target::nx_target;
use crate::workspace::packages::Packages;

impl FanOut {
    /// Their indices, in the order of `packages`; else why there are none.
    pub fn packages(&self, packages: &Packages) -> Result<Vec<usize>, String> {
        let (mut meant, may_be_root) = self.meant(packages)?;
        let is_root = |index: usize| packages.projects()[index].dir == packages.root();
        let may_be_root = (may_be_root || self.with_root) && !self.chain.contains(&self.script);
        meant.retain(|index| !is_root(*index) || may_be_root);
        if meant.is_empty() {
            return Err("no package matches".to_owned());
        }
        self.agrees_with(packages)?;
        let project = |index: usize| &packages.projects()[index];
        let is_private = |index| project(index).manifest.document.get("private") == Some(&Value::Bool(true));
        meant.retain(|index| !self.only_public || !is_private(*index));
        let missing = meant.iter().find(|index| !self.is_in(project(**index)));
        if let (Which::Everywhere, Some(index)) = (&self.which, missing) {
            let (name, tool) = (&project(*index).name, self.tool.name());
            return Err(format!("`{name}` has no script `{}`, at which {tool} ends", self.script));
        }
        meant.retain(|index| self.is_in(project(*index)));
        if meant.is_empty() {
            return Err(format!("no package that it means has the script `{}`", self.script));
        }
        Ok(meant)
    }

    /// The packages that it means, whatever their scripts, and whether the root may be one of them.
    fn meant(&self, packages: &Packages) -> Result<(Vec<usize>, bool), String> {
        let project = |index: usize| &packages.projects()[index];
        let all = 0..packages.projects().len();
        let meant = match &self.which {
            Which::All | Which::Everywhere => all.collect(),
            Which::Filters(texts) => return self.filtered(texts, packages),
            Which::Globs { include, exclude } => {
                let is_any = |globs: &[String], index: usize| {
                    globs.iter().any(|glob| self.means(glob, packages, index))
                };
                let is_meant = |index: &usize| {
                    (include.is_empty() || is_any(include, *index)) && !is_any(exclude, *index)
                };
                all.filter(is_meant).collect()
            }
            Which::Named(name) => {
                let found: Vec<usize> = all.filter(|index| self.means(name, packages, *index)).collect();
                if found.len() > 1 {
                    return Err(format!("several projects are called `{name}`"));
                }
                found
            }
            Which::Workspaces(names) => {
                let is_meant = |index: &usize| {
                    let project = project(*index);
                    names.contains(&project.name)
                        || self.tool == PackageRunner::Npm && is_within(names, packages, project)
                        || self.with_root && project.dir == packages.root()
                };
                all.filter(is_meant).collect()
            }
            Which::Directory(dir) => {
                let dir = joined(packages.root(), dir);
                all.filter(|index| project(*index).dir == dir).collect()
            }
        };
        Ok((meant, false))
    }

    fn filtered(&self, texts: &[String], packages: &Packages) -> Result<(Vec<usize>, bool), String> {
        let filters: Result<Vec<_>, _> =
            texts.iter().map(|text| Filter::parse(text, packages.root())).collect();
        let mut filters = filters.map_err(|error| error.to_string())?;
        self.arrange(&mut filters, packages)?;
        let selected = packages.select(&filters).map_err(|error| error.to_string())?;
        let is_strict = matches!(self.tool, PackageRunner::Turbo | PackageRunner::Bun);
        if let Some(filter) = selected.unmatched.first().filter(|_| is_strict) {
            return Err(format!("no package matches `{filter}`"));
        }
        let is_root = |index: &usize| packages.projects()[*index].dir == packages.root();
        let may_be_root = match self.tool {
            PackageRunner::Pnpm => filters.iter().any(|filter| !filter.excludes),
            PackageRunner::Turbo | PackageRunner::Bun => false,
            PackageRunner::Nx
            | PackageRunner::Lerna
            | PackageRunner::Npm
            | PackageRunner::Yarn
            | PackageRunner::Bowline => selected.named.iter().any(is_root),
        };
        Ok((selected.indices, may_be_root))
    }

    /// Whether the tool's own file leaves it at the packages.
    fn agrees_with(&self, packages: &Packages) -> Result<(), String> {
        let root_task = format!("//#{}", self.script);
        match self.tool {
            PackageRunner::Turbo if !turbo_tasks(packages.root())[&root_task].is_null() => {
                Err(format!("`{root_task}` in turbo.json is a script of the root"))
            }
            PackageRunner::Lerna => {
                let own = read(&packages.root().join("lerna.json"))["packages"].take();
                let root = packages.projects().iter().find(|project| project.dir == packages.root());
                let all = root.and_then(|root| root.manifest.document.get("workspaces"));
                let all = all.map(|all| all.get("packages").unwrap_or(all));
                if own.is_null() || all.is_none_or(|all| *all == own) {
                    return Ok(());
                }
                Err("lerna.json and package.json have other packages".to_owned())
            }
            PackageRunner::Turbo
            | PackageRunner::Nx
            | PackageRunner::Npm
            | PackageRunner::Pnpm
            | PackageRunner::Yarn
            | PackageRunner::Bun
            | PackageRunner::Bowline => Ok(()),
        }
    }

    /// Brings the filters into the order in which the tool applies them; else why that is not known.
    fn arrange(&self, filters: &mut [Filter], packages: &Packages) -> Result<(), String> {
        match self.tool {
            PackageRunner::Turbo => {
                has_names(filters, packages)?;
                filters.sort_by_key(Filter::excludes);
            }
            PackageRunner::Bun => {
                has_names(filters, packages)?;
                has_one_order(filters)?;
            }
            PackageRunner::Pnpm => has_one_order(filters)?,
            PackageRunner::Nx
            | PackageRunner::Lerna
            | PackageRunner::Npm
            | PackageRunner::Yarn
            | PackageRunner::Bowline => {}
        }
        Ok(())
    }

    /// Whether the package has the script.
    fn is_in(&self, project: &Project) -> bool {
        let name = Some(self.script.as_str()).filter(|name| !name.is_empty());
        project.script(name).is_ok() || self.tool == PackageRunner::Nx && nx_target(project, name).is_some()
    }

    /// Whether a glob means a package: its name, its directory or, for nx, a tag.
    fn means(&self, glob: &str, packages: &Packages, index: usize) -> bool {
        let project = &packages.projects()[index];
        let in_directory = |glob: &str| {
            let path = project.dir.strip_prefix(packages.root()).ok().and_then(Path::to_str);
            path.is_some_and(|path| glob_match(glob.trim_end_matches('/'), path))
        };
        match self.tool {
            PackageRunner::Nx => {
                let config = packages.nx(index);
                match glob.strip_prefix("tag:") {
                    Some(tag) => config.has_tag(|one| glob_match(tag, one)),
                    None if glob == "*" => true,
                    None => {
                        let name = &config.name;
                        glob_match(glob, name) || last_part(name) == glob || in_directory(glob)
                    }
                }
            }
            PackageRunner::Yarn => {
                glob_match(glob, &project.name) || in_directory(glob.trim_start_matches("./"))
            }
            PackageRunner::Turbo
            | PackageRunner::Lerna
            | PackageRunner::Npm
            | PackageRunner::Pnpm
            | PackageRunner::Bun
            | PackageRunner::Bowline => glob_match(glob, &project.name),
        }
    }
}

/// Whether the filters mean the same whatever their order: versions of pnpm differ in what comes first.
fn has_one_order(filters: &[Filter]) -> Result<(), String> {
    let is_late = |pair: &&[Filter]| pair[0].excludes && !pair[1].excludes;
    let is_both = |filter: &&Filter| filters.len() > 1 && filter.dependencies && filter.dependents;
    if let Some(pair) = filters.windows(2).find(is_late) {
        return Err(format!("`{}` stands before `{}`", pair[0].text, pair[1].text));
    }
    let both = filters.iter().find(is_both);
    both.map_or(Ok(()), |filter| Err(format!("`{}` is one of several filters", filter.text)))
}

/// Whether each name is that of a package, whole: turbo and bun know none without its scope.
fn has_names(filters: &[Filter], packages: &Packages) -> Result<(), String> {
    let is_whole = |name: &str| packages.projects().iter().any(|project| matches_name(name, &project.name));
    let missing = filters.iter().filter_map(|filter| filter.name.as_deref()).find(|name| !is_whole(name));
    missing.map_or(Ok(()), |name| Err(format!("no package is called `{name}`")))
}

/// Whether one of the names is the directory of the package, or the one above it.
fn is_within(names: &[String], packages: &Packages, project: &Project) -> bool {
    names.iter().any(|name| {
        let dir = joined(packages.root(), name);
        dir != packages.root() && (project.dir == dir || project.dir.parent() == Some(&*dir))
    })
}
