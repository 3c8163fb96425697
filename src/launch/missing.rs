//! What to install when a command was not found.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use super::environment::bin_directories;
use super::error::Error;
use super::package_manager::{Choice, PackageManager};
use super::reading::Reading;
use super::spec::Step;
use crate::detect::catalog::{Catalog, Word};
use crate::project::Project;
use crate::visible::Visible;

/// The status with which a shell, and bowline, says that a command was not found.
pub const NOT_FOUND: i32 = 127;
/// The status with which a shell, and bowline, says that a command could not be executed.
pub const NOT_EXECUTABLE: i32 = 126;

/// How much of a file the system looks for an interpreter in, in bytes.
const FIRST_LINE: u64 = 256;

/// Programs that are not named like the package which brings them, frameworks apart: the catalog has those.
const BROUGHT_BY: [(&str, &str); 9] = [
    ("conc", "concurrently"),
    ("cross-env-shell", "cross-env"),
    ("dotenv", "dotenv-cli"),
    ("dotenvx", "@dotenvx/dotenvx"),
    ("npm-run-all", "npm-run-all2"),
    ("run-p", "npm-run-all2"),
    ("run-s", "npm-run-all2"),
    ("tailwindcss", "@tailwindcss/cli"),
    ("tsc", "typescript"),
];

/// Packages whose program has their name, and that scripts start their servers with.
const NAMESAKES: [&str; 10] = [
    "concurrently",
    "cross-env",
    "env-cmd",
    "nodemon",
    "rimraf",
    "ts-node",
    "ts-node-dev",
    "tsx",
    "turbo",
    "wait-on",
];

/// Whether a word of a script is the name of a program.
pub(super) fn is_program(word: &str) -> bool {
    PackageManager::from_name(word).is_some()
        || NAMESAKES.contains(&word)
        || BROUGHT_BY.iter().any(|(name, _)| *name == word)
}

/// Explains an exit with status 127 or 126: which of the step's programs is missing, and how to get it.
///
/// `None` for any other status, and where all programs of the script are found, so that one of them must have
/// ended with that status for a reason of its own.
pub fn explain(status: i32, step: &Step, reading: &Reading<'_>, catalog: &Catalog) -> Option<Error> {
    let Reading { project, choice, caller, .. } = *reading;
    let search = Search { project, choice, catalog, caller };
    if status == NOT_EXECUTABLE {
        let (program, path) = step
            .programs
            .iter()
            .find_map(|program| Some((program, search.file_that_cannot_run(program)?)))?;
        let advice = if path.is_dir() {
            format!("name a program: `{}` is a directory", path.visible())
        } else {
            format!("run `chmod +x {}`", path.visible())
        };
        return Some(Error::NotExecutable { program: program.clone(), advice: Some(advice) });
    }
    if status != NOT_FOUND {
        return None;
    }
    let missing = step.programs.iter().find(|program| search.found(program).is_none());
    let (program, advice) = match missing {
        Some(program) => (program, search.advice(program)),
        None => step.programs.iter().find_map(|program| Some((program, search.no_interpreter(program)?)))?,
    };
    Some(Error::NotFound { program: program.clone(), advice: Some(advice) })
}

struct Search<'a> {
    project: &'a Project,
    choice: &'a Choice,
    catalog: &'a Catalog,
    caller: &'a Caller,
}

impl Search<'_> {
    fn found(&self, program: &str) -> Option<PathBuf> {
        if program.contains('/') {
            let path: PathBuf = self.project.dir.join(program).components().collect();
            return Some(path).filter(|path| path.exists());
        }
        let mut own = bin_directories(&self.project.dir).map(|dir| dir.join(program));
        own.find(|path| path.exists()).or_else(|| self.caller.find(program))
    }

    /// What to do about a file whose first line names an interpreter that there is none of: the system says of the file
    /// itself that it is not found.
    fn no_interpreter(&self, program: &str) -> Option<String> {
        let path = self.found(program).filter(|path| path.is_file())?;
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(FIRST_LINE).read_to_end(&mut bytes)).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let line = text.strip_prefix("#!")?.split('\n').next()?;
        let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
        let named = words.next()?;
        let by_name = named.trim_end_matches('\r').ends_with("/env");
        let wanted = if by_name { words.find(|word| !word.starts_with('-')).unwrap_or(named) } else { named };
        let path = path.visible();
        if self.found(wanted).is_some() {
            None
        } else if line.ends_with('\r') {
            Some(format!("save `{path}` with line feeds alone: its lines end as on Windows"))
        } else {
            Some(format!("install `{wanted}`, or correct the first line of `{path}`, which asks for it"))
        }
    }

    fn file_that_cannot_run(&self, program: &str) -> Option<PathBuf> {
        let candidates: Vec<PathBuf> = if program.contains('/') {
            vec![self.project.dir.join(program)]
        } else {
            bin_directories(&self.project.dir).map(|dir| dir.join(program)).collect()
        };
        candidates.into_iter().find(|path| path.exists() && (path.is_dir() || !executable(path)))
    }

    fn advice(&self, program: &str) -> String {
        if let Some(manager) = PackageManager::from_name(program) {
            return install_manager(manager);
        }
        if Path::new(program).is_absolute() {
            return format!("install `{program}`, or correct the script or setting that names it");
        }
        if program.contains('/') {
            return format!("make `{program}` with the project's build, or correct the script");
        }
        let install = self.choice.manager.install_command();
        let place = self.choice.root.visible();
        let manifest = &self.project.manifest;
        if !manifest.dependencies.is_empty() && !self.installed() {
            return format!("run `{install}` in `{place}`: there is no `node_modules` yet");
        }
        let Some(package) = self.package_of(program) else {
            return format!("install `{program}`: it is neither in `node_modules/.bin` nor in the `PATH`");
        };
        if manifest.dependencies.contains_key(&package) {
            return format!(
                "run `{install}` in `{place}`: package.json names `{package}`, but it is not installed"
            );
        }
        format!("run `{} {package}` in `{}`", self.choice.manager.add_command(), self.project.dir.visible())
    }

    /// Whether there is any `node_modules` that the project's packages may lie in.
    fn installed(&self) -> bool {
        [&self.project.dir, &self.choice.root].into_iter().any(|dir| dir.join("node_modules").is_dir())
            || [".pnp.cjs", ".pnp.js"].into_iter().any(|name| self.choice.root.join(name).exists())
    }

    /// The package that brings a program: as the project names it, as the catalog knows it, as the tables say.
    fn package_of(&self, program: &str) -> Option<String> {
        let starts_with_it = |command: &Word| command.split_whitespace().next() == Some(program);
        let mut packages = Vec::new();
        for framework in self.catalog.frameworks() {
            if framework.commands.iter().any(starts_with_it) {
                packages.extend(framework.dependencies.iter().map(|name| &**name));
            }
        }
        packages.extend(BROUGHT_BY.iter().filter(|(name, _)| *name == program).map(|(_, package)| *package));
        packages.extend(NAMESAKES.iter().filter(|name| **name == program));
        let declared = |package: &&str| self.project.manifest.dependencies.contains_key(*package);
        if let Some(package) = packages.iter().copied().find(declared) {
            return Some(package.to_owned());
        }
        if declared(&program) {
            return Some(program.to_owned());
        }
        let namesake = packages.iter().find(|package| **package == program);
        namesake.or(packages.first()).map(|package| (*package).to_owned())
    }
}

fn executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

fn install_manager(manager: PackageManager) -> String {
    match manager {
        PackageManager::Npm => "install Node.js, which brings `npm`".to_owned(),
        PackageManager::Pnpm | PackageManager::Yarn => {
            let name = manager.name();
            format!("run `corepack enable {name}` or `npm install --global {name}`")
        }
        PackageManager::Bun => "run `npm install --global bun`".to_owned(),
    }
}
