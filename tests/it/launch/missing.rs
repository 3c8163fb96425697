//! The advice when a command was not found.

use bowline::launch::LaunchError;

use crate::support::launch::{Tree, Wish, caller, launch};

/// The advice for a status, with the tree's directory written as `DIR`.
fn said(files: &[(&str, &str)], dir: &str, status: u8) -> Option<(String, String)> {
    let tree = Tree::new(files);
    let caller = caller(&tree.dir, &[("PATH", "/nowhere")]);
    let (_, _, error) = launch(&tree.project(dir), &caller, &Wish::default(), Some(status)).expect("a plan");
    let error: LaunchError = error?;
    let hint = error.hint().expect("a hint").replace(tree.dir.to_str().expect("text"), "DIR");
    Some((error.to_string(), hint))
}

const VITE: &str = r#"{"scripts":{"dev":"vite"}}"#;
const VITE_DECLARED: &str = r#"{"scripts":{"dev":"vite"},"devDependencies":{"vite":"8"}}"#;

/// Asserts the advice about a missing program, for files and the project's directory.
#[track_caller]
fn assert_advice(files: &[(&str, &str)], dir: &str, program: &str, hint: &str) {
    let (message, said) = said(files, dir, 127).unwrap_or_else(|| panic!("{files:?}"));
    assert_eq!(message, format!("command not found: `{program}`"));
    assert_eq!(said, hint);
}

#[test]
fn declared_packages_are_to_be_installed() {
    let cross_env = r#"{"scripts":{"dev":"cross-env A=1 vite"},"devDependencies":{"vite":"8"}}"#;
    let none_yet =
        |manager: &str| format!("run `{manager} install` in `DIR`: there is no `node_modules` yet");
    assert_advice(&[("package.json", cross_env)], "", "cross-env", &none_yet("npm"));
    let pnpm = [("package.json", VITE_DECLARED), ("pnpm-lock.yaml", "")];
    assert_advice(&pnpm, "", "vite", &none_yet("pnpm"));
    let root = r#"{"workspaces":["app"]}"#;
    let yarn = [("package.json", root), ("yarn.lock", ""), ("app/package.json", VITE_DECLARED)];
    assert_advice(&yarn, "app", "vite", &none_yet("yarn"));
    let bun = [("package.json", VITE_DECLARED), ("bun.lock", ""), ("node_modules/x/y", "")];
    let not_installed = "run `bun install` in `DIR`: package.json names `vite`, but it is not installed";
    assert_advice(&bun, "", "vite", not_installed);
}

#[test]
fn known_packages_are_to_be_added() {
    let add = |command: &str| format!("run `{command}` in `DIR`");
    assert_advice(&[("package.json", VITE)], "", "vite", &add("npm install --save-dev vite"));
    let ng = [("package.json", r#"{"scripts":{"dev":"ng serve"}}"#), ("yarn.lock", "")];
    assert_advice(&ng, "", "ng", &add("yarn add --dev @angular/cli"));
    let dotenv = [("package.json", r#"{"scripts":{"dev":"dotenv -- node x"}}"#)];
    assert_advice(&dotenv, "", "dotenv", &add("npm install --save-dev dotenv-cli"));
}

#[test]
fn other_programs_are_to_be_found_elsewhere() {
    for (script, program) in [
        ("acme-serve", "acme-serve"),
        ("A=1 acme-vault run -- echo", "acme-vault"),
        ("exec acme-serve", "acme-serve"),
        ("A=1 command acme-serve", "acme-serve"),
        ("[ -n 1 ] && acme-serve", "acme-serve"),
    ] {
        let manifest = format!(r#"{{"scripts":{{"dev":"{script}"}}}}"#);
        let hint = format!("install `{program}`: it is neither in `node_modules/.bin` nor in the `PATH`");
        assert_advice(&[("package.json", &manifest)], "", program, &hint);
    }
    let shell = [("package.json", VITE), (".npmrc", "script-shell=/no/such/shell")];
    let hint = "install `/no/such/shell`, or correct the script or setting that names it";
    assert_advice(&shell, "", "/no/such/shell", hint);
    let own = [("package.json", r#"{"scripts":{"dev":"./run.sh"}}"#)];
    assert_advice(&own, "", "./run.sh", "make `./run.sh` with the project's build, or correct the script");
}

#[test]
fn package_managers_are_to_be_enabled() {
    let enable = |name: &str| format!("run `corepack enable {name}` or `npm install --global {name}`");
    let yarn = [("package.json", VITE), ("yarn.lock", "__metadata:"), (".pnp.cjs", "")];
    assert_advice(&yarn, "", "yarn", &enable("yarn"));
    let nested = r#"{"scripts":{"dev":"pnpm run x","x":"turbo"}}"#;
    assert_advice(&[("package.json", nested), ("node_modules/.bin/turbo", "")], "", "pnpm", &enable("pnpm"));
}

#[test]
fn a_missing_interpreter_is_named() {
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
fn a_file_without_permission_is_named() {
    let script = r#"{"scripts":{"dev":"./run.sh"}}"#;
    let (message, hint) = said(&[("package.json", script), ("run.sh", "")], "", 126).expect("an explanation");
    assert_eq!(message, "command not executable: `./run.sh`");
    assert_eq!(hint, "run `chmod +x DIR/./run.sh`");
}

#[test]
fn other_failures_are_not_explained() {
    let script = r#"{"scripts":{"dev":"vite"}}"#;
    let files = [("package.json", script), ("node_modules/.bin/vite", "")];
    assert_eq!(said(&files, "", 127), None);
    assert_eq!(said(&files, "", 1), None);
    assert_eq!(said(&[("package.json", script)], "", 0), None);
    let shell = r#"{"scripts":{"dev":"exec ./run.sh"}}"#;
    assert_eq!(said(&[("package.json", shell), ("run.sh", "exit 127\n")], "", 127), None);
}
