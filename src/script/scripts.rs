//! The other scripts, packages and binaries that a script may call.

use super::wrapper::Wrapper;

/// A program that installs packages and runs their scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackageManager {
    Npm,
    Pnpm,
    Yarn,
    Bun,
}

impl PackageManager {
    /// The name of its program, and its value in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pnpm => "pnpm",
            Self::Yarn => "yarn",
            Self::Bun => "bun",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Npm, Self::Pnpm, Self::Yarn, Self::Bun].into_iter().find(|manager| manager.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherPackage {
    /// Relative to the directory of the script.
    Directory(String),
    /// By its name in the workspace.
    Named(String),
}

/// The package of a script, as far as its scripts can call into it.
pub trait Scripts {
    fn text(&self, name: &str) -> Option<String>;

    /// The names of all scripts, in the order of package.json, for patterns as in `run-p dev:*`.
    fn names(&self) -> Vec<String>;

    fn text_in(&self, package: &OtherPackage, name: &str) -> Option<String>;

    /// The directory of a project that nx knows, and the command of its target.
    fn target(&self, _project: &str, _target: &str) -> Option<(String, String)> {
        None
    }

    /// The one binary of an installed package.
    fn binary(&self, package: &str) -> Option<String>;

    /// The manager with which `run-p` and its kin run scripts.
    fn manager(&self) -> PackageManager;

    /// Whether `manager` runs the `pre` and `post` scripts around a script.
    fn runs_hooks(&self, manager: PackageManager) -> bool;

    /// Whether a file of the package is a shell script that runs the command which its arguments are.
    fn runs_its_arguments(&self, _file: &str) -> bool {
        false
    }

    /// The known wrappers, in order of precedence.
    fn wrappers(&self) -> &[Wrapper];
}
