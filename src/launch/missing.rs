//! Advice about a command that was not found.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::environment::bin_directories;
use super::error::LaunchError;
use super::reading::Reading;
use super::spec::Step;
use crate::detect::catalog::{Catalog, CatalogText};
use crate::exit_code::{NOT_EXECUTABLE, NOT_FOUND};
use crate::script::PackageManager;
use crate::visible::Visible;

/// How many bytes of a file Linux searches for the line that names an interpreter.
const FIRST_LINE: u64 = 256;

/// Programs whose package has another name, frameworks apart: those are in the catalog.
const PACKAGES: [(&str, &str); 9] = [
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

/// Programs whose package has the same name, and that start the server in many scripts.
const PROGRAMS: [&str; 10] = [
    "concurrently", "cross-env", "env-cmd", "nodemon", "rimraf", "ts-node", "ts-node-dev", "tsx", "turbo",
    "wait-on",
];

pub(super) fn is_program(word: &str) -> bool {
    PackageManager::from_name(word).is_some()
        || PROGRAMS.contains(&word)
        || PACKAGES.iter().any(|(name, _)| *name == word)
}

/// Explains an exit with status 127 or 126: which of the step's programs is missing, and how to get it.
///
/// `None` for any other status, and where all programs of the script exist: then one of them ended with that
/// status for a reason of its own.
pub fn explain(status: u8, step: &Step, reading: &Reading<'_>, catalog: &Catalog) -> Option<LaunchError> {
    let first = |advice: &dyn Fn(&str) -> Option<String>| {
        step.programs.iter().find_map(|program| Some((program.clone(), advice(program)?)))
    };
    match status {
        NOT_EXECUTABLE => {
            let (program, advice) = first(&|program| not_executable(reading, program))?;
            Some(LaunchError::NotExecutable { program, advice })
        }
        NOT_FOUND => {
            let missing =
                first(&|program| find(reading, program).is_none().then(|| advice(reading, catalog, program)));
            let (program, advice) = missing.or_else(|| first(&|program| no_interpreter(reading, program)))?;
            Some(LaunchError::NotFound { program, advice })
        }
        _ => None,
    }
}

/// The file of a program as its step finds it.
pub(super) fn find(reading: &Reading<'_>, program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        let path: PathBuf = reading.project.dir.join(program).components().collect();
        return Some(path).filter(|path| path.exists());
    }
    let mut own = bin_directories(&reading.project.dir).map(|dir| dir.join(program));
    own.find(|path| path.exists()).or_else(|| reading.caller.find(program))
}

/// Advice about a file whose first line names a missing interpreter: the system reports the file as not found.
fn no_interpreter(reading: &Reading<'_>, program: &str) -> Option<String> {
    let path = find(reading, program).filter(|path| path.is_file())?;
    let mut bytes = Vec::new();
    File::open(&path).and_then(|file| file.take(FIRST_LINE).read_to_end(&mut bytes)).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.strip_prefix("#!")?.split('\n').next()?;
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let named = words.next()?;
    let by_name = named.trim_end_matches('\r').ends_with("/env");
    let wanted = if by_name { words.find(|word| !word.starts_with('-')).unwrap_or(named) } else { named };
    let path = path.visible();
    if find(reading, wanted).is_some() {
        None
    } else if line.ends_with('\r') {
        Some(format!("save `{path}` with line feeds alone: its lines end as on Windows"))
    } else {
        Some(format!("install `{wanted}`, or correct the first line of `{path}`, which asks for it"))
    }
}

fn not_executable(reading: &Reading<'_>, program: &str) -> Option<String> {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![reading.project.dir.join(program)]
    } else {
        bin_directories(&reading.project.dir).map(|dir| dir.join(program)).collect()
    };
    let path = candidates.into_iter().find(|path| path.is_dir() || path.exists() && !is_executable(path))?;
    Some(if path.is_dir() {
        format!("name a program: `{}` is a directory", path.visible())
    } else {
        format!("run `chmod +x {}`", path.visible())
    })
}

fn advice(reading: &Reading<'_>, catalog: &Catalog, program: &str) -> String {
    if let Some(manager) = PackageManager::from_name(program) {
        return install_manager(manager);
    }
    if Path::new(program).is_absolute() {
        return format!("install `{program}`, or correct the script or setting that names it");
    }
    if program.contains('/') {
        return format!("make `{program}` with the project's build, or correct the script");
    }
    let Reading { project, choice, .. } = reading;
    let install = format!("run `{} install` in `{}`", choice.manager.name(), choice.root.visible());
    let dependencies = &project.manifest.dependencies;
    if !dependencies.is_empty() && !is_installed(reading) {
        return format!("{install}: there is no `node_modules` yet");
    }
    let Some(package) = package_of(reading, catalog, program) else {
        return format!("install `{program}`: it is neither in `node_modules/.bin` nor in the `PATH`");
    };
    if dependencies.contains_key(&package) {
        return format!("{install}: package.json names `{package}`, but it is not installed");
    }
    let add = match choice.manager {
        PackageManager::Npm => "npm install --save-dev",
        PackageManager::Pnpm => "pnpm add --save-dev",
        PackageManager::Yarn => "yarn add --dev",
        PackageManager::Bun => "bun add --dev",
    };
    format!("run `{add} {package}` in `{}`", project.dir.visible())
}

fn is_installed(Reading { project, choice, .. }: &Reading<'_>) -> bool {
    [&project.dir, &choice.root].into_iter().any(|dir| dir.join("node_modules").is_dir())
        || [".pnp.cjs", ".pnp.js"].into_iter().any(|name| choice.root.join(name).exists())
}

/// The package of a program. Where the catalog and the tables know several, one that the project depends on
/// counts.
fn package_of(reading: &Reading<'_>, catalog: &Catalog, program: &str) -> Option<String> {
    let starts_with_it = |command: &CatalogText| command.split_whitespace().next() == Some(program);
    let frameworks = catalog.frameworks().iter();
    let frameworks = frameworks.filter(|framework| framework.commands.iter().any(starts_with_it));
    let mut packages: Vec<&str> =
        frameworks.flat_map(|framework| framework.dependencies.iter().map(|name| &**name)).collect();
    packages.extend(PACKAGES.iter().filter(|(name, _)| *name == program).map(|(_, package)| *package));
    packages.extend(PROGRAMS.iter().filter(|name| **name == program));
    let is_declared = |package: &&&str| reading.project.manifest.dependencies.contains_key(**package);
    let declared = packages.iter().chain([&program]).find(is_declared);
    let namesake = || packages.iter().find(|package| **package == program);
    declared.or_else(namesake).or(packages.first()).map(|package| (*package).to_owned())
}

fn is_executable(path: &Path) -> bool {
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
