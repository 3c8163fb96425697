//! Which package manager a project is run with, and which version of it, without starting it.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;
use serde_json::Value;

use super::caller::Caller;
use super::yaml::{scalar, yaml};
use crate::project::{Project, read_file};
use crate::script::PackageManager;

/// The lockfiles, the most trusted first: a `package-lock.json` beside another lockfile is mostly the result of
/// one mistaken `npm install`.
const LOCKFILES: [(&str, PackageManager); 6] = [
    ("bun.lock", PackageManager::Bun),
    ("bun.lockb", PackageManager::Bun),
    ("pnpm-lock.yaml", PackageManager::Pnpm),
    ("yarn.lock", PackageManager::Yarn),
    ("package-lock.json", PackageManager::Npm),
    ("npm-shrinkwrap.json", PackageManager::Npm),
];

const INSTALLED_BY: [(&str, PackageManager); 4] = [
    (".modules.yaml", PackageManager::Pnpm),
    (".package-lock.json", PackageManager::Npm),
    (".yarn-state.yml", PackageManager::Yarn),
    (".yarn-integrity", PackageManager::Yarn),
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `packageManager` or `devEngines.packageManager` in this package.json.
    Manifest(PathBuf),
    Lockfile(PathBuf),
    /// bowline runs inside a script of the manager.
    Invoker,
    Default,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenManager {
    pub manager: PackageManager,
    pub version: Option<Version>,
    pub source: Source,
    /// Where dependencies are installed: the workspace's root, else the project's directory.
    pub root: PathBuf,
    /// The program in the `PATH`; not searched for where bowline runs inside a script of the same manager.
    pub(super) installation: Option<Installation>,
}

impl ChosenManager {
    /// The major version; the current one if none is known.
    pub fn major(&self) -> u64 {
        let current = match self.manager {
            PackageManager::Npm => 11,
            PackageManager::Pnpm => 12,
            PackageManager::Yarn => 4,
            PackageManager::Bun => 1,
        };
        self.version.as_ref().map_or(current, |version| version.major)
    }

    pub fn is_modern_yarn(&self) -> bool {
        self.manager == PackageManager::Yarn && self.major() >= 2
    }

    /// The version that would run: the invoker's, or the installed program's. Yarn installs itself into projects,
    /// so there the project's own comes first, and the lockfile rules out versions that could not read it.
    fn known_version(&self, caller: &Caller) -> Option<Version> {
        let invoker = || {
            let (_, version) = caller.invoker().filter(|_| caller.is_inside(self.manager))?;
            Version::parse(version).ok()
        };
        let installed = self.installation.as_ref().and_then(|found| found.version.clone());
        if self.manager != PackageManager::Yarn {
            return invoker().or(installed);
        }
        // The project's own Yarn, as `yarn-4.1.0.cjs`.
        let carried = yarn_path(&self.root)
            .and_then(|path| Version::parse(path.file_stem()?.to_str()?.strip_prefix("yarn-")?).ok());
        carried.or_else(invoker).or_else(|| {
            let lockfile = match &self.source {
                Source::Lockfile(path) => path,
                Source::Manifest(_) | Source::Invoker | Source::Default => &self.root.join("yarn.lock"),
            };
            let is_classic = is_classic(lockfile, &self.root)?;
            let fitting = installed.filter(|version| (version.major < 2) == is_classic);
            fitting.or_else(|| is_classic.then(|| Version::new(1, 22, 22)))
        })
    }
}

/// Chooses by the `packageManager` field, else the lockfile nearest upwards, else the invoker, else npm.
///
/// Among several lockfiles in one directory, the one of the manager that installed `node_modules` there counts,
/// else the invoker's, else the first in the order bun, pnpm, yarn, npm.
pub fn choose(project: &Project, caller: &Caller) -> ChosenManager {
    let root = project.workspace.as_ref().map_or(&project.dir, |workspace| &workspace.root).clone();
    let invoker = caller.invoker().and_then(|(name, _)| PackageManager::from_name(name));
    let (manager, version, source) = if let Some((manager, version, path)) = declared(project) {
        (manager, version, Source::Manifest(path))
    } else if let Some((manager, lockfile)) = nearest_lockfile(&project.dir, invoker) {
        (manager, None, Source::Lockfile(lockfile))
    } else if let Some(manager) = invoker {
        (manager, None, Source::Invoker)
    } else {
        (PackageManager::Npm, None, Source::Default)
    };
    let installation = if invoker == Some(manager) { None } else { Installation::find(manager, caller) };
    let mut choice = ChosenManager { manager, version, source, root, installation };
    if choice.version.is_none() {
        choice.version = choice.known_version(caller);
    }
    choice
}

fn declared(project: &Project) -> Option<(PackageManager, Option<Version>, PathBuf)> {
    if let Some((manager, version)) = named_in(&project.manifest.document) {
        return Some((manager, version, project.manifest.path.clone()));
    }
    let path = project.workspace.as_ref()?.root.join("package.json");
    if path == project.manifest.path {
        return None;
    }
    let (manager, version) = named_in(&serde_json::from_slice(&read_file(&path).ok()?).ok()?)?;
    Some((manager, version, path))
}

fn named_in(manifest: &Value) -> Option<(PackageManager, Option<Version>)> {
    let field = manifest["packageManager"].as_str();
    if let Some((name, version)) = field.map(|text| text.split_once('@').unwrap_or((text, "")))
        && let Some(manager) = PackageManager::from_name(name)
    {
        // Corepack appends its hash to the version, in the place of semver's build metadata.
        let version = version.split_once('+').map_or(version, |(version, _)| version);
        return Some((manager, Version::parse(version).ok()));
    }
    let engine = &manifest["devEngines"]["packageManager"];
    let engine = engine.as_array().and_then(|list| list.first()).unwrap_or(engine);
    let manager = PackageManager::from_name(engine["name"].as_str()?)?;
    Some((manager, engine["version"].as_str().and_then(|version| Version::parse(version).ok())))
}

fn nearest_lockfile(dir: &Path, invoker: Option<PackageManager>) -> Option<(PackageManager, PathBuf)> {
    dir.ancestors().find_map(|dir| {
        let lockfiles = LOCKFILES.iter().map(|(name, manager)| (*manager, dir.join(name)));
        let found: Vec<_> = lockfiles.filter(|(_, path)| path.is_file()).collect();
        let of = |manager| found.iter().find(|(other, _)| *other == manager);
        let mut chosen = found.first();
        if found.len() > 1 {
            chosen = installer(dir).and_then(of).or(invoker.and_then(of)).or(chosen);
        }
        chosen.cloned()
    })
}

fn installer(dir: &Path) -> Option<PackageManager> {
    let modules = dir.join("node_modules");
    INSTALLED_BY.iter().find(|(mark, _)| modules.join(mark).exists()).map(|(_, manager)| *manager)
}

pub(super) fn yarn_path(root: &Path) -> Option<PathBuf> {
    Some(root.join(scalar(&yaml(&root.join(".yarnrc.yml"))?, "yarnPath")?))
}

/// Whether the lockfile is Yarn 1's. An empty one counts as such, unless the project is set up for a modern Yarn.
fn is_classic(lockfile: &Path, root: &Path) -> Option<bool> {
    let mut head = Vec::new();
    fs::File::open(lockfile).ok()?.take(512).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    let modern = head.contains("__metadata") || root.join(".yarnrc.yml").is_file();
    Some(head.contains("yarn lockfile v1") || !modern)
}

/// A package manager in the `PATH` that is a package itself, not a stand-in that chooses a version when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Installation {
    pub(super) dir: PathBuf,
    /// The program as the `PATH` names it.
    pub(super) named: PathBuf,
    /// The same, links resolved.
    pub(super) program: PathBuf,
    pub(super) version: Option<Version>,
}

impl Installation {
    pub(super) fn find(manager: PackageManager, caller: &Caller) -> Option<Self> {
        let named = caller.find(manager.name())?;
        let program = named.canonicalize().ok()?;
        let (dir, text) = program
            .ancestors()
            .skip(1)
            .take(3)
            .find_map(|dir| Some((dir, read_file(&dir.join("package.json")).ok()?)))?;
        let InstalledPackage { name, version } = serde_json::from_slice(&text).ok()?;
        let is_modern_yarn = manager == PackageManager::Yarn && name.starts_with("@yarnpkg/cli");
        (name == manager.name() || is_modern_yarn).then(|| Self {
            dir: dir.to_path_buf(),
            named,
            program: program.clone(),
            version: Version::parse(&version).ok(),
        })
    }
}

/// The part that is needed of a long package.json: the rest is skipped, which is faster.
#[derive(Deserialize)]
struct InstalledPackage {
    name: String,
    version: String,
}
