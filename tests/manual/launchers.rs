//! Launchers from the npm registry, and how each is told to run a project's dev script.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Finished, Sandbox, run_within};

/// How many combinations run at once: most of their time is waiting.
const AT_ONCE: usize = 12;

/// A launcher.
#[derive(Clone, Copy, Debug)]
pub struct Launcher {
    /// Its name for `just conformance`.
    pub name: &'static str,
    /// The package that brings it; none for what is installed already.
    package: Option<&'static str>,
    /// The command. `{}` is the dev server's command line as one argument.
    argv: &'static [&'static str],
    /// Files that the project has to have: their names, and their text with `{}` as above.
    files: &'static [(&'static str, &'static str)],
    /// How many may run at once: one where they share a proxy.
    pub at_once: usize,
    /// The release of the package, as npm names it.
    release: &'static str,
    /// The command that prints its version.
    version: &'static [&'static str],
}

const fn from_npm(name: &'static str, argv: &'static [&'static str]) -> Launcher {
    Launcher {
        name,
        package: Some(name),
        argv,
        files: &[],
        at_once: AT_ONCE,
        release: "latest",
        version: &[],
    }
}

/// All launchers, bowline first.
pub const LAUNCHERS: [Launcher; 15] = [
    Launcher {
        name: "bowline",
        package: None,
        argv: &[env!("CARGO_BIN_EXE_bowline"), "dev", "--grace", "300ms"],
        files: &[],
        at_once: AT_ONCE,
        release: "",
        version: &[env!("CARGO_BIN_EXE_bowline"), "--version"],
    },
    Launcher {
        name: "npm",
        package: None,
        argv: &["npm", "run", "dev"],
        files: &[],
        at_once: AT_ONCE,
        release: "",
        version: &["npm", "--version"],
    },
    from_npm("pnpm", &["pnpm", "run", "dev"]),
    Launcher { release: "1", ..from_npm("yarn", &["yarn", "run", "dev"]) },
    from_npm("bun", &["bun", "run", "dev"]),
    Launcher { name: "bun-no-orphans", ..from_npm("bun", &["bun", "--no-orphans", "run", "dev"]) },
    Launcher { name: "node-run", ..from_npm("node", &["node", "--run", "dev"]) },
    from_npm("concurrently", &["concurrently", "{}"]),
    Launcher {
        name: "concurrently-kill-others",
        ..from_npm("concurrently", &["concurrently", "--kill-others", "--kill-timeout", "300", "{}"])
    },
    Launcher { name: "npm-run-all2", ..from_npm("npm-run-all2", &["run-s", "dev"]) },
    from_npm("nodemon", &["nodemon", "--exec", "{}"]),
    Launcher {
        name: "foreman",
        files: &[("Procfile", "web: {}\n")],
        ..from_npm("foreman", &["nf", "start"])
    },
    Launcher {
        name: "turbo",
        files: &[
            (
                "turbo.json",
                r#"{ "tasks": { "dev": { "cache": false, "persistent": true } }, "envMode": "loose" }"#,
            ),
            (
                "package.json",
                r#"{ "name": "app", "packageManager": "npm@11.0.0", "scripts": { "dev": "{}" } }"#,
            ),
        ],
        ..from_npm("turbo", &["turbo", "run", "dev"])
    },
    from_npm("pm2", &["pm2-runtime", "start", "{}"]),
    Launcher { at_once: 1, ..from_npm("portless", &["portless", "app", "sh", "-c", "{}"]) },
];

/// Those of these names; all of them if there is none.
pub fn named(names: &[String]) -> Vec<Launcher> {
    for name in names {
        let known = LAUNCHERS.map(|launcher| launcher.name);
        assert!(known.contains(&name.as_str()), "no launcher is called `{name}`; there are {known:?}");
    }
    LAUNCHERS
        .into_iter()
        .filter(|one| names.is_empty() || names.iter().any(|name| name == one.name))
        .collect()
}

impl Launcher {
    /// Whether it has a guardian.
    pub fn is_bowline(&self) -> bool {
        self.name == "bowline"
    }

    /// Its command for this server.
    pub fn command(&self, server: &str) -> Vec<String> {
        self.argv.iter().map(|word| word.replace("{}", server)).collect()
    }

    /// Adds to a project what the launcher needs, and its own directory to the `PATH`.
    pub fn prepare(&self, sandbox: &mut Sandbox, server: &str) {
        for (name, text) in self.files {
            sandbox.file(name, &text.replace("{}", server));
        }
        if let Some(package) = self.package {
            let path = std::env::var("PATH").unwrap_or_default();
            sandbox.env("PATH", format!("{}:{path}", store(package).join("node_modules/.bin").display()));
        }
    }

    /// Installs it where needed, and answers its version; `None` if the registry does not have it.
    pub fn install(&self) -> Option<String> {
        let Some(package) = self.package else {
            let mut command = Command::new(self.version[0]);
            command.args(&self.version[1..]).stdin(Stdio::null());
            let text = run_within(&mut command, Duration::from_secs(30)).stdout;
            return text.split_whitespace().last().map(str::to_owned);
        };
        let manifest = store(package).join("node_modules").join(package).join("package.json");
        if !manifest.exists() {
            fs::create_dir_all(store(package)).expect("target is writable");
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]);
            npm.arg(store(package)).arg(format!("{package}@{}", self.release)).stdin(Stdio::null());
            let Finished { status, .. } = run_within(&mut npm, Duration::from_secs(300));
            if !status.success() {
                return None;
            }
        }
        let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).ok()?).ok()?;
        manifest["version"].as_str().map(str::to_owned)
    }
}

fn store(package: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("launchers").join(package)
}
