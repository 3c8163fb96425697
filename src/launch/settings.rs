//! The few settings of package managers that change how a script runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::caller::Caller;
use crate::project::read_text_if_any;

/// What the `.npmrc` files and the environment say, the environment first.
#[derive(Debug, Default)]
pub(super) struct Npmrc {
    values: BTreeMap<String, String>,
}

impl Npmrc {
    /// Reads `files`, of which the first that has a key decides; the variables that begin with `prefix` decide over
    /// all.
    pub(super) fn read(files: &[PathBuf], prefix: &str, caller: &Caller) -> Self {
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

    /// The same, and from `files`, the strongest first, what it does not know.
    pub(super) fn over_yaml(mut self, files: &[PathBuf]) -> Self {
        for (key, value) in files.iter().flat_map(|file| yaml_settings(file)) {
            self.values.entry(key).or_insert(value);
        }
        self
    }

    /// The same, but for what `file` says.
    pub(super) fn under_yaml(mut self, file: &Path) -> Self {
        self.values.extend(yaml_settings(file));
        self
    }

    /// The value of `key`, which is written with dashes.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The value of a key that is true or false.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
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
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    value
}

/// Replaces `${NAME}` by the variable; a name that is not set stays as it is written, as in npm.
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

/// The settings that matter here, as they are called in YAML files and in all others.
const IN_YAML: [(&str, &str); 3] = [
    ("scriptShell", "script-shell"),
    ("enablePrePostScripts", "enable-pre-post-scripts"),
    ("nodeOptions", "node-options"),
];

fn yaml_settings(file: &Path) -> Vec<(String, String)> {
    let found = |(yaml, key): &(&str, &str)| Some(((*key).to_owned(), yaml_scalar(file, yaml)?));
    IN_YAML.iter().filter_map(found).collect()
}

/// A scalar that stands at the outermost level of a YAML file, as `yarnPath` and `scriptShell` do.
pub(super) fn yaml_scalar(file: &Path, key: &str) -> Option<String> {
    let text = read_text_if_any(file)?;
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let value = unquoted(value);
    (!value.is_empty()).then(|| value.to_owned())
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
        let npmrc = Npmrc { values: parse(text, &caller).into_iter().collect() };
        assert_eq!(npmrc.get("script-shell"), Some("/bin/bash"));
        assert_eq!(npmrc.flag("flag"), Some(true));
        assert_eq!(npmrc.get("empty"), None);
        assert_eq!(npmrc.get("home"), Some("/h/x${NOPE}${"));
        assert_eq!(npmrc.get("[section]"), None);
    }

    #[test]
    fn the_nearer_file_wins_and_the_environment_over_both() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let (near, far) = (dir.path().join("near"), dir.path().join("far"));
        fs::write(&near, "a=near\nscript-shell=near\n").expect("written");
        fs::write(&far, "a=far\nb=far\n").expect("written");
        let files = [near, far, dir.path().join("missing")];
        let npmrc =
            Npmrc::read(&files, "npm_config_", &caller(&[("NPM_CONFIG_SCRIPT_SHELL", "env"), ("é", "x")]));
        assert_eq!([npmrc.get("a"), npmrc.get("b")], [Some("near"), Some("far")]);
        assert_eq!(npmrc.get("script-shell"), Some("env"));
    }

    #[test]
    fn yaml_scalars() {
        let dir = tempfile::tempdir().expect("a temp dir");
        let file = dir.path().join("x.yml");
        fs::write(
            &file,
            "yarnPathological: no\nnested:\n  yarnPath: no\nyarnPath: \".yarn/a b.cjs\" # note\nempty:\n",
        )
        .expect("written");
        assert_eq!(yaml_scalar(&file, "yarnPath").as_deref(), Some(".yarn/a b.cjs"));
        assert_eq!(yaml_scalar(&file, "empty"), None);
        assert_eq!(yaml_scalar(&dir.path().join("none"), "a"), None);
    }
}
