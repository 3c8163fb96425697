//! Package managers, and how each is told what all can do.

use std::env::consts::{ARCH, OS};
use std::path::PathBuf;

use crate::support::managers::package_manager;

type Words = &'static [&'static str];

pub struct Manager {
    pub name: &'static str,
    package: &'static str,
    program: &'static str,
    node: Option<u32>,
    /// Adds the package to a project; further options may follow.
    pub add: Words,
    /// Adds it without running any script.
    pub ignore_scripts: Words,
    /// Adds it without the package of the platform, where there is an option for that.
    pub omit: Option<Words>,
    /// The same for a project that `.yarnrc.yml` or such says it of.
    pub run: Words,
    /// Downloads a package and runs its program.
    pub fetch: Option<Words>,
    /// Installs for the user, with `PREFIX` in place of a directory.
    pub global: Option<Words>,
    /// Files that each project has.
    pub files: &'static [(&'static str, &'static str)],
    /// Whether programs are linked to from `node_modules/.bin`.
    pub links: bool,
}

const NPM: Manager = Manager {
    name: "npm 11",
    package: "npm@11",
    program: "npm",
    node: None,
    add: &["install", "--save-dev"],
    ignore_scripts: &["install", "--save-dev", "--ignore-scripts"],
    omit: Some(&["install", "--save-dev", "--omit=optional"]),
    run: &["run", "--silent"],
    fetch: Some(&["exec", "--yes", "--"]),
    global: Some(&["install", "--global", "--prefix", "PREFIX"]),
    files: &[],
    links: true,
};

const PNPM: Manager = Manager {
    name: "pnpm 10",
    package: "pnpm@10",
    program: "pnpm",
    node: None,
    add: &["add", "--save-dev"],
    ignore_scripts: &["add", "--save-dev", "--ignore-scripts"],
    omit: Some(&["add", "--save-dev", "--no-optional"]),
    run: &["--silent", "run"],
    fetch: Some(&["dlx"]),
    global: Some(&["add", "--global"]),
    files: &[],
    links: true,
};

const YARN_4: Manager = Manager {
    name: "yarn 4, node_modules",
    package: "@yarnpkg/cli-dist@4",
    program: "yarn",
    node: None,
    add: &["add", "--dev"],
    ignore_scripts: &["add", "--dev", "--mode=skip-build"],
    omit: None,
    run: &["run"],
    fetch: Some(&["dlx"]),
    global: None,
    files: &[("yarn.lock", ""), (".yarnrc.yml", "nodeLinker: node-modules\n")],
    links: true,
};

pub const MANAGERS: [Manager; 9] = [
    NPM,
    Manager { name: "npm 12", package: "npm@12", node: Some(22), ..NPM },
    PNPM,
    Manager { name: "pnpm 11", package: "pnpm@11", node: Some(22), ..PNPM },
    Manager { name: "pnpm 12", package: "pnpm@12", ..PNPM },
    Manager {
        name: "yarn 1",
        package: "yarn@1",
        program: "yarn",
        node: None,
        add: &["add", "--dev"],
        ignore_scripts: &["add", "--dev", "--ignore-scripts"],
        omit: Some(&["add", "--dev", "--ignore-optional"]),
        run: &["--silent", "run"],
        fetch: None,
        global: Some(&["global", "add", "--prefix", "PREFIX"]),
        files: &[],
        links: true,
    },
    YARN_4,
    Manager {
        name: "yarn 4, Plug'n'Play",
        files: &[("yarn.lock", ""), (".yarnrc.yml", "nodeLinker: pnp\n")],
        links: false,
        ..YARN_4
    },
    Manager {
        name: "bun",
        package: "bun@1",
        program: "bun",
        node: None,
        add: &["add", "--dev"],
        ignore_scripts: &["add", "--dev", "--ignore-scripts"],
        omit: Some(&["add", "--dev", "--omit=optional"]),
        run: &["run", "--silent"],
        fetch: Some(&["x"]),
        global: Some(&["add", "--global"]),
        files: &[],
        links: true,
    },
];

impl Manager {
    /// The directory with its program, and with node where it needs a newer one than the machine's.
    pub fn bin(&self) -> PathBuf {
        package_manager(self.package, self.program, self.node)
    }

    pub fn program(&self) -> PathBuf {
        self.bin().join(self.program)
    }
}

/// This machine's platform, as npm calls it.
pub fn platform() -> String {
    let cpu = if ARCH == "aarch64" { "arm64" } else { "x64" };
    format!("{}-{cpu}", if OS == "macos" { "darwin" } else { OS })
}
