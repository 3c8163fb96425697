//! What is tried under each package manager.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::Published;
use super::managers::{Manager, platform};
use crate::support::{Finished, Sandbox, Terminal, Tree, dev_server, run_within};

type Outcome = Result<(), String>;
/// It is given a project that has the package.
type Way = fn(&Stage<'_>) -> Option<Outcome>;

pub const WAYS: [(&str, Way); 10] = [
    ("local, linked to, by any sh", |stage| stage.manager.links.then(|| local(stage))),
    ("in a script", |stage| Some(script(stage))),
    ("exit code", |stage| Some(exit_code(stage))),
    ("dev server at a terminal, Ctrl-C", |stage| Some(dev(stage))),
    ("removed while it runs", |stage| Some(removed(stage))),
    ("without scripts", |stage| Some(without_scripts(stage))),
    ("npx, dlx, bunx", |stage| stage.manager.fetch.map(|words| fetched(stage, words))),
    ("global", |stage| stage.manager.global.map(|words| global(stage, words))),
    ("optional omitted", |stage| stage.manager.omit.map(|words| omitted(stage, words))),
    ("for another system", foreign),
];

/// A project in a directory with a space, a user's home, and the registry in everybody's settings.
pub struct Stage<'a> {
    manager: &'a Manager,
    published: &'a Published,
    sandbox: Sandbox,
}

impl<'a> Stage<'a> {
    fn new(manager: &'a Manager, published: &'a Published) -> Self {
        let mut sandbox = Sandbox::in_directory("my app");
        let url = published.registry.url();
        let scripts = serde_json::json!({
            "version": "bowline --version",
            "up": "bowline start --script server",
            "server": format!("'{}' --lifetime 200", dev_server().display()),
            "seven": "bowline exec -q -- sh -c 'exit 7'",
            "dev": format!("bowline exec -- '{}' --lifetime 200", dev_server().display()),
        });
        let manifest =
            serde_json::json!({ "name": "app", "version": "1.0.0", "private": true, "scripts": scripts });
        sandbox.file("package.json", &manifest.to_string());
        for (name, text) in manager.files {
            let registry = format!(
                "{text}npmRegistryServer: \"{url}\"\nunsafeHttpWhitelist: [\"127.0.0.1\"]\nenableTelemetry: false\n"
            );
            sandbox.file(name, if *name == ".yarnrc.yml" { &registry } else { text });
        }
        let home = sandbox.root().join("home");
        std::fs::write(home.join(".npmrc"), format!("registry={url}\nupdate-notifier=false\n"))
            .expect("a home");
        // What was published this minute is too young for some by default.
        sandbox.env("npm_config_minimum_release_age", "0").env("YARN_NPM_MINIMAL_AGE_GATE", "0");
        sandbox.env("YARN_REGISTRY", &url).env("YARN_NPM_REGISTRY_SERVER", &url);
        sandbox.env("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1").env("YARN_ENABLE_TELEMETRY", "0");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bins = [manager.bin(), sandbox.root().join("prefix/bin"), sandbox.root().join("prefix")];
        let path =
            std::env::join_paths(bins.into_iter().chain(std::env::split_paths(&path))).expect("a PATH");
        sandbox.env("PATH", path).env("CI", "1");
        Self { manager, published, sandbox }
    }

    /// A project that has the package.
    pub fn installed(manager: &'a Manager, published: &'a Published, words: &[&str]) -> Result<Self, String> {
        let stage = Self::new(manager, published);
        succeeded(stage.manage(words, &["bowline"]))?;
        Ok(stage)
    }

    /// Another one, to which it is added in another way.
    fn beside(&self, words: &[&str]) -> Result<Self, String> {
        Self::installed(self.manager, self.published, words)
    }

    fn command(&self, words: &[&str], further: &[&str]) -> Command {
        let mut command = self.sandbox.command(self.manager.program());
        command.args(words).args(further);
        command
    }

    fn manage(&self, words: &[&str], further: &[&str]) -> Finished {
        run_within(&mut self.command(words, further), Duration::from_secs(300))
    }

    /// Fails unless this prints the version and nothing else.
    fn prints_version(&self, command: &mut Command) -> Outcome {
        let finished = succeeded(run_within(command, Duration::from_secs(300)))?;
        let expected = format!("bowline {}\n", self.published.version);
        if finished.stdout.ends_with(&expected) { Ok(()) } else { Err(format!("{command:?}: {finished:?}")) }
    }

    fn link(&self) -> PathBuf {
        self.sandbox.project().join("node_modules/.bin/bowline")
    }
}

fn succeeded(finished: Finished) -> Result<Finished, String> {
    if finished.status.success() { Ok(finished) } else { Err(format!("{finished:?}")) }
}

fn local(stage: &Stage<'_>) -> Outcome {
    let link = stage.link();
    stage.prints_version(stage.sandbox.command(&link).arg("--version"))?;
    let elsewhere = stage.sandbox.root().join("a link");
    std::os::unix::fs::symlink(&link, &elsewhere).expect("a link");
    // A link to a shim of pnpm has never worked: the shim looks beside the link.
    if !is_shim(&link) {
        stage.prints_version(stage.sandbox.command(&elsewhere).arg("--version"))?;
    }
    let shells: [&[&str]; 3] = [&["dash"], &["bash"], &["busybox", "sh"]];
    for shell in shells.into_iter().filter(|shell| which::which(shell[0]).is_ok()) {
        stage
            .prints_version(stage.sandbox.command(shell[0]).args(&shell[1..]).arg(&link).arg("--version"))?;
    }
    let mut command = stage.sandbox.command(&link);
    let finished =
        run_within(command.args(["exec", "-q", "--", "sh", "-c", "kill -KILL $$"]), Duration::from_secs(60));
    let signal = std::os::unix::process::ExitStatusExt::signal(&finished.status);
    if signal == Some(9) { Ok(()) } else { Err(format!("no death by the same signal: {finished:?}")) }
}

fn is_shim(link: &Path) -> bool {
    !link.is_symlink()
}

fn script(stage: &Stage<'_>) -> Outcome {
    stage.prints_version(&mut stage.command(stage.manager.run, &["version"]))
}

fn without_scripts(stage: &Stage<'_>) -> Outcome {
    let stage = stage.beside(stage.manager.ignore_scripts)?;
    stage.prints_version(&mut stage.command(stage.manager.run, &["version"]))
}

fn exit_code(stage: &Stage<'_>) -> Outcome {
    let finished = stage.manage(stage.manager.run, &["seven"]);
    if finished.status.code() == Some(7) { Ok(()) } else { Err(format!("not 7: {finished:?}")) }
}

/// `"dev": "bowline exec -- SERVER"`: nothing but the program itself stands between the manager and the server.
fn dev(stage: &Stage<'_>) -> Outcome {
    let (mut terminal, mut tree) = (Terminal::new(30, 200), Tree::new());
    let mut command = stage.command(stage.manager.run, &["dev"]);
    tree.mark(&mut command);
    terminal.seat(&mut command);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    terminal.until("ready in");
    let processes = tree.processes();
    terminal.keys("\u{3}");
    child.wait().map_err(|error| error.to_string())?;
    tree.assert_gone(Duration::from_secs(60));
    let program = format!("@bowline/{}/bin/bowline exec", platform());
    let of_bin = |(_, line): &&(i32, String)| line.contains("bowline.bin") || line.contains(".bin/bowline");
    if cfg!(target_os = "linux") && !processes.iter().any(|(_, line)| line.contains(&program)) {
        return Err(format!("no `{program}` among {processes:#?}"));
    }
    match processes.iter().find(of_bin) {
        Some((_, line)) => Err(format!("`{line}` stayed between")),
        None => Ok(()),
    }
}

/// The service goes on without the program's file, and another bowline stops it.
fn removed(stage: &Stage<'_>) -> Outcome {
    let stage = stage.beside(stage.manager.add)?;
    let mut tree = Tree::new();
    let mut command = stage.command(stage.manager.run, &["up"]);
    tree.mark(&mut command);
    let outcome = succeeded(run_within(&mut command, Duration::from_secs(60))).and_then(|_| {
        succeeded(stage.manage(&["remove"], &["bowline"]))?;
        let package = format!("node_modules/@bowline/{}", platform());
        if stage.link().exists() || stage.sandbox.project().join(package).exists() {
            return Err("it was not removed".to_owned());
        }
        for command in ["wait", "restart", "stop"] {
            succeeded(stage.sandbox.run([command]))?;
        }
        Ok(())
    });
    tree.kill();
    tree.assert_gone(Duration::from_secs(60));
    outcome
}

fn fetched(stage: &Stage<'_>, words: &[&str]) -> Outcome {
    let stage = Stage::new(stage.manager, stage.published);
    stage.prints_version(&mut stage.command(words, &["bowline", "--version"]))
}

fn global(stage: &Stage<'_>, words: &[&str]) -> Outcome {
    let mut stage = Stage::new(stage.manager, stage.published);
    let prefix = stage.sandbox.root().join("prefix");
    std::fs::create_dir_all(prefix.join("bin")).expect("a directory of our own");
    stage.sandbox.env("PNPM_HOME", &prefix).env("BUN_INSTALL", &prefix);
    let place = prefix.to_str().expect("text");
    let words: Vec<&str> = words.iter().map(|word| if *word == "PREFIX" { place } else { word }).collect();
    succeeded(stage.manage(&words, &["bowline"]))?;
    let places = [prefix.join("bin/bowline"), prefix.join("bowline")];
    let found = places.iter().find(|path| path.exists()).ok_or("no program in the prefix")?;
    stage.prints_version(stage.sandbox.command(found).arg("--version"))
}

/// Fails unless the missing package is named.
fn names_package(stage: &Stage<'_>) -> Outcome {
    let finished = stage.manage(stage.manager.run, &["version"]);
    let expected = format!("error: the package `@bowline/{}`", platform());
    let said = finished.stderr.contains(&expected) || finished.stdout.contains(&expected);
    if finished.status.code() == Some(1) && said { Ok(()) } else { Err(format!("{finished:?}")) }
}

fn omitted(stage: &Stage<'_>, words: &[&str]) -> Outcome {
    names_package(&stage.beside(words)?)
}

/// As with a lock file, or a `node_modules`, of another system.
fn foreign(stage: &Stage<'_>) -> Option<Outcome> {
    let manager = stage.manager;
    let stage = Stage::new(manager, stage.published);
    let words: &[&str] = match manager.name.split(' ').next()? {
        "npm" => &["install", "--save-dev", "--os=sunos", "--cpu=ppc64"],
        "pnpm" => {
            let settings = "supportedArchitectures: { os: [sunos], cpu: [ppc64] }\n";
            std::fs::write(stage.sandbox.project().join("pnpm-workspace.yaml"), settings)
                .expect("a file of our own");
            manager.add
        }
        "bun" => &["add", "--dev", "--os=freebsd", "--cpu=ppc64"],
        "yarn" if manager.name.contains('4') => {
            let path = stage.sandbox.project().join(".yarnrc.yml");
            let text = std::fs::read_to_string(&path).expect("a file of our own");
            let other = "supportedArchitectures: { os: [sunos], cpu: [ppc64] }\n";
            std::fs::write(&path, text + other).expect("a file of our own");
            manager.add
        }
        _ => return None,
    };
    Some(succeeded(stage.manage(words, &["bowline"])).and_then(|_| names_package(&stage)))
}
