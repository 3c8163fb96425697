//! Failures are two lines, what failed and what to do; with `--json` they are an event as well.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::support::{Ports, Sandbox, Test, stage_in_shell};

const PACKAGE: &str = r#"{ "name": "app", "scripts": { "dev": "exit 3" } }"#;

fn stage() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", PACKAGE);
    sandbox
}

/// What was typed, the message and the hint.
const MISTYPED: &[(&[&str], &str, &str)] = &[
    (&["--bogus"], "unexpected argument '--bogus' found", "see `bowline dev --help`"),
    // `--parent` is near, and hidden.
    (&["--parallel"], "unexpected argument '--parallel' found", "see `bowline dev --help`"),
    (&["--prot", "5"], "unexpected argument '--prot' found", "did you mean `--port`?"),
    (&["--port", "abc"], "`--port`: not a port from 1 to 65535: `abc`", "give a number, as in `--port 4000`"),
    (
        &["start", "--port", "0"],
        "`--port`: not a port from 1 to 65535: `0`",
        "give a number, as in `--port 4000`",
    ),
    (
        &["exec", "--port", "-1", "x"],
        "`--port`: not a port from 1 to 65535: `-1`",
        "give a number, as in `--port 4000`",
    ),
    (
        &["--grace", "x"],
        "`--grace`: not a time like `10s` or `500ms`: `x`",
        "write a number and its unit, as in `--grace 10s`",
    ),
    (
        &["wait", "--timeout", "5"],
        "`--timeout`: not a time like `10s` or `500ms`: `5`",
        "write a number and its unit, as in `--timeout 60s`",
    ),
    (&["logs", "-n", "x"], "`--lines`: not a number of lines: `x`", "give a number, as in `-n 50`"),
    (&["logs", "-n", "-3"], "`--lines`: not a number of lines: `-3`", "give a number, as in `-n 50`"),
    (
        &["logs", "--since", "x"],
        "`--since`: not a time like `10m` or `2026-01-31T12:00:00Z`: `x`",
        "write how long ago, as in `--since 10m`, or a moment in UTC",
    ),
    (
        &["completions", "tcsh"],
        "invalid value 'tcsh' for '<SHELL>'",
        "did you mean `zsh`? If not, choose one of: bash, elvish, fish, powershell, zsh",
    ),
    (
        &["--restart", "x"],
        "invalid value 'x' for '--restart <WHEN>'",
        "choose one of: never, on-failure, always",
    ),
    (&["exec"], "the following required arguments were not provided: <CMD>...", "see `bowline exec --help`"),
    (
        &["--script"],
        "a value is required for '--script <NAME>' but none was supplied",
        "see `bowline dev --help`",
    ),
    (&["-C"], "a value is required for '--dir <DIR>' but none was supplied", "see `bowline --help`"),
];

#[test]
fn what_was_typed_wrong_is_said_in_two_lines() {
    let mut sandbox = stage();
    for &(arguments, message, hint) in MISTYPED {
        let said = format!("error: {message}\nhint: {hint}\n");
        let test = Test::within(sandbox).args(arguments.iter().copied()).status(2);
        sandbox = test.stdout("").stderr(&said).run();
        let json = ["--json"].iter().chain(arguments).copied();
        let (finished, back) = Test::within(sandbox).args(json).status(2).stderr(&said).answer();
        let event: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished:?}"));
        assert_eq!((&event["type"], &event["error"]), (&"error".into(), &message.into()));
        sandbox = back;
    }
    Test::within(sandbox).args(["exec", "--bogus", "--", "--json"]).status(2).stdout("").run();
}

#[test]
fn a_word_that_is_no_project_is_said_to_be_what_it_is() {
    let mut sandbox = Sandbox::new();
    sandbox.file("package.json", r#"{ "name": "app", "scripts": { "dev": "exit 3", "build": "exit 0" } }"#);
    for (arguments, hint) in [
        (
            &["--port", "4000", "start"][..],
            "`start` is a command, which stands before all else: see `bowline start --help`",
        ),
        (&["strat"], "did you mean the command `start`? If not, name a directory with a package.json"),
        (&["ps"], "did you mean the command `ls`?"),
        (&["kill", "app"], "did you mean the command `stop`?"),
        (&["build"], "`build` is a script: run it with `--script build`"),
        (&["run", "dev"], "`bowline` alone runs the dev script, and `bowline --script NAME` another one"),
        (&["elsewhere"], "name a directory with a package.json\n"),
        (
            &["open", "elsewhere"],
            "name a directory with a package.json, or see what runs with `bowline ls`\n",
        ),
        (
            &["restart", "elsewhere"],
            "name a directory with a package.json, or see what runs with `bowline ls`\n",
        ),
    ] {
        sandbox = Test::within(sandbox)
            .args(arguments.iter().copied())
            .status(5)
            .stderr_contains("error: Project not found: `")
            .stderr_contains(&format!("\nhint: {hint}"))
            .run();
    }
}

#[test]
fn what_failed_points_to_its_output() {
    let hint =
        "error: `exit 3` ended with exit code 3\nhint: see why in its output, or with `bowline logs`\n";
    let sandbox = Test::within(stage()).args(["dev"]).status(3).stderr_contains(hint).run();
    Test::within(sandbox).args(["start"]).status(3).stderr_contains("bowline logs").run();
}

#[test]
fn an_entry_that_names_no_package_is_said() {
    let mut sandbox = stage();
    sandbox.file("bowline.toml", "[project.apq]\nport = 4000\n");
    let said = "error: [PROJECT]/bowline.toml:1:10: `[project.apq]` names no package, and has no `command`\n\
                1 | [project.apq]\n  |          ^\nhint: did you mean `app`?\n";
    let mut sandbox = Test::within(sandbox).args(["--dry-run"]).status(2).stderr(said).run();
    sandbox.file("package.json", r#"{ "name": "root", "workspaces": ["packages/*"] }"#);
    sandbox.file("packages/app/package.json", PACKAGE);
    sandbox.file("packages/web/package.json", r#"{ "name": "web", "scripts": { "dev": "exit 3" } }"#);
    for arguments in [&["--dry-run"][..], &["--dry-run", "web"]] {
        let test = Test::within(sandbox).args(arguments.iter().copied()).status(2);
        sandbox = test.stderr_contains("`[project.apq]`").stderr_contains("did you mean `app`?").run();
    }
    sandbox.file("bowline.toml", "[project.database]\n");
    let advice = "hint: give it a `command`, or choose one of the packages: root, app, web\n";
    let mut sandbox = Test::within(sandbox).args(["--dry-run"]).status(2).stderr_contains(advice).run();
    sandbox.file("bowline.toml", "[project.app]\n[project.web]\n[project.root]\n");
    Test::within(sandbox).args(["--dry-run"]).stderr_lacks("names no package").run();
}

#[test]
fn a_browser_that_cannot_be_opened_is_said_plainly() {
    let (mut sandbox, ports) = stage_in_shell("", 1);
    let bin = sandbox.root().join("bin");
    fs::create_dir(&bin).unwrap();
    // The only one there is.
    fs::write(bin.join("sh"), "#!/bin/sh\nexec /bin/sh \"$@\"\n").unwrap();
    fs::set_permissions(bin.join("sh"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.env("PATH", &bin);
    let mut command = sandbox.bowline(["--open"]);
    let mut session = {
        command.arg("--json");
        crate::support::Session::start(command)
    };
    session.ready();
    let ended = session.stop();
    let said =
        format!("warning: no browser could be opened; the URL is http://localhost:{}\n", ports.first());
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
}

#[test]
fn twice_verbose_says_more_and_nothing_is_said_twice() {
    let mut sandbox = stage();
    let ports = Ports::claim(1);
    sandbox.range("default", &ports);
    let sandbox = Test::within(sandbox)
        .args(["dev", "-v"])
        .status(3)
        .stderr_contains("[port-allocator] ✅")
        .stderr_lacks("[bowline] runs ")
        .run();
    let sandbox = Test::within(sandbox)
        .args(["dev", "-vv"])
        .status(3)
        .stderr_contains("[port-allocator] ✅")
        .stderr_contains("[bowline] script dev: exit 3\n")
        .stderr_contains("[bowline] runs sh -c exit 3 in [PROJECT]\n")
        .run();
    let _strangers = ports.fill();
    let (finished, _) = Test::within(sandbox).args(["dev", "-v"]).status(3).answer();
    let message = format!("All ports ({}-{}) are currently in use", ports.first(), ports.last());
    assert_eq!(finished.stderr.matches(&message).count(), 1, "{}", finished.stderr);
}
