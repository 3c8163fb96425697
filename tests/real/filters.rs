//! What filters select, compared with pnpm's own answer on generated graphs of packages.
//!
//! pnpm 12 is installed into `target/package-managers` on first use; it installs nothing here, and asks no registry.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bowline::project::Project;
use bowline::workspace::{Filter, Packages};
use serde_json::{Map, Value, json};

use crate::support::launch::Tree;
use crate::support::managers::package_manager;
use crate::support::{Noise, run_within};

const GRAPHS: u64 = 20;
const QUESTIONS: usize = 24;

/// Directories and names of packages. Two have the same last part, one has no name.
const PACKAGES: [(&str, Option<&str>); 12] = [
    ("apps/web", Some("@acme/web")),
    ("apps/api", Some("api")),
    ("apps/docs", Some("@acme/docs")),
    ("apps/admin", Some("admin-app")),
    ("packages/ui", Some("@acme/ui")),
    ("packages/ui-icons", Some("ui-icons")),
    ("packages/web", Some("@other/web")),
    ("packages/util", Some("util")),
    ("packages/nameless", None),
    ("packages/config", Some("@acme/config")),
    ("tools/deep/cli", Some("@acme/cli")),
    ("tools/deep/lint", Some("lint.js")),
];

/// Ranges of a dependency on `NAME` in `PATH`.
const RANGES: [&str; 22] = [
    "workspace:*", "workspace:*", "workspace:*", "workspace:^", "workspace:~", "workspace:",
    "workspace:1.0.0", "workspace:^1.0.0", "workspace:^2.0.0", "workspace:NAME@*", "workspace:PATH",
    "^1.0.0", "1.0.0", "1.x", ">=1.0.0 <2", "~1.2", "*", "^2.0.0 || ^3.0.0", "latest", "npm:NAME@^1.0.0",
    "link:PATH", "file:PATH",
];

const TABLES: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// A workspace with a root and some of the packages, and dependencies by chance.
fn generate(noise: &mut Noise) -> Tree {
    let settings = ["", "linkWorkspacePackages: true\n", "linkWorkspacePackages: false\n"];
    let settings = format!("packages: ['apps/*', 'packages/*', 'tools/**']\n{}", noise.one(&settings[..]));
    let mut tree = Tree::new(&[("monorepo/pnpm-workspace.yaml", &settings)]);
    // A wildcard does not mean a hidden directory, as that of the test is one.
    tree.dir.push("monorepo");
    let chosen: Vec<_> = PACKAGES.iter().filter(|_| noise.below(4) > 0).collect();
    let root = [("", Some("monorepo"))];
    for (dir, name) in chosen.iter().copied().chain(&root) {
        let mut manifest = Map::new();
        manifest.extend(name.map(|name| ("name".to_owned(), json!(name))));
        if noise.below(4) > 0 {
            let version = *noise.one(&["1.0.0", "1.2.3", "2.0.0", "1.0.0-beta.1"]);
            manifest.insert("version".to_owned(), json!(version));
        }
        for (other, name) in &chosen {
            let Some(name) = name.filter(|_| noise.below(4) == 0) else { continue };
            let up = if dir.is_empty() { ".".to_owned() } else { "../".repeat(dir.split('/').count()) };
            let path = format!("{}/{other}", up.trim_end_matches('/'));
            let range = noise.one(&RANGES).replace("NAME", name).replace("PATH", &path);
            let table = manifest.entry(*noise.one(&TABLES)).or_insert_with(|| json!({}));
            table[name] = json!(range);
        }
        let path = Path::new(dir).join("package.json");
        tree.write(path.to_str().unwrap(), &Value::Object(manifest).to_string());
    }
    tree
}

/// One to three filters, some of which match nothing.
fn question(noise: &mut Noise) -> Vec<String> {
    let base = |noise: &mut Noise| -> String {
        let name = || PACKAGES[..].iter().filter_map(|(_, name)| *name).collect::<Vec<_>>();
        let dirs = || PACKAGES[..].iter().map(|(dir, _)| *dir).collect::<Vec<_>>();
        match noise.below(12) {
            0 | 1 => (*noise.one(&name())).to_owned(),
            2 | 3 => noise.one(&name()).rsplit('/').next().unwrap().to_owned(),
            4 => (*noise.one(&["*", "@acme/*", "@*/web", "ui*", "*-*", "*i*", "d*", "@nobody/*"])).to_owned(),
            5 => format!("./{}", noise.one(&dirs())),
            6 => format!("{{{}}}", noise.one(&dirs())),
            7 => {
                let globs = [
                    "./apps/*", "./apps", "./apps/", "./packages/**", "./**", "./tools/*", "./tools/**/cli",
                    "../*",
                ];
                (*noise.one(&globs)).to_owned()
            }
            8 => (*noise.one(&["{apps/*}", "{./packages/*}", "{**}", "{.}", "{packages}", "{/apps/*}"]))
                .to_owned(),
            9 => format!(
                "{}{{{}}}",
                noise.one(&["*", "@acme/*", "web"]),
                noise.one(&["apps/*", "packages/**"])
            ),
            10 => (*noise.one(&[".", "..", "./", "monorepo"])).to_owned(),
            _ => (*noise.one(&["nope", "@acme/nope", "./nope", "we", "ui.icons", "lintxjs"])).to_owned(),
        }
    };
    let one = |noise: &mut Noise| {
        let mut text = base(noise);
        let marks =
            [("", ""), ("", ""), ("", "..."), ("...", ""), ("", "^..."), ("...^", ""), ("...", "...")];
        let (before, after) = *noise.one(&marks);
        text = format!("{before}{text}{after}");
        if noise.below(4) == 0 { format!("!{text}") } else { text }
    };
    let filters: Vec<String> = (0..=noise.below(3)).map(|_| one(noise)).collect();
    // pnpm 12 adds to `...x...` what the dependents of filters before it depend on; pnpm 11 has that as a mistake.
    let is_both = |filter: &&String| {
        let filter = filter.trim_start_matches('!');
        filter.starts_with("...") && filter.ends_with("...")
    };
    let alone = filters.iter().find(is_both).cloned();
    alone.map_or(filters, |alone| vec![alone])
}

/// The directories that pnpm runs a command in.
fn by_pnpm(pnpm: &Path, dir: &Path, filters: &[String]) -> BTreeSet<PathBuf> {
    let mut command = Command::new(pnpm);
    command.current_dir(dir).stdin(Stdio::null()).args(["--recursive", "--offline", "--no-sort"]);
    command.args(filters.iter().flat_map(|filter| ["--filter", filter]));
    command
        .args(["exec", "pwd", "-P"])
        .env("pnpm_config_verify_deps_before_run", "false")
        .env("CI", "1")
        .env("pnpm_config_ignore_workspace_cycles", "true");
    let finished = run_within(&mut command, Duration::from_secs(120));
    assert!(finished.status.success(), "{filters:?}: {} {}", finished.stdout, finished.stderr);
    finished.stdout.lines().filter(|line| line.starts_with('/')).map(PathBuf::from).collect()
}

/// The directories that the filters select.
fn by_us(dir: &Path, filters: &[String]) -> BTreeSet<PathBuf> {
    let packages = Packages::around(&Project::find(dir).unwrap()).unwrap();
    let parsed: Vec<Filter> = filters.iter().map(|text| Filter::parse(text, dir).unwrap()).collect();
    let selected = packages.select(&parsed).unwrap();
    let dirs = selected.indices.iter().map(|index| packages.projects()[*index].dir.clone());
    // pnpm's commands that run something leave out the root unless a filter asks for more than to leave out.
    let excludes_alone = parsed.iter().all(Filter::excludes);
    dirs.filter(|dir| !(excludes_alone && dir == packages.root())).collect()
}

#[test]
fn filters_select_what_pnpm_selects() {
    let pnpm = package_manager("pnpm@12", "pnpm", None).join("pnpm");
    let mut differences = Vec::new();
    let (mut some, mut none) = (0, 0);
    for seed in 0..GRAPHS {
        let mut noise = Noise::new(seed);
        let tree = generate(&mut noise);
        let root = tree.dir.clone();
        for _ in 0..QUESTIONS {
            let filters = question(&mut noise);
            let below = root.join(noise.one(&PACKAGES).0);
            // pnpm takes the nearest package for the current directory.
            let dir = if noise.below(4) == 0 && below.exists() { &below } else { &root };
            let (theirs, ours) = (by_pnpm(&pnpm, dir, &filters), by_us(dir, &filters));
            if theirs.is_empty() {
                none += 1;
            } else {
                some += 1;
            }
            if theirs != ours {
                differences.push(format!(
                    "seed {seed}, {filters:?} in {}: {theirs:#?}, not {ours:#?}",
                    dir.display()
                ));
            }
        }
    }
    assert!(differences.is_empty(), "{} of {}:\n{}", differences.len(), some + none, differences.join("\n"));
    assert!(some > none && none > 20, "{some} questions with an answer, {none} without");
}

/// Versions of the package that others depend on, some of which are none.
const VERSIONS: [Option<&str>; 9] = [
    None,
    Some("1.0.0"),
    Some("1.2.3"),
    Some("2.0.0"),
    Some("1.0.0-beta.1"),
    Some("1.0.0+build"),
    Some("1"),
    Some("v1.0.0"),
    Some(""),
];

#[test]
fn a_package_depends_on_those_that_pnpm_says() {
    let pnpm = package_manager("pnpm@12", "pnpm", None).join("pnpm");
    let more = [
        "",
        "next",
        "x",
        ">1",
        "<=1.0.0",
        "1.0.0 - 2",
        "=1.0.0",
        "v1.0.0",
        "1.0.0-beta.1",
        "^1.0.0-beta.0",
        "workspace:1",
        "workspace:x",
        "workspace:1.0.0-beta.1",
        "workspace:latest",
        "npm:@acme/ui@*",
        "npm:@acme/ui",
        "npm:@acme/ui@1.0.0",
        "https://example.com/ui.tgz",
        "acme/ui",
        "portal:PATH",
        "workspace:packages/ui",
        "catalog:",
        "catalog:named",
        "catalog:gone",
        "workspace:@acme/ui@^1.0.0",
        "workspace:util@*",
        "file:./PATH",
        "PATH",
        "workspace:1.0.0+build",
    ];
    let ranges: Vec<&str> = RANGES.iter().chain(&more).copied().collect();
    let mut differences = Vec::new();
    for setting in ["", "linkWorkspacePackages: true\n", "linkWorkspacePackages: deep\n"] {
        for version in VERSIONS {
            let catalogs =
                "catalog:\n  '@acme/ui': workspace:*\ncatalogs:\n  named:\n    '@acme/ui': ^1.0.0\n";
            let settings = format!("packages: ['apps/*', 'packages/*']\n{setting}{catalogs}");
            let tree = Tree::new(&[("pnpm-workspace.yaml", &settings), ("package.json", "{}")]);
            let version_of = version.map(|version| format!(",\"version\":\"{version}\"")).unwrap_or_default();
            tree.write("packages/ui/package.json", &format!("{{\"name\":\"@acme/ui\"{version_of}}}"));
            for (at, range) in ranges.iter().enumerate() {
                let range = range.replace("NAME", "@acme/ui").replace("PATH", "../../packages/ui");
                let name = if range.starts_with("npm:") || range.starts_with("workspace:@") {
                    "alias"
                } else {
                    "@acme/ui"
                };
                let manifest = json!({ "name": format!("app-{at}"), "dependencies": { name: range } });
                tree.write(&format!("apps/{at}/package.json"), &manifest.to_string());
            }
            let filters = ["...^@acme/ui".to_owned()];
            let (theirs, ours) = (by_pnpm(&pnpm, &tree.dir, &filters), by_us(&tree.dir, &filters));
            for dir in theirs.symmetric_difference(&ours) {
                let at: usize = dir.file_name().unwrap().to_str().unwrap().parse().unwrap();
                let whose = if theirs.contains(dir) { "only pnpm" } else { "only we" };
                differences.push(format!("{setting:?}, version {version:?}: {whose}: {}", ranges[at]));
            }
        }
    }
    differences.sort();
    differences.dedup();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
