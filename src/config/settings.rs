//! The tables `[workspace]` and `[project.NAME]` of `bowline.toml`.
//!
//! The comments on the fields are the descriptions of the JSON schema, which editors show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::values::{
    PortSetting, arguments, dir, duration, expression, limit, name, names, optional_word, page, path, port,
    table, text, variables, word,
};
use crate::detect::ServiceKind;
use crate::supervise::restart::Policy;

/// The form of a time span, with the units that there are.
#[cfg(test)]
const TIME: &str = concat!(
    r"^\s*([0-9]+(\.[0-9]+)?\s*(nanos|nsec|ns|usec|us|µs|millis|msec|ms|s(ec(ond)?s?)?|m(in(ute)?s?)?",
    r"|h((ou)?rs?)?|d(ays?)?|w(eeks?|ks?)?|months?|M|y(ears?|rs?)?)\s*)+$"
);
/// A time span longer than zero.
#[cfg(test)]
const LIMIT: &str = r"[1-9]";
/// A text without templates.
#[cfg(test)]
const PLAIN: &str = r"^(?![\s\S]*\{\{)[\s\S]*\S";

/// A service: a package by its `name` in package.json or the last part of that, or a new one, which has a `command`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "a table of settings")]
pub struct ProjectSettings {
    /// The script of package.json to run.
    #[serde(deserialize_with = "name")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = PLAIN)))]
    pub script: Option<String>,
    /// The port: `true` for one of its own, `false` for none, a number for exactly that one.
    #[serde(deserialize_with = "port")]
    #[cfg_attr(test, schemars(with = "Option<super::values::Port>"))]
    pub port: Option<PortSetting>,
    /// The key of its framework, in place of what is detected.
    #[serde(deserialize_with = "name")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = PLAIN)))]
    pub framework: Option<String>,
    /// When it is started again after it has ended.
    #[serde(deserialize_with = "optional_word")]
    #[cfg_attr(test, schemars(with = "Option<Policy>"))]
    pub restart: Option<Policy>,
    /// How long it may take to end before it is killed, as in `10s` or `500ms`.
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = TIME)))]
    pub grace: Option<Duration>,
    /// When it counts as ready. All conditions that are given must hold.
    #[serde(deserialize_with = "table")]
    #[cfg_attr(test, schemars(with = "Ready"))]
    pub ready: Ready,
    /// Variables for it. `{{NAME.port}}`, `{{NAME.url}}` and `{{NAME.host}}` are those of the service NAME.
    #[serde(deserialize_with = "variables")]
    #[cfg_attr(test, schemars(extend("propertyNames" = { "pattern": r"^((?!\{\{)[^=])+$" })))]
    pub env: BTreeMap<String, String>,
    /// Whether it is a server, a watch (builds for ever, has no port) or a task (ends), in place of what is detected.
    #[serde(deserialize_with = "optional_word")]
    #[cfg_attr(test, schemars(with = "Option<ServiceKind>"))]
    pub kind: Option<ServiceKind>,
    /// What to run in place of a script, in a shell. A service that is no package has to have one.
    #[serde(deserialize_with = "text")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"\S")))]
    pub command: Option<String>,
    /// Where to run it, relative to this file.
    #[serde(deserialize_with = "dir")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = PLAIN)))]
    pub dir: Option<PathBuf>,
    /// Arguments for its script or command.
    #[serde(deserialize_with = "arguments")]
    pub args: Vec<String>,
    /// Services that are started too, and waited for: ready, or done.
    #[serde(deserialize_with = "names")]
    #[cfg_attr(test, schemars(inner(regex(pattern = PLAIN))))]
    pub needs: Vec<String>,
    /// Services that are started too, and not waited for.
    #[serde(deserialize_with = "names")]
    #[cfg_attr(test, schemars(inner(regex(pattern = PLAIN))))]
    pub with: Vec<String>,
    /// A command that runs before each start. If it fails, the service is not started.
    #[serde(deserialize_with = "text")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"\S")))]
    pub before: Option<String>,
    /// A command that runs when the service has ended, however it ended.
    #[serde(deserialize_with = "text")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"\S")))]
    pub after: Option<String>,
}

impl ProjectSettings {
    /// Whether it is to have a port, one of its own or this very one.
    pub fn has_port(&self) -> bool {
        matches!(self.port, Some(PortSetting::Own | PortSetting::Exact(_)))
    }

    /// The port that it must have.
    pub fn exact_port(&self) -> Option<u16> {
        match self.port? {
            PortSetting::Exact(port) => Some(port.get()),
            PortSetting::Own | PortSetting::None => None,
        }
    }

    /// The settings of a file in `dir`, to which paths are relative.
    pub(super) fn within(mut self, dir: &Path) -> Self {
        self.dir = self.dir.map(|own| dir.join(own));
        self
    }

    /// Puts the settings of a nearer file over these. `has` says which keys that file has: an empty list counts, too.
    pub(super) fn overlaid(self, nearer: Self, has: impl Fn(&str) -> bool) -> Self {
        let list = |key: &str, nearer: Vec<String>, farther: Vec<String>| {
            if nearer.is_empty() && !farther.is_empty() && !has(key) { farther } else { nearer }
        };
        let mut env = self.env;
        env.extend(nearer.env);
        Self {
            script: nearer.script.or(self.script),
            port: nearer.port.or(self.port),
            framework: nearer.framework.or(self.framework),
            restart: nearer.restart.or(self.restart),
            grace: nearer.grace.or(self.grace),
            ready: Ready {
                timeout: nearer.ready.timeout.or(self.ready.timeout),
                http: nearer.ready.http.or(self.ready.http),
                log: nearer.ready.log.or(self.ready.log),
                exec: nearer.ready.exec.or(self.ready.exec),
                file: nearer.ready.file.or(self.ready.file),
            },
            env,
            kind: nearer.kind.or(self.kind),
            command: nearer.command.or(self.command),
            dir: nearer.dir.or(self.dir),
            args: list("args", nearer.args, self.args),
            needs: list("needs", nearer.needs, self.needs),
            with: list("with", nearer.with, self.with),
            before: nearer.before.or(self.before),
            after: nearer.after.or(self.after),
        }
    }
}

/// When a service counts as ready.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, expecting = "a table of conditions")]
pub struct Ready {
    /// How long it may take, as in `60s`.
    #[serde(deserialize_with = "limit")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = TIME), extend("allOf" = [{ "pattern": LIMIT }])))]
    pub timeout: Option<Duration>,
    /// A path, or a URL, that it answers with a status from 200 to 399.
    #[serde(deserialize_with = "page")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"^(/|https?://|\{\{)")))]
    pub http: Option<String>,
    /// A regular expression that a line of its output matches.
    #[serde(deserialize_with = "expression")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"\S")))]
    pub log: Option<String>,
    /// A command that ends with exit code 0.
    #[serde(deserialize_with = "text")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"\S")))]
    pub exec: Option<String>,
    /// A file that exists.
    #[serde(deserialize_with = "path")]
    #[cfg_attr(test, schemars(with = "Option<String>", regex(pattern = r"\S")))]
    pub file: Option<PathBuf>,
}

/// What bowline does at the root of the workspace.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "a table of settings")]
pub struct WorkspaceSettings {
    /// What bare `bowline` at the root runs, in the grammar of `--filter`.
    #[serde(deserialize_with = "names")]
    #[cfg_attr(test, schemars(inner(regex(pattern = PLAIN))))]
    pub filter: Vec<String>,
    /// When the packages that others depend on are built before those start.
    #[serde(deserialize_with = "word")]
    #[cfg_attr(test, schemars(with = "Build"))]
    pub build: Build,
    /// Who runs the packages where the root's script would: bowline itself, or the script as it is.
    #[serde(deserialize_with = "optional_word")]
    #[cfg_attr(test, schemars(with = "Option<Orchestrator>"))]
    pub orchestrator: Option<Orchestrator>,
    /// Whether the first failure ends everything, as with `--fail-fast`.
    pub fail_fast: bool,
}

/// When the packages that others depend on are built before those start.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Build {
    /// Where the entry of a package is missing.
    #[default]
    Auto,
    /// At every start.
    Always,
    /// Not at all.
    Never,
}

/// Who runs the packages of a workspace whose root script fans out over them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Orchestrator {
    /// bowline itself.
    Bowline,
    /// The root script, as it is.
    Script,
}
