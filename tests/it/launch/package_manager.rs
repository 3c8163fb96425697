//! Which package manager it is.

use bowline::launch::{PackageManager, Source, choose};

use crate::support::launch::{Tree, Wish, caller, planned, set};

use PackageManager::{Bun, Npm, Pnpm, Yarn};

const LOCK: &str = "__metadata:\n  version: 8\n";

/// Files, the invoker's user agent, what is chosen, its major version.
type Case = (&'static [(&'static str, &'static str)], &'static str, PackageManager, u64);

const CASES: &[Case] = &[
    (&[("app/package.json", "{}")], "", Npm, 11),
    (&[("app/package.json", "{}")], "pnpm/8.1.0 npm/? node/v20", Pnpm, 8),
    (&[("app/package.json", "{}")], "deno/2.0.0", Npm, 11),
    (&[("app/package.json", r#"{"packageManager":"pnpm@8.15.0+sha256.0a"}"#)], "", Pnpm, 8),
    (&[("app/package.json", r#"{"packageManager":"yarn@stable"}"#)], "", Yarn, 4),
    (&[("app/package.json", r#"{"packageManager":"bun@1.2.3"}"#), ("app/yarn.lock", "")], "", Bun, 1),
    (&[("app/package.json", r#"{"packageManager":"cnpm@1.0.0"}"#), ("app/bun.lock", "")], "", Bun, 1),
    (&[("app/package.json", r#"{"packageManager":7}"#), ("app/bun.lockb", "")], "", Bun, 1),
    (
        &[("app/package.json", r#"{"devEngines":{"packageManager":{"name":"pnpm","version":"9.1.0"}}}"#)],
        "",
        Pnpm,
        9,
    ),
    (&[("app/package.json", r#"{"devEngines":{"packageManager":[{"name":"yarn"}]}}"#)], "npm/9.0.0", Yarn, 4),
    (&[("app/package.json", "{}"), ("app/yarn.lock", "# yarn lockfile v1\n")], "", Yarn, 1),
    (&[("app/package.json", "{}"), ("app/yarn.lock", LOCK)], "", Yarn, 4),
    (&[("app/package.json", "{}"), ("app/yarn.lock", "")], "", Yarn, 1),
    (&[("app/package.json", "{}"), ("app/yarn.lock", ""), ("app/.yarnrc.yml", "a: b")], "", Yarn, 4),
    (
        &[
            ("app/package.json", "{}"),
            ("app/yarn.lock", ""),
            ("app/.yarnrc.yml", "yarnPath: .yarn/releases/yarn-3.6.1.cjs"),
        ],
        "",
        Yarn,
        3,
    ),
    (&[("app/package.json", "{}"), ("app/npm-shrinkwrap.json", "{}"), ("pnpm-lock.yaml", "")], "", Npm, 11),
    (&[("app/package.json", "{}"), ("pnpm-lock.yaml", "")], "npm/10.0.0", Pnpm, 12),
    (&[("app/package.json", "{}"), ("app/package-lock.json", ""), ("app/pnpm-lock.yaml", "")], "", Pnpm, 12),
    (
        &[("app/package.json", "{}"), ("app/package-lock.json", ""), ("app/pnpm-lock.yaml", "")],
        "npm/10.2.0",
        Npm,
        10,
    ),
    (
        &[
            ("app/package.json", "{}"),
            ("app/package-lock.json", ""),
            ("app/yarn.lock", ""),
            ("app/node_modules/.package-lock.json", ""),
        ],
        "yarn/1.22.0",
        Npm,
        11,
    ),
    (
        &[
            ("package.json", r#"{"workspaces":["app"],"packageManager":"pnpm@9.0.0"}"#),
            ("app/package.json", "{}"),
            ("app/yarn.lock", ""),
        ],
        "",
        Pnpm,
        9,
    ),
];

#[test]
fn choices() {
    for (files, agent, manager, major) in CASES {
        let tree = Tree::new(files);
        let caller = caller(&tree.dir, &[("npm_config_user_agent", agent), ("PATH", "/nowhere")]);
        let choice = choose(&tree.project("app"), &caller);
        assert_eq!((choice.manager, choice.major()), (*manager, *major), "{files:?} {agent}: {choice:?}");
    }
}

#[test]
fn the_source_and_the_root_are_told() {
    let tree = Tree::new(&[
        ("package.json", r#"{"workspaces":["app"]}"#),
        ("app/package.json", "{}"),
        ("yarn.lock", ""),
    ]);
    let choice = choose(&tree.project("app"), &caller(&tree.dir, &[]));
    assert_eq!(choice.source, Source::Lockfile(tree.dir.join("yarn.lock")));
    assert_eq!(choice.root, tree.dir);
    let tree = Tree::new(&[("package.json", "{}")]);
    assert_eq!(choose(&tree.project(""), &caller(&tree.dir, &[])).source, Source::Default);
}

#[test]
fn the_installed_version_counts_where_nothing_else_is_said() {
    let tree = Tree::new(&[
        ("lib/pnpm/package.json", r#"{"name":"pnpm","version":"8.2.0"}"#),
        ("app/package.json", "{}"),
        ("app/pnpm-lock.yaml", ""),
    ]);
    tree.program("lib/pnpm/bin/pnpm.cjs", "");
    std::fs::create_dir(tree.dir.join("bin")).expect("a directory");
    std::os::unix::fs::symlink(tree.dir.join("lib/pnpm/bin/pnpm.cjs"), tree.dir.join("bin/pnpm"))
        .expect("a link");
    let path = tree.dir.join("bin");
    let choice = choose(&tree.project("app"), &caller(&tree.dir, &[("PATH", path.to_str().expect("text"))]));
    assert_eq!(choice.major(), 8);
}

#[test]
fn the_hash_of_a_declared_version_is_no_part_of_it() {
    let manifest = r#"{"packageManager":"pnpm@9.1.0+sha512.0a1b","scripts":{"dev":"vite"}}"#;
    let tree = Tree::new(&[("package.json", manifest)]);
    let spec = planned(&tree.project(""), &caller(&tree.dir, &[]), &Wish::default());
    let agent = set(&spec.main, "npm_config_user_agent").unwrap_or_default();
    assert!(agent.starts_with("pnpm/9.1.0 "), "{agent}");
}
