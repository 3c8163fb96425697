//! By what means a script is run: a shell, as nearly always, or the package manager itself.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::caller::Caller;
use super::environment::{Origin, prefix_of};
use super::package_manager::{Choice, PackageManager, yarn_path};
use super::settings::Npmrc;
use crate::project::{Project, read_text_if_any};
use crate::script::Leaf;

/// What package managers run scripts with.
pub(super) const SHELL: &str = "/bin/sh";

/// What runs a script's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Means {
    /// `SHELL -c TEXT`.
    Shell(PathBuf),
    /// The package manager, because it does something to scripts that cannot be imitated.
    Manager {
        /// What that is.
        why: &'static str,
    },
}

/// The settings files that count for this project, the strongest first.
pub(super) fn npmrc(project: &Project, choice: &Choice, caller: &Caller, node: Option<&Path>) -> Npmrc {
    // pnpm reads its settings from `.npmrc` up to version 10, and from YAML from that one on. Where nothing says
    // which version it is, both count.
    let known = || choice.version.as_ref().map_or(10, |version| version.major);
    let pnpm = (choice.manager == PackageManager::Pnpm).then(known);
    let workspace = choice.root.join("pnpm-workspace.yaml");
    if pnpm.is_some_and(|major| major >= 11) {
        let everywhere = caller.config_home().map(|dir| dir.join("pnpm/config.yaml"));
        let files: Vec<PathBuf> = [workspace].into_iter().chain(everywhere).collect();
        return Npmrc::read(&[], "pnpm_config_", caller).over_yaml(&files);
    }
    let mut files = Vec::with_capacity(4);
    if choice.manager != PackageManager::Npm && choice.root != project.dir {
        files.push(project.dir.join(".npmrc"));
    }
    files.push(choice.root.join(".npmrc"));
    match caller.text("npm_config_userconfig") {
        Some(path) => files.push(path.into()),
        None => files.extend(caller.home().map(|home| home.join(".npmrc"))),
    }
    if pnpm.is_some() {
        files.extend(caller.config_home().map(|dir| dir.join("pnpm/rc")));
    }
    files.extend(node.and_then(prefix_of).map(|prefix| prefix.join("etc/npmrc")));
    let npmrc = Npmrc::read(&files, "npm_config_", caller);
    if pnpm == Some(10) { npmrc.under_yaml(&workspace) } else { npmrc }
}

impl Means {
    /// The means that the project's package manager would use.
    pub(super) fn of(origin: &Origin<'_>, leaves: &[Leaf]) -> Self {
        let Origin { project, choice, caller, npmrc, .. } = origin;
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
                Self::Shell(named_shell(None))
            }
            PackageManager::Npm | PackageManager::Pnpm | PackageManager::Yarn => {
                Self::Shell(named_shell(npmrc.get("script-shell")))
            }
            PackageManager::Bun if bunfig_changes_scripts(&project.dir) => {
                Self::Manager { why: "`bunfig.toml` changes how scripts run" }
            }
            PackageManager::Bun => Self::Shell(caller.find("bash").unwrap_or_else(|| named_shell(None))),
        }
    }
}

/// Whether the package manager runs the `pre` and `post` scripts around one that it is told to run.
pub(super) fn runs_hooks(choice: &Choice, npmrc: &Npmrc) -> bool {
    match choice.manager {
        PackageManager::Npm => npmrc.flag("ignore-scripts") != Some(true),
        PackageManager::Pnpm => npmrc.flag("enable-pre-post-scripts").unwrap_or(choice.major() >= 9),
        PackageManager::Yarn => !choice.is_modern_yarn(),
        PackageManager::Bun => true,
    }
}

fn named_shell(name: Option<&str>) -> PathBuf {
    PathBuf::from(name.unwrap_or(SHELL))
}

/// Yarn leaves a mark of its own in a `node_modules` that it installs, while Vite and others make one for their
/// caches under Plug'n'Play as well.
fn plug_and_play(root: &Path) -> bool {
    let loader = [".pnp.cjs", ".pnp.js"].into_iter().any(|name| root.join(name).exists());
    loader
        && ![".yarn-state.yml", ".yarn-integrity"]
            .into_iter()
            .any(|mark| root.join("node_modules").join(mark).exists())
}

fn injects_files(root: &Path) -> bool {
    read_text_if_any(&root.join(".yarnrc.yml"))
        .is_some_and(|text| text.lines().any(|line| line.starts_with("injectEnvironmentFiles:")))
}

/// Whether `[run]` names another shell than the system's, or puts Bun in the place of node.
fn bunfig_changes_scripts(dir: &Path) -> bool {
    #[derive(Default, Deserialize)]
    struct Bunfig {
        #[serde(default)]
        run: Run,
    }
    #[derive(Default, Deserialize)]
    struct Run {
        shell: Option<String>,
        bun: Option<bool>,
    }
    let text = read_text_if_any(&dir.join("bunfig.toml")).unwrap_or_default();
    let run = toml::from_str::<Bunfig>(&text).unwrap_or_default().run;
    run.bun == Some(true) || run.shell.is_some_and(|shell| shell != "system")
}

/// The command with which the manager runs a script of this name, or this text where it can run any text.
pub(super) fn delegated(origin: &Origin<'_>, script: &str, text: Option<&str>) -> Vec<OsString> {
    let Origin { choice, caller, .. } = origin;
    let mut argv: Vec<OsString> = Vec::new();
    let carried = (choice.manager == PackageManager::Yarn && caller.find("yarn").is_none())
        .then(|| yarn_path(&choice.root))
        .flatten();
    match carried {
        Some(path) => argv.extend(["node".into(), path.into_os_string()]),
        None => argv.push(choice.manager.name().into()),
    }
    match text {
        Some(text) => argv.extend(["exec".into(), text.into()]),
        None => argv.extend(["run".into(), script.into()]),
    }
    argv
}
