//! The program that runs a script: nearly always a shell, else the package manager itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::package_manager::yarn_path;
use super::reading::Reading;
use super::yaml::yaml;
use crate::project::read_text_if_any;
use crate::script::PackageManager;

/// The shell with which package managers run scripts.
pub(super) const SHELL: &str = "/bin/sh";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ScriptRunner {
    /// `SHELL -c TEXT`.
    Shell(PathBuf),
    /// The package manager: it does something to scripts that cannot be imitated.
    Manager { why: &'static str },
}

impl ScriptRunner {
    pub(super) fn of(reading: &Reading<'_>) -> Self {
        let Reading { project, choice, caller, settings, leaves, .. } = reading;
        match choice.manager {
            PackageManager::Yarn if plug_and_play(&choice.root) => {
                Self::Manager { why: "Yarn Plug'n'Play has no `node_modules`" }
            }
            PackageManager::Yarn if choice.is_modern_yarn() => {
                if choice.root.join(".env.yarn").exists() || injects_files(&choice.root) {
                    return Self::Manager { why: "Yarn reads the environment of scripts from files" };
                }
                if leaves.iter().any(|leaf| leaf.program == "run") {
                    return Self::Manager { why: "the command `run` is part of Yarn" };
                }
                Self::Shell(SHELL.into())
            }
            PackageManager::Npm | PackageManager::Pnpm | PackageManager::Yarn => {
                Self::Shell(settings.get("script-shell").unwrap_or(SHELL).into())
            }
            PackageManager::Bun if bunfig_changes_scripts(&project.dir) => {
                Self::Manager { why: "`bunfig.toml` changes how scripts run" }
            }
            PackageManager::Bun => Self::Shell(caller.find("bash").unwrap_or_else(|| SHELL.into())),
        }
    }
}

/// Whether the project uses Plug'n'Play. A `node_modules` does not rule that out, as Vite and others keep caches
/// there: only Yarn's own marker in it does.
fn plug_and_play(root: &Path) -> bool {
    let has = |name: &&str| root.join(name).exists();
    [".pnp.cjs", ".pnp.js"].iter().any(has)
        && !["node_modules/.yarn-state.yml", "node_modules/.yarn-integrity"].iter().any(has)
}

fn injects_files(root: &Path) -> bool {
    yaml(&root.join(".yarnrc.yml"))
        .is_some_and(|document| document.as_mapping_get("injectEnvironmentFiles").is_some())
}

/// Whether `[run]` chooses Bun's own shell, or Bun in place of node.
fn bunfig_changes_scripts(dir: &Path) -> bool {
    let text = read_text_if_any(&dir.join("bunfig.toml")).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let Some(run) = table.get("run") else { return false };
    let shell = run.get("shell").and_then(toml::Value::as_str);
    run.get("bun") == Some(&true.into()) || shell.is_some_and(|shell| shell != "system")
}

/// The command with which Yarn runs a text that is no script, such as that of `bowline exec` or bowline.toml. `None` but
/// under Plug'n'Play, where no directory of `PATH` has the programs of packages.
pub(super) fn exec_of_yarn(reading: &Reading<'_>, text: &str) -> Option<Vec<OsString>> {
    let choice = reading.choice;
    let uses_archives = choice.is_modern_yarn() && plug_and_play(&choice.root);
    uses_archives.then(|| delegated(reading, "", Some(text)))
}

/// The command with which the manager runs the script `name`, or `text` where it can run any text.
pub(super) fn delegated(reading: &Reading<'_>, name: &str, text: Option<&str>) -> Vec<OsString> {
    let Reading { choice, caller, .. } = reading;
    let needs_own = choice.manager == PackageManager::Yarn && caller.find("yarn").is_none();
    let own = if needs_own { yarn_path(&choice.root) } else { None };
    let mut argv: Vec<OsString> = match own {
        Some(path) => vec!["node".into(), path.into_os_string()],
        None => vec![choice.manager.name().into()],
    };
    argv.extend(text.map_or(["run".into(), name.into()], |text| ["exec".into(), text.into()]));
    argv
}
