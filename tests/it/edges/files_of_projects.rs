//! Mistakes in a project's files: reported with place and hint, and without waiting.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::stat::Mode;

use crate::support::{Sandbox, Test};

fn stage(package: &str) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", package);
    sandbox
}

fn expect(sandbox: Sandbox, status: i32, stderr: &str) {
    let test = Test::within(sandbox).args(["--dry-run"]).status(status).stdout("");
    let (finished, _) = test.stderr_contains(stderr).answer();
    assert!(finished.stderr.contains("\nhint: "), "{}", finished.stderr);
}

#[test]
fn what_is_no_file_is_not_read() {
    for file in ["package.json", "bowline.toml", "pnpm-workspace.yaml"] {
        let place = |sandbox: &Sandbox| sandbox.project().join(file);
        let project = || {
            let sandbox = stage(r#"{ "scripts": { "dev": "true" } }"#);
            let _ = fs::remove_file(place(&sandbox));
            sandbox
        };
        let sandbox = project();
        nix::unistd::mkfifo(&place(&sandbox), Mode::S_IRWXU).unwrap();
        expect(sandbox, 2, &format!("error: {file} is a named pipe: `[PROJECT]/{file}`"));
        let sandbox = project();
        symlink(place(&sandbox), place(&sandbox)).unwrap();
        expect(sandbox, 2, &format!("error: {file} is a link that leads in a circle: `[PROJECT]/{file}`"));
        let sandbox = project();
        symlink("nowhere", place(&sandbox)).unwrap();
        expect(sandbox, 2, &format!("error: {file} is a link to nothing: `[PROJECT]/{file}`"));
        let sandbox = project();
        fs::create_dir(place(&sandbox)).unwrap();
        expect(sandbox, 2, &format!("error: {file} is a directory: `[PROJECT]/{file}`"));
    }
}

#[test]
fn what_is_no_text_is_shown_with_the_place() {
    let package = r#"{ "scripts": { "dev": "true" } }"#;
    for file in ["package.json", "bowline.toml", "../config/bowline/frameworks.toml"] {
        let sandbox = stage(package);
        fs::write(sandbox.project().join(file), b"{\n  \"a\xff\"\n}").unwrap();
        let name = OsStr::new(file.rsplit('/').next().unwrap()).to_str().unwrap();
        expect(sandbox, 2, &format!("{name}:2:5: is not UTF-8 text\n"));
    }
}

#[test]
fn workspaces_that_are_no_list_are_shown_with_the_place() {
    for (workspaces, what) in [
        (r#""packages/*""#, "expected a list of directories, or an object"),
        ("[\"a\", 5]", "expected a string"),
        (r#"{ "packages": "x" }"#, "expected a sequence"),
        ("true", "expected a list of directories"),
    ] {
        let sandbox = stage(&format!("{{ \"name\": \"app\",\n  \"workspaces\": {workspaces} }}"));
        let (finished, _) = Test::within(sandbox).args(["detect"]).status(2).answer();
        assert!(finished.stderr.contains("package.json:2:"), "{}", finished.stderr);
        assert!(finished.stderr.contains(what), "{}", finished.stderr);
    }
    for workspaces in ["null", "[]", r#"{ "nohoist": ["x"] }"#, r#"{ "packages": null }"#] {
        let package = format!(r#"{{ "workspaces": {workspaces}, "scripts": {{ "dev": "true" }} }}"#);
        Test::within(stage(&package)).args(["detect"]).run();
    }
}

#[test]
fn scripts_that_are_none() {
    let empty = "error: the script `dev` is empty in `[PROJECT]/package.json`";
    for (scripts, hint) in [
        (r#"{ "dev": "" }"#, "hint: give it a command, or run one with `bowline exec -- COMMAND`"),
        (
            r#"{ "dev": " ", "build": "x" }"#,
            "hint: give it a command, or choose one of the others with `--script`: build",
        ),
    ] {
        for arguments in [&["dev"][..], &["start"], &["--script", "dev"]] {
            let sandbox = stage(&format!("{{ \"scripts\": {scripts} }}"));
            let test = Test::within(sandbox).args(arguments.iter().copied()).status(5);
            test.stderr_contains(empty).stderr_contains(hint).run();
        }
    }
    let sandbox = stage("{ \"scripts\": {\n  \"dev\": \"node \\u0000\" } }");
    let said = "package.json:2:24: the script `dev` has a NUL character, which no program can be given\n2 | ";
    Test::within(sandbox).args(["dev"]).status(2).stderr_contains(said).run();
}

#[test]
fn a_version_is_shown_only_of_what_is_installed() {
    let package = r#"{ "dependencies": { "vite": "^5" }, "scripts": { "dev": "exit 3" } }"#;
    let arguments = ["dev", "--framework", "vite"];
    let test = Test::within(stage(package)).args(arguments).status(3).stderr_contains("bowline  vite · npm");
    let mut sandbox = test.run();
    sandbox.file("node_modules/vite/package.json", r#"{ "version": "5.4.1" }"#);
    Test::within(sandbox).args(arguments).status(3).stderr_contains("bowline  vite 5.4 · npm").run();
}

#[test]
fn ports_and_times_of_a_file_are_told_as_on_a_command_line() {
    for (line, said) in [
        ("port = \"x\"", "not a port from 1 to 65535: `\"x\"`"),
        ("port = 0", "not a port from 1 to 65535: `0`"),
        ("port = 99999", "not a port from 1 to 65535: `99999`"),
        ("grace = 5", "not a time like `10s` or `500ms`: `5`"),
        ("ready = { timeout = \"soon\" }", "not a time like `10s` or `500ms`: `soon`"),
    ] {
        let mut sandbox = stage(r#"{ "name": "app", "scripts": { "dev": "true" } }"#);
        sandbox.file("bowline.toml", &format!("[project.app]\n{line}\n"));
        expect(sandbox, 2, said);
    }
}
