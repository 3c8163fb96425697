//! What to install when a command was not found.

use bowline::launch::Error;

use crate::support::launch::{Tree, Wish, caller, launch};

/// What bowline says about a status, with the tree's directory written as `DIR`.
fn said(files: &[(&str, &str)], dir: &str, status: i32) -> Option<(String, String)> {
    let tree = Tree::new(files);
    let caller = caller(&tree.dir, &[("PATH", "/nowhere")]);
    let (_, _, error) = launch(&tree.project(dir), &caller, &Wish::default(), Some(status)).expect("a plan");
    let error: Error = error?;
    let hint = error.hint().expect("a hint").replace(tree.dir.to_str().expect("text"), "DIR");
    Some((error.to_string(), hint))
}

/// Files, the project's directory, the missing program, the hint.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str, &'a str);

#[test]
fn advice() {
    let vite = r#"{"scripts":{"dev":"cross-env A=1 vite"},"devDependencies":{"vite":"8"}}"#;
    let both = r#"{"scripts":{"dev":"vite"},"devDependencies":{"vite":"8"}}"#;
    let none = r#"{"scripts":{"dev":"vite"}}"#;
    let cases: &[Case<'_>] = &[
        (
            &[("package.json", vite)],
            "",
            "cross-env",
            "run `npm install` in `DIR`: there is no `node_modules` yet",
        ),
        (
            &[("package.json", both), ("pnpm-lock.yaml", "")],
            "",
            "vite",
            "run `pnpm install` in `DIR`: there is no `node_modules` yet",
        ),
        (
            &[("package.json", r#"{"workspaces":["app"]}"#), ("yarn.lock", ""), ("app/package.json", both)],
            "app",
            "vite",
            "run `yarn install` in `DIR`: there is no `node_modules` yet",
        ),
        (
            &[("package.json", both), ("bun.lock", ""), ("node_modules/x/y", "")],
            "",
            "vite",
            "run `bun install` in `DIR`: package.json names `vite`, but it is not installed",
        ),
        (&[("package.json", none)], "", "vite", "run `npm install --save-dev vite` in `DIR`"),
        (
            &[("package.json", r#"{"scripts":{"dev":"ng serve"}}"#), ("yarn.lock", "")],
            "",
            "ng",
            "run `yarn add --dev @angular/cli` in `DIR`",
        ),
        (
            &[("package.json", r#"{"scripts":{"dev":"dotenv -- node x"}}"#)],
            "",
            "dotenv",
            "run `npm install --save-dev dotenv-cli` in `DIR`",
        ),
        (
            &[("package.json", r#"{"scripts":{"dev":"acme-serve"}}"#)],
            "",
            "acme-serve",
            "install `acme-serve`: it is neither in `node_modules/.bin` nor in the `PATH`",
        ),
        (
            &[("package.json", r#"{"scripts":{"dev":"A=1 acme-vault run -- echo"}}"#)],
            "",
            "acme-vault",
            "install `acme-vault`: it is neither in `node_modules/.bin` nor in the `PATH`",
        ),
        (
            &[("package.json", none), (".npmrc", "script-shell=/no/such/shell")],
            "",
            "/no/such/shell",
            "install `/no/such/shell`, or correct the script or setting that names it",
        ),
        (
            &[("package.json", none), ("yarn.lock", "__metadata:"), (".pnp.cjs", "")],
            "",
            "yarn",
            "run `corepack enable yarn` or `npm install --global yarn`",
        ),
        (
            &[("package.json", r#"{"scripts":{"dev":"./run.sh"}}"#)],
            "",
            "./run.sh",
            "make `./run.sh` with the project's build, or correct the script",
        ),
        (
            &[
                ("package.json", r#"{"scripts":{"dev":"pnpm run x","x":"turbo"}}"#),
                ("node_modules/.bin/turbo", ""),
            ],
            "",
            "pnpm",
            "run `corepack enable pnpm` or `npm install --global pnpm`",
        ),
    ];
    for (files, dir, program, hint) in cases {
        let (message, said) = said(files, dir, 127).unwrap_or_else(|| panic!("{files:?}"));
        assert_eq!(message, format!("command not found: `{program}`"));
        assert_eq!(said, *hint);
    }
}

#[test]
fn an_interpreter_that_there_is_none_of() {
    let script = r#"{"scripts":{"dev":"./run.sh --port 1"}}"#;
    let hint = |first_line: &str| {
        let said = said(&[("package.json", script), ("run.sh", first_line)], "", 127);
        said.map(|(message, hint)| {
            assert_eq!(message, "command not found: `./run.sh`");
            hint
        })
    };
    let install = |wanted: &str| {
        Some(format!("install `{wanted}`, or correct the first line of `DIR/run.sh`, which asks for it"))
    };
    assert_eq!(hint("#!/nonexistent/python -u\n"), install("/nonexistent/python"));
    assert_eq!(hint("#! /usr/bin/env -S zx-of-old --quiet\n"), install("zx-of-old"));
    for line in ["#!/bin/sh\r\n", "#!/usr/bin/env node\r\n"] {
        let plain = "save `DIR/run.sh` with line feeds alone: its lines end as on Windows";
        assert_eq!(hint(line).as_deref(), Some(plain), "{line:?}");
    }
    for fine in ["#!/bin/sh\nexit 127\n", "exit 127\n", ""] {
        assert_eq!(hint(fine), None, "{fine:?}");
    }
}

#[test]
fn not_executable() {
    let script = r#"{"scripts":{"dev":"./run.sh"}}"#;
    let (message, hint) = said(&[("package.json", script), ("run.sh", "")], "", 126).expect("an explanation");
    assert_eq!(message, "command not executable: `./run.sh`");
    assert_eq!(hint, "run `chmod +x DIR/./run.sh`");
}

#[test]
fn nothing_is_explained_that_is_not_missing() {
    let script = r#"{"scripts":{"dev":"vite"}}"#;
    let files = [("package.json", script), ("node_modules/.bin/vite", "")];
    assert_eq!(said(&files, "", 127), None);
    assert_eq!(said(&files, "", 1), None);
    assert_eq!(said(&[("package.json", script)], "", 0), None);
}
