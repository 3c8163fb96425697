//! The frameworks as data: `frameworks.toml`, embedded, and what users and projects add to it.

use std::collections::BTreeMap;

use crate::range::Range;

/// One entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Framework {
    /// The name used in flags, files and JSON: `next`.
    pub key: String,
    /// The name people use: `Next.js`.
    pub label: String,
    /// Where its ports come from.
    pub range: Range,
    /// How it is recognised.
    pub rules: Rules,
    /// How it is told its port.
    pub port: PortInput,
    /// How it is told its address.
    pub host: HostInput,
    /// Variables that keep it from prompting, opening a browser or daemonizing.
    pub environment: BTreeMap<String, String>,
}

/// How a framework is recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// The command words of a dev script that mean this framework, a subcommand included where the word
    /// alone is ambiguous: `next`, `vite`, `ng serve`, `fastify start`.
    pub commands: Vec<String>,
    /// Packages, any of which means this framework.
    pub dependencies: Vec<String>,
    /// Files beside package.json, as globs, any of which means this framework.
    pub files: Vec<String>,
    /// Keys that this framework is built on and wins over when both match.
    pub beats: Vec<String>,
}

/// How a framework is told its port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInput {
    /// The flags that it reads its port from, the one to use first: `--port`, `-p`. Empty: none.
    pub flags: Vec<String>,
    /// The flag that makes a taken port an error instead of a silent move to another one.
    pub strict: Option<String>,
    /// Variables it reads beside `PORT` and `DEV_SERVER_PORT`, which are always set.
    pub environment: Vec<String>,
    /// Whether it listens to `PORT` at all.
    pub reads_port_variable: bool,
    /// What it does when the flag stands on the command line twice.
    pub repeated: Repeated,
}

/// What a tool does with a port flag that stands on the command line twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    pub flag: Option<String>,
    /// Variables it reads an address from. They are removed from the environment unless the user says
    /// `--host`, as a `HOST` that happens to be set must not expose a server.
    pub environment: Vec<String>,
    /// The address to pass where the user said nothing and the framework's own default is the name
    /// `localhost`, which binds `::1` in one process and `127.0.0.1` in the next: two servers, one port.
    pub loopback: Option<String>,
}
