//! The environment of a script, compared name by name with what the real package managers set.
//!
//! The managers are installed into `target/package-managers` on first use, from the registry that npm is set up
//! for. Every difference is printed, and any that [`EXCEPTIONS`] does not list fails the test.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bowline::launch::Caller;

use crate::support::launch::{Tree, Wish, caller, planned, run};
use crate::support::managers::package_manager;

/// A package manager as a package.
struct Manager {
    package: &'static str,
    /// The program within the package's `node_modules`.
    program: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// The first version of node that it runs on; where the machine's is older, that one is installed as well.
    node: Option<u32>,
}

const NODE_MODULES: &str = "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\n";

const MANAGERS: [Manager; 9] = [
    Manager {
        package: "npm@11",
        program: "npm",
        files: &[("package-lock.json", "{\"lockfileVersion\":3}")],
        node: None,
    },
    Manager {
        package: "pnpm@8",
        program: "pnpm",
        files: &[("pnpm-lock.yaml", "lockfileVersion: '6.0'\n")],
        node: None,
    },
    Manager {
        package: "pnpm@9",
        program: "pnpm",
        files: &[("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")],
        node: None,
    },
    Manager {
        package: "pnpm@10",
        program: "pnpm",
        files: &[("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")],
        node: None,
    },
    Manager {
        package: "pnpm@11",
        program: "pnpm",
        files: &[("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")],
        node: Some(22),
    },
    Manager {
        package: "pnpm@12",
        program: "pnpm",
        files: &[("pnpm-lock.yaml", "lockfileVersion: '9.0'\n")],
        node: None,
    },
    Manager {
        package: "yarn@1",
        program: "yarn",
        files: &[("yarn.lock", "# yarn lockfile v1\n")],
        node: None,
    },
    Manager {
        package: "@yarnpkg/cli-dist@4",
        program: "yarn",
        files: &[("yarn.lock", "__metadata:\n  version: 8\n"), (".yarnrc.yml", NODE_MODULES)],
        node: None,
    },
    Manager {
        package: "bun@1",
        program: "bun",
        files: &[("bun.lock", "{\"lockfileVersion\":1,\"workspaces\":{\"\":{\"name\":\"app\"}}}")],
        node: None,
    },
];

/// Package (any version where there is none), variable (with a final `*` for all that begin so), and why it
/// differs.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("", "BOWLINE*", OWN),
    ("", "PORT", OWN),
    ("", "DEV_SERVER_PORT", OWN),
    ("", "BROWSER", "the catalog's"),
    ("", "npm_config_registry", "a setting that only the manager itself reads"),
    ("", "npm_config__jsr_registry", "a setting that only the manager itself reads"),
    ("", "npm_config_cafile", "a setting that only the manager itself reads"),
    ("", "npm_config_allow_scripts", "a setting that only the manager itself reads"),
    ("pnpm@10", "npm_config_globalconfig", "a setting that only the manager itself reads"),
    ("pnpm@10", "npm_config_npm_globalconfig", "a setting that only the manager itself reads"),
    ("yarn@1", "npm_config_argv", "the command line of the manager, which is not started"),
    ("@yarnpkg/cli-dist@4", "BERRY_BIN_FOLDER", "a temporary directory of the manager"),
    ("@yarnpkg/cli-dist@4", "npm_execpath", "a temporary directory of the manager"),
    ("@yarnpkg/cli-dist@4", "npm_node_execpath", "a temporary directory of the manager"),
    ("bun@1", "npm_config_user_agent", "names a version of node that is none"),
    ("bun@1", "INIT_CWD", "set for every manager, so that scripts can rely on it"),
    ("bun@1", "_", "set by bash"),
    ("bun@1", "SHLVL", "set by bash"),
];

const OWN: &str = "bowline's own";

const PACKAGE: &str = r#"{
  "name": "@acme/my-app", "version": "1.2.3", "private": true, "description": "x y", "main": "a.js",
  "config": {"port": "8080", "text": "two\nlines"}, "engines": {"node": ">=18"}, "bin": {"foo": "./foo.js"},
  "keywords": ["a", "b"], "repository": {"type": "git", "url": "u"},
  "scripts": {"predev": "node dump.js", "dev": "node dump.js", "postdev": "node dump.js"}
}"#;

/// Writes its environment beside itself, as `EVENT.json`.
const DUMP: &str =
    "require('fs').writeFileSync(process.env.npm_lifecycle_event + '.json', JSON.stringify(process.env))";

#[expect(clippy::print_stdout, reason = "the differences are what this test is for")]
#[test]
fn the_environment_is_what_each_manager_sets() {
    let mut unlisted = Vec::new();
    for manager in &MANAGERS {
        for member in [false, true] {
            for (variable, difference) in compare(manager, member) {
                let place = if member { "workspace member" } else { "package" };
                match exception(manager.package, &variable) {
                    Some(OWN) => {}
                    Some(why) => println!("{}, {place}: {variable}: {difference} ({why})", manager.package),
                    None => unlisted.push(format!("{}, {place}: {variable}: {difference}", manager.package)),
                }
            }
        }
    }
    assert!(unlisted.is_empty(), "differences that are not listed: {unlisted:#?}");
}

#[test]
fn a_changed_script_runs_under_plug_and_play() {
    let manager = MANAGERS.iter().find(|manager| manager.package == "@yarnpkg/cli-dist@4").expect("Yarn 4");
    let bin = installed(manager);
    let scripts = r#"{"name":"app","scripts":{"dev":"PORT=1 node dump.js"}}"#;
    let settings = "enableTelemetry: false\nenableGlobalCache: false\n";
    let tree = Tree::new(&[
        ("package.json", scripts),
        ("dump.js", DUMP),
        ("yarn.lock", ""),
        (".yarnrc.yml", settings),
    ]);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
    let caller = caller(&tree.dir, &[("PATH", &path), ("HOME", tree.dir.to_str().expect("text"))]);
    let output = real(manager, &caller).arg("install").output().expect("yarn install");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));

    let spec = planned(&tree.project(""), &caller, &Wish::default());
    assert_eq!(spec.main.argv, ["yarn", "exec", "PORT=3111 node dump.js"]);
    let output = run(&spec.main, &caller);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let seen = &dumps(&tree.dir)["dev"];
    assert_eq!(seen["PORT"], "3111");
    assert!(seen["NODE_OPTIONS"].contains(".pnp.cjs"));
}

fn exception(package: &str, variable: &str) -> Option<&'static str> {
    let matches = |listed: &str| {
        listed.strip_suffix('*').map_or(listed == variable, |start| variable.starts_with(start))
    };
    let of_package = |listed: &str| listed.is_empty() || listed == package;
    EXCEPTIONS.iter().find(|(of, name, _)| of_package(of) && matches(name)).map(|(_, _, why)| *why)
}

/// The differences in a package of its own, or in a member of a workspace.
fn compare(manager: &Manager, member: bool) -> Vec<(String, String)> {
    let bin = installed(manager);
    let tree = Tree::new(&[("home/x", "")]);
    let place = if member { "packages/app" } else { "" };
    tree.write(format!("{place}/package.json").trim_start_matches('/'), PACKAGE);
    tree.write(format!("{place}/dump.js").trim_start_matches('/'), DUMP);
    if member {
        tree.write("package.json", r#"{"name":"root","private":true,"workspaces":["packages/*"]}"#);
        tree.write("pnpm-workspace.yaml", "packages: ['packages/*']\n");
    }
    let dir = tree.dir.join(place).canonicalize().expect("the package");
    tree.write_all(manager.files);
    let home = tree.dir.join("home");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("a PATH"));
    let caller = caller(&dir, &[("PATH", &path), ("HOME", home.to_str().expect("text"))]);
    if manager.package.starts_with("@yarnpkg") {
        let output = real(manager, &caller).arg("install").output().expect("yarn install");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    let output = real(manager, &caller).args(["run", "dev"]).output().expect("the package manager");
    assert!(output.status.success(), "{}: {}", manager.package, String::from_utf8_lossy(&output.stderr));
    let theirs = dumps(&dir);

    let spec = planned(&tree.project(place), &caller, &Wish::default());
    for step in [spec.pre.as_ref(), Some(&spec.main), spec.post.as_ref()].into_iter().flatten() {
        let output = run(step, &caller);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let ours = dumps(&dir);

    let events = |dumps: &BTreeMap<String, _>| dumps.keys().cloned().collect::<Vec<_>>();
    assert_eq!(events(&ours), events(&theirs), "{}: pre and post scripts", manager.package);
    let mut differences = Vec::new();
    for (event, theirs) in &theirs {
        for (name, difference) in difference(theirs, &ours[event]) {
            differences.push((name, format!("{event}: {difference}")));
        }
    }
    differences
}

fn real(manager: &Manager, caller: &Caller) -> Command {
    let mut command = Command::new(manager.program);
    command.current_dir(&caller.directory).env_clear().envs(&caller.variables).stdin(Stdio::null());
    command
}

/// All dumps in a directory by event; they are removed.
fn dumps(dir: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut dumps = BTreeMap::new();
    for event in ["predev", "dev", "postdev"] {
        let path = dir.join(format!("{event}.json"));
        if let Ok(text) = fs::read(&path) {
            dumps.insert(event.to_owned(), serde_json::from_slice(&text).expect("a dump"));
            fs::remove_file(path).expect("removed");
        }
    }
    dumps
}

fn difference(theirs: &BTreeMap<String, String>, ours: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let names: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    let differs = |name: &String| match (theirs.get(name), ours.get(name)) {
        (Some(theirs), Some(ours)) if name == "PATH" => path_difference(theirs, ours),
        (Some(theirs), Some(ours)) if theirs == ours => None,
        (theirs, ours) => Some(format!("theirs {theirs:?}, ours {ours:?}")),
    };
    names.into_iter().filter_map(|name| Some((name.clone(), differs(name)?))).collect()
}

/// Theirs has to be ours in the same order, except for directories that do not exist, for temporary ones, and for
/// binaries of directories further up, which bowline always finds.
fn path_difference(theirs: &str, ours: &str) -> Option<String> {
    let binaries = |dir: &&str| dir.ends_with("/node_modules/.bin");
    let mut rest = ours.split(':');
    let counts = |dir: &&str| Path::new(dir).is_dir() && !dir.contains("/yarn--") && !dir.contains("/xfs-");
    let mut seen = BTreeSet::new();
    let missing: Vec<&str> = theirs
        .split(':')
        .filter(counts)
        .filter(|dir| seen.insert(*dir))
        .filter(|dir| !rest.by_ref().any(|other| other == *dir))
        .collect();
    let theirs: BTreeSet<&str> = theirs.split(':').collect();
    let extra: Vec<&str> = ours.split(':').filter(|dir| !theirs.contains(dir) && !binaries(dir)).collect();
    (!missing.is_empty() || !extra.is_empty())
        .then(|| format!("missing or out of order {missing:?}, extra {extra:?}"))
}

fn installed(manager: &Manager) -> PathBuf {
    package_manager(manager.package, manager.program, manager.node)
}
