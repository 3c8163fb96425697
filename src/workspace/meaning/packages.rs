//! The packages in which a command starts its script.

use std::path::Path;

use fast_glob::glob_match;
use serde_json::Value;

use super::fan_out::{FanOut, PackageRunner, Which};
use crate::project::{Project, last_part};
use crate::workspace::edges::joined;
use crate::workspace::filter::{Filter, matches_name};
use crate::workspace::nx_config::NxConfig;
use crate::workspace::nx_target::nx_target;
use crate::workspace::packages::Packages;

impl FanOut {
    /// Their indices, in the order of `packages`; else why there are none.
    pub fn packages(&self, packages: &Packages) -> Result<Vec<usize>, String> {
        let all = 0..packages.projects().len();
        let is_root = |index: usize| packages.projects()[index].dir == packages.root();
        let mut root_is_named = self.with_root;
        let mut meant: Vec<usize> = match &self.which {
            Which::All => all.collect(),
            Which::Filters(texts) => {
                let filters: Result<Vec<_>, _> =
                    texts.iter().map(|text| Filter::parse(text, packages.root())).collect();
                let filters = filters.map_err(|error| error.to_string())?;
                if matches!(self.tool, PackageRunner::Turbo | PackageRunner::Bun) {
                    has_names(&filters, packages)?;
                }
                let selected = packages.select(&filters).map_err(|error| error.to_string())?;
                root_is_named |= selected.named.iter().any(|index| is_root(*index));
                selected.indices
            }
            Which::Globs { include, exclude } => {
                let is_any = |globs: &[String], index: usize| {
                    globs.iter().any(|glob| self.means(glob, packages, index))
                };
                all.filter(|index| {
                    (include.is_empty() || is_any(include, *index)) && !is_any(exclude, *index)
                })
                .collect()
            }
            Which::Workspaces(names) => all.filter(|index| is_workspace(names, packages, *index)).collect(),
            Which::Directory(dir) => {
                let dir = joined(packages.root(), dir);
                all.filter(|index| packages.projects()[*index].dir == dir).collect()
            }
        };
        meant.retain(|index| !is_root(*index) || root_is_named && !self.chain.contains(&self.script));
        if meant.is_empty() {
            return Err("no package matches".to_owned());
        }
        meant.retain(|index| {
            !self.only_public
                || packages.projects()[*index].manifest.document.get("private") != Some(&Value::Bool(true))
        });
        meant.retain(|index| self.is_in(&packages.projects()[*index]));
        if meant.is_empty() {
            return Err(format!("no package that it means has the script `{}`", self.script));
        }
        Ok(meant)
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
                let config = NxConfig::of(project);
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

/// Whether each name is that of a package, whole: turbo and bun know none without its scope.
fn has_names(filters: &[Filter], packages: &Packages) -> Result<(), String> {
    let is_whole = |name: &str| packages.projects().iter().any(|project| matches_name(name, &project.name));
    let missing = filters.iter().filter_map(|filter| filter.name.as_deref()).find(|name| !is_whole(name));
    missing.map_or(Ok(()), |name| Err(format!("no package is called `{name}`")))
}

/// Whether one of the names is the package's, its directory, or the one above it.
fn is_workspace(names: &[String], packages: &Packages, index: usize) -> bool {
    let project = &packages.projects()[index];
    names.iter().any(|name| {
        let dir = joined(packages.root(), name);
        project.name == *name
            || dir != packages.root() && (project.dir == dir || project.dir.parent() == Some(&*dir))
    })
}
