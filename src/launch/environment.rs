//! The environment that a package manager gives to a script, made without starting it.
//!
//! `tests/real/managers.rs` compares it, name by name, with the variables that each manager really sets, and
//! lists the deliberate differences: temporary directories, and settings that only the manager itself reads.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use super::changes::Changes;
use super::node::{self, prefix_of};
use super::package_manager::{ChosenManager, Installation};
use super::package_variables;
use super::reading::Reading;
use crate::script::PackageManager;

/// The directories of package binaries: every `node_modules/.bin` from `dir` up to the root, nearest first.
pub(super) fn bin_directories(dir: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    dir.ancestors()
        .filter(|dir| dir.file_name().is_none_or(|name| name != "node_modules"))
        .map(|dir| dir.join("node_modules").join(".bin"))
}

/// `directories` followed by the caller's `PATH`. Directories with a `:` in their name are left out, as `PATH`
/// cannot hold them.
pub(super) fn search_path(directories: impl IntoIterator<Item = PathBuf>, caller: &Caller) -> OsString {
    let inherited = caller.raw("PATH").map(std::env::split_paths).into_iter().flatten();
    let usable = directories.into_iter().filter(|dir| !dir.as_os_str().as_encoded_bytes().contains(&b':'));
    std::env::join_paths(usable.chain(inherited)).unwrap_or_default()
}

/// The variables of every script of the project; [`set_lifecycle`] adds those of one script.
pub(super) fn of_scripts(reading: &Reading<'_>) -> Changes {
    let mut changes = Changes::default();
    let Reading { project, choice, caller, settings, node, .. } = reading;
    for name in caller.variables.keys().filter_map(|name| name.to_str()) {
        if name.starts_with("npm_") && !name.starts_with("npm_config_") {
            changes.remove(name);
        }
    }
    package_variables::set(&mut changes, project, choice);
    changes.set("INIT_CWD", caller.directory.as_os_str());
    changes.set("PATH", path(reading));
    if let Some(node) = node {
        changes.set("npm_node_execpath", node.as_os_str());
        if !choice.is_modern_yarn() {
            changes.set("NODE", node.as_os_str());
        }
    }
    if caller.is_inside(choice.manager) {
        for name in ["npm_execpath", "npm_node_execpath", "NODE"] {
            if let Some(value) = caller.raw(name) {
                changes.set(name, value);
            }
        }
    } else {
        changes.set("npm_config_user_agent", user_agent(reading));
        if let Some(installation) = &choice.installation {
            let keeps_links = choice.manager == PackageManager::Pnpm && choice.major() == 11;
            let program = if keeps_links { &installation.named } else { &installation.program };
            changes.set("npm_execpath", program.as_os_str());
        }
    }
    if let Some(options) = settings.get("node-options") {
        changes.set("NODE_OPTIONS", options);
    }
    match choice.manager {
        PackageManager::Npm => npm(&mut changes, reading),
        PackageManager::Pnpm => pnpm(&mut changes, reading),
        PackageManager::Yarn => yarn(&mut changes, choice),
        PackageManager::Bun => {
            changes.set("npm_command", "run-script");
            changes.set("npm_config_local_prefix", project.dir.as_os_str());
        }
    }
    changes
}

/// Sets the variables that name the script which is running.
pub(super) fn set_lifecycle(changes: &mut Changes, event: &str, text: &str, choice: &ChosenManager) {
    changes.set("npm_lifecycle_event", event);
    if !choice.is_modern_yarn() {
        changes.set("npm_lifecycle_script", text);
    }
}

fn path(reading: &Reading<'_>) -> OsString {
    let Reading { project, choice, caller, node, .. } = reading;
    let mut directories: Vec<PathBuf> = bin_directories(&project.dir).collect();
    let installed = choice.installation.as_ref().map(|found| &found.dir);
    match choice.manager {
        PackageManager::Npm => {
            let node_gyp = installed.map(|dir| dir.join("node_modules/@npmcli/run-script/lib/node-gyp-bin"));
            directories.extend(node_gyp);
        }
        PackageManager::Pnpm => {
            let node_gyp = installed.map(|dir| dir.join("dist/node-gyp-bin")).filter(|dir| dir.is_dir());
            directories.splice(1..1, node_gyp);
        }
        PackageManager::Yarn if !choice.is_modern_yarn() => {
            let prefix = node.as_deref().and_then(prefix_of);
            let node_gyp = prefix.map(|prefix| prefix.join("lib/node_modules/npm/bin/node-gyp-bin"));
            directories.extend(node_gyp.filter(|dir| dir.is_dir()));
        }
        PackageManager::Yarn | PackageManager::Bun => {}
    }
    search_path(directories, caller)
}

fn npm(changes: &mut Changes, reading: &Reading<'_>) {
    let Reading { choice, caller, settings, node, .. } = reading;
    changes.set("npm_command", "run");
    changes.set("npm_config_local_prefix", choice.root.as_os_str());
    changes.set("npm_config_noproxy", caller.text("npm_config_noproxy").unwrap_or_default());
    let editor = ["EDITOR", "VISUAL"].into_iter().find_map(|name| caller.text(name));
    changes.set("EDITOR", editor.unwrap_or("vi"));
    let colour = caller.terminal && caller.text("NO_COLOR").is_none_or(|value| value == "0");
    changes.set("COLOR", if colour { "1" } else { "0" });
    if let Some(Installation { dir, version, .. }) = &choice.installation {
        changes.set("npm_config_node_gyp", dir.join("node_modules/node-gyp/bin/node-gyp.js"));
        if let Some(version) = version {
            changes.set("npm_config_npm_version", version.to_string());
        }
    }
    let prefix = settings.get("prefix").map(PathBuf::from).or_else(|| prefix_of(node.as_deref()?));
    if let Some(prefix) = prefix {
        changes.set("npm_config_global_prefix", prefix.as_os_str());
        changes.set("npm_config_prefix", prefix.as_os_str());
        if settings.get("globalconfig").is_none() {
            changes.set("npm_config_globalconfig", prefix.join("etc/npmrc"));
        }
    }
    if let Some(home) = caller.home() {
        for (name, key, default) in [
            ("npm_config_cache", "cache", ".npm"),
            ("npm_config_init_module", "init-module", ".npm-init.js"),
            ("npm_config_userconfig", "userconfig", ".npmrc"),
        ] {
            changes.set(name, settings.get(key).map_or_else(|| home.join(default), PathBuf::from));
        }
    }
}

fn pnpm(changes: &mut Changes, reading: &Reading<'_>) {
    let major = reading.choice.major();
    changes.set("npm_command", "run-script");
    changes.set("PNPM_SCRIPT_SRC_DIR", reading.project.dir.as_os_str());
    if major < 11 {
        changes.set("npm_config_frozen_lockfile", "");
    }
    if let Some(Installation { dir, .. }) = &reading.choice.installation {
        let node_gyp = dir.join("dist/node_modules/node-gyp/bin/node-gyp.js");
        if node_gyp.is_file() {
            changes.set("npm_config_node_gyp", node_gyp);
        }
    }
    if major == 10 {
        changes.set("npm_config_verify_deps_before_run", "false");
    }
    if major >= 10 {
        changes.set("pnpm_config_verify_deps_before_run", "false");
    }
}

/// Yarn 1 exports its built-in settings, modern Yarn the root of the project.
fn yarn(changes: &mut Changes, choice: &ChosenManager) {
    if choice.is_modern_yarn() {
        changes.set("PROJECT_CWD", choice.root.as_os_str());
        return;
    }
    for (name, value) in [
        ("YARN_WRAP_OUTPUT", "false"),
        ("npm_config_bin_links", "true"),
        ("npm_config_ignore_optional", ""),
        ("npm_config_ignore_scripts", ""),
        ("npm_config_init_license", "MIT"),
        ("npm_config_init_version", "1.0.0"),
        ("npm_config_save_prefix", "^"),
        ("npm_config_strict_ssl", "true"),
        ("npm_config_version_commit_hooks", "true"),
        ("npm_config_version_git_message", "v%s"),
        ("npm_config_version_git_sign", ""),
        ("npm_config_version_git_tag", "true"),
        ("npm_config_version_tag_prefix", "v"),
    ] {
        changes.set(name, value);
    }
}

fn user_agent(reading: &Reading<'_>) -> String {
    let Reading { project, choice, node, .. } = reading;
    let version = choice.version.as_ref().map_or_else(|| "?".to_owned(), ToString::to_string);
    let os = if cfg!(target_os = "macos") { "darwin" } else { std::env::consts::OS };
    let arch = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    };
    let node =
        node.as_deref().and_then(node::version).map_or_else(|| "?".to_owned(), |found| format!("v{found}"));
    let runtime = match choice.manager {
        PackageManager::Npm => {
            format!("node/{node} {os} {arch} workspaces/{}", project.workspace.is_some())
        }
        PackageManager::Pnpm if choice.major() >= 12 => format!("npm/? node/? {os} {arch}"),
        PackageManager::Pnpm | PackageManager::Yarn | PackageManager::Bun => {
            format!("npm/? node/{node} {os} {arch}")
        }
    };
    format!("{}/{version} {runtime}", choice.manager.name())
}
