//! The launch plan, as plain data.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Serialize, Serializer};
use serde_json::{Map, json};

use super::changes::Changes;
use super::script_runner::SHELL;
use super::script_shell::ScriptShell;
use crate::detect::catalog::Role;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The script: `predev` or `dev`; or the program of `bowline exec`.
    pub name: String,
    /// A path, or a name to be looked up in the `PATH` of `environment`.
    pub program: PathBuf,
    /// The whole argument list, the program's own name first.
    pub argv: Vec<OsString>,
    pub cwd: PathBuf,
    pub environment: Changes,
    /// The programs that it may start, as written in the script, to explain a missing one.
    pub programs: Vec<String>,
}

impl Step {
    /// A command for the shell, in the directory and environment of this step.
    #[must_use]
    pub fn command(&self, name: &str, text: &str) -> Self {
        let argv = ["sh", "-c", text].map(OsString::from).to_vec();
        Self { name: name.to_owned(), program: SHELL.into(), argv, ..self.clone() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    Flag,
    /// In a variable that the server is known to read.
    Variable,
    /// In variables that the server may ignore.
    #[default]
    Unverified,
    /// By another bowline that the script starts, and that takes this one's port over.
    Inner,
}

impl Delivery {
    /// That of a server which is told by its flag, if it has one, and in variables, which it may be known to read.
    pub(super) fn of(role: Role, by_flag: bool, reads_variable: bool) -> Self {
        match (by_flag, reads_variable) {
            // A program may ask for another port than its runtime would choose.
            (true, true) if role == Role::Runtime => Self::Variable,
            (true, _) => Self::Flag,
            (false, true) => Self::Variable,
            (false, false) => Self::Unverified,
        }
    }
}

/// A launch, decided in every detail. Nothing has been started or written yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchSpec {
    /// 0 for a service without a port.
    pub port: u16,
    /// The command of bowline.toml to run before all else; its failure ends the launch.
    pub before: Option<Step>,
    /// The hook to run before the service; its failure ends the launch.
    pub pre: Option<Step>,
    pub main: Step,
    /// The hook to run after the service has ended with status 0.
    pub post: Option<Step>,
    /// The command with the port in it, as a person would write it.
    pub command: String,
    pub delivery: Delivery,
    /// Whether the port was told to a framework's server alone, one of several programs of the script: a listener may
    /// be another program's.
    pub is_one_of_several: bool,
    /// The file that package managers run nested scripts through.
    pub script_shell: Option<ScriptShell>,
    pub notes: Vec<String>,
    /// Why the port may not arrive, and advice.
    pub doubt: Option<String>,
    /// Warnings for the user, each in one line with advice.
    pub warnings: Vec<String>,
}

impl LaunchSpec {
    pub fn has_port(&self) -> bool {
        self.port != 0
    }

    /// The script, and those before and after it.
    pub fn scripts_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        self.pre.iter_mut().chain([&mut self.main]).chain(&mut self.post)
    }

    /// All steps, in the order in which they run.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.before.iter().chain(&self.pre).chain([&self.main]).chain(&self.post)
    }
}

/// The part that `dev --dry-run --json` prints. `U+FFFD` stands for bytes that are not UTF-8.
impl Serialize for LaunchSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let argv: Vec<_> = self.main.argv.iter().map(|word| word.to_string_lossy()).collect();
        let additions = self.main.environment.additions();
        let env: Map<_, _> =
            additions.map(|(name, value)| (name.to_owned(), value.to_string_lossy().into())).collect();
        let (command, port) = (&self.command, self.has_port().then_some(self.port));
        let warnings: Vec<&String> = self.warnings.iter().chain(&self.doubt).collect();
        json!({ "command": command, "port": port, "argv": argv, "env": env, "warnings": warnings })
            .serialize(serializer)
    }
}
