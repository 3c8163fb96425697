//! The few settings of package managers that change how a script runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use super::node::prefix_of;
use super::package_manager::ChosenManager;
use super::yaml::{scalar, yaml};
use crate::project::{Project, read_text_if_any};
use crate::script::PackageManager;

/// The settings of `.npmrc` files, YAML files and the environment, by their names with dashes.
#[derive(Debug, Default)]
pub(super) struct Settings {
    values: BTreeMap<String, String>,
}

impl Settings {
    /// The settings of a project's package manager. `node` is the node in the `PATH`.
    pub(super) fn of(
        project: &Project,
        choice: &ChosenManager,
        caller: &Caller,
        node: Option<&Path>,
    ) -> Self {
        // pnpm reads `.npmrc` up to version 10, and YAML from that version on. An unknown version reads both.
        let known = || choice.version.as_ref().map_or(10, |version| version.major);
        let pnpm = (choice.manager == PackageManager::Pnpm).then(known);
        let config_home = pnpm.and_then(|_| caller.config_home());
        let workspace = choice.root.join("pnpm-workspace.yaml");
        if pnpm.is_some_and(|major| major >= 11) {
            let everywhere = config_home.map(|dir| dir.join("pnpm/config.yaml"));
            let mut values: BTreeMap<_, _> =
                everywhere.iter().chain([&workspace]).flat_map(|file| yaml_settings(file)).collect();
            values.extend(Self::read(&[], "pnpm_config_", caller).values);
            return Self { values };
        }
        let has_own = choice.manager != PackageManager::Npm && choice.root != project.dir;
        let user = caller.text("npm_config_userconfig").map(PathBuf::from);
        let files = [
            has_own.then(|| project.dir.join(".npmrc")),
            Some(choice.root.join(".npmrc")),
            user.or_else(|| Some(caller.home()?.join(".npmrc"))),
            config_home.map(|dir| dir.join("pnpm/rc")),
            node.and_then(prefix_of).map(|prefix| prefix.join("etc/npmrc")),
        ];
        let files: Vec<PathBuf> = files.into_iter().flatten().collect();
        let mut settings = Self::read(&files, "npm_config_", caller);
        if pnpm == Some(10) {
            settings.values.extend(yaml_settings(&workspace));
        }
        settings
    }

    /// Reads `files`, the strongest first, and the variables that begin with `prefix`, which override all of them.
    fn read(files: &[PathBuf], prefix: &str, caller: &Caller) -> Self {
        let mut values = BTreeMap::new();
        for file in files.iter().rev() {
            if let Some(text) = read_text_if_any(file) {
                values.extend(parse(&text, caller));
            }
        }
        for (name, value) in &caller.variables {
            if let (Some(name), Some(value)) = (name.to_str(), value.to_str())
                && let Some((start, key)) = name.split_at_checked(prefix.len())
                && start.eq_ignore_ascii_case(prefix)
                && !value.is_empty()
            {
                values.insert(key.to_ascii_lowercase().replace('_', "-"), value.to_owned());
            }
        }
        Self { values }
    }

    /// Whether the package manager runs the `pre` and `post` scripts around a script.
    pub(super) fn runs_hooks(&self, choice: &ChosenManager) -> bool {
        match choice.manager {
            PackageManager::Npm => self.flag("ignore-scripts") != Some(true),
            PackageManager::Pnpm => self.flag("enable-pre-post-scripts").unwrap_or(choice.major() >= 9),
            PackageManager::Yarn => !choice.is_modern_yarn(),
            PackageManager::Bun => true,
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.parse().ok()
    }
}

fn parse(text: &str, caller: &Caller) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with([';', '#', '[']) {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        if !key.trim().is_empty() {
            pairs.push((key.trim().to_owned(), substitute(unquoted(value.trim()), caller)));
        }
    }
    pairs
}

fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

/// Replaces `${NAME}` by the variable. As in npm, one that is not set is left as written.
fn substitute(value: &str, caller: &Caller) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        out.push_str(&rest[..start]);
        match caller.raw(name).and_then(|found| found.to_str()) {
            Some(found) => out.push_str(found),
            None => out.push_str(&rest[start..=start + length]),
        }
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    out
}

/// The settings that matter here, by their names in YAML files and elsewhere.
const IN_YAML: [(&str, &str); 3] = [
    ("scriptShell", "script-shell"),
    ("enablePrePostScripts", "enable-pre-post-scripts"),
    ("nodeOptions", "node-options"),
];

fn yaml_settings(file: &Path) -> Vec<(String, String)> {
    let document = yaml(file);
    let found = |(name, key): &(&str, &str)| Some(((*key).to_owned(), scalar(document.as_ref()?, name)?));
    IN_YAML.iter().filter_map(found).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn caller(variables: &[(&str, &str)]) -> Caller {
        let variables = variables.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        Caller { variables, ..Caller::default() }
    }

    #[test]
    fn npmrc_lines() {
        let text = "; a note\n# another\n[section]\nscript-shell = \"/bin/bash\"\nflag\nempty=\nhome=${HOME}/x${NOPE}${\n";
        let caller = caller(&[("HOME", "/h")]);
        let settings = Settings { values: parse(text, &caller).into_iter().collect() };
        assert_eq!(settings.get("script-shell"), Some("/bin/bash"));
        assert_eq!(settings.flag("flag"), Some(true));
        assert_eq!(settings.get("empty"), None);
        assert_eq!(settings.get("home"), Some("/h/x${NOPE}${"));
        assert_eq!(settings.get("[section]"), None);
    }

    #[test]
    fn the_nearer_file_wins_and_the_environment_over_both() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let (near, far) = (dir.path().join("near"), dir.path().join("far"));
        fs::write(&near, "a=near\nscript-shell=near\n").expect("written");
        fs::write(&far, "a=far\nb=far\n").expect("written");
        let files = [near, far, dir.path().join("missing")];
        let settings =
            Settings::read(&files, "npm_config_", &caller(&[("NPM_CONFIG_SCRIPT_SHELL", "env"), ("é", "x")]));
        assert_eq!([settings.get("a"), settings.get("b")], [Some("near"), Some("far")]);
        assert_eq!(settings.get("script-shell"), Some("env"));
    }
}
