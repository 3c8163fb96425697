//! The schema of `frameworks.toml`: an entry as it is read, and, once [`resolve`](super::resolve) has filled it
//! in, the framework that the program knows. `build.rs` includes this file.

use std::borrow::Cow;

use semver::Version;
use serde::Deserialize;

use super::check::{
    CatalogText, CatalogTexts, Flag, OptionalFlag, Pairs, Pattern, Release, Text, Variable, full_pairs, list,
    pairs, port, ports, range, release, text, unless_empty,
};
use super::kind::ServiceKind;
use crate::range::Range;

/// One entry of the catalog. A field that is absent in the file has been inherited or has its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "struct Entry")]
pub struct Framework {
    /// The name used in flags, files and JSON: `next`.
    #[serde(skip)]
    pub key: CatalogText,
    /// The key of the entry that hands down its ports, `port`, `host`, `environment` and `locks`.
    pub like: Option<CatalogText>,
    /// The name people use: `Next.js`.
    pub label: CatalogText,
    #[serde(deserialize_with = "range")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub range: Range,
    /// The port that it listens on by default.
    #[serde(deserialize_with = "port")]
    pub default_port: u16,
    /// The command words of a dev script that mean this framework, a subcommand included where the word
    /// alone is ambiguous: `next dev`, `vite`, `ng serve`. A word with a leading dash is an argument that must be
    /// present, at any position.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub commands: CatalogTexts,
    /// Exceptions to `commands`: `vite build`.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub not_commands: CatalogTexts,
    /// Programs that run a command again at each change: it is this watch if the command is known to be no server.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub repeaters: CatalogTexts,
    /// Packages, any of which means this framework.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub dependencies: CatalogTexts,
    /// Packages, any of which rules this framework out.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub without: CatalogTexts,
    /// Files beside package.json, as globs, any of which means this framework.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub files: CatalogTexts,
    /// Packages or files, one of which is required besides other evidence.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub needs: CatalogTexts,
    /// Keys of frameworks that this one is built on, and beats even if the script runs their command.
    pub built_on: CatalogTexts,
    /// Keys of frameworks that this one beats by files and dependencies.
    pub beats: CatalogTexts,
    /// How much its evidence weighs.
    pub role: Role,
    /// What its commands are. An entry that is no server is found by its commands alone.
    pub kind: ServiceKind,
    /// For a watch: a regular expression for the line of its output that says that a build is through.
    #[serde(deserialize_with = "unless_empty::<Pattern, _>")]
    pub ready: Option<CatalogText>,
    /// The commands that do not print that line: `rollup --silent`.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub quiet_commands: CatalogTexts,
    /// The command that starts its development server where a project has no script for that: `vite`.
    #[serde(deserialize_with = "unless_empty::<Text, _>")]
    pub dev: Option<CatalogText>,
    pub port: PortInput,
    pub host: HostInput,
    /// Variables that keep it from prompting, opening a browser unasked or daemonizing. A variable that the user's
    /// own environment has stays as it is.
    #[serde(deserialize_with = "pairs")]
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, String>"))]
    pub environment: Pairs,
    /// Files of the program that its commands run without naming it, relative to the project.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub programs: CatalogTexts,
    /// Files in which a server notes that it runs in this directory, relative to the project; the first
    /// directory may be `*`, for any.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub locks: CatalogTexts,
    /// Ports that it opens beside the one it is given, if they are free.
    #[serde(deserialize_with = "ports")]
    pub extra_ports: Cow<'static, [u16]>,
    /// Where versions of it differ. Apply them with [`Framework::for_versions`].
    pub versions: Cow<'static, [Variant]>,
    /// Its own server of the Model Context Protocol.
    pub mcp: Option<OwnMcp>,
    /// A note for users in the documentation.
    pub note: Option<CatalogText>,
}

/// Where a dev server speaks the Model Context Protocol itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "struct OwnMcpEntry")]
pub struct OwnMcp {
    /// The package whose version decides.
    #[serde(deserialize_with = "text")]
    pub package: CatalogText,
    /// The first version that does.
    #[serde(default, deserialize_with = "release")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub from: Option<Release>,
    /// The path in its URL.
    #[serde(deserialize_with = "text")]
    pub path: CatalogText,
}

/// Signs that a server speaks TLS, in any project: the server itself is asked once it listens.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct HttpsEntry")]
pub struct HttpsSigns {
    /// Flags that turn it on, some with a value: `--https`, `--server-type=https`.
    #[serde(deserialize_with = "list::<Flag, _>")]
    pub flags: CatalogTexts,
    /// Variables that turn it on.
    #[serde(deserialize_with = "list::<Variable, _>")]
    pub variables: CatalogTexts,
    /// Packages that a configuration imports for nothing else.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub plugins: CatalogTexts,
    /// Configurations that are no evidence of a framework, as globs.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub files: CatalogTexts,
    /// Settings of configurations, of any value that is not off, or of this one: `https`, `type=https`.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub settings: CatalogTexts,
    /// Words that stand on one line of a program which makes such a server.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub code: CatalogTexts,
    /// Words without which no program can make such a server, in small letters.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub words: CatalogTexts,
}

/// How much the evidence for a framework weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The server that people call "the app".
    #[default]
    Main,
    /// A server beside or below the app (Storybook, wrangler): its files and dependencies count only where there
    /// is nothing else.
    Side,
    /// A program that runs any code: it counts where there is no framework.
    Runtime,
    /// The entry for projects without any evidence.
    Last,
}

/// How a framework is given its port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "struct PortEntry")]
pub struct PortInput {
    /// The flags that it reads its port from; the first one is used: `--port`, `-p`. The value follows as the next
    /// argument, or in the same one where the flag ends in `=`.
    #[serde(deserialize_with = "list::<Flag, _>")]
    pub flags: CatalogTexts,
    /// The flag that makes a taken port an error instead of a silent move to another one.
    #[serde(deserialize_with = "unless_empty::<OptionalFlag, _>")]
    pub strict: Option<CatalogText>,
    /// The commands of the framework that take these flags; empty: all.
    #[serde(deserialize_with = "list::<Text, _>")]
    pub flags_for: CatalogTexts,
    pub place: FlagPosition,
    /// Variables it reads beside `PORT` and `DEV_SERVER_PORT`, which are always set.
    #[serde(deserialize_with = "list::<Variable, _>")]
    pub environment: CatalogTexts,
    pub reads_port_variable: bool,
    /// The port goes by flag alone: it starts the project's own server, which would read `PORT` too.
    pub flag_alone: bool,
    pub repeated: Repeated,
}

impl PortInput {
    /// The flags without the `=` that joins them to their value.
    pub fn flag_names(&self) -> Vec<&str> {
        self.flags.iter().map(|flag| flag.trim_end_matches('=')).collect()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum FlagPosition {
    #[default]
    End,
    /// Directly after the command word and its subcommand: arguments after a file belong to that file's program.
    AfterCommand,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Repeated {
    #[default]
    LastWins,
    FirstWins,
    /// Neither counts, and the default port is used.
    BothIgnored,
    Fails,
}

/// How a framework is given the address to listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default, expecting = "struct HostEntry")]
pub struct HostInput {
    /// The flag, followed by an address: `--host`, `--hostname`.
    #[serde(deserialize_with = "unless_empty::<OptionalFlag, _>")]
    pub flag: Option<CatalogText>,
    /// Other flags that decide the address: `-H`, `--tunnel`. A script with one of these is left as it is.
    #[serde(deserialize_with = "list::<Flag, _>")]
    pub others: CatalogTexts,
    /// Variables that it reads an address from. They are removed from the environment unless the user says
    /// `--host`, because a `HOST` that happens to be set must not expose a server.
    #[serde(deserialize_with = "list::<Variable, _>")]
    pub environment: CatalogTexts,
    /// The address to pass where neither user nor script gives one, because the framework would listen on every
    /// address: by the flag, or by the first variable where there is no flag.
    #[serde(deserialize_with = "unless_empty::<CatalogText, _>")]
    pub loopback: Option<CatalogText>,
    /// The value for every address, if the tool does not understand `0.0.0.0`. A word here means that the tool
    /// knows words only: every address but loopback becomes this word.
    #[serde(deserialize_with = "unless_empty::<CatalogText, _>")]
    pub all: Option<CatalogText>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "struct VersionEntry")]
pub struct Variant {
    /// The package whose version decides.
    #[serde(deserialize_with = "text")]
    pub package: CatalogText,
    #[serde(default, deserialize_with = "release")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub from: Option<Release>,
    /// The first version no longer concerned.
    #[serde(default, deserialize_with = "release")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    pub below: Option<Release>,
    #[serde(default, deserialize_with = "range")]
    #[cfg_attr(test, schemars(with = "String"))]
    pub range: Range,
    /// The port that it listens on by default; 0 if the version says nothing about ports.
    #[serde(default, deserialize_with = "port")]
    pub default_port: u16,
    #[serde(default)]
    pub port: PortInput,
    #[serde(default)]
    pub host: HostInput,
    /// Its variables, in place of [`Framework::environment`]; those with an empty value in the file are left out.
    #[serde(default, deserialize_with = "full_pairs")]
    #[cfg_attr(test, schemars(with = "std::collections::BTreeMap<String, String>"))]
    pub environment: Pairs,
}

impl Framework {
    /// The entry for the versions in use. An unknown version changes nothing.
    #[must_use]
    pub fn for_versions(&self, mut version_of: impl FnMut(&str) -> Option<Version>) -> Self {
        let mut actual = self.clone();
        for variant in self.versions.iter() {
            let Some(version) = version_of(&variant.package) else { continue };
            // A pre-release of 2.0.0 behaves like 2.0.0, though semver sorts it below.
            let release = (version.major, version.minor, version.patch);
            if variant.from.is_none_or(|from| release >= from)
                && variant.below.is_none_or(|below| release < below)
            {
                actual.range = variant.range;
                actual.port = variant.port.clone();
                actual.host = variant.host.clone();
                actual.environment.clone_from(&variant.environment);
            }
        }
        actual
    }
}
