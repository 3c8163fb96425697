//! What the catalog says of one framework.

use std::borrow::Cow;
use std::collections::BTreeMap;

use semver::Version;
use serde::Deserialize;

use crate::range::Range;

/// A text of the catalog, which nearly always is the embedded one.
pub type Word = Cow<'static, str>;
/// Several of them.
pub type Words = Cow<'static, [Word]>;

/// One entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// The name used in flags, files and JSON: `next`.
    pub key: Word,
    /// The name people use: `Next.js`.
    pub label: Word,
    /// Where its ports come from.
    pub range: Range,
    /// Where it listens if it is told nothing.
    pub conventional: Vec<u16>,
    /// How it is recognised.
    pub rules: Rules,
    /// How it is told its port.
    pub port: PortInput,
    /// How it is told its address.
    pub host: HostInput,
    /// Variables that keep it from prompting, opening a browser unasked or daemonizing. What the user's own
    /// environment already says about one of them is left as it is.
    pub environment: BTreeMap<String, String>,
    /// Files in which it notes that it runs in this directory, relative to the project; the first
    /// directory may be `*`, for any.
    pub locks: Words,
    /// Ports that it opens beside the one it is given, if they are free.
    pub extra_ports: Vec<u16>,
    /// Where versions of it differ. Apply them with [`Framework::for_versions`].
    pub versions: Vec<Variant>,
    /// What a user should know about it, for the documentation.
    pub note: Option<Word>,
}

/// How a framework is recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The command words of a dev script that mean this framework, a subcommand included where the word
    /// alone is ambiguous: `next dev`, `vite`, `ng serve`. A word with a leading dash is an argument that
    /// has to be there, wherever it stands.
    pub commands: Words,
    /// Exceptions to `commands`: `vite build`.
    pub not_commands: Words,
    /// Packages, any of which means this framework.
    pub dependencies: Words,
    /// Packages, any of which means that it is not this framework.
    pub without: Words,
    /// Files beside package.json, as globs, any of which means this framework.
    pub files: Words,
    /// Packages or files, one of which has to be there besides everything else.
    pub needs: Words,
    /// Keys that this framework is built on, and wins over even when their word is in the script.
    pub built_on: Words,
    /// Keys that this framework wins over when only files and dependencies speak.
    pub beats: Words,
    /// How much its evidence weighs.
    pub role: Role,
}

/// How much the evidence for a framework weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The server that people mean when they say "the app".
    #[default]
    Main,
    /// A server beside the app or below it (Storybook, wrangler): its files and dependencies count only where
    /// nothing else is found.
    Side,
    /// A program that runs any code: it counts where no framework is found.
    Runtime,
    /// What is left when nothing matches.
    Last,
}

/// How a framework is told its port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInput {
    /// The flags that it reads its port from, the one to use first: `--port`, `-p`. Empty: none. The value
    /// follows as the next argument, or at once where the flag ends in `=`.
    pub flags: Words,
    /// The flag that makes a taken port an error instead of a silent move to another one.
    pub strict: Option<Word>,
    /// The commands of the framework that take these flags, if not all do.
    pub flags_for: Words,
    /// Where the flags go.
    pub place: Place,
    /// Variables it reads beside `PORT` and `DEV_SERVER_PORT`, which are always set.
    pub environment: Words,
    /// Whether it listens to `PORT` at all.
    pub reads_port_variable: bool,
    /// What it does when the flag stands on the command line twice.
    pub repeated: Repeated,
}

/// Where a flag goes in a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// After all arguments.
    #[default]
    End,
    /// Directly after the command word and its subcommand, as what follows a file belongs to that file's program.
    AfterCommand,
}

/// What a tool does with a port flag that stands on the command line twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Repeated {
    /// The last one counts.
    #[default]
    LastWins,
    /// The first one counts.
    FirstWins,
    /// Neither counts, and the default port is used.
    BothIgnored,
    /// The tool fails.
    Fails,
}

/// How a framework is told the address to listen on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostInput {
    /// The flag, followed by an address: `--host`, `--hostname`.
    pub flag: Option<Word>,
    /// Other flags that decide the address: `-H`, `--tunnel`. Where one of these stands in the script, nothing is
    /// added to what it says.
    pub others: Words,
    /// Variables it reads an address from. They are removed from the environment unless the user says
    /// `--host`, as a `HOST` that happens to be set must not expose a server.
    pub environment: Words,
    /// What to pass where neither the user nor the script says anything, because the framework would listen
    /// on every address: by the flag, or by the first variable where there is no flag.
    pub loopback: Option<Word>,
    /// What to pass for every address, if `0.0.0.0` is not understood. Where this is a word, the tool knows
    /// words only, and every address but loopback becomes this one.
    pub all: Option<Word>,
}

/// What differs in some versions of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The package whose version decides.
    pub package: Word,
    /// The first version concerned.
    pub from: Option<Version>,
    /// The first version no longer concerned.
    pub below: Option<Version>,
    /// Where its ports come from.
    pub range: Range,
    /// How it is told its port.
    pub port: PortInput,
    /// How it is told its address.
    pub host: HostInput,
    /// Its variables, as those of [`Framework::environment`].
    pub environment: BTreeMap<String, String>,
}

impl Variant {
    fn concerns(&self, version: &Version) -> bool {
        // A pre-release of 2.0.0 behaves like 2.0.0, though semver sorts it below.
        let release = Version::new(version.major, version.minor, version.patch);
        self.from.as_ref().is_none_or(|from| release >= *from)
            && self.below.as_ref().is_none_or(|below| release < *below)
    }
}

impl Framework {
    /// The entry as it is for the versions in use; a version that is not known changes nothing.
    #[must_use]
    pub fn for_versions(&self, mut version_of: impl FnMut(&str) -> Option<Version>) -> Self {
        let mut actual = self.clone();
        for variant in &self.versions {
            if version_of(&variant.package).is_some_and(|version| variant.concerns(&version)) {
                actual.range = variant.range;
                actual.port = variant.port.clone();
                actual.host = variant.host.clone();
                actual.environment = variant.environment.clone();
            }
        }
        actual
    }
}
