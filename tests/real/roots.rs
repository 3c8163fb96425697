//! What bare `bowline` runs at the root of a workspace, compared with what the tool in the root's script runs: on
//! generated workspaces, with generated scripts. What bowline runs as it is, is right by that.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::support::managers::package_manager;
use crate::support::{Noise, Sandbox, npm, run_within};

/// Directories and names of packages. Two have the same last part.
const PACKAGES: [(&str, &str); 9] = [
    ("apps/web", "@acme/web"),
    ("apps/api", "api"),
    ("apps/docs", "@acme/docs"),
    ("packages/ui", "@acme/ui"),
    ("packages/web", "@other/web"),
    ("packages/util", "util"),
    ("packages/config", "@acme/config"),
    ("packages/left-out", "left-out"),
    ("tools/deep/cli", "@acme/cli"),
];

const PATTERNS: [&str; 4] = ["!packages/left-out", "apps/*", "packages/*", "tools/**"];

/// A tool, the range of dependencies within a workspace, the manager, and a command line of the root.
struct Tool {
    manager: &'static str,
    range: &'static str,
    workspaces: u64,
    questions: usize,
    script: fn(&mut Noise) -> String,
    /// Starts the script in the directory with the sandbox's root, and returns the directories that it has run in.
    run: fn(&Path, &str) -> BTreeSet<PathBuf>,
}

/// A workspace of some packages, most of which have the script; those that run leave a mark.
fn generate(noise: &mut Noise, tool: &Tool) -> Sandbox {
    let mut sandbox = Sandbox::new();
    let mark = sandbox.project().join("mark.sh");
    sandbox.file("mark.sh", &format!("pwd -P >> '{}'\n", sandbox.project().join("marks").display()));
    let has = |noise: &mut Noise| noise.below(4) > 0;
    let chosen: Vec<_> = PACKAGES.iter().filter(|_| has(noise)).collect();
    for (at, (dir, name)) in chosen.iter().enumerate() {
        let mut scripts = Map::new();
        if has(noise) {
            scripts.insert("dev".to_owned(), json!(format!("sh {}", mark.display())));
        }
        // A dependency on one before it: pnpm 12 refuses circles.
        let before = chosen[..at].iter().filter(|_| noise.below(3) == 0);
        let dependencies: Map<String, Value> =
            before.map(|(_, name)| ((*name).to_owned(), json!(tool.range))).collect();
        let manifest = json!({
            "name": name, "version": "1.0.0", "scripts": scripts, "dependencies": dependencies,
            "private": noise.below(3) == 0, "nx": { "tags": [format!("type:{}", &dir[..3])] },
        });
        sandbox.file(format!("{dir}/package.json"), &manifest.to_string());
    }
    sandbox.file("pnpm-workspace.yaml", &json!({ "packages": PATTERNS }).to_string());
    sandbox.file("turbo.json", r#"{ "tasks": { "dev": { "cache": false, "persistent": true } } }"#);
    sandbox.file("nx.json", "{}");
    sandbox
        .file(".yarnrc.yml", "nodeLinker: node-modules\nenableTelemetry: false\nenableGlobalCache: false\n");
    sandbox
}

fn compare(tool: &Tool) {
    let (mut differences, mut understood, mut all) = (Vec::new(), 0, 0);
    for seed in 0..tool.workspaces {
        let mut noise = Noise::new(seed);
        let mut sandbox = generate(&mut noise, tool);
        for question in 0..tool.questions {
            let script = (tool.script)(&mut noise);
            let mut root = json!({ "name": "monorepo", "private": true, "scripts": { "dev": script } });
            match tool.manager {
                "pnpm" => {}
                manager => {
                    root["packageManager"] = json!(manager);
                    root["workspaces"] = json!(PATTERNS);
                }
            }
            sandbox.file("package.json", &root.to_string());
            let dir = sandbox.project().canonicalize().unwrap();
            if question == 0 && tool.manager.starts_with("yarn") {
                finish(&dir, "yarn install", &[&yarn()]);
            }
            all += 1;
            let Some(ours) = by_us(&sandbox) else { continue };
            understood += 1;
            let _ = fs::remove_file(dir.join("marks"));
            let theirs = (tool.run)(&dir, &script);
            if theirs != ours {
                differences.push(format!("seed {seed}, {script}: {theirs:#?}, not {ours:#?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{} of {understood}:\n{}", differences.len(), differences.join("\n"));
    assert!(understood * 3 > all, "{understood} of {all} are understood");
}

/// The directories of what bowline would run itself, if it understands the script.
fn by_us(sandbox: &Sandbox) -> Option<BTreeSet<PathBuf>> {
    let finished = sandbox.run(["dev", "--dry-run", "--json", "--no-order"]);
    assert!(finished.status.success(), "{finished:?}");
    let lines: Vec<Value> = finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_understood = lines[0]["root"]["means"] == "packages";
    let dirs = lines.iter().map(|line| PathBuf::from(line["project"]["dir"].as_str().unwrap()));
    is_understood.then(|| dirs.collect())
}

/// Runs a shell command with these directories in front of `PATH`, and returns its output. That scripts are missing is
/// an error for some tools, and no matter here.
fn finish(dir: &Path, command: &str, programs: &[&Path]) -> String {
    let path = std::env::var("PATH").unwrap();
    let first: Vec<String> = programs.iter().map(|dir| dir.display().to_string()).collect();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .current_dir(dir)
        .stdin(Stdio::null())
        .env("PATH", format!("{}:{path}", first.join(":")));
    for (name, value) in [
        ("CI", "1"),
        ("YARN_ENABLE_IMMUTABLE_INSTALLS", "false"),
        ("NX_DAEMON", "false"),
        ("NX_TUI", "false"),
        ("NX_NO_CLOUD", "true"),
        ("TURBO_TELEMETRY_DISABLED", "1"),
        ("pnpm_config_verify_deps_before_run", "false"),
    ] {
        shell.env(name, value);
    }
    run_within(&mut shell, Duration::from_secs(120)).stdout
}

/// What has left a mark when a manager had run the root's script.
fn marked(dir: &Path, manager: &str, programs: &Path) -> BTreeSet<PathBuf> {
    finish(dir, &format!("{manager} run dev"), &[programs]);
    let marks = fs::read_to_string(dir.join("marks")).unwrap_or_default();
    marks.lines().map(PathBuf::from).collect()
}

fn yarn() -> PathBuf {
    package_manager("@yarnpkg/cli-dist@4", "yarn", None)
}

/// The answer of a tool of the fixture in JSON.
fn asked(dir: &Path, command: &str) -> Value {
    let installed = npm::packages("fixtures/real/workspaces").dir.join("node_modules");
    if !dir.join("node_modules").exists() {
        symlink(&installed, dir.join("node_modules")).unwrap();
    }
    let said = finish(dir, command, &[&installed.join(".bin")]);
    let json = said.find("{\n").map(|start| &said[start..]).unwrap_or_default();
    serde_json::from_str(json).unwrap_or_default()
}

fn name(noise: &mut Noise) -> &'static str {
    noise.one(&PACKAGES).1
}

/// One to three filters in the grammar of pnpm and turbo.
fn filters(noise: &mut Noise) -> String {
    let one = |noise: &mut Noise| {
        let base = match noise.below(6) {
            0..=2 => name(noise),
            3 => noise.one(&["@acme/*", "*", "u*", "*web"]),
            4 => noise.one(&["./apps/*", "./packages/*", "./tools/**", "./apps/web"]),
            _ => noise.one(&["{./apps/*}", "{./packages/**}", "{./packages/util}"]),
        };
        let marks = [("", ""), ("", ""), ("", ""), ("", "..."), ("...", ""), ("", "^..."), ("...^", "")];
        let (before, after) = *noise.one(&marks);
        let excludes = if noise.below(4) == 0 { "!" } else { "" };
        format!(" --filter='{excludes}{before}{base}{after}'")
    };
    (0..=noise.below(3)).map(|_| one(noise)).collect()
}

#[test]
fn turbo() {
    compare(&Tool {
        manager: "npm@11.0.0",
        range: "*",
        workspaces: 2,
        questions: 10,
        script: |noise| format!("turbo run dev{}", filters(noise)),
        run: |dir, script| {
            let answer = asked(dir, &format!("{script} --dry=json"));
            let tasks = answer["tasks"].as_array().into_iter().flatten();
            let runs = tasks.filter(|task| task["command"] != "<NONEXISTENT>");
            runs.map(|task| dir.join(task["directory"].as_str().unwrap())).collect()
        },
    });
}

#[test]
fn nx() {
    compare(&Tool {
        manager: "npm@11.0.0",
        range: "*",
        workspaces: 1,
        questions: 6,
        script: |noise| {
            let glob = noise.one(&["@acme/*", "apps/*", "tag:type:app", "*web", "packages/**"]);
            match noise.below(6) {
                0 => "nx run-many -t dev".to_owned(),
                1 => format!("nx run-many -t dev -p '{glob}'"),
                2 => format!("nx run-many -t dev -p {},{}", name(noise), name(noise)),
                3 => format!("nx run-many --target=dev --exclude '{glob}'"),
                4 => format!("nx run-many -t dev -p '{glob}' --exclude={}", name(noise)),
                _ => format!("nx dev {}", name(noise).rsplit('/').next().unwrap()),
            }
        },
        run: |dir, script| {
            let answer = asked(dir, &format!("{script} --graph=stdout"));
            let tasks = answer["tasks"]["tasks"].as_object().into_iter().flatten();
            tasks.map(|(_, task)| dir.join(task["projectRoot"].as_str().unwrap())).collect()
        },
    });
}

#[test]
fn pnpm() {
    compare(&Tool {
        manager: "pnpm",
        range: "workspace:*",
        workspaces: 3,
        questions: 12,
        script: |noise| match noise.below(5) {
            0 => "pnpm -r --if-present run dev".to_owned(),
            1 => "pnpm -r --parallel --include-workspace-root dev".to_owned(),
            _ => format!("pnpm{} dev", filters(noise)),
        },
        run: |dir, _| marked(dir, "pnpm", &package_manager("pnpm@12", "pnpm", None)),
    });
}

#[test]
fn npm_itself() {
    compare(&Tool {
        manager: "npm@11.0.0",
        range: "*",
        workspaces: 1,
        questions: 8,
        script: |noise| {
            let dir = noise.one(&["apps", "packages", "apps/web", "./apps", "tools"]);
            match noise.below(4) {
                0 => "npm run dev -ws --if-present".to_owned(),
                1 => format!("npm run dev --if-present -w {} -w {dir}", name(noise)),
                2 => format!("npm -w {dir} --if-present run dev"),
                _ => format!("npm run dev --workspace={}", name(noise)),
            }
        },
        run: |dir, _| marked(dir, "npm", Path::new("node_modules/.bin")),
    });
}

#[test]
fn yarn_4() {
    compare(&Tool {
        manager: "yarn@4.18.1",
        range: "workspace:*",
        workspaces: 1,
        questions: 10,
        script: |noise| {
            let glob = noise.one(&["@acme/*", "apps/*", "*", "**", "packages/**", "util"]);
            match noise.below(6) {
                0 => "yarn workspaces foreach -Api run dev".to_owned(),
                1 => format!("yarn workspaces foreach -A --include '{glob}' run dev"),
                2 => format!("yarn workspaces foreach -Ap --exclude '{glob}' run dev"),
                3 => format!("yarn workspaces foreach -Rp --from {} run dev", name(noise)),
                4 => "yarn workspaces foreach -A --no-private run dev".to_owned(),
                _ => format!("yarn workspace {} dev", name(noise)),
            }
        },
        run: |dir, _| marked(dir, "yarn", &yarn()),
    });
}

#[test]
fn bun() {
    compare(&Tool {
        manager: "bun@1.4.5",
        range: "workspace:*",
        workspaces: 2,
        questions: 12,
        script: |noise| {
            let glob = noise.one(&["@acme/*", "*", "./apps/*", "./packages/**", "*web", "u*"]);
            match noise.below(6) {
                0 => format!("bun --filter '{glob}' dev"),
                1 => format!("bun run --filter={} dev", name(noise)),
                2 => format!("bun -F '{glob}' -F '!{}' dev", name(noise)),
                3 => format!("bun -F '!{}' -F '{glob}' dev", name(noise)),
                4 => format!("bun run --workspaces{} dev", noise.one(&["", " --if-present"])),
                _ => format!("bun --filter '{}...' dev", name(noise)),
            }
        },
        run: |dir, _| marked(dir, "bun", &package_manager("bun@1", "bun", None)),
    });
}
