//! The alternatives to bowline.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::support::npm::{self, Installed};
use super::support::{Sandbox, run_to_end};

/// The program that is published for Linux, linked with musl: `packaging/build linux-x64`.
pub(crate) const STATIC: &str = "bowline, static";

/// A script that is caught by such a bowline.
pub(crate) const CAUGHT: &str = "bowline, which has caught it";
pub(crate) const CAUGHT_STATIC: &str = "the same, static";

/// Everything that runs a dev script, bowline first, then its static build and the bare shell.
#[derive(Debug)]
pub(crate) struct Tools {
    tools: Vec<Tool>,
    packages: Installed,
}

/// One way to run the dev script of a project.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub name: &'static str,
    /// `None` where it is missing.
    pub version: Option<String>,
    program: PathBuf,
    /// Before the command, as in `node --run`.
    first: Vec<String>,
    /// The command that runs the script; empty for the shell, which is given the script itself.
    run: &'static [&'static str],
    /// Files that the project needs beforehand.
    install: Option<&'static [&'static str]>,
}

impl Tools {
    /// Installs the alternatives where they are not yet.
    pub fn installed() -> Self {
        let packages = npm::installed("benches/packages");
        let modules = packages.dir.join("node_modules");
        let script = |path: &str| vec![modules.join(path).to_string_lossy().into_owned()];
        let tool = |name, program: PathBuf, run| Tool {
            name,
            version: None,
            program,
            first: Vec::new(),
            run,
            install: None,
        };
        let mut tools = vec![
            tool("bowline", env!("CARGO_BIN_EXE_bowline").into(), &["dev"]),
            tool(STATIC, static_program(), &["dev"]),
            tool("sh -c", "sh".into(), &[]),
            tool("npm run", "npm".into(), &["run", "dev"]),
            Tool {
                install: Some(&["install", "--offline"]),
                ..tool("pnpm run", modules.join("pnpm/pnpm"), &["run", "dev"])
            },
            Tool { first: script("yarn/bin/yarn.js"), ..tool("yarn 1 run", "node".into(), &["run", "dev"]) },
            Tool {
                first: script("@yarnpkg/cli-dist/bin/yarn.js"),
                install: Some(&["install"]),
                ..tool("yarn 4 run", "node".into(), &["run", "dev"])
            },
            tool("bun run", modules.join("bun/bin/bun.exe"), &["run", "dev"]),
            tool("node --run", modules.join("node/bin/node"), &["--run", "dev"]),
        ];
        for tool in &mut tools {
            tool.version = tool.ask_version();
        }
        Self { tools, packages }
    }

    pub fn all(&self) -> &[Tool] {
        &self.tools
    }

    /// Those that are there.
    pub fn present(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter().filter(|tool| tool.version.is_some())
    }

    /// Those that are not.
    pub fn missing(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter().filter(|tool| tool.version.is_none())
    }

    /// Where the packages are, with `scan.mjs` beside them.
    pub fn packages(&self) -> &Path {
        &self.packages.dir
    }
}

impl Tool {
    /// The shim for npm.
    pub fn caught(name: &'static str, shims: &Path) -> Self {
        Self {
            name,
            version: Some(String::new()),
            program: shims.join("npm"),
            first: Vec::new(),
            run: &["run", "dev"],
            install: None,
        }
    }

    pub fn is_bowline(&self) -> bool {
        ["bowline", STATIC, CAUGHT, CAUGHT_STATIC].contains(&self.name)
    }

    pub fn is_shell(&self) -> bool {
        self.run.is_empty()
    }

    /// A project with this dev script, installed with this tool.
    pub fn project(&self, script: &str) -> Sandbox {
        let mut sandbox = Sandbox::with_script(script);
        // The checks for newer versions would be measured, or not, by chance.
        sandbox.env("NO_UPDATE_NOTIFIER", "1").env("npm_config_update_notifier", "false");
        sandbox.env("YARN_ENABLE_TELEMETRY", "0");
        sandbox.file(".yarnrc.yml", "nodeLinker: node-modules\n");
        if let Some(install) = self.install {
            let finished = run_to_end(self.program(&sandbox).args(install));
            assert!(finished.status.success(), "{} {install:?}: {finished:?}", self.name);
        }
        sandbox
    }

    /// The command that runs the project's dev script.
    pub fn command(&self, sandbox: &Sandbox, script: &str) -> Command {
        let mut command = self.program(sandbox);
        if self.is_shell() {
            command.args(["-c", script]);
        } else {
            command.args(self.run);
        }
        command
    }

    fn program(&self, sandbox: &Sandbox) -> Command {
        let mut command = sandbox.command(&self.program);
        command.args(&self.first);
        command
    }

    fn ask_version(&self) -> Option<String> {
        if self.is_shell() {
            return Some("the system's".to_owned());
        }
        let mut command = Command::new(&self.program);
        let output = command.args(&self.first).arg("--version").stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let version = text.trim();
        (output.status.success() && !version.is_empty()).then(|| version.to_owned())
    }
}

/// Where `packaging/build` puts it.
pub(crate) fn static_program() -> PathBuf {
    let platform = if cfg!(target_arch = "aarch64") { "linux-arm64" } else { "linux-x64" };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/packaging").join(platform).join("bowline")
}
